"""adaptive=true: a chain that also counts what it reads and what it writes, as PPM does (Cleary & Witten 1984).

Over the trained chain's probability stand the counts of the text so far, shortest context first: each context that came
up before takes a share. The share depends on how long the context is, how often it came up, how many different tokens
followed, how long ago the last time was, and how long a context the trained chain knows here. The shares are fitted on
valid text by expectation maximisation. A state is a log and how much of it has been read: states along one text share
the log, and one that branches off copies its part, so a state stays a value.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench import Ids, LogProbs

Floats = npt.NDArray[np.float64]
WORD = 0  # stands among the lengths of context for the letters since the last token that is none
LATEST = 64  # places that are counted, the latest ones
LAST = 0.4  # of a share: for what followed the last time, the rest by counts
OFTEN, KINDS, DEPTHS = (
    8,
    4,
    4,
)  # bins: how often it came up, different tokens that followed, what the trained chain knows
AGES = (300, 3000)  # tokens ago: what lies between these is alike
CELLS = (OFTEN, KINDS, len(AGES) + 1, DEPTHS)
ROUNDS = 20
DOUBT = 2.0  # tokens that speak against the share of all ages and depths together
POOLED = 3.0  # tokens that speak in each cell for the share of all ages and depths together


@dataclass
class Log:
    """Tokens read so far, and after which of them each context ends."""

    lengths: tuple[int, ...]
    letters: frozenset[int]
    tokens: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=lambda: [0])  # after so many tokens, how many letters the last word has
    ends: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def append(self, token: int) -> None:
        """Read one more token."""
        self.tokens.append(token)
        self.begun.append(self.begun[-1] + 1 if token in self.letters else 0)
        read = len(self.tokens)
        for row in range(len(self.lengths)):
            if self.length(read, row) <= read:
                self.ends.setdefault(self._context(read, row), []).append(read)

    def length(self, read: int, row: int) -> int:
        """How long a context this row of the lengths asks after so many tokens."""
        return self.begun[read] if self.lengths[row] == WORD else self.lengths[row]

    def places(self, read: int, row: int) -> list[int]:
        """Where within the first `read` tokens the context before the next one ended, the latest times."""
        if read < self.length(read, row):
            return []
        places = self.ends.get(self._context(read, row), [])
        stop = bisect_left(places, read)
        return places[max(0, stop - LATEST) : stop]

    def _context(self, read: int, row: int) -> tuple[int, ...]:
        return (row, *self.tokens[read - self.length(read, row) : read])


Text = tuple[Log, int]  # a log and how many of its tokens have been read


@dataclass(frozen=True)
class Adaptive:
    """The share that each length of context takes; shares (lengths, *CELLS)."""

    lengths: tuple[int, ...]
    letters: frozenset[int]
    shares: Floats

    def start(self) -> Text:
        """Nothing has been read."""
        return Log(self.lengths, self.letters), 0

    def advance(self, text: Text, token: int) -> Text:
        """One token more has been read; the log is shared, unless another token stands there already."""
        log, read = text
        if read == len(log.tokens):
            log.append(token)
        elif log.tokens[read] != token:
            branch = Log(self.lengths, self.letters)
            for each in [*log.tokens[:read], token]:
                branch.append(each)
            log = branch
        return log, read + 1

    def log_probs(self, text: Text, log_probs: LogProbs, depth: int) -> LogProbs:
        """The trained chain's distribution, (vocabulary,), with what was counted put over it."""
        log, read = text
        found = np.exp(log_probs)
        for row in range(len(self.lengths)):
            places = log.places(read, row)
            if places:
                followed = [log.tokens[place] for place in places]
                counts = Counter(followed)
                where = cell(len(places), len(counts), read - places[-1], depth - log.length(read, row))
                share = self.shares[row].ravel()[where]
                found *= 1 - share
                found[list(counts)] += share * (1 - LAST) * np.array(list(counts.values())) / len(places)
                found[followed[-1]] += share * LAST
        return np.log(found)

    def token_log_probs(self, ids: Ids, log_probs: LogProbs, depths: Ids) -> LogProbs:
        """Of each token of a stream, (tokens,), given the trained chain's, and how long a context that knows."""
        found = np.exp(log_probs)
        said, cells = heard(self.start()[0], ids, depths)
        for row in range(len(self.lengths)):
            share = np.where(cells[row] >= 0, self.shares[row].ravel()[cells[row]], 0.0)
            found = found * (1 - share) + share * said[row]
        return np.asarray(np.log(found))


def cell(times: int, types: int, age: int, deeper: int) -> int:
    """Which of the cells speaks for a context: how often it came up, how many different tokens followed, and so on.

    age     tokens since the last time
    deeper  how much longer a context the trained chain knows here

    >>> [cell(times, 1, 1, -1) // (KINDS * 12) for times in (1, 2, 3, 4, 8, 64)]
    [0, 1, 2, 3, 4, 7]
    """
    often, kinds = min(times - 1, times.bit_length(), OFTEN - 1), min(types, KINDS) - 1
    known = min(max(deeper + 1, 0), DEPTHS - 1)
    return ((often * KINDS + kinds) * (len(AGES) + 1) + bisect_right(AGES, age)) * DEPTHS + known


def heard(log: Log, ids: Ids, depths: Ids) -> tuple[Floats, Ids]:
    """For each length of context and token: what so far followed gives to it, and the cell of the shares or -1."""
    said, cells = np.zeros((len(log.lengths), len(ids))), np.full((len(log.lengths), len(ids)), -1)
    for read, (token, depth) in enumerate(zip(ids.tolist(), depths.tolist(), strict=True)):
        for row in range(len(log.lengths)):
            places = log.places(read, row)
            if places:
                followed = [log.tokens[place] for place in places]
                said[row, read] = (1 - LAST) * followed.count(token) / len(followed) + LAST * (followed[-1] == token)
                age, deeper = read - places[-1], depth - log.length(read, row)
                cells[row, read] = cell(len(followed), len(set(followed)), age, deeper)
        log.append(token)
    return said, cells


def fitted(lengths: tuple[int, ...], letters: frozenset[int], ids: Ids, log_probs: LogProbs, depths: Ids) -> Adaptive:
    """The shares that make a stream likeliest over the trained chain's probabilities, by expectation maximisation."""
    said, cells = heard(Log(lengths, letters), ids, depths)
    trained = np.exp(log_probs)
    shares = np.full((len(lengths), int(np.prod(CELLS))), 0.1)
    for _ in range(ROUNDS):
        each = np.where(cells >= 0, np.take_along_axis(shares, np.maximum(cells, 0), axis=1), 0.0)
        below = [trained]
        for row in range(len(lengths)):
            below.append(below[-1] * (1 - each[row]) + each[row] * said[row])
        owed = np.ones(len(ids))  # the part of each token that this length or a shorter one has to account for
        for row in reversed(range(len(lengths))):
            taken = owed * each[row] * said[row] / below[row + 1]
            here = cells[row] >= 0
            wins, chances = (np.bincount(cells[row][here], of[here], shares.shape[1]) for of in (taken, owed))
            shares[row] = _pooled(wins, chances)
            owed = owed - taken
    return Adaptive(lengths, letters, shares.reshape(len(lengths), *CELLS))


def _pooled(wins: npt.NDArray[Any], chances: npt.NDArray[Any]) -> Floats:
    """Wins over chances in each cell, drawn to those of all ages and depths together."""
    together = [each.reshape(OFTEN * KINDS, -1).sum(axis=1) for each in (wins, chances)]
    shares = np.repeat((together[0] + 1e-6) / (together[1] + DOUBT), len(wins) // (OFTEN * KINDS))
    return np.asarray((wins + POOLED * shares) / (chances + POOLED))
