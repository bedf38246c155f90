"""Whether a generator learns while it reads, measured instead of believed: a passage is read more than once.

    from the start state, twice    the same bits, or the generator has changed itself
    twice in one stream            the same bits, or it remembers the passage

A generator that remembers the passage beyond its context learns from the text that it is tested on, as an adaptive
generator declares. Such rows are ranked apart. The passage is the beginning of the test text, read after the score is
known: a generator could recognize a text that it was trained or validated on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genbench.errors import ContractError
from genbench.experiments.audit.walk import Predictor
from genbench.tokenization.tokenizer import Ids

PASSAGE_CHARACTERS = 3000
MIN_CHARACTERS = 500  # a shorter passage says little; a slow generator reads no more than this
MAX_CHANGE = 0.01  # of the bits of the passage, when it is read again from the start state
LEARNS_BELOW = 0.9  # of the bits of the passage, when it is read again in the same stream
MAX_WINDOW = 100_000  # tokens; a wider window is not believed, since a whole test text fits into it


@dataclass(frozen=True)
class Rereading:
    """The result: the bits of the second reading in one stream, divided by those of the first."""

    ratio: float
    window: int | None  # tokens of other text that were read in between

    @property
    def learns(self) -> bool:
        """Whether the generator remembers more than its context."""
        return self.ratio < LEARNS_BELOW

    def note(self) -> str:
        """Return the note of a row whose generator learns without having declared it."""
        between = f", {self.window:,} tokens later," if self.window else ""
        return (
            f"ranked with the adaptive rows: a passage read again{between} costs {100 * self.ratio:.0f} % of its bits, "
            "so it learns while it reads, or needs to declare a longer context window"
        )


def reread(predictor: Predictor, passage: Ids, other: Ids, nats: float | None = None) -> Rereading:
    """Read the ids of a passage three times; `other` are those of a text without it, (tokens,).

    `nats` is what the passage costs from the start state; None reads it for that. Raises ContractError where the
    generator has changed itself.
    """
    # from the start state
    first = _nats_from_start(predictor, passage) if nats is None else nats
    for _ in range(2):
        again = _nats_from_start(predictor, passage)
        if abs(again - first) > MAX_CHANGE * first:
            raise ContractError(
                f"the same text read twice from start() costs {first:.1f} and {again:.1f} nats: the generator changes "
                "itself while it reads, but all that it learns from a text must be in the state"
            )
        first = again

    # once more in the same stream, with other text in between if it declares a window
    window = predictor.loaded.window
    window = window if window is not None and 0 < window <= MAX_WINDOW else None
    if window is not None and len(other):
        predictor.advance(np.resize(other, window))
    return Rereading(_nats(predictor, passage) / max(first, 1e-9), window)


def _nats_from_start(predictor: Predictor, ids: Ids) -> float:
    predictor.start()
    return _nats(predictor, ids)


def _nats(predictor: Predictor, ids: Ids) -> float:
    return -float(predictor.read(ids).sum())
