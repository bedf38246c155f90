"""Word classes found by exchange: each word in turn moves to the class where the text's pairs of classes are likeliest.

The criterion is that of a class bigram (Brown et al. 1992): the sum of N log N over pairs of classes, minus twice that
over classes. The exchange algorithm is that of Kneser & Ney (1993), as in Martin, Liermann & Ney (1998). Counting is
all it takes: no valid text, no randomness.
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.smoothing import Floats
from genbench_plugins.markov.suffix_array import Ints

from genbench import Ids


def exchanged(stream: Ids, vocabulary: int, classes: int, rounds: int) -> Ids:
    """The class of each token, (vocabulary,), 0 to classes - 1; a token that the stream lacks has the last one.

    >>> exchanged(np.array([0, 2, 1, 2, 0, 3, 1, 3, 0, 2, 1, 3]), 5, 3, 4).tolist()
    [0, 0, 1, 1, 2]
    """
    counts = np.bincount(stream, minlength=vocabulary)
    frequent = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    found = np.full(vocabulary, classes - 1)
    found[frequent] = np.minimum(np.arange(len(frequent)), classes - 2)
    exchange = _Exchange(stream, counts, found, classes)
    for _ in range(rounds):
        for token in frequent.tolist():
            exchange.move(token)
    return found


class _Exchange:
    """The pairs of tokens and of classes in a stream, while tokens move; the last class is closed."""

    def __init__(self, stream: Ids, counts: Ints, found: Ids, classes: int) -> None:
        self.counts, self.found, self.classes = counts, found, classes
        size = len(counts)
        keys, self.often = np.unique(stream[:-1] * size + stream[1:], return_counts=True)
        self.left, self.right = keys // size, keys % size
        self.by_right = np.argsort(self.right, kind="stable")
        self.lefts = np.searchsorted(self.left, np.arange(size + 1))
        self.rights = np.searchsorted(self.right[self.by_right], np.arange(size + 1))
        cells = found[self.left] * classes + found[self.right]
        self.pairs = np.bincount(cells, self.often, classes**2).astype(np.int64).reshape(classes, classes)
        self.sizes = np.bincount(found, counts, classes).astype(np.int64)
        whole = np.arange(1, len(stream) + 2)
        self.logs = np.concatenate([[0.0], whole * np.log(whole)])  # n log n

    def move(self, token: int) -> None:
        """Give a token the class where it is worth most."""
        after, before, twice = self._beside(token)
        self._count(token, after, before, twice, -1)
        self.found[token] = int(self._worth(token, after, before, twice)[:-1].argmax())
        self._count(token, after, before, twice, 1)

    def _beside(self, token: int) -> tuple[Ints, Ints, int]:
        """How often each class comes after a token and before it, (classes,) each, and the token itself."""
        after = slice(self.lefts[token], self.lefts[token + 1])
        before = self.by_right[self.rights[token] : self.rights[token + 1]]
        itself = self.right[after] == token
        twice = int(self.often[after][itself].sum())
        found = []
        for tokens, often in ((self.right[after], self.often[after]), (self.left[before], self.often[before])):
            found.append(np.bincount(self.found[tokens], often * (tokens != token), self.classes).astype(np.int64))
        return found[0], found[1], twice

    def _count(self, token: int, after: Ints, before: Ints, twice: int, sign: int) -> None:
        """Count a token in its class, or out of it."""
        here = self.found[token]
        self.pairs[here] += sign * after
        self.pairs[:, here] += sign * before
        self.pairs[here, here] += sign * twice
        self.sizes[here] += sign * self.counts[token]

    def _worth(self, token: int, after: Ints, before: Ints, twice: int) -> Floats:
        """What the criterion gains by each class, (classes,)."""
        logs, own = self.logs, np.diagonal(self.pairs)
        worth = -2 * (logs[self.sizes + self.counts[token]] - logs[self.sizes])
        for pairs, beside in ((self.pairs, after), (self.pairs.T, before)):
            some = np.flatnonzero(beside)
            worth += (logs[pairs[:, some] + beside[some]] - logs[pairs[:, some]]).sum(axis=1)
        worth += logs[own + after + before + twice] - logs[own + after] - logs[own + before] + logs[own]
        return np.asarray(worth)
