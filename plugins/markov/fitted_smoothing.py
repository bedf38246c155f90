"""Fitted smoothing: discounts that depend on the context, with weights fitted on validation text.

Differs from the closed forms of `smoothing.py`, whose discounts depend only on the length of the context. The counts
are the continuation counts of Kneser & Ney (1995). A prediction visits every node on a path once, as in the sequence
memoizer (Wood et al. 2009). The discount of a count c at a context h is a logistic function of features x(h):

    D(c, h) = c_b / (1 + exp(-sum_i w[x_i(h), b]))        b: the bin of c, c_b: the lowest count of the bin

The features are the length of the context, the difference to the length of its parent, the number of different tokens
that followed it and its parent, the number of occurrences, and pairs of these features. Gradient descent (Adam) fits
the weights w to minimize the bits of validation text. Given the discounts, p(w | h) is as in `smoothing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.smoothing import Smoothing
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, StreamLevel, SuffixTree, expand_ranges

# lowest values of the bins
COUNT_BINS = np.array([1, 2, 3, 4, 7, 16])
LENGTH_BINS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 21, 27])
TYPE_BINS = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 100, 300, 1000])  # different tokens that followed
OCCURRENCE_BINS = np.array([1, 2, 3, 4, 6, 8, 12, 20, 40, 100, 400, 2000, 10000])
MAX_EDGE = 8  # tokens by which a context is longer than its parent; larger values are clipped

# the features: length, edge, types, types of the parent, occurrences; then pairs of them, by index
FEATURE_SIZES = (len(LENGTH_BINS), MAX_EDGE + 1, len(TYPE_BINS), len(TYPE_BINS), len(OCCURRENCE_BINS))
FEATURE_PAIRS = ((0, 2), (0, 4), (2, 4), (1, 2), (2, 3))
WIDTHS = (*FEATURE_SIZES, *(FEATURE_SIZES[i] * FEATURE_SIZES[j] for i, j in FEATURE_PAIRS))
FIRST_ROWS = (0, *accumulate(WIDTHS[:-1]))  # of every feature in the weights

ITERATIONS = 60
LEARNING_RATE = 0.1
SINGLE_DECAY, PAIR_DECAY = 0.3, 3.0  # L2 penalties of the weights of single features and of pairs


def bin_index(values: npt.NDArray[np.integer[Any]], edges: Ints) -> Ints:
    """Return the bin of every value; `edges` are the lowest values of the bins.

    >>> bin_index(np.array([1, 3, 5, 99]), COUNT_BINS).tolist()
    [0, 2, 3, 5]
    """
    bins: Ints = np.searchsorted(edges, values, side="right") - 1
    return bins


def context_features(tree: SuffixTree, occurrences: Ints, nodes: Ints, lengths: Ints) -> Ints:
    """Return the features of n contexts, given their nodes and lengths: indices of rows of the weights, (n, features).

    `occurrences` is (nodes,): how often the contexts of a node occurred.
    """
    # a node and its parent; the root has no parent
    parents = tree.parent[nodes].astype(np.int64)
    is_root = parents == MISSING
    types = tree.starts[nodes + 1] - tree.starts[nodes]
    parent_types = tree.starts[parents + 1] - tree.starts[parents]
    edge = np.where(is_root, 0, np.clip(lengths - tree.depth[parents], 0, MAX_EDGE))

    # bins of the single features, pairs of bins, and the first row of every feature
    single = [
        bin_index(lengths, LENGTH_BINS),
        edge,
        bin_index(types, TYPE_BINS),
        np.where(is_root, 0, bin_index(parent_types, TYPE_BINS)),
        bin_index(occurrences[nodes], OCCURRENCE_BINS),
    ]
    pairs = [single[i] * FEATURE_SIZES[j] + single[j] for i, j in FEATURE_PAIRS]
    rows: Ints = np.stack([*single, *pairs], axis=1) + np.array(FIRST_ROWS)
    return rows


def discounts(weights: Floats, features: Ints) -> Floats:
    """Return the discounts of n contexts by bin of counts, (n, bins), given their features, (n, features)."""
    total = np.zeros((len(features), len(COUNT_BINS)))
    for rows in features.T:
        total += weights[rows]
    return np.asarray(COUNT_BINS / (1 + np.exp(-total)))


def count_histogram(tree: SuffixTree, nodes: Ints) -> Floats:
    """Return the number of pairs of every node by bin of the continuation count, (nodes, bins)."""
    pairs, owner = expand_ranges(tree.starts[nodes], tree.starts[nodes + 1])
    cells = owner * len(COUNT_BINS) + bin_index(tree.continuations[pairs], COUNT_BINS)
    histogram = np.bincount(cells, minlength=len(nodes) * len(COUNT_BINS)).astype(np.float64)
    return histogram.reshape(len(nodes), len(COUNT_BINS))


def node_totals(tree: SuffixTree) -> tuple[Ints, Floats]:
    """Return the occurrences of every node, and the sum of its continuation counts, both (nodes,)."""
    owners = tree.owners
    occurrences = np.bincount(owners, weights=tree.counts).astype(np.int64)
    return occurrences, np.bincount(owners, weights=tree.continuations).astype(np.float64)


def fit_smoothing(tree: SuffixTree, stream: Ints, base: Floats) -> Smoothing:
    """Fit the weights on a stream of validation tokens; `base` is the base distribution, (vocabulary,)."""
    return Smoothing("fitted", np.empty((0, 3)), _fit_weights(read_levels(tree, stream), base[stream]))


@dataclass(frozen=True)
class FitLevel:
    """The contexts of one length before n tokens of validation text, prepared for the fit.

    Contexts with equal features have equal discounts and share a row of `features`.
    """

    positions: Ints  # (n,) of the tokens in the stream
    kinds: Ints  # (n,) rows of `features`
    features: Ints  # (kinds, features)
    bin_shares: Floats  # (n, bins) number of the node's pairs by bin of counts, over the node's total
    count: Floats  # (n,) count of the token over the node's total; 0 if it never followed
    bins: Ints  # (n,) bin of the token's count
    inverse_total: Floats  # (n,) one over the node's total if the token followed, else 0

    @classmethod
    def read(cls, tree: SuffixTree, occurrences: Ints, totals: Floats, level: StreamLevel) -> FitLevel:
        """Look up the contexts of one level in the tree."""
        length, positions, nodes, pairs = level

        # number the distinct features
        distinct, which = np.unique(nodes, return_inverse=True)
        lengths = np.minimum(tree.depth[distinct], length).astype(np.int64)
        features, kinds = np.unique(context_features(tree, occurrences, distinct, lengths), axis=0, return_inverse=True)

        # counts of the tokens, relative to the totals of the nodes
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
        """Return the probabilities of the level's tokens, (n,): one back-off step of the recursion.

        `table` has the discounts by kind of context, (kinds, bins), and `shorter` the probabilities of all tokens of
        the stream by shorter contexts, (tokens,).
        """
        rows = table[self.kinds]
        leftover = (self.bin_shares * rows).sum(axis=1)
        subtracted = rows[np.arange(len(rows)), self.bins] * self.inverse_total
        return np.asarray(shorter[self.positions] * leftover + self.count - subtracted)


def read_levels(tree: SuffixTree, stream: Ints) -> list[FitLevel]:
    """Return the contexts of a stream by length, the shortest first."""
    occurrences, totals = node_totals(tree)
    return [FitLevel.read(tree, occurrences, totals, level) for level in tree.stream_levels(stream)]


def _fit_weights(levels: list[FitLevel], base: Floats) -> Floats:
    """Return the weights, (sum of WIDTHS, bins), that minimize the bits of the stream and the L2 penalty."""
    decay = np.repeat([SINGLE_DECAY] * len(FEATURE_SIZES) + [PAIR_DECAY] * len(FEATURE_PAIRS), WIDTHS)[:, None]

    def objective_gradient(weights: Floats) -> Floats:
        """Return the gradient of the objective, per token."""
        return np.asarray((gradient(levels, base, weights) + 2 * decay * weights) / len(base))

    return minimize(objective_gradient, np.zeros((sum(WIDTHS), len(COUNT_BINS))), ITERATIONS)


def minimize(gradient_at: Callable[[Floats], Floats], weights: Floats, iterations: int) -> Floats:
    """Return the weights after a number of steps of Adam (Kingma & Ba 2015), from the initial `weights`.

    `gradient_at` returns the gradient of the objective at given weights.
    """
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, iterations + 1):
        slope = gradient_at(weights)

        # running means of the gradient and its square, then a step along their bias-corrected ratio
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - LEARNING_RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def gradient(levels: list[FitLevel], base: Floats, weights: Floats) -> Floats:
    """Return the gradient of the stream's bits with respect to the weights, in the shape of the weights.

    `base` has the base probabilities of the tokens of the stream, (tokens,).
    """
    # forward: from the shortest contexts to the longest; store the values that the backward pass needs
    probabilities, started_from, coefficients = base.copy(), [], []
    for level in levels:
        table = discounts(weights, level.features)
        started_from.append(probabilities[level.positions])
        coefficients.append((table, (level.bin_shares * table[level.kinds]).sum(axis=1)))
        probabilities[level.positions] = level.probabilities(table, probabilities)

    # backward: the derivative of the bits with respect to the tokens' probabilities, level by level
    total, derivative = np.zeros_like(weights), -1 / (probabilities * np.log(2))
    reversed_levels = zip(reversed(levels), reversed(started_from), reversed(coefficients), strict=True)
    for level, shorter, (table, leftover) in reversed_levels:
        upper = derivative[level.positions]
        derivative[level.positions] = upper * leftover

        # with respect to the discounts: a discount moves mass from the token to shorter contexts
        by_discount = level.bin_shares * (upper * shorter)[:, None]
        by_discount[np.arange(len(upper)), level.bins] -= upper * level.inverse_total

        # with respect to the weights, through the logistic function
        by_kind = np.stack([np.bincount(level.kinds, column, len(table)) for column in by_discount.T], axis=1)
        by_kind *= table * (1 - table / COUNT_BINS)  # derivative of the logistic function
        for rows in level.features.T:
            np.add.at(total, rows, by_kind)
    return total
