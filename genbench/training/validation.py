"""How well a trained generator predicts validation text: the figure that ranks the stored models of an author."""

from __future__ import annotations

from collections.abc import Callable

from genbench import scoring
from genbench.generator import Generator, Progress, ignore
from genbench.storage.cards import TrainingRecord

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


def describe_extent(training: TrainingRecord) -> list[str]:
    """Return how far the training of a network got, in steps and passes; nothing for a generator without steps.

    >>> describe_extent(TrainingRecord(steps=17, passes=0.024))
    ['17 steps', '2 % of one pass over the training text']
    >>> describe_extent(TrainingRecord(steps=1200, passes=3.5)), describe_extent(TrainingRecord(passes=1.0))
    (['1,200 steps', '3.5 passes over the training text'], [])
    """
    if training.steps is None:
        return []
    passes = 0.0 if training.passes is None else training.passes
    share = f"{passes:.0%}".replace("%", " %")
    extent = f"{share} of one pass" if passes < 1 else f"{passes:,.1f} passes"
    return [f"{training.steps:,} step{'s' * (training.steps != 1)}", f"{extent} over the training text"]
