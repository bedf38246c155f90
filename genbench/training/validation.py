"""How well a trained generator predicts validation text: the figure that ranks the stored models of an author."""

from __future__ import annotations

from collections.abc import Callable

from genbench import scoring
from genbench.generator import Generator, Progress, ignore

VALIDATION_CHARACTERS = 10_000  # at most; slow generators score some 1,000 characters per second


def validation_bits(generator: Generator, valid: str, on_progress: Callable[[Progress], None] = ignore) -> float | None:
    """Return bits per character of the first 10,000 characters of a validation text.

    They are scored as test text is: raw text, read as one stream from `start()`. The loss in the training loop of a
    network is not used, because it is measured per token, on rows that start from a zero state. The validation text may
    have decided when to stop and fitted some weights, so the figure is slightly too low: it ranks the models of one
    author, and does not replace the score of the test text. Returns None without validation text, and for a generator
    that cannot be scored.
    """
    text = valid[:VALIDATION_CHARACTERS]
    if not text:
        return None

    def report(share: float) -> None:
        on_progress(Progress(share, note="scoring validation text"))

    # a generator that breaks the contract is stored, and reported when its test text is scored
    try:
        return round(scoring.score(generator, text, report).bits_per_character, 4)
    except Exception:
        return None
