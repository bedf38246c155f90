"""Counting n-grams of every length up to an order, in sorted integer arrays.

Level k is the sorted table of the distinct k-grams. A k-gram is its first k-1 tokens, a row of level k-1, and its last
token, packed into one integer: `row * vocabulary + token`. So a table of any order needs one 64-bit key a row, the
continuations of a context lie side by side, and a lookup is one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
NOWHERE = -1  # the row of an n-gram that was never seen


@dataclass(frozen=True)
class Level:
    """The distinct n-grams of one length.

    keys    (rows,) sorted: row of the context in the level below * vocabulary + last token
    counts  (rows,) how often each stands in the text; for kneser_ney, below the highest order: after how many tokens
    starts  (rows of the level below + 1,) where the continuations of each context begin
    tokens  (rows,) the last token of each
    """

    keys: Ints
    counts: Ints
    starts: Ints
    tokens: Ints

    @classmethod
    def of(cls, keys: Ints, counts: Ints, contexts: int, vocabulary: int) -> Level:
        """The level of sorted keys over this many contexts."""
        starts = np.searchsorted(keys, np.arange(contexts + 1) * vocabulary)
        return cls(keys, counts, starts, keys % vocabulary)

    def find(self, keys: Ints) -> Ints:
        """The row of each key, (n,); NOWHERE for a key that was never seen or lies below zero."""
        rows = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[rows] == keys, rows, NOWHERE)

    def child(self, context: int, token: int) -> int:
        """The row of one context's continuation by one token, or NOWHERE."""
        start, stop = self.starts[context], self.starts[context + 1]
        row = int(start + self.tokens[start:stop].searchsorted(token))
        return row if row < stop and self.tokens[row] == token else NOWHERE


def count(ids: Ints, order: int, vocabulary: int) -> list[Level]:
    """The n-grams of a token stream, levels 1 to `order` (fewer where the stream is shorter), with raw counts.

    >>> unigrams, bigrams = count(np.array([0, 1, 0, 1]), 2, 2)
    >>> bigrams.keys.tolist(), bigrams.counts.tolist()   # 0 1 twice, 1 0 once
    ([1, 2], [2, 1])
    """
    levels: list[Level] = []
    rows = np.zeros(len(ids), np.int64)  # of the context before each place: the empty one
    contexts = 1
    for length in range(1, min(order, len(ids)) + 1):
        packed = rows * vocabulary + ids[length - 1 :]
        keys, rows, counts = np.unique(packed, return_inverse=True, return_counts=True)
        levels.append(Level.of(keys, counts, contexts, vocabulary))
        contexts = len(keys)
        rows = rows[:-1]  # the last n-gram is no context of anything
    return levels


def kneser_ney(levels: list[Level], ids: Ints, vocabulary: int) -> list[Level]:
    """The same n-grams, counted as Kneser and Ney do: below the highest order, how many distinct tokens go before.

    One that begins the stream counts its beginning as one such token.
    """
    shorter = suffixes(levels, vocabulary)
    beginning = place(levels, ids[: len(levels)], vocabulary)
    found = []
    for level, above, first in zip(levels, shorter[1:], beginning, strict=False):
        counts = np.bincount(above, minlength=len(level.keys))
        counts[first] += 1
        found.append(Level(level.keys, counts, level.starts, level.tokens))
    return [*found, levels[-1]]


def suffixes(levels: list[Level], vocabulary: int) -> list[Ints]:
    """For each n-gram of each level, the row in the level below of the n-gram without its first token."""
    found = [np.zeros(len(levels[0].keys), np.int64)]
    for below, level in pairwise(levels):
        context = found[-1][level.keys // vocabulary]
        found.append(below.find(context * vocabulary + level.tokens))
    return found


def place(levels: list[Level], ids: Ints, vocabulary: int) -> list[int]:
    """The rows of the n-grams that begin a stream, level by level; NOWHERE from the first that was never seen."""
    found, row = [], 0
    for level, token in zip(levels, ids.tolist(), strict=False):
        row = level.child(row, token) if row != NOWHERE else NOWHERE
        found.append(row)
    return found
