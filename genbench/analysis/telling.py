"""What tells two authors apart in a text: the passages and the words whose bits differ most under their models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genbench.analysis.intervals import Floats
from genbench.scoring import split_words
from genbench.storage.records import JsonRecord

PASSAGE = 200  # characters
MAX_PASSAGES, MAX_WORDS = 3, 10  # on each side


@dataclass(frozen=True)
class TellingPassage(JsonRecord):
    """A passage, and by how many bits per character the second author's model needs more for it than the first's."""

    start: int  # position of its first character
    text: str
    difference: float


@dataclass(frozen=True)
class TellingWord(JsonRecord):
    """A word, how often the text has it, and how many bits the second author's model needs more for all of them."""

    word: str
    count: int
    difference: float


def telling_passages(text: str, difference: Floats, count: int = MAX_PASSAGES) -> list[TellingPassage]:
    """Return the passages of 200 characters that speak most for the first author, then those against, the most first.

    `difference` is the bits of each character under the second author's model minus those under the first's,
    (characters,). Passages do not overlap.
    """
    starts = np.arange(0, len(text) - PASSAGE + 1, PASSAGE)
    if not len(starts):
        return []
    sums = np.add.reduceat(difference[: len(starts) * PASSAGE], starts) / PASSAGE
    order = np.argsort(-sums, kind="stable")
    chosen = [index for index in order[:count] if sums[index] > 0]
    chosen += [index for index in order[::-1][:count] if sums[index] < 0]
    return [TellingPassage(int(starts[i]), text[starts[i] : starts[i] + PASSAGE], float(sums[i])) for i in chosen]


def telling_words(text: str, difference: Floats, count: int = MAX_WORDS) -> list[TellingWord]:
    """Return the words that speak most for the first author, then those against, the most first; see above."""
    totals: defaultdict[str, list[float]] = defaultdict(list)
    position = 0
    for word in split_words(text):
        start = text.index(word, position)
        position = start + len(word)
        name = word.strip().lower()
        if any(character.isalpha() for character in name):
            totals[name.strip(".,;:!?\"'“”‘’()[]-—_*")].append(float(difference[start:position].sum()))
    words = [TellingWord(name, len(bits), sum(bits)) for name, bits in totals.items() if name]
    words.sort(key=lambda word: -word.difference)
    return _ends(words, count)


def _ends(words: Sequence[TellingWord], count: int) -> list[TellingWord]:
    return [word for word in words[:count] if word.difference > 0] + [
        word for word in reversed(words[-count:]) if word.difference < 0
    ]
