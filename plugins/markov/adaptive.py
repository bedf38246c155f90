"""adaptive=true: a chain that also counts what it reads and what it writes, as PPM does (Cleary & Witten 1984).

Over the trained chain's probability stand the counts of the text so far, shortest context first: each length of context
that came up before takes a share, which depends on that length, how often it came up, and how many different tokens
followed. The shares are fitted on valid text by expectation maximisation. A state is a log and how much of it has been
read: states along one text share the log, and one that branches off copies its part, so a state stays a value.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genbench import Ids, LogProbs

Floats = npt.NDArray[np.float64]
LATEST = 64  # places that are counted, the latest ones
OFTEN, KINDS = 8, 4  # bins: how often a context came up, how many different tokens followed
ROUNDS = 20
DOUBT = 2.0  # tokens that speak against each share


@dataclass
class Log:
    """Tokens read so far, and after which of them each context ends."""

    lengths: tuple[int, ...]
    tokens: list[int] = field(default_factory=list)
    ends: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def append(self, token: int) -> None:
        """Read one more token."""
        self.tokens.append(token)
        for length in self.lengths:
            if length <= len(self.tokens):
                self.ends.setdefault(tuple(self.tokens[-length:]), []).append(len(self.tokens))

    def followers(self, read: int, length: int) -> list[int]:
        """What followed the last `length` of the first `read` tokens within these, the latest times it came up."""
        if read < length:
            return []
        places = self.ends.get(tuple(self.tokens[read - length : read]), [])
        stop = bisect_left(places, read)
        return [self.tokens[place] for place in places[max(0, stop - LATEST) : stop]]


Text = tuple[Log, int]  # a log and how many of its tokens have been read


@dataclass(frozen=True)
class Adaptive:
    """The share that each length of context takes; shares (lengths, OFTEN, KINDS)."""

    lengths: tuple[int, ...]
    shares: Floats

    def begin(self) -> Text:
        """Nothing has been read."""
        return Log(self.lengths), 0

    def advance(self, text: Text, token: int) -> Text:
        """One token more has been read; the log is shared, unless another token stands there already."""
        log, read = text
        if read == len(log.tokens):
            log.append(token)
        elif log.tokens[read] != token:
            branch = Log(self.lengths)
            for each in [*log.tokens[:read], token]:
                branch.append(each)
            log = branch
        return log, read + 1

    def predict(self, text: Text, log_probs: LogProbs) -> LogProbs:
        """The trained chain's distribution, (vocabulary,), with what was counted put over it."""
        log, read = text
        found = np.exp(log_probs)
        for row, length in enumerate(self.lengths):
            counts = Counter(log.followers(read, length))
            if counts:
                times = counts.total()
                share = self.shares[row, often(times), kinds(len(counts))]
                found *= 1 - share
                found[list(counts)] += share * np.array(list(counts.values())) / times
        return np.log(found)

    def token_log_probs(self, ids: Ids, log_probs: LogProbs) -> LogProbs:
        """Of each token of a stream, (tokens,), given the trained chain's."""
        found = np.exp(log_probs)
        said, cells = heard(self.lengths, ids)
        for row in range(len(self.lengths)):
            share = np.where(cells[row] >= 0, self.shares[row].ravel()[cells[row]], 0.0)
            found = found * (1 - share) + share * said[row]
        return np.asarray(np.log(found))


def often(times: int) -> int:
    """The bin of how often a context came up.

    >>> [often(times) for times in (1, 2, 3, 4, 8, 64)]
    [0, 1, 2, 3, 4, 7]
    """
    return min(times - 1, times.bit_length(), OFTEN - 1)


def kinds(types: int) -> int:
    """The bin of how many different tokens followed."""
    return min(types, KINDS) - 1


def heard(lengths: tuple[int, ...], ids: Ids) -> tuple[Floats, Ids]:
    """For each length of context and token: its share of what followed so far, and the cell of the shares or -1."""
    said, cells = np.zeros((len(lengths), len(ids))), np.full((len(lengths), len(ids)), -1)
    log = Log(lengths)
    for place, token in enumerate(ids.tolist()):
        for row, length in enumerate(lengths):
            followed = log.followers(place, length)
            if followed:
                said[row, place] = followed.count(token) / len(followed)
                cells[row, place] = often(len(followed)) * KINDS + kinds(len(set(followed)))
        log.append(token)
    return said, cells


def fitted(lengths: tuple[int, ...], ids: Ids, log_probs: LogProbs) -> Adaptive:
    """The shares that make a stream likeliest over the trained chain's probabilities, by expectation maximisation."""
    said, cells = heard(lengths, ids)
    trained = np.exp(log_probs)
    shares = np.full((len(lengths), OFTEN * KINDS), 0.1)
    for _ in range(ROUNDS):
        each = np.where(cells >= 0, np.take_along_axis(shares, np.maximum(cells, 0), axis=1), 0.0)
        below = [trained]
        for row in range(len(lengths)):
            below.append(below[-1] * (1 - each[row]) + each[row] * said[row])
        owed = np.ones(len(ids))  # the part of each token that this length or a shorter one has to account for
        for row in reversed(range(len(lengths))):
            taken = owed * each[row] * said[row] / below[row + 1]
            here = cells[row] >= 0
            wins = np.bincount(cells[row][here], taken[here], OFTEN * KINDS)
            chances = np.bincount(cells[row][here], owed[here], OFTEN * KINDS)
            shares[row] = (wins + 1e-6) / (chances + DOUBT)
            owed = owed - taken
    return Adaptive(lengths, shares.reshape(len(lengths), OFTEN, KINDS))
