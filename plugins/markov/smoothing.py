"""Interpolated modified Kneser-Ney over counted levels (Chen & Goodman 1999, equations 26 and 27).

p(w | h) = max(c(hw) - D(c(hw)), 0) / c(h.) + gamma(h) p(w | h'), where h' is h without its first token; the recursion
ends in a base distribution that gives every token something. Below the highest order c counts distinct left neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.counts import NOWHERE, Ints, Level

from genbench import LogProbs

Floats = npt.NDArray[np.float64]
FALLBACK = (0.5, 1.0, 1.5)  # what KenLM takes where the closed form fails


def discounts(counts: Ints) -> tuple[tuple[float, float, float], bool]:
    """The discounts for counts of one, two, three and more, and whether the closed form gave them.

    From n1 to n4, how many n-grams have these counts: Y = n1 / (n1 + 2 n2), D1 = 1 - 2 Y n2/n1, D2 = 2 - 3 Y n3/n2,
    D3 = 3 - 4 Y n4/n3. On small or odd counts one divides by zero or leaves 0 to k: then KenLM's fallback.

    >>> discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4]))
    ((0.5, 1.25, 1.0), True)
    >>> discounts(np.array([5, 5]))
    ((0.5, 1.0, 1.5), False)
    """
    n1, n2, n3, n4 = (int((counts == k).sum()) for k in (1, 2, 3, 4))
    if not n1 or not n2 or not n3:
        return FALLBACK, False
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    if all(0 < discount <= k for k, discount in enumerate(found, start=1)):
        return found, True
    return FALLBACK, False


@dataclass(frozen=True)
class Weights:
    """One level, smoothed: what each n-gram adds, and what each context leaves to the level below.

    shares    (rows,) max(c - D, 0) / c(h.)
    leftover  (contexts,) gamma(h); 1 for a context without continuations
    """

    shares: Floats
    leftover: Floats

    @classmethod
    def of(cls, level: Level, taken: tuple[float, float, float]) -> Weights:
        """Smooth a level with these discounts."""
        contexts = np.repeat(np.arange(len(level.starts) - 1), np.diff(level.starts))
        discount = np.array([0.0, *taken])[np.minimum(level.counts, 3)]
        discount = np.minimum(discount, level.counts)
        totals = np.bincount(contexts, weights=level.counts, minlength=len(level.starts) - 1)
        removed = np.bincount(contexts, weights=discount, minlength=len(level.starts) - 1)
        seen = totals > 0
        leftover = np.divide(removed, totals, out=np.ones(len(totals)), where=seen)
        return cls((level.counts - discount) / totals[contexts], leftover)


@dataclass(frozen=True)
class Chain:
    """A smoothed chain; a state is a tuple of rows, that of the last n tokens for n = 0, 1, 2 and so on."""

    levels: list[Level]
    weights: list[Weights]
    base: Floats  # (vocabulary,)

    def advance(self, state: tuple[int, ...], token: int) -> tuple[int, ...]:
        """The rows after one more token: as many as were seen in a row, the highest order left out."""
        found = [0]
        for level, row in zip(self.levels[:-1], state, strict=False):
            longer = level.child(row, token)
            if longer == NOWHERE:
                break
            found.append(longer)
        return tuple(found)

    def predict(self, state: tuple[int, ...]) -> LogProbs:
        """Natural log-probabilities of the next token, (vocabulary,)."""
        found = self.base
        for level, weights, row in zip(self.levels, self.weights, state, strict=False):
            start, stop = level.starts[row], level.starts[row + 1]
            found = found * weights.leftover[row]
            found[level.tokens[start:stop]] += weights.shares[start:stop]
        return np.log(found)

    def token_log_probs(self, ids: Ints, state: tuple[int, ...]) -> LogProbs:
        """Of each token given those before it and the first state, (tokens,): a loop over levels, none over tokens."""
        found = self.base[ids]
        for weights, (rows, ngrams) in zip(self.weights, self._rows(ids, state), strict=True):
            found = np.where(rows != NOWHERE, found * weights.leftover[rows], found)
            found += np.where(ngrams != NOWHERE, weights.shares[ngrams], 0)
        return np.log(found)

    def depths(self, ids: Ints, state: tuple[int, ...]) -> Ints:
        """How many tokens of the context before each were seen together, (tokens,)."""
        known = [rows != NOWHERE for rows, _ in self._rows(ids, state)]
        return np.asarray(np.sum(known, axis=0) - 1)

    def _rows(self, ids: Ints, state: tuple[int, ...]) -> Iterator[tuple[Ints, Ints]]:
        """Level by level, the row of the context before each token, and that of the n-gram which it makes with it."""
        rows = np.zeros(len(ids), np.int64)
        for length, level in enumerate(self.levels, start=1):
            ngrams = np.where(rows != NOWHERE, level.find(rows * len(self.base) + ids), NOWHERE)
            yield rows, ngrams
            rows = np.concatenate([[state[length] if length < len(state) else NOWHERE], ngrams[:-1]])[: len(ids)]
