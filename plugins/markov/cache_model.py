"""Cache model: the counts of the text read so far, interpolated with a trained chain (the option `adaptive`).

As in PPM (Cleary & Witten 1984) and cache language models (Kuhn & De Mori 1990), the chain also counts the text that it
reads and generates. The recursion starts from the trained chain's distribution p_0. For every context length k, the
shortest first, whose context occurred in the text read so far:

    p_k(w) = (1 - share_k) p_k-1(w) + share_k q_k(w)
    q_k(w) = (1 - RECENT) count_k(w) / n_k + RECENT [w followed the last time]

The share depends on the number of occurrences of the context, the number of different tokens that followed it, the age
of the last occurrence, and the length of the context that the trained chain knows. The shares are fitted on validation
text by expectation maximization. `adaptive_chain.py` adds the model to a chain.
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
CURRENT_WORD = 0  # a context length: the letters since the last token that is not a letter
MAX_OCCURRENCES = 64  # latest occurrences of a context that are counted
RECENT = 0.4  # share of the token that followed the last time; the counts share the rest

# a share has one cell for every combination of four binned properties of its context
OCCURRENCE_BINS = 8  # how often the context occurred
TYPE_BINS = 4  # different tokens that followed it
AGE_EDGES = (300, 3000)  # tokens since its last occurrence
EXCESS_BINS = 4  # tokens by which the context known to the trained chain is longer
CELLS = (OCCURRENCE_BINS, TYPE_BINS, len(AGE_EDGES) + 1, EXCESS_BINS)

EM_ITERATIONS = 20
INITIAL_SHARE = 0.1
PRIOR_AGAINST = 2.0  # prior tokens against the pooled share, that of all ages and excesses together
PRIOR_POOLED = 3.0  # prior tokens, in every cell, for the pooled share


@dataclass
class History:
    """The tokens read so far, with an index of their contexts."""

    lengths: tuple[int, ...]  # of the contexts, in tokens, or CURRENT_WORD
    letters: frozenset[int]  # tokens that are letters
    tokens: list[int] = field(default_factory=list)
    word_lengths: list[int] = field(default_factory=lambda: [0])  # letters of the current word, by tokens read
    ends: dict[tuple[int, ...], list[int]] = field(default_factory=dict)  # positions at which a context ended

    def append(self, token: int) -> None:
        """Append one token, and index the contexts that end at it."""
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
        """Return the latest positions before `read` at which the context after `read` tokens had ended."""
        if read < self.length(read, row):
            return []

        # the history may contain more tokens than this state has read
        positions = self.ends.get(self._context(read, row), [])
        stop = bisect_left(positions, read)
        return positions[max(0, stop - MAX_OCCURRENCES) : stop]

    def _context(self, read: int, row: int) -> tuple[int, ...]:
        """Return the key of context number `row` after `read` tokens."""
        return (row, *self.tokens[read - self.length(read, row) : read])


CacheState = tuple[History, int]  # a history, and the number of its tokens that have been read


@dataclass(frozen=True)
class CacheModel:
    """The shares of the context lengths, and the methods that apply them.

    A state is a history and the number of tokens read. The states along one text share the history; a state whose next
    token differs copies the tokens it has read. So states behave as values.

    lengths  context lengths in tokens, the shortest first
    letters  ids of the tokens that are letters
    shares   (lengths, *CELLS)
    """

    lengths: tuple[int, ...]
    letters: frozenset[int]
    shares: Floats

    def start(self) -> CacheState:
        """Return the state before the first token."""
        return History(self.lengths, self.letters), 0

    def advance(self, state: CacheState, token: int) -> CacheState:
        """Return the state after one more token."""
        history, read = state

        # append at the end of the history; inside it, follow the same token or copy
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

        `static` has the log-probabilities of the trained chain, (vocabulary,), and `known_length` is the length of the
        context that the trained chain knows.
        """
        history, read = state
        probabilities = np.exp(static)
        for row in range(len(self.lengths)):
            positions = history.occurrences(read, row)
            if positions:
                # look up the share of this context
                followers = [history.tokens[position] for position in positions]
                counts = Counter(followers)
                excess = known_length - history.length(read, row)
                cell = share_cell(len(positions), len(counts), read - positions[-1], excess)
                share = self.shares[row].ravel()[cell]

                # interpolate p_k-1 with q_k
                probabilities *= 1 - share
                probabilities[list(counts)] += share * (1 - RECENT) * np.array(list(counts.values())) / len(positions)
                probabilities[followers[-1]] += share * RECENT
        return np.log(probabilities)

    def token_log_probs(self, ids: Ids, static: LogProbs, known_lengths: Ids) -> LogProbs:
        """Return the log-probabilities of the tokens of a stream; all arguments and the result are (tokens,)."""
        probabilities = np.exp(static)
        by_history, cells = read_history(self.start()[0], ids, known_lengths)
        for row in range(len(self.lengths)):
            share = np.where(cells[row] >= 0, self.shares[row].ravel()[cells[row]], 0.0)
            probabilities = probabilities * (1 - share) + share * by_history[row]
        return np.asarray(np.log(probabilities))


def share_cell(occurrences: int, types: int, age: int, excess: int) -> int:
    """Return the index of the share's cell for a context.

    occurrences  how often the context occurred
    types        different tokens that followed it
    age          tokens since its last occurrence
    excess       tokens by which the context known to the trained chain is longer; negative: shorter

    >>> [share_cell(n, 1, 1, -1) // (TYPE_BINS * 12) for n in (1, 2, 3, 4, 8, 64)]
    [0, 1, 2, 3, 4, 7]
    """
    occurrence_bin = min(occurrences - 1, occurrences.bit_length(), OCCURRENCE_BINS - 1)
    type_bin = min(types, TYPE_BINS) - 1
    excess_bin = min(max(excess + 1, 0), EXCESS_BINS - 1)
    age_bin = bisect_right(AGE_EDGES, age)
    return ((occurrence_bin * TYPE_BINS + type_bin) * (len(AGE_EDGES) + 1) + age_bin) * EXCESS_BINS + excess_bin


def read_history(history: History, ids: Ids, known_lengths: Ids) -> tuple[Floats, Ids]:
    """Append a stream to a history; return q_k of every token, and the cell of its share or -1.

    Both arrays are (lengths, tokens).
    """
    shape = (len(history.lengths), len(ids))
    by_history, cells = np.zeros(shape), np.full(shape, -1)
    for read, (token, known_length) in enumerate(zip(ids.tolist(), known_lengths.tolist(), strict=True)):
        for row in range(len(history.lengths)):
            positions = history.occurrences(read, row)
            if positions:
                # q_k of the token
                followers = [history.tokens[position] for position in positions]
                by_counts = (1 - RECENT) * followers.count(token) / len(followers)
                by_history[row, read] = by_counts + RECENT * (followers[-1] == token)

                # the cell of the share
                age, excess = read - positions[-1], known_length - history.length(read, row)
                cells[row, read] = share_cell(len(followers), len(set(followers)), age, excess)
        history.append(token)
    return by_history, cells


def fit_cache(
    lengths: tuple[int, ...], letters: frozenset[int], ids: Ids, static: LogProbs, known_lengths: Ids
) -> CacheModel:
    """Fit the shares that maximize the probability of a stream, by expectation maximization.

    `ids`, `static` and `known_lengths` are (tokens,), as for `CacheModel.token_log_probs`.
    """
    # read the stream once: only the shares change between iterations
    by_history, cells = read_history(History(lengths, letters), ids, known_lengths)
    trained = np.exp(static)
    shares = np.full((len(lengths), int(np.prod(CELLS))), INITIAL_SHARE)
    for _ in range(EM_ITERATIONS):
        # forward: p_k of every token, for all context lengths k
        token_shares = np.where(cells >= 0, np.take_along_axis(shares, np.maximum(cells, 0), axis=1), 0.0)
        up_to = [trained]
        for row in range(len(lengths)):
            up_to.append(up_to[-1] * (1 - token_shares[row]) + token_shares[row] * by_history[row])

        # backward: the posterior that context length k gave the token, given that no longer context did
        remaining = np.ones(len(ids))
        for row in reversed(range(len(lengths))):
            posterior = remaining * token_shares[row] * by_history[row] / up_to[row + 1]

            # maximization: expected tokens of this length over all its chances, by cell
            here = cells[row] >= 0
            wins, chances = (
                np.bincount(cells[row][here], weights[here], shares.shape[1]) for weights in (posterior, remaining)
            )
            shares[row] = _pooled_shares(wins, chances)
            remaining = remaining - posterior
    return CacheModel(lengths, letters, shares.reshape(len(lengths), *CELLS))


def _pooled_shares(wins: npt.NDArray[Any], chances: npt.NDArray[Any]) -> Floats:
    """Return wins over chances by cell, (cells,), shrunk towards the ratio over all ages and excesses."""
    # pool the cells that differ only in age and excess
    all_wins, all_chances = (counts.reshape(OCCURRENCE_BINS * TYPE_BINS, -1).sum(axis=1) for counts in (wins, chances))
    pooled = (all_wins + 1e-6) / (all_chances + PRIOR_AGAINST)
    pooled = np.repeat(pooled, len(wins) // (OCCURRENCE_BINS * TYPE_BINS))

    # the pooled share is the prior of a cell
    return np.asarray((wins + PRIOR_POOLED * pooled) / (chances + PRIOR_POOLED))
