"""PackedChain: a table of n-grams as it lies in the page, in some two bytes for each n-gram.

Its text has, level by level, four arrays of bytes:

    followers      (contexts,) how many n-grams of this level begin with each n-gram of the level before
    tokens         (n-grams,) the last token of each, ascending within a context; in one byte those from 256 to 511
    probabilities  (n-grams,) code of the last token's share among the followers of its context
    leftovers      (contexts with followers,) code of the odds of the probability that is left for all other tokens

The code of a share p is the nearest whole number to -log(p) / STEP, from 0 to 255, and that of a leftover q to
log(q / (1 - q)) / ODDS_STEP + 128, so that neither the followers nor the other tokens ever have nothing. The shares of
a context are normalized, so that a rounded distribution sums to one. The numbers of followers and the tokens of a level
are in two bytes each where one does not suffice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import BYTES, Ids
from genbench.web.byte_arrays import compress_arrays, read_arrays
from genbench.web.forms import BackoffTable, Floats

STEP = 0.06  # nats between two codes
ODDS_STEP = 0.1  # the same of odds
MISSING = -1


@dataclass(frozen=True)
class PackedLevel:
    """The sizes of the arrays of one level, and their types: "u1" or "u2"."""

    contexts: int
    followed: int  # contexts with followers
    ngrams: int
    counts_type: str
    tokens_type: str


@dataclass(frozen=True)
class PackedChain:
    """A chain as the page has it, and its predictions; a state is a node, the longest known end of the text.

    Node 0 is the empty context, and the n-grams of all levels follow in their order.
    """

    levels: list[PackedLevel]
    data: str
    size: int  # of the vocabulary

    @classmethod
    def pack(cls, table: BackoffTable) -> PackedChain:
        """Return a table with quantised probabilities."""
        levels, arrays, contexts = [], [], 1
        for level in table.levels:
            counts = np.bincount(level.contexts, minlength=contexts)
            sums = np.bincount(level.contexts, level.probabilities, contexts)
            followed = counts > 0
            shares = level.probabilities / sums[level.contexts]
            arrays += [_shorten(counts, 0), _shorten(level.tokens, BYTES)]
            kinds = (array.dtype.str[1:] for array in arrays[-2:])
            arrays += [_code(shares), _odds_code(sums[followed])]
            levels.append(PackedLevel(contexts, int(followed.sum()), len(shares), *kinds))
            contexts = len(shares)
        return cls(levels, compress_arrays(arrays), table.size)

    @property
    def ngrams(self) -> int:
        """The number of n-grams of all lengths."""
        return sum(level.ngrams for level in self.levels)

    def start(self) -> int:
        """Return the state before a text: that of the empty context."""
        return 0

    def advance(self, state: int, token: int) -> int:
        """Return the state after one more token."""
        nodes = self._nodes
        found = nodes.index.get(state * self.size + token, 0)
        while not found and state:
            state = int(nodes.links[state])
            found = nodes.index.get(state * self.size + token, 0)
        return found

    def log_probs(self, state: int) -> LogProbs:
        """Return the natural log-probabilities of all tokens after a state, (vocabulary,)."""
        tokens = np.arange(self.size)
        return np.asarray(np.log(self._nodes.probabilities_after(np.full(self.size, state), tokens)))

    def token_log_probs(self, ids: Ids, state: int) -> LogProbs:
        """Return the natural log-probability of each token of a text that is read from a state, (tokens,)."""
        states = []
        for token in ids.tolist():
            states.append(state)
            state = self.advance(state, token)
        return np.asarray(np.log(self._nodes.probabilities_after(np.array(states), ids)))

    @cached_property
    def _nodes(self) -> _Nodes:
        return _Nodes.read(self)


def _shorten(numbers: Ids, first: int) -> npt.NDArray[Any]:
    """Return numbers in one byte each, minus `first`, or in two bytes as they are, (n,)."""
    short = first <= numbers.min(initial=first) <= numbers.max(initial=first) < first + 256
    return (numbers - first).astype(np.uint8) if short else numbers.astype(np.uint16)


def _code(probabilities: Floats) -> npt.NDArray[np.uint8]:
    """Return the codes of probabilities, (n,)."""
    with np.errstate(divide="ignore"):
        return np.clip(np.rint(-np.log(probabilities) / STEP), 0, 255).astype(np.uint8)


def _odds_code(sums: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return the codes of what sums of probabilities leave, (n,)."""
    used = np.clip(sums, 1e-9, 1 - 1e-9)
    codes = np.rint(np.log((1 - used) / used) / ODDS_STEP) + 128
    return np.asarray(np.clip(codes, 0, 255), np.uint8)


@dataclass(frozen=True)
class _Nodes:
    """The nodes of a chain; all arrays but `keys` are (nodes,)."""

    keys: Ids  # (nodes - 1,) context and last token of each node but the first, ascending
    probabilities: Floats  # of the last token after the context
    links: Ids  # the node of the longest shorter context
    weights: Floats  # of the predictions of that node for tokens that the node lacks
    size: int  # of the vocabulary

    @classmethod
    def read(cls, chain: PackedChain) -> _Nodes:
        """Read the bytes of a chain."""
        shapes = [
            (kind, (length,))
            for level in chain.levels
            for kind, length in (
                *((level.counts_type, level.contexts), (level.tokens_type, level.ngrams)),
                *(("u1", level.ngrams), ("u1", level.followed)),
            )
        ]
        arrays = read_arrays(chain.data, shapes)
        total = 1 + chain.ngrams
        keys = np.full(total - 1, np.iinfo(np.int64).max)  # so that those of the levels read so far are ascending
        links, weights = np.zeros(total, np.int64), np.ones(total)
        nodes = cls(keys, np.ones(total), links, weights, chain.size)

        # level by level: the weights of its contexts need the probabilities of shorter ones
        first, stop = 0, 1  # nodes of the contexts
        for level in chain.levels:
            counts, tokens, codes, leftovers = (next(arrays) for _ in range(4))
            leftover = np.ones(level.contexts)
            leftover[counts > 0] = 1 / (1 + np.exp(-ODDS_STEP * (leftovers.astype(np.float64) - 128)))
            contexts = np.repeat(np.arange(level.contexts), counts)
            tokens = tokens.astype(np.int64) + (BYTES if level.tokens_type == "u1" else 0)
            nodes._add_level(slice(first, stop), stop, contexts, tokens, codes, leftover)
            first, stop = stop, stop + level.ngrams
        return nodes

    def _add_level(
        self, before: slice, start: int, contexts: Ids, tokens: Ids, codes: npt.NDArray[np.uint8], leftover: Floats
    ) -> None:
        """Set the values of the nodes of one level, which begin at `start`; `before` are those of their contexts."""
        size, own = before.stop - before.start, slice(start, start + len(tokens))
        shares = np.exp(-STEP * codes)
        sums = np.bincount(contexts, shares, size)[contexts]
        self.probabilities[own] = shares / sums * (1 - leftover[contexts])
        self.keys[own.start - 1 : own.stop - 1] = (before.start + contexts) * self.size + tokens

        # the weights of the shorter contexts
        parents = before.start + contexts
        lower = self.base[tokens] if start == 1 else self.probabilities_after(self.links[parents], tokens)
        self.weights[before] = leftover / np.maximum(1 - np.bincount(contexts, lower, size), 1e-300)
        if start > 1:
            self.links[own] = self._find_links(self.links[parents], tokens)

    @cached_property
    def base(self) -> Floats:
        """A uniform distribution in which the 256 bytes together count as one token, (vocabulary,)."""
        weights = np.ones(self.size)
        weights[:BYTES] = 1 / BYTES
        return np.asarray(weights / weights.sum())

    @cached_property
    def index(self) -> dict[int, int]:
        """The node of each key."""
        return dict(zip(self.keys.tolist(), range(1, len(self.keys) + 1), strict=True))

    def find(self, nodes: Ids, tokens: Ids) -> Ids:
        """Return the nodes of tokens after nodes, MISSING where there is none, (n,)."""
        wanted = nodes * self.size + tokens
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[places] == wanted, places + 1, MISSING)

    def _find_links(self, nodes: Ids, tokens: Ids) -> Ids:
        """Return the nodes of tokens after the longest ends of some nodes that they followed; 0 where there is none."""
        found = self.find(nodes, tokens)
        while (left := (found == MISSING) & (nodes > 0)).any():
            nodes = np.where(left, self.links[nodes], nodes)
            found[left] = self.find(nodes[left], tokens[left])
        return np.maximum(found, 0)

    def probabilities_after(self, nodes: Ids, tokens: Ids) -> Floats:
        """Return the probability of each token after a node, (n,)."""
        factor, result = np.ones(len(nodes)), np.zeros(len(nodes))
        found = self.find(nodes, tokens)
        while (left := (found == MISSING) & (nodes > 0)).any():
            factor[left] *= self.weights[nodes[left]]
            nodes = np.where(left, self.links[nodes], nodes)
            found[left] = self.find(nodes[left], tokens[left])
        known = found != MISSING
        result[known] = factor[known] * self.probabilities[found[known]]
        result[~known] = factor[~known] * self.weights[0] * self.base[tokens[~known]]
        return result
