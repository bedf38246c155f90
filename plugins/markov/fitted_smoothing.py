"""Smoothing with discounts that are fitted on validation text, and depend on the context, not only on its length.

The counts are those of Kneser and Ney; each node of the suffix tree is visited once, as in the sequence memoizer (Wood
et al. 2009). The discount of a count c at a context h is a logistic function of features x(h):

    D(c, h) = c_b / (1 + exp(-sum_i w[x_i(h), b]))        b: the bin of c, c_b: the lowest count of the bin

The features are the length of the context, how much longer it is than its parent, how many different tokens followed
it and its parent, how often it occurred, and pairs of these. The weights w are fitted by gradient descent (Adam) on the
bits of validation text. With the discounts, p(w | h) is as in `smoothing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, StreamLevel, SuffixTree, expand_ranges

from genbench.generator import Learned

# where the bins begin
COUNT_BINS = np.array([1, 2, 3, 4, 7, 16])
LENGTH_BINS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 21, 27])
TYPE_BINS = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 100, 300, 1000])  # different tokens that followed
OCCURRENCE_BINS = np.array([1, 2, 3, 4, 6, 8, 12, 20, 40, 100, 400, 2000, 10000])
MAX_EDGE = 8  # tokens by which a context is longer than its parent: more count as this

# the features: length, edge, types, types of the parent, occurrences; then pairs of them, by index
FEATURE_SIZES = (len(LENGTH_BINS), MAX_EDGE + 1, len(TYPE_BINS), len(TYPE_BINS), len(OCCURRENCE_BINS))
FEATURE_PAIRS = ((0, 2), (0, 4), (2, 4), (1, 2), (2, 3))
WIDTHS = (*FEATURE_SIZES, *(FEATURE_SIZES[i] * FEATURE_SIZES[j] for i, j in FEATURE_PAIRS))

ITERATIONS = 60
LEARNING_RATE = 0.1
SINGLE_DECAY, PAIR_DECAY = 0.3, 3.0  # L2 penalty of the weights of single features, and of pairs
NODES_AT_ONCE = 1 << 18  # the features of all nodes would fill the memory


def bin_index(values: npt.NDArray[np.integer[Any]], edges: Ints) -> Ints:
    """Return the bin of each value, given where the bins begin.

    >>> bin_index(np.array([1, 3, 5, 99]), COUNT_BINS).tolist()
    [0, 2, 3, 5]
    """
    bins: Ints = np.searchsorted(edges, values, side="right") - 1
    return bins


def context_features(tree: SuffixTree, occurrences: Ints, nodes: Ints, lengths: Ints) -> Ints:
    """Return the rows of the weights that apply to contexts of these lengths at these nodes, (n, features)."""
    parents = tree.parent[nodes].astype(np.int64)
    is_root = parents == MISSING
    types = tree.starts[nodes + 1] - tree.starts[nodes]
    parent_types = tree.starts[parents + 1] - tree.starts[parents]
    edge = np.where(is_root, 0, np.clip(lengths - tree.depth[parents], 0, MAX_EDGE))
    single = [
        bin_index(lengths, LENGTH_BINS),
        edge,
        bin_index(types, TYPE_BINS),
        np.where(is_root, 0, bin_index(parent_types, TYPE_BINS)),
        bin_index(occurrences[nodes], OCCURRENCE_BINS),
    ]
    pairs = [single[i] * FEATURE_SIZES[j] + single[j] for i, j in FEATURE_PAIRS]
    rows: Ints = np.stack([*single, *pairs], axis=1) + np.concatenate([[0], np.cumsum(WIDTHS)[:-1]])
    return rows


@dataclass(frozen=True)
class FittedSmoothing:
    """A tree smoothed by fitted discounts; the methods are those of `ClosedFormSmoothing`.

    discounted   (pairs,) of each pair at its node's longest context
    leftover     (nodes,) of each node's longest context
    weights      (sum of WIDTHS, bins of counts)
    totals       (nodes,) the sum of a node's counts
    occurrences  (nodes,) how often a node's contexts occurred
    """

    discounted: Floats
    leftover: Floats
    weights: Floats
    totals: Floats
    occurrences: Ints

    def dump(self) -> Learned:
        """Return the fields, all arrays."""
        return dict(vars(self))

    def counts(self, tree: SuffixTree, length: int, node: int) -> Floats:
        """Return the counts of a node's pairs, (pairs of the node,)."""
        return tree.continuations[tree.starts[node] : tree.starts[node + 1]].astype(np.float64)

    def inside_edge(self, tree: SuffixTree, length: int, node: int) -> tuple[float, Floats]:
        """Return leftover and discounted, (pairs of the node,), of one context inside an edge."""
        features = context_features(tree, self.occurrences, np.array([node]), np.array([length]))
        counts = tree.continuations[tree.starts[node] : tree.starts[node + 1]]
        subtracted = discounts(self.weights, features)[0][bin_index(counts, COUNT_BINS)]
        total = self.totals[node]
        return float(subtracted.sum() / total), (counts - subtracted) / total

    def at_length(self, tree: SuffixTree, length: int, nodes: Ints, pairs: Ints) -> tuple[Floats, Floats]:
        """Return leftover and discounted, (n,) each, for contexts of one length.

        `nodes` and `pairs` are (n,): each context's node, and the pair of its next token or MISSING.
        """
        leftover, discounted = self.leftover[nodes], np.where(pairs != MISSING, self.discounted[pairs], 0.0)
        inside = np.flatnonzero(tree.depth[nodes] > length)
        if len(inside):
            distinct, rows = np.unique(nodes[inside], return_inverse=True)
            features = context_features(tree, self.occurrences, distinct, np.full(len(distinct), length))
            table = discounts(self.weights, features)
            leftover[inside] = (total_discount(tree, distinct, table) / self.totals[distinct])[rows]
            counts = tree.continuations[pairs[inside]]
            remaining = (counts - table[rows, bin_index(counts, COUNT_BINS)]) / self.totals[nodes[inside]]
            discounted[inside] = np.where(pairs[inside] != MISSING, remaining, 0.0)
        return leftover, discounted

    def all_pairs(self, tree: SuffixTree, nodes: Ints, lengths: Ints, stop: int) -> tuple[Floats, Ints, Ints, Floats]:
        """Return for n contexts what each gives to every token below `stop`.

        Returns (leftover, rows, tokens, discounted): leftover is (n,); the others have one entry per pair, `rows` the
        index of its context.
        """
        ends = np.searchsorted(tree.keys, tree.first_keys(nodes) + stop)
        pairs, rows = expand_ranges(tree.starts[nodes], ends)
        leftover, discounted = self.leftover[nodes], self.discounted[pairs]

        # contexts inside an edge
        is_inside = tree.depth[nodes] > lengths
        inside = np.flatnonzero(is_inside)
        if len(inside):
            table = np.zeros((len(nodes), len(COUNT_BINS)))
            features = context_features(tree, self.occurrences, nodes[inside], lengths[inside])
            table[inside] = discounts(self.weights, features)
            leftover[inside] = total_discount(tree, nodes[inside], table[inside]) / self.totals[nodes[inside]]
            affected = np.flatnonzero(is_inside[rows])
            counts = tree.continuations[pairs[affected]]
            subtracted = table[rows[affected], bin_index(counts, COUNT_BINS)]
            discounted[affected] = (counts - subtracted) / self.totals[nodes[rows[affected]]]
        return leftover, rows, tree.keys[pairs] - tree.first_keys(nodes[rows]), discounted


def discounts(weights: Floats, features: Ints) -> Floats:
    """Return the discount of each bin of counts for n contexts, (n, bins), given their features, (n, features)."""
    total = np.zeros((len(features), len(COUNT_BINS)))
    for rows in features.T:
        total += weights[rows]
    return np.asarray(COUNT_BINS / (1 + np.exp(-total)))


def count_histogram(tree: SuffixTree, nodes: Ints) -> Floats:
    """Return how many pairs of each node have a count in each bin, (nodes, bins)."""
    pairs, owner = expand_ranges(tree.starts[nodes], tree.starts[nodes + 1])
    cells = owner * len(COUNT_BINS) + bin_index(tree.continuations[pairs], COUNT_BINS)
    histogram = np.bincount(cells, minlength=len(nodes) * len(COUNT_BINS)).astype(np.float64)
    return histogram.reshape(len(nodes), len(COUNT_BINS))


def total_discount(tree: SuffixTree, nodes: Ints, table: Floats) -> Floats:
    """Return the sum of the discounts of each node's pairs, (nodes,), given the discount of each bin, (nodes, bins)."""
    return np.asarray((count_histogram(tree, nodes) * table).sum(axis=1))


def node_totals(tree: SuffixTree) -> tuple[Ints, Floats]:
    """Return how often each node occurred, and the sum of its counts as Kneser and Ney count, (nodes,) each."""
    owners = tree.owners
    occurrences = np.bincount(owners, weights=tree.counts).astype(np.int64)
    return occurrences, np.bincount(owners, weights=tree.continuations).astype(np.float64)


def fit_smoothing(tree: SuffixTree, stream: Ints, base: Floats) -> FittedSmoothing:
    """Fit the weights on a stream of validation tokens, and smooth the tree with them."""
    owners, (occurrences, totals) = tree.owners, node_totals(tree)
    weights = _fit_weights(read_levels(tree, stream), base[stream])
    discounted, leftover = np.empty(len(owners)), np.empty(len(totals))
    for begin in range(0, len(totals), NODES_AT_ONCE):
        nodes = np.arange(begin, min(begin + NODES_AT_ONCE, len(totals)))
        features = context_features(tree, occurrences, nodes, tree.depth[nodes].astype(np.int64))
        table = discounts(weights, features)
        leftover[nodes] = total_discount(tree, nodes, table) / totals[nodes]

        # the pairs of these nodes follow each other
        pairs = slice(tree.starts[nodes[0]], tree.starts[nodes[-1] + 1])
        counts = tree.continuations[pairs]
        remaining = counts - table[owners[pairs] - begin, bin_index(counts, COUNT_BINS)]
        discounted[pairs] = remaining / totals[owners[pairs]]
    return FittedSmoothing(discounted, leftover, weights, totals, occurrences)


@dataclass(frozen=True)
class FitLevel:
    """What the fit needs of the contexts of one length in validation text, for n of its tokens.

    Contexts with equal features share a row of `features`, because their discounts are equal.
    """

    positions: Ints  # (n,) of the tokens in the stream
    kinds: Ints  # (n,) rows of `features`
    features: Ints  # (kinds, features)
    bin_shares: Floats  # (n, bins) share of the node's pairs in each bin, over the node's total
    count: Floats  # (n,) count of the token over the node's total; 0 where it never followed
    bins: Ints  # (n,) bin of the token's count
    inverse_total: Floats  # (n,) one over the node's total where the token followed, else 0

    @classmethod
    def read(cls, tree: SuffixTree, occurrences: Ints, totals: Floats, level: StreamLevel) -> FitLevel:
        """Look up the contexts of one level in the tree."""
        length, positions, nodes, pairs = level
        distinct, which = np.unique(nodes, return_inverse=True)
        lengths = np.minimum(tree.depth[distinct], length).astype(np.int64)
        features, kinds = np.unique(context_features(tree, occurrences, distinct, lengths), axis=0, return_inverse=True)
        counts = np.where(pairs != MISSING, tree.continuations[pairs], 0)
        inverse_total = 1 / totals[nodes]
        return cls(
            positions,
            kinds[which],
            features,
            bin_shares=(count_histogram(tree, distinct) / totals[distinct][:, None])[which],
            count=counts * inverse_total,
            bins=bin_index(np.maximum(counts, 1), COUNT_BINS),
            inverse_total=np.where(counts > 0, inverse_total, 0.0),
        )

    def probabilities(self, table: Floats, shorter: Floats) -> Floats:
        """Return the probabilities of the level's tokens, (n,).

        `table` has the discounts of each kind, (kinds, bins); `shorter` the probability of each token of the stream by
        shorter contexts.
        """
        rows = table[self.kinds]
        leftover = (self.bin_shares * rows).sum(axis=1)
        subtracted = rows[np.arange(len(rows)), self.bins] * self.inverse_total
        return np.asarray(shorter[self.positions] * leftover + self.count - subtracted)


def read_levels(tree: SuffixTree, stream: Ints) -> list[FitLevel]:
    """Return the contexts of a stream, the shortest first."""
    occurrences, totals = node_totals(tree)
    return [FitLevel.read(tree, occurrences, totals, level) for level in tree.stream_levels(stream, False)]


def _fit_weights(levels: list[FitLevel], base: Floats) -> Floats:
    """Return the weights, (sum of WIDTHS, bins), that minimize the bits of the stream and the L2 penalty."""
    decay = np.repeat([SINGLE_DECAY] * len(FEATURE_SIZES) + [PAIR_DECAY] * len(FEATURE_PAIRS), WIDTHS)[:, None]

    def objective_gradient(weights: Floats) -> Floats:
        return np.asarray((gradient(levels, base, weights) + 2 * decay * weights) / len(base))

    return minimize(objective_gradient, np.zeros((sum(WIDTHS), len(COUNT_BINS))), ITERATIONS)


def minimize(gradient_at: Callable[[Floats], Floats], weights: Floats, iterations: int) -> Floats:
    """Return weights after so many steps of Adam (Kingma & Ba 2015) from the given ones."""
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, iterations + 1):
        slope = gradient_at(weights)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - LEARNING_RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def gradient(levels: list[FitLevel], base: Floats, weights: Floats) -> Floats:
    """Return the gradient of the stream's bits with respect to the weights; `base` is (tokens of the stream,)."""
    # forward: from the shortest contexts to the longest, remembering what each level started from
    probabilities, started_from, coefficients = base.copy(), [], []
    for level in levels:
        table = discounts(weights, level.features)
        started_from.append(probabilities[level.positions])
        coefficients.append((table, (level.bin_shares * table[level.kinds]).sum(axis=1)))
        probabilities[level.positions] = level.probabilities(table, probabilities)

    # backward: the derivative of the bits by each token's probability, at one level after the other
    total, derivative = np.zeros_like(weights), -1 / (probabilities * np.log(2))
    reversed_levels = zip(reversed(levels), reversed(started_from), reversed(coefficients), strict=True)
    for level, shorter, (table, leftover) in reversed_levels:
        upper = derivative[level.positions]
        derivative[level.positions] = upper * leftover
        by_discount = level.bin_shares * (upper * shorter)[:, None]
        by_discount[np.arange(len(upper)), level.bins] -= upper * level.inverse_total
        by_kind = np.stack([np.bincount(level.kinds, column, len(table)) for column in by_discount.T], axis=1)
        by_kind *= table * (1 - table / COUNT_BINS)  # the derivative of the logistic function
        for rows in level.features.T:
            np.add.at(total, rows, by_kind)
    return total
