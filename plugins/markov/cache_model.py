"""Cache model: the counts of the text read so far, interpolated with a trained chain (the option `adaptive`).

As in PPM (Cleary & Witten 1984) and cache language models (Kuhn & De Mori 1990), the chain also counts what it reads
and generates. Starting from the trained chain's distribution p_0, each context length k that occurred before takes a
share, the shortest first:

    p_k(w) = (1 - share_k) p_k-1(w) + share_k q_k(w)
    q_k(w) = (1 - RECENT) count_k(w) / n_k + RECENT [w followed the last time]

The share depends on how often the context occurred, how many different tokens followed it, how long ago the last time
was, and how much longer the context is that the trained chain knows here. The shares are fitted on validation text by
expectation maximization. `adaptive_chain.py` adds the model to a chain.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids

Floats = npt.NDArray[np.float64]
CURRENT_WORD = 0  # as a context length: the letters since the last token that is not a letter
MAX_OCCURRENCES = 64  # of a context that are counted, the latest ones
RECENT = 0.4  # share of the token that followed the last time; the counts have the rest

# a share has one cell for each combination of these
OCCURRENCE_BINS = 8  # how often the context occurred
TYPE_BINS = 4  # different tokens that followed
AGE_EDGES = (300, 3000)  # tokens since the last time
EXCESS_BINS = 4  # how much longer the context is that the trained chain knows
CELLS = (OCCURRENCE_BINS, TYPE_BINS, len(AGE_EDGES) + 1, EXCESS_BINS)

EM_ITERATIONS = 20
INITIAL_SHARE = 0.1
PRIOR_AGAINST = 2.0  # tokens that count against the share of all ages and excesses together
PRIOR_POOLED = 3.0  # tokens that count, in each cell, for the share of all ages and excesses together


@dataclass
class History:
    """The tokens read so far, with an index of the contexts."""

    lengths: tuple[int, ...]  # of the contexts, in tokens, or CURRENT_WORD
    letters: frozenset[int]  # tokens that are letters
    tokens: list[int] = field(default_factory=list)
    word_lengths: list[int] = field(default_factory=lambda: [0])  # letters of the current word after so many tokens
    ends: dict[tuple[int, ...], list[int]] = field(default_factory=dict)  # positions where each context ended

    def append(self, token: int) -> None:
        """Read one more token."""
        self.tokens.append(token)
        self.word_lengths.append(self.word_lengths[-1] + 1 if token in self.letters else 0)
        read = len(self.tokens)
        for row in range(len(self.lengths)):
            if self.length(read, row) <= read:
                self.ends.setdefault(self._context(read, row), []).append(read)

    def length(self, read: int, row: int) -> int:
        """Return the length of context number `row` after `read` tokens."""
        return self.word_lengths[read] if self.lengths[row] == CURRENT_WORD else self.lengths[row]

    def occurrences(self, read: int, row: int) -> list[int]:
        """Return where, within the first `read` tokens, the current context ended before: the latest positions."""
        if read < self.length(read, row):
            return []
        positions = self.ends.get(self._context(read, row), [])
        stop = bisect_left(positions, read)
        return positions[max(0, stop - MAX_OCCURRENCES) : stop]

    def _context(self, read: int, row: int) -> tuple[int, ...]:
        return (row, *self.tokens[read - self.length(read, row) : read])


CacheState = tuple[History, int]  # a history, and how many of its tokens have been read


@dataclass(frozen=True)
class CacheModel:
    """The share that each context length takes.

    A state is a history and how much of it has been read. States along one text share the history, and a state that
    branches off copies its part, so states behave as values.

    lengths  of the contexts, the shortest first
    shares   (lengths, *CELLS)
    """

    lengths: tuple[int, ...]
    letters: frozenset[int]
    shares: Floats

    def start(self) -> CacheState:
        """Return the state before anything was read."""
        return History(self.lengths, self.letters), 0

    def advance(self, state: CacheState, token: int) -> CacheState:
        """Return the state after one more token."""
        history, read = state
        if read == len(history.tokens):
            history.append(token)
        elif history.tokens[read] != token:
            branch = History(self.lengths, self.letters)
            for earlier in [*history.tokens[:read], token]:
                branch.append(earlier)
            history = branch
        return history, read + 1

    def log_probs(self, state: CacheState, static: LogProbs, known_length: int) -> LogProbs:
        """Return the log-probabilities of the next token, (vocabulary,).

        `static` has those of the trained chain, `known_length` the length of the context that the chain knows.
        """
        history, read = state
        probabilities = np.exp(static)
        for row in range(len(self.lengths)):
            positions = history.occurrences(read, row)
            if positions:
                # the cell of this context, and its share
                followers = [history.tokens[position] for position in positions]
                counts = Counter(followers)
                excess = known_length - history.length(read, row)
                cell = share_cell(len(positions), len(counts), read - positions[-1], excess)
                share = self.shares[row].ravel()[cell]

                # interpolate
                probabilities *= 1 - share
                probabilities[list(counts)] += share * (1 - RECENT) * np.array(list(counts.values())) / len(positions)
                probabilities[followers[-1]] += share * RECENT
        return np.log(probabilities)

    def token_log_probs(self, ids: Ids, static: LogProbs, known_lengths: Ids) -> LogProbs:
        """Return the log-probability of each token of a stream; all arguments and the result are (tokens,)."""
        probabilities = np.exp(static)
        by_history, cells = read_history(self.start()[0], ids, known_lengths)
        for row in range(len(self.lengths)):
            share = np.where(cells[row] >= 0, self.shares[row].ravel()[cells[row]], 0.0)
            probabilities = probabilities * (1 - share) + share * by_history[row]
        return np.asarray(np.log(probabilities))


def share_cell(occurrences: int, types: int, age: int, excess: int) -> int:
    """Return the index of the share's cell for a context.

    occurrences  how often the context occurred
    types        different tokens that followed
    age          tokens since the last time
    excess       how much longer the context is that the trained chain knows

    >>> [share_cell(n, 1, 1, -1) // (TYPE_BINS * 12) for n in (1, 2, 3, 4, 8, 64)]
    [0, 1, 2, 3, 4, 7]
    """
    occurrence_bin = min(occurrences - 1, occurrences.bit_length(), OCCURRENCE_BINS - 1)
    type_bin = min(types, TYPE_BINS) - 1
    excess_bin = min(max(excess + 1, 0), EXCESS_BINS - 1)
    age_bin = bisect_right(AGE_EDGES, age)
    return ((occurrence_bin * TYPE_BINS + type_bin) * (len(AGE_EDGES) + 1) + age_bin) * EXCESS_BINS + excess_bin


def read_history(history: History, ids: Ids, known_lengths: Ids) -> tuple[Floats, Ids]:
    """Read a stream; return q_k of each token, and the cell of its share or -1, (lengths, tokens) each."""
    shape = (len(history.lengths), len(ids))
    by_history, cells = np.zeros(shape), np.full(shape, -1)
    for read, (token, known_length) in enumerate(zip(ids.tolist(), known_lengths.tolist(), strict=True)):
        for row in range(len(history.lengths)):
            positions = history.occurrences(read, row)
            if positions:
                followers = [history.tokens[position] for position in positions]
                by_counts = (1 - RECENT) * followers.count(token) / len(followers)
                by_history[row, read] = by_counts + RECENT * (followers[-1] == token)
                age, excess = read - positions[-1], known_length - history.length(read, row)
                cells[row, read] = share_cell(len(followers), len(set(followers)), age, excess)
        history.append(token)
    return by_history, cells


def fit_cache(
    lengths: tuple[int, ...], letters: frozenset[int], ids: Ids, static: LogProbs, known_lengths: Ids
) -> CacheModel:
    """Return the cache model that maximizes the probability of a stream, by expectation maximization.

    `ids`, `static` and `known_lengths` are (tokens,), as for `CacheModel.token_log_probs`.
    """
    by_history, cells = read_history(History(lengths, letters), ids, known_lengths)
    trained = np.exp(static)
    shares = np.full((len(lengths), int(np.prod(CELLS))), INITIAL_SHARE)
    for _ in range(EM_ITERATIONS):
        # forward: the probability of each token by contexts up to each length
        token_shares = np.where(cells >= 0, np.take_along_axis(shares, np.maximum(cells, 0), axis=1), 0.0)
        up_to = [trained]
        for row in range(len(lengths)):
            up_to.append(up_to[-1] * (1 - token_shares[row]) + token_shares[row] * by_history[row])

        # backward: the posterior of each length, given that no longer one gave the token
        remaining = np.ones(len(ids))
        for row in reversed(range(len(lengths))):
            posterior = remaining * token_shares[row] * by_history[row] / up_to[row + 1]
            here = cells[row] >= 0
            wins, chances = (
                np.bincount(cells[row][here], weights[here], shares.shape[1]) for weights in (posterior, remaining)
            )
            shares[row] = _pooled_shares(wins, chances)
            remaining = remaining - posterior
    return CacheModel(lengths, letters, shares.reshape(len(lengths), *CELLS))


def _pooled_shares(wins: npt.NDArray[Any], chances: npt.NDArray[Any]) -> Floats:
    """Return wins over chances of each cell, (cells,), shrunk towards the ratio over all ages and excesses."""
    all_wins, all_chances = (counts.reshape(OCCURRENCE_BINS * TYPE_BINS, -1).sum(axis=1) for counts in (wins, chances))
    pooled = (all_wins + 1e-6) / (all_chances + PRIOR_AGAINST)
    pooled = np.repeat(pooled, len(wins) // (OCCURRENCE_BINS * TYPE_BINS))
    return np.asarray((wins + PRIOR_POOLED * pooled) / (chances + PRIOR_POOLED))
