"""The loops that fit the weights of fitted smoothing, compiled by numba; `discount_fitting.py` calls them."""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.fitted_smoothing import COUNT_BINS, FIRST_ROWS, FitData
from genbench_plugins.markov.kernels import context_bins, fill_discounts, find_bin, weight_row
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.tree_kernels import advance, continuation_of, depth_of, find_pair


@kernel
def count_rows(model: BackoffModel, stream: Ints, first: Ints) -> None:
    """Write the first row of every token of a stream, and the number of rows, (tokens + 1,)."""
    node, length = len(model.parent) - 1, 0
    for position in range(len(stream)):
        first[position + 1], context = first[position], node
        while context != MISSING:
            first[position + 1] += 1
            context = model.parent[context]
        node, length = advance(model, node, length, stream[position])


@kernel
def read_rows(model: BackoffModel, stream: Ints, first: Ints, nodes: Ints, lengths: Ints, counts: Ints) -> None:
    """Write node, context length and count of the token for every row, (rows,) each."""
    node, length = len(model.parent) - 1, 0
    for position in range(len(stream)):
        row, context = first[position + 1], node
        while context != MISSING:
            row -= 1
            pair = find_pair(model.tokens, model.starts, context, stream[position])
            nodes[row], lengths[row] = context, min(length, depth_of(model, context))
            counts[row] = 0 if pair == MISSING else continuation_of(model, pair)
            context = model.parent[context]
        node, length = advance(model, node, length, stream[position])


@kernel
def describe_contexts(
    model: BackoffModel, nodes: Ints, lengths: Ints, bins: Ints, shares: Floats, totals: Floats
) -> None:
    """Write the bins of the features, shares and totals of contexts, as `FitData` describes them."""
    shares[:] = 0
    totals[:] = 0
    for context in range(len(nodes)):
        node = nodes[context]
        for pair in range(model.starts[node], model.starts[node + 1]):
            shares[context, find_bin(continuation_of(model, pair), COUNT_BINS)] += 1
            totals[context] += continuation_of(model, pair)
        for column in range(len(COUNT_BINS)):
            shares[context, column] /= totals[context]
        for feature, place in enumerate(context_bins(model, node, lengths[context])):
            bins[context, feature] = place


@kernel
def find_cells(data: FitData, cells: Ints) -> None:
    """Write the cells of all counts, (rows,)."""
    for row in range(len(cells)):
        count, kind = data.counts[row], data.kinds[data.contexts[row]]
        cells[row] = kind * len(COUNT_BINS) + find_bin(count, COUNT_BINS) if count else MISSING


@kernel
def apply_weights(data: FitData, weights: Floats, tables: Floats, leftover: Floats) -> None:
    """Write the discounts of all kinds of contexts, (kinds, bins), and the leftover of all contexts, (contexts,)."""
    for kind in range(len(tables)):
        fill_discounts(weights, kind_bins(data.bins, kind), tables[kind])
    for context in range(len(leftover)):
        leftover[context] = 0
        for column in range(len(COUNT_BINS)):
            leftover[context] += data.shares[context, column] * tables[data.kinds[context], column]


@kernel
def add_slopes(data: FitData, tables: Floats, leftover: Floats, shorter: Floats, moved: Floats, slopes: Floats) -> None:
    """Add the gradient of the bits with respect to the discounts, `tables`, to `slopes`, both (cells,).

    `shorter` and `moved` are memory to use: a token's probability before every step of the recursion, (longest path,),
    and the gradient with respect to the leftovers, (contexts,).
    """
    moved[:] = 0
    for token in range(len(data.base)):
        # forward: from the root to the longest context
        start, stop = data.first[token], data.first[token + 1]
        probability = data.base[token]
        for row in range(start, stop):
            context, cell, shorter[row - start] = data.contexts[row], data.cells[row], probability
            probability *= leftover[context]
            if cell != MISSING:
                probability += (data.counts[row] - tables[cell]) * data.weights[row]

        # backward: a discount moves mass from the token to shorter contexts
        upper = -1 / (probability * np.log(2))
        for row in range(stop - 1, start - 1, -1):
            context, cell = data.contexts[row], data.cells[row]
            moved[context] += upper * shorter[row - start]
            if cell != MISSING:
                slopes[cell] -= upper * data.weights[row]
            upper *= leftover[context]
    for context in range(len(moved)):
        for column in range(len(COUNT_BINS)):
            slopes[data.kinds[context] * len(COUNT_BINS) + column] += data.shares[context, column] * moved[context]


@kernel
def add_gradient(data: FitData, tables: Floats, slopes: Floats, gradient: Floats) -> None:
    """Add the gradient with respect to the weights, through the logistic function, given that of the discounts."""
    for kind in range(len(tables)):
        for column in range(len(COUNT_BINS)):
            share = tables[kind, column] / COUNT_BINS[column]
            for feature in range(len(FIRST_ROWS)):
                row = weight_row(kind_bins(data.bins, kind), feature)
                gradient[row, column] += slopes[kind, column] * tables[kind, column] * (1 - share)


@inner
def kind_bins(bins: Ints, kind: int) -> tuple[int, int, int, int, int]:
    """Return the bins of the features of a kind of context."""
    return bins[kind, 0], bins[kind, 1], bins[kind, 2], bins[kind, 3], bins[kind, 4]
