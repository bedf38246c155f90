"""What kinds of place a text has, so that a generator's bits can be split by where they were spent.

A kind depends on what stands before the character, or on the word it is in, never on a generator: the same places for
all. Errors by kind, for character models: Karpathy et al. 2015.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import Floats, in_blocks
from genbench.analysis.novelty import Known
from genbench.errors import UserError, nearest
from genbench.tokenization.tokenizer import Ids

WORD = re.compile(r"[^\W\d_]+")  # letters in a row
BETWEEN = "between words"
FREQUENCIES = (1, 10, 100, 1000)  # times in the training text, where the next kind begins
CONTEXTS = (5, 8, 12, 20)  # characters
LETTERS = 4  # the letter of a word from which on all are of one kind
AFTER = (1, 6, 41)  # characters from a newline on


@dataclass(frozen=True)
class Places:
    """The kind of each character of a text."""

    names: tuple[str, ...]
    kinds: Ids  # (characters,), each a place in `names`

    def pack(self) -> dict[str, Any]:
        """The same as JSON values: the kinds are a digit each."""
        return {"names": list(self.names), "kinds": (self.kinds + ord("0")).astype(np.uint8).tobytes().decode()}

    @classmethod
    def unpack(cls, packed: dict[str, Any]) -> Places:
        """What `pack` was given."""
        digits = np.frombuffer(packed["kinds"].encode(), np.uint8)
        return cls(tuple(packed["names"]), digits.astype(np.int64) - ord("0"))


def places(by: str, known: Known, test: str) -> Places:
    """The kinds of place in a test text, by one of `BY`; UserError for another word."""
    require(by)
    return BY[by](known, test)


def require(by: str) -> None:
    """Refuse what is no way to split a text."""
    if by not in BY:
        raise UserError(f"by is {by!r}, and bits can be split by {', '.join(BY)}: {nearest(by, BY)}")


def split(bits: Floats, found: Places) -> dict[str, dict[str, Any]]:
    """Characters and bits of each kind, of the whole text and of each block of 1,000 characters, as JSON values."""
    told = {}
    for kind, name in enumerate(found.names):
        there = found.kinds == kind
        told[name] = {
            "characters": int(there.sum()),
            "bits": float(bits[there].sum()),
            "block_characters": in_blocks(there.astype(np.float64)).tolist(),
            "block_bits": in_blocks(np.where(there, bits, 0)).round(3).tolist(),
        }
    return told


def word_frequency(known: Known, test: str) -> Places:
    """By how often the word that a character is in stands in the training text, capitals told apart."""
    counts = Counter(WORD.findall(known.train))
    frequencies = np.full(len(test), -1)
    for word in WORD.finditer(test):
        frequencies[word.start() : word.end()] = counts[word.group()]
    kinds = np.where(frequencies < 0, len(FREQUENCIES) + 1, np.searchsorted(FREQUENCIES, frequencies, side="right"))
    return Places((*_ranges((0, *FREQUENCIES), "never", "{} or more"), BETWEEN), kinds)


def context_seen(known: Known, test: str) -> Places:
    """By how many of the characters before a place were seen together, in their order, in the training text."""
    lengths, _ = known.runs(test)
    at = np.arange(len(test))
    reach = at + lengths  # where the longest run from each place is over: it never goes back
    contexts = at - np.minimum(np.searchsorted(reach, at), at)
    return Places(_ranges((0, *CONTEXTS), "", "{} or more"), np.searchsorted(CONTEXTS, contexts, side="right"))


def position(known: Known, test: str) -> Places:
    """By which letter of its word a character is."""
    kinds = np.full(len(test), LETTERS)
    for word in WORD.finditer(test):
        kinds[word.start() : word.end()] = np.minimum(np.arange(word.end() - word.start()), LETTERS - 1)
    return Places(("1st letter", "2nd", "3rd", "4th or later", BETWEEN), kinds)


def newline(known: Known, test: str) -> Places:
    """By how many characters stand between the last newline and this one; newlines themselves are a kind."""
    is_newline = np.array([character == "\n" for character in test], dtype=bool)
    at = np.arange(len(test))
    last = np.maximum.accumulate(np.where(is_newline, at, -1))
    distances = np.where(is_newline, 0, at - last)
    names = ("newline", *(f"{name} after" for name in _ranges(AFTER, "", "{} or more")))
    return Places(names, np.searchsorted(AFTER, distances, side="right"))


def _ranges(starts: Sequence[int], none: str, last: str) -> tuple[str, ...]:
    """Names for ranges of whole numbers.

    >>> _ranges((0, 1, 10, 100), "never", "{} or more")
    ('never', '1 to 9', '10 to 99', '100 or more')
    """
    named = [f"{low} to {high - 1:,}" for low, high in pairwise(starts)]
    return (*([none, *named[1:]] if none else named), last.format(f"{starts[-1]:,}"))


BY: dict[str, Callable[[Known, str], Places]] = {
    "word-frequency": word_frequency,
    "context-seen": context_seen,
    "position": position,
    "newline": newline,
}
