"""Strata: groups of characters of a text, such as first letters, so that a model's bits can be split by group.

The stratum of a character depends on the text before it or on its word, never on a model, so all models have the same
strata. Source: Karpathy et al. 2015, who split the errors of character models by kind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import regex

from genbench.analysis.intervals import Floats, block_sums
from genbench.analysis.novelty import TrainingIndex
from genbench.errors import UserError, nearest
from genbench.storage.records import JsonObject, JsonRecord
from genbench.tokenization.segmentation import WORD_CHARACTERS
from genbench.tokenization.tokenizer import Ids

WORD = regex.compile(rf"[{WORD_CHARACTERS}]+")  # letters in a row
BETWEEN_WORDS = "between words"
WORD_COUNTS = (1, 10, 100, 1000)  # in the training text; the lower bound of each stratum
CONTEXT_LENGTHS = (5, 8, 12, 20)  # characters; the lower bound of each stratum
LAST_LETTER = 4  # all letters of a word from this one on are in one stratum
NEWLINE_DISTANCES = (1, 6, 41)  # characters after a newline; the lower bound of each stratum


@dataclass(frozen=True)
class Strata:
    """The stratum of each character of a text."""

    names: tuple[str, ...]
    indices: Ids  # (characters,) each an index of `names`

    def pack(self) -> JsonObject:
        """Return the strata as JSON values, the index of each character as one digit."""
        return {"names": list(self.names), "kinds": (self.indices + ord("0")).astype(np.uint8).tobytes().decode()}

    @classmethod
    def unpack(cls, packed: JsonObject) -> Strata:
        """Return the strata from the values of `pack`."""
        digits = np.frombuffer(packed["kinds"].encode(), np.uint8)
        return cls(tuple(packed["names"]), digits.astype(np.int64) - ord("0"))


@dataclass(frozen=True)
class StratumBits(JsonRecord):
    """The number of characters and the bits of one stratum, in the whole text and in each block of 1,000 characters.

    The last block is shorter, so that the blocks add up to the whole.
    """

    characters: int
    bits: float
    block_characters: list[float]
    block_bits: list[float]  # rounded
    seed_variance: float | None = None  # of the mean bits per character over several seeds (see `Row`)


def stratify(by: str, index: TrainingIndex, test: str) -> Strata:
    """Return the strata of a test text by one of `STRATIFIERS`. Raises UserError for another name."""
    require_stratifier(by)
    return STRATIFIERS[by](index, test)


def require_stratifier(by: str) -> None:
    """Raise UserError for an unknown stratifier."""
    if by not in STRATIFIERS:
        choices = f"bits can be split by {', '.join(STRATIFIERS)}: {nearest(by, STRATIFIERS)}"
        raise UserError(f"by is {by!r}, and {choices}")


def bits_by_stratum(bits: Floats, strata: Strata) -> dict[str, StratumBits]:
    """Return the characters and bits of each stratum by name; `bits` are per character, (characters,)."""
    sums = {}
    for index, name in enumerate(strata.names):
        # confidence intervals are computed from the blocks
        inside = strata.indices == index
        sums[name] = StratumBits(
            characters=int(inside.sum()),
            bits=float(bits[inside].sum()),
            block_characters=block_sums(inside.astype(np.float64)).tolist(),
            block_bits=block_sums(np.where(inside, bits, 0)).round(3).tolist(),
        )
    return sums


def by_word_frequency(index: TrainingIndex, test: str) -> Strata:
    """Group characters by how often their word, with its capitals, occurs in the training text."""
    # the frequency of the word of each character, -1 between words
    counts = Counter(WORD.findall(index.train))
    frequencies = np.full(len(test), -1)
    for word in WORD.finditer(test):
        frequencies[word.start() : word.end()] = counts[word.group()]

    # ranges of frequencies; characters between words are a stratum of their own
    strata = np.searchsorted(WORD_COUNTS, frequencies, side="right")
    names = (*_range_names((0, *WORD_COUNTS), "never"), BETWEEN_WORDS)
    return Strata(names, np.where(frequencies < 0, len(WORD_COUNTS) + 1, strata))


def by_context_seen(index: TrainingIndex, test: str) -> Strata:
    """Group characters by the length of the context before them that occurs in the training text."""
    lengths = index.match_lengths(test, CONTEXT_LENGTHS[-1])
    positions = np.arange(len(test))

    # the end of the longest match from each position never decreases, so it can be searched
    stops = positions + lengths
    contexts = positions - np.minimum(np.searchsorted(stops, positions), positions)
    return Strata(_range_names((0, *CONTEXT_LENGTHS)), np.searchsorted(CONTEXT_LENGTHS, contexts, side="right"))


def by_letter_position(index: TrainingIndex, test: str) -> Strata:
    """Group characters by their position in their word."""
    # all characters are between words, until a word covers them
    strata = np.full(len(test), LAST_LETTER)
    for word in WORD.finditer(test):
        letters = np.arange(word.end() - word.start())
        strata[word.start() : word.end()] = np.minimum(letters, LAST_LETTER - 1)
    return Strata(("1st letter", "2nd", "3rd", "4th or later", BETWEEN_WORDS), strata)


def by_newline_distance(index: TrainingIndex, test: str) -> Strata:
    """Group characters by their distance from the last newline; newlines are a stratum of their own."""
    # the distance of each character, 0 for newlines
    is_newline = np.array([character == "\n" for character in test], dtype=bool)
    positions = np.arange(len(test))
    last_newline = np.maximum.accumulate(np.where(is_newline, positions, -1))
    distances = np.where(is_newline, 0, positions - last_newline)

    names = ("newline", *(f"{name} after" for name in _range_names(NEWLINE_DISTANCES)))
    return Strata(names, np.searchsorted(NEWLINE_DISTANCES, distances, side="right"))


def _range_names(starts: Sequence[int], first: str = "") -> tuple[str, ...]:
    """Return names for ranges of integers; `first` replaces the name of the first range.

    >>> _range_names((0, 1, 10, 100), "never")
    ('never', '1 to 9', '10 to 99', '100 or more')
    """
    # each range ends before the next one starts; the last is open
    names = [f"{low} to {high - 1:,}" for low, high in pairwise(starts)]
    return (*([first, *names[1:]] if first else names), f"{starts[-1]:,} or more")


STRATIFIERS: dict[str, Callable[[TrainingIndex, str], Strata]] = {
    "word-frequency": by_word_frequency,
    "context-seen": by_context_seen,
    "position": by_letter_position,
    "newline": by_newline_distance,
}
