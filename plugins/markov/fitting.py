"""Smoothing fitted on valid text: discounts that depend on where a context stands, not on the length alone.

The counts are those of Kneser and Ney; each context of the suffix tree is asked once, as in the sequence memoizer (Wood
et al. 2009). Its discounts for counts of 1, 2, 3, 4 to 6, 7 to 15 and more are a logistic function of features: how
long the context is, how much longer than its parent, how many different tokens followed it and its parent, and how
often it was seen. The weights of the features are fitted by gradient (Adam, Kingma & Ba 2015) on bits of valid text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.smoothing import Floats
from genbench_plugins.markov.suffix_array import Ints
from genbench_plugins.markov.traversal import Asked, levels
from genbench_plugins.markov.tree import NOWHERE, Tree

COUNTS = np.array([1, 2, 3, 4, 7, 16])  # where the bins of counts begin; a discount is at most this
LENGTHS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 21, 27])
TYPES = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 100, 300, 1000])
SEEN = np.array([1, 2, 3, 4, 6, 8, 12, 20, 40, 100, 400, 2000, 10000])
EDGE = 8  # tokens longer than its parent: beyond, alike
ROUNDS = 60
RATE = 0.1
ALONE, TOGETHER = 0.3, 3.0  # how much a weight of one feature, and of a pair of features, is pulled to zero
# the features: length, edge, types, parent's types, seen; and pairs of them by place
SIZES = (len(LENGTHS), EDGE + 1, len(TYPES), len(TYPES), len(SEEN))
PAIRS = ((0, 2), (0, 4), (2, 4), (1, 2), (2, 3))
WIDTHS = (*SIZES, *(SIZES[one] * SIZES[two] for one, two in PAIRS))


def binned(values: npt.NDArray[np.integer[Any]], edges: Ints) -> Ints:
    """The bin that each value falls into.

    >>> binned(np.array([1, 3, 5, 99]), COUNTS).tolist()
    [0, 2, 3, 5]
    """
    found: Ints = np.searchsorted(edges, values, side="right") - 1
    return found


def features(tree: Tree, seen: Ints, nodes: Ints, lengths: Ints) -> Ints:
    """The rows of the weights that speak for each context, (n, features)."""
    above = tree.parent[nodes].astype(np.int64)
    top = above == NOWHERE
    types = tree.starts[nodes + 1] - tree.starts[nodes]
    wide = tree.starts[above + 1] - tree.starts[above]
    edge = np.where(top, 0, np.clip(lengths - tree.depth[above], 0, EDGE))
    one = [
        binned(lengths, LENGTHS),
        edge,
        binned(types, TYPES),
        np.where(top, 0, binned(wide, TYPES)),
        binned(seen[nodes], SEEN),
    ]
    both = [one[first] * SIZES[second] + one[second] for first, second in PAIRS]
    rows: Ints = np.stack([*one, *both], axis=1) + np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])
    return rows


@dataclass(frozen=True)
class Fitted:
    """A tree smoothed by fitted discounts; `step` as that of `Weights`.

    shares    (pairs,) what each pair adds where its node's longest context was read whole; leftover (nodes,)
    weights   (sum of the features' sizes, bins of counts)
    totals    (nodes,) the counts of a node's pairs; seen (nodes,) how often it was seen
    """

    shares: Floats
    leftover: Floats
    weights: Floats
    totals: Floats
    seen: Ints

    def dump(self) -> dict[str, Any]:
        """What makes it again."""
        return dict(vars(self))

    def counted(self, tree: Tree, length: int, node: int) -> Floats:
        """The counts of a node's pairs: after how many different tokens."""
        return tree.before[tree.starts[node] : tree.starts[node + 1]].astype(np.float64)

    def inside(self, tree: Tree, length: int, node: int) -> tuple[float, Floats]:
        """Leftover and the shares of all pairs, (pairs of the node,), of one context inside an edge."""
        taken = discounts(self.weights, features(tree, self.seen, np.array([node]), np.array([length])))[0]
        counts = tree.before[tree.starts[node] : tree.starts[node + 1]]
        gone = taken[binned(counts, COUNTS)]
        total = self.totals[node]
        return float(gone.sum() / total), (counts - gone) / total

    def whole(self, tree: Tree, nodes: Ints, lengths: Ints, stop: int) -> tuple[Floats, Ints, Ints, Floats]:
        """What contexts of these lengths at these nodes leave, (n,), and of each pair of theirs with one of the first
        `stop` tokens which context it is of, the token, and its share."""
        ends = np.searchsorted(tree.keys, tree.first(nodes) + stop)
        places, rows = ragged(tree.starts[nodes], ends)
        leftover, share = self.leftover[nodes], self.shares[places]
        inside = np.flatnonzero(tree.depth[nodes] > lengths)
        if len(inside):
            taken = np.zeros((len(nodes), len(COUNTS)))
            taken[inside] = discounts(self.weights, features(tree, self.seen, nodes[inside], lengths[inside]))
            leftover[inside] = removed(tree, nodes[inside], taken[inside]) / self.totals[nodes[inside]]
            here = np.flatnonzero((tree.depth[nodes] > lengths)[rows])
            counts = tree.before[places[here]]
            share[here] = (counts - taken[rows[here], binned(counts, COUNTS)]) / self.totals[nodes[rows[here]]]
        return leftover, rows, tree.keys[places] - tree.first(nodes[rows]), share

    def step(self, tree: Tree, length: int, nodes: Ints, pairs: Ints) -> tuple[Floats, Floats]:
        """Leftover and share, (n,) each, of contexts of one length at these nodes, for these pairs (or NOWHERE)."""
        leftover, share = self.leftover[nodes], np.where(pairs != NOWHERE, self.shares[pairs], 0.0)
        inside = np.flatnonzero(tree.depth[nodes] > length)
        if len(inside):
            some, rows = np.unique(nodes[inside], return_inverse=True)
            taken = discounts(self.weights, features(tree, self.seen, some, np.full(len(some), length)))
            leftover[inside] = (removed(tree, some, taken) / self.totals[some])[rows]
            counts = tree.before[pairs[inside]]
            left = (counts - taken[rows, binned(counts, COUNTS)]) / self.totals[nodes[inside]]
            share[inside] = np.where(pairs[inside] != NOWHERE, left, 0.0)
        return leftover, share


def discounts(weights: Floats, rows: Ints) -> Floats:
    """The discount for each bin of counts, (n, bins), by the features of n contexts."""
    total = np.zeros((len(rows), len(COUNTS)))
    for feature in rows.T:
        total += weights[feature]
    return np.asarray(COUNTS / (1 + np.exp(-total)))


def ragged(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """All places of some stretches, one after the other, and the stretch of each.

    >>> [each.tolist() for each in ragged(np.array([3, 9]), np.array([5, 10]))]
    [[3, 4, 9], [0, 0, 1]]
    """
    sizes = stops - starts
    stretch = np.repeat(np.arange(len(sizes)), sizes)
    return np.arange(len(stretch)) + (starts - np.cumsum(sizes) + sizes)[stretch], stretch


def histogram(tree: Tree, nodes: Ints) -> Floats:
    """How many pairs of each node have a count of each bin, (nodes, bins)."""
    places, stretch = ragged(tree.starts[nodes], tree.starts[nodes + 1])
    cells = stretch * len(COUNTS) + binned(tree.before[places], COUNTS)
    found = np.bincount(cells, minlength=len(nodes) * len(COUNTS)).astype(np.float64)
    return found.reshape(len(nodes), len(COUNTS))


def removed(tree: Tree, nodes: Ints, taken: Floats) -> Floats:
    """What the discounts take from each node, (nodes,)."""
    return np.asarray((histogram(tree, nodes) * taken).sum(axis=1))


def sizes(tree: Tree) -> tuple[Ints, Floats]:
    """How often each node was seen, and the sum of its counts as Kneser and Ney count, (nodes,) each."""
    owners = tree.owners
    seen = np.bincount(owners, weights=tree.counts).astype(np.int64)
    return seen, np.bincount(owners, weights=tree.before).astype(np.float64)


def fitted(tree: Tree, stream: Ints, base: Floats) -> Fitted:
    """Fit the weights on a stream of valid tokens, and smooth the tree by them."""
    owners, (seen, totals) = tree.owners, sizes(tree)
    weights = _fit(asked(tree, stream), base[stream])
    shares, leftover = np.empty(len(owners)), np.empty(len(totals))
    for begin in range(0, len(totals), 1 << 18):  # a piece at a time: the features of all would fill the memory
        nodes = np.arange(begin, min(begin + (1 << 18), len(totals)))
        pairs = slice(tree.starts[nodes[0]], tree.starts[nodes[-1] + 1])
        taken = discounts(weights, features(tree, seen, nodes, tree.depth[nodes].astype(np.int64)))
        leftover[nodes] = removed(tree, nodes, taken) / totals[nodes]
        counts = tree.before[pairs]
        left = counts - taken[owners[pairs] - begin, binned(counts, COUNTS)]
        shares[pairs] = left / totals[owners[pairs]]
    return Fitted(shares, leftover, weights, totals, seen)


@dataclass(frozen=True)
class Step:
    """The contexts of one length that valid text asks: their tokens, features, counts."""

    rows: Ints  # (n,) of the stream
    kinds: Ints  # (n,) of `features`
    features: Ints  # (kinds, features)
    shares: Floats  # (n, bins) of a node's counts that each discount takes, a token at a time
    count: Floats  # (n,) of the token, over the node's total; 0 where it never followed
    bins: Ints  # (n,) of the token's count
    one: Floats  # (n,) one over the node's total where the token followed, else 0

    @classmethod
    def of(cls, tree: Tree, seen: Ints, totals: Floats, place: Asked) -> Step:
        """Look one level up in the tree."""
        length, rows, nodes, pairs = place
        some, which = np.unique(nodes, return_inverse=True)
        kinds = features(tree, seen, some, np.minimum(tree.depth[some], length).astype(np.int64))
        distinct, kind = np.unique(kinds, axis=0, return_inverse=True)
        counts = np.where(pairs != NOWHERE, tree.before[pairs], 0)
        one = 1 / totals[nodes]
        shares = (histogram(tree, some) / totals[some][:, None])[which]
        bins = binned(np.maximum(counts, 1), COUNTS)
        return cls(rows, kind[which], distinct, shares, counts * one, bins, np.where(counts > 0, one, 0.0))

    def probability(self, taken: Floats, found: Floats) -> Floats:
        """The probabilities of the step's tokens, by the discounts of its kinds and the probabilities so far, (n,)."""
        each = taken[self.kinds]
        leftover = (self.shares * each).sum(axis=1)
        return np.asarray(found[self.rows] * leftover + self.count - each[np.arange(len(each)), self.bins] * self.one)


def asked(tree: Tree, stream: Ints) -> list[Step]:
    """What a stream asks of the tree, shortest contexts first."""
    seen, totals = sizes(tree)
    return [Step.of(tree, seen, totals, place) for place in levels(tree, stream, False)]


def _fit(steps: list[Step], base: Floats) -> Floats:
    """The weights, (features, bins), that make the stream likeliest."""
    weights = np.zeros((sum(WIDTHS), len(COUNTS)))
    pull = np.repeat([ALONE] * len(SIZES) + [TOGETHER] * len(PAIRS), WIDTHS)[:, None]
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for time in range(1, ROUNDS + 1):
        grown = (slope(steps, base, weights) + 2 * pull * weights) / len(base)
        mean, square = 0.9 * mean + 0.1 * grown, 0.999 * square + 0.001 * grown**2
        weights = weights - RATE * (mean / (1 - 0.9**time)) / (np.sqrt(square / (1 - 0.999**time)) + 1e-8)
    return weights


def slope(steps: list[Step], base: Floats, weights: Floats) -> Floats:
    """The gradient of minus log2 of the stream's probability by the weights."""
    found, before, kept = base.copy(), [], []
    for step in steps:
        taken = discounts(weights, step.features)
        before.append(found[step.rows])
        kept.append((taken, (step.shares * taken[step.kinds]).sum(axis=1)))
        found[step.rows] = step.probability(taken, found)
    total, by = np.zeros_like(weights), -1 / (found * np.log(2))
    for step, low, (taken, leftover) in zip(reversed(steps), reversed(before), reversed(kept), strict=True):
        here = by[step.rows]
        by[step.rows] = here * leftover
        inner = step.shares * (here * low)[:, None]
        inner[np.arange(len(here)), step.bins] -= here * step.one
        summed = np.stack([np.bincount(step.kinds, each, len(taken)) for each in inner.T], axis=1)
        summed *= taken * (1 - taken / COUNTS)
        for feature in step.features.T:
            np.add.at(total, feature, summed)
    return total
