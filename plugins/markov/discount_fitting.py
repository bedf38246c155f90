"""Fit the weights of fitted smoothing (`fitted_smoothing.py`): gradient descent on the bits of validation text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from genbench_plugins.markov.backoff_building import bare_model
from genbench_plugins.markov.fitted_smoothing import (
    COUNT_BINS,
    FEATURE_PAIRS,
    FEATURE_SIZES,
    WIDTHS,
    FitData,
)
from genbench_plugins.markov.packed_tree import PackedTree
from genbench_plugins.markov.smoothing import Smoothing
from genbench_plugins.markov.suffix_tree import Floats, Ints

ITERATIONS = 60
LEARNING_RATE = 0.1
SINGLE_DECAY, PAIR_DECAY = 0.3, 3.0  # L2 penalties of the weights of single features and of pairs


def fit_smoothing(tree: PackedTree, stream: Ints, base: Floats) -> Smoothing:
    """Fit the weights on a stream of validation tokens; `base` is the base distribution, (vocabulary,)."""
    data = read_contexts(tree, stream, base)
    decay = np.repeat([SINGLE_DECAY] * len(FEATURE_SIZES) + [PAIR_DECAY] * len(FEATURE_PAIRS), WIDTHS)[:, None]

    def objective_gradient(weights: Floats) -> Floats:
        """Return the gradient of the objective, per token."""
        return np.asarray((gradient(data, weights) + 2 * decay * weights) / len(stream))

    return fitted(minimize(objective_gradient, fitted().weights, ITERATIONS))


def fitted(weights: Floats | None = None) -> Smoothing:
    """Return fitted smoothing with these weights, (sum of WIDTHS, bins), or with zeros."""
    zeros = np.zeros((sum(WIDTHS), len(COUNT_BINS)))
    return Smoothing("fitted", np.empty((0, 3)), zeros if weights is None else weights)


def read_contexts(tree: PackedTree, stream: Ints, base: Floats) -> FitData:
    """Look up the contexts before all tokens of a stream."""
    from genbench_plugins.markov import fit_kernels

    # a row for every context before a token
    model, tokens = bare_model(tree, fitted(), base), np.array(stream, np.int64)
    first = np.zeros(len(stream) + 1, np.int64)
    fit_kernels.count_rows(model, tokens, first)
    nodes, lengths, counts = (np.empty(first[-1], np.int64) for _ in range(3))
    fit_kernels.read_rows(model, tokens, first, nodes, lengths, counts)

    # distinct contexts, then distinct kinds
    sizes = (len(tree.parent), int(lengths.max()) + 1)
    distinct, contexts = np.unique(np.ravel_multi_index((nodes, lengths), sizes), return_inverse=True)
    nodes, lengths = (np.ascontiguousarray(part) for part in np.unravel_index(distinct, sizes))
    bins = np.empty((len(distinct), len(FEATURE_SIZES)), np.int64)
    shares, totals = np.empty((len(distinct), len(COUNT_BINS))), np.empty(len(distinct))
    fit_kernels.describe_contexts(model, nodes, lengths, bins, shares, totals)
    codes, kinds = np.unique(np.ravel_multi_index(tuple(bins.T), FEATURE_SIZES), return_inverse=True)
    kind_bins = np.stack(np.unravel_index(codes, FEATURE_SIZES), axis=1)

    # the cells of the counts
    weights, cells = 1 / totals[contexts], np.empty_like(counts)
    data = FitData(first, contexts, counts, weights, cells, base[stream], kinds, shares, totals, kind_bins)
    fit_kernels.find_cells(data, cells)
    return data


def gradient(data: FitData, weights: Floats) -> Floats:
    """Return the gradient of the bits of the tokens with respect to the weights, in the shape of the weights."""
    from genbench_plugins.markov import fit_kernels

    # forward: from the weights to discounts and leftovers
    tables, leftover = np.empty((len(data.bins), len(COUNT_BINS))), np.empty(len(data.totals))
    fit_kernels.apply_weights(data, weights, tables, leftover)

    # backward, by way of the discounts
    slopes, result = np.zeros_like(tables), np.zeros_like(weights)
    memory = np.empty(int(np.diff(data.first).max())), np.empty(len(leftover))
    fit_kernels.add_slopes(data, tables.ravel(), leftover, *memory, slopes.ravel())
    fit_kernels.add_gradient(data, tables, slopes, result)
    return result


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
