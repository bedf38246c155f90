"""The loops that predict with a chain, compiled by numba: discounts, probabilities, distributions, streams.

States and models are those of `tree_kernels.py`.
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.fitted_smoothing import (
    COUNT_BINS,
    FEATURE_PAIRS,
    FEATURE_SIZES,
    FIRST_ROWS,
    LENGTH_BINS,
    MAX_EDGE,
    OCCURRENCE_BINS,
    TYPE_BINS,
)
from genbench_plugins.markov.smoothing import ADD_K, ESCAPE, METHODS
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.tree_kernels import (
    advance,
    back_off,
    continuation_of,
    count_of,
    depth_of,
    find_pair,
    follow,
    is_stored,
    occurrences,
)

KNESER_NEY = METHODS.index("kneser-ney")
MODIFIED_KNESER_NEY = METHODS.index("modified-kneser-ney")
WITTEN_BELL, ADD_K_METHOD, MLE, FITTED = map(METHODS.index, ("witten-bell", "add-k", "mle", "fitted"))


# Smoothing: from counts to probabilities


@kernel
def discount(model: BackoffModel, node: int, length: int) -> float:
    """Return the leftover of a context, and write the discounted probabilities of its node's pairs to the memory.

    The formulas are in `smoothing.py`. The context may lie inside an edge.
    """
    leftover, total = sum_counts(model, node, length)
    for pair in range(model.starts[node], model.starts[node + 1]):
        model.discounted[pair - model.starts[node]] = discounted(model, node, length, pair, leftover, total)
    return leftover


@inner
def smoothed_count(model: BackoffModel, node: int, length: int, pair: int) -> int:
    """Return the count of a pair that the method uses at a context length."""
    # inside an edge, one token precedes: all continuation counts are 1
    if model.method == FITTED:
        return continuation_of(model, pair)
    if model.method not in (KNESER_NEY, MODIFIED_KNESER_NEY):
        return count_of(model, pair)
    return 1 if length < depth_of(model, node) else continuation_of(model, pair)


@inner
def sum_counts(model: BackoffModel, node: int, length: int) -> tuple[float, int]:
    """Return the leftover of a context, and the sum of its counts; fitted discounts are written to the memory."""
    start, stop, method = model.starts[node], model.starts[node + 1], model.method
    if method in (KNESER_NEY, MODIFIED_KNESER_NEY) and length < depth_of(model, node):
        return discount_of(model, length, 1), stop - start  # all counts are 1

    total, ones, twos, highest = 0, 0, 0, 0
    for pair in range(start, stop):
        count = smoothed_count(model, node, length, pair)
        total, ones, twos, highest = total + count, ones + (count == 1), twos + (count == 2), max(highest, count)

    # a leftover in closed form
    if method == WITTEN_BELL:
        return (stop - start) / (total + stop - start), total
    if method == MLE:
        return ESCAPE, total
    if method == ADD_K_METHOD:
        return 1 - total / (total + ADD_K * len(model.base)) if length == model.longest else 1.0, total

    # discounts, which are subtracted from the counts
    if method != FITTED and model.discounts.shape[1] == 3:
        more = discount_of(model, length, 3) * (stop - start - ones - twos)
        return (ones * discount_of(model, length, 1) + twos * discount_of(model, length, 2) + more) / total, total
    if method == FITTED:
        bins = context_bins(model, node, length)
        fill_discounts(model.weights, bins, model.table[: find_bin(highest, COUNT_BINS) + 1])
    subtracted = 0.0
    for pair in range(start, stop):
        subtracted += discount_of(model, length, smoothed_count(model, node, length, pair))
    return float(subtracted / total), total


@inner
def discount_of(model: BackoffModel, length: int, count: int) -> float:
    """Return what is subtracted from a count."""
    if model.method == FITTED:
        return float(model.table[find_bin(count, COUNT_BINS)])
    return float(model.discounts[min(length, len(model.discounts) - 1), min(count, model.discounts.shape[1]) - 1])


@inner
def discounted(model: BackoffModel, node: int, length: int, pair: int, leftover: float, total: int) -> float:
    """Return the discounted probability of a pair; leftover and total are from `sum_counts`."""
    count = smoothed_count(model, node, length, pair)
    if model.method in (WITTEN_BELL, MLE, ADD_K_METHOD):
        return count / total * (1 - leftover)
    return (count - discount_of(model, length, count)) / total


@inner
def find_bin(value: int, edges: Ints) -> int:
    """Return the bin of a value; `edges` are the lowest values of the bins."""
    place = 0
    while place + 1 < len(edges) and edges[place + 1] <= value:
        place += 1
    return place


@inner
def context_bins(model: BackoffModel, node: int, length: int) -> tuple[int, int, int, int, int]:
    """Return the bins of the features of a context: length, edge, types, types of the parent, occurrences."""
    parent = model.parent[node]
    edge, parent_types = 0, 0
    if parent != MISSING:
        edge = min(max(length - depth_of(model, parent), 0), MAX_EDGE)
        parent_types = find_bin(model.starts[parent + 1] - model.starts[parent], TYPE_BINS)
    types = find_bin(model.starts[node + 1] - model.starts[node], TYPE_BINS)
    occurred = find_bin(occurrences(model, node), OCCURRENCE_BINS)
    return find_bin(length, LENGTH_BINS), edge, types, parent_types, occurred


@inner
def weight_row(bins: tuple[int, int, int, int, int], feature: int) -> int:
    """Return the row of the weights for a feature or a pair of features of a context."""
    if feature < len(bins):
        return FIRST_ROWS[feature] + bins[feature]
    first, second = FEATURE_PAIRS[feature - len(bins)]
    return FIRST_ROWS[feature] + bins[first] * FEATURE_SIZES[second] + bins[second]


@inner
def fill_discounts(weights: Floats, bins: tuple[int, int, int, int, int], table: Floats) -> None:
    """Write the discounts of a context for the first bins of counts, as `fitted_smoothing.py` defines them."""
    table[:] = 0
    for feature in range(len(FIRST_ROWS)):
        row = weight_row(bins, feature)
        for column in range(len(table)):
            table[column] += weights[row, column]
    for column in range(len(table)):
        table[column] = COUNT_BINS[column] / (1 + np.exp(-table[column]))


@inner
def first_length(model: BackoffModel, node: int, length: int) -> int:
    """Return the shortest context length of a node at which the recursion takes a step; `length` is the longest."""
    if not model.every_length:
        return length
    return 0 if model.parent[node] == MISSING else depth_of(model, model.parent[node]) + 1


@kernel
def fill_backoff_form(model: BackoffModel, probabilities: Floats, backoff: Floats) -> None:
    """Write the probabilities and the backoff of all nodes that are no leaves, of a model that lacks them."""
    for node in range(len(model.parent) - 1, model.leaves - 1, -1):  # a parent comes after its children
        # p(w | h') of the node's tokens, which all follow the parent too
        start, parent, types = model.starts[node], model.parent[node], model.starts[node + 1] - model.starts[node]
        own = probabilities[start - model.first_pair : start - model.first_pair + types]
        for row in range(types):
            token = model.tokens[start + row]
            if parent == MISSING:
                own[row] = model.base[token]
            else:
                own[row] = probabilities[find_pair(model.tokens, model.starts, parent, token) - model.first_pair]

        # p(w | h) = discounted(w) + leftover p(w | h'), at all context lengths of the node
        depth, product = depth_of(model, node), 1.0
        for length in range(first_length(model, node, depth), depth + 1):
            leftover = discount(model, node, length)
            for row in range(types):
                own[row] = model.discounted[row] + leftover * own[row]
            product *= leftover
        backoff[node - model.leaves] = product


# Prediction


@inner
def interpolate(model: BackoffModel, node: int, length: int, pair: int, shorter: float) -> float:
    """Return p(w | h) of a context that is not stored from p(w | h') of the parent; `pair` is that of w, or MISSING."""
    for step in range(first_length(model, node, length), length + 1):
        leftover, total = sum_counts(model, node, step)
        shorter *= leftover
        if pair != MISSING:
            shorter += discounted(model, node, step, pair, leftover, total)
    return shorter


@inner
def interpolate_pairs(model: BackoffModel, node: int, length: int, added: bool) -> float:
    """Write p(w | h) of a node's pairs after a context that is not stored to the memory, (pairs of the node,).

    Or write only what the context has `added` to the product of the leftovers and p(w | h'). Returns this product's
    first factor, which is that of p(w | h') for all other tokens.
    """
    start, types = model.starts[node], model.starts[node + 1] - model.starts[node]
    for row in range(types):
        model.edge[row] = 0
        if not added:
            pair = find_pair(model.tokens, model.starts, model.parent[node], model.tokens[start + row])
            model.edge[row] = model.probabilities[pair - model.first_pair]
    product = 1.0
    for step in range(first_length(model, node, length), length + 1):
        leftover = discount(model, node, step)
        product *= leftover
        for row in range(types):
            model.edge[row] = model.discounted[row] + leftover * model.edge[row]
    return product


@kernel
def fill_distribution(model: BackoffModel, node: int, length: int, first: int, probabilities: Floats) -> None:
    """Write the probabilities of the tokens from `first` on after a state, (tokens,)."""
    # of a context that is not stored, first those of the parent
    inside = not is_stored(model, node, length)
    context, factor = model.parent[node] if inside else node, 1.0
    probabilities[:] = 0

    # every token has the probability of the longest context that it followed
    while context != MISSING:
        for pair in range(model.starts[context], model.starts[context + 1]):
            place = model.tokens[pair] - first
            if place >= len(probabilities):  # the tokens are sorted
                break
            if place >= 0 and probabilities[place] == 0:
                probabilities[place] = factor * model.probabilities[pair - model.first_pair]
        factor *= model.backoff[context - model.leaves]
        context = model.parent[context]
    for place in range(len(probabilities)):
        if probabilities[place] == 0:
            probabilities[place] = factor * model.base[first + place]

    # then the recursion to the context
    if inside:
        start, stop = model.starts[node], model.starts[node + 1]
        probabilities *= interpolate_pairs(model, node, length, False)
        for pair in range(start, stop):
            place = model.tokens[pair] - first
            if 0 <= place < len(probabilities):
                probabilities[place] = model.edge[pair - start]


@kernel
def fill_distributions(model: BackoffModel, nodes: Ints, lengths: Ints, probabilities: Floats) -> None:
    """Write the probabilities of the first tokens after many states, (states, tokens)."""
    for row in range(len(nodes)):
        fill_distribution(model, nodes[row], lengths[row], 0, probabilities[row])


@kernel
def advance_states(model: BackoffModel, tokens: Ints, nodes: Ints, lengths: Ints) -> None:
    """Replace states, (states,), by those after one more token each."""
    for row in range(len(tokens)):
        nodes[row], lengths[row] = advance(model, nodes[row], lengths[row], tokens[row])


# Streams


@inner
def token_probability(model: BackoffModel, node: int, length: int, token: int) -> tuple[float, int, int]:
    """Return the probability of a token after a state, and what `follow` needs to advance: a node and a pair."""
    stored = is_stored(model, node, length)
    context, pair, factor = back_off(model, node if stored else model.parent[node], token)
    probability = factor * (model.base[token] if pair == MISSING else model.probabilities[pair - model.first_pair])
    if stored:
        return probability, context, pair

    # the recursion from the parent
    own = find_pair(model.tokens, model.starts, node, token)
    probability = interpolate(model, node, length, own, probability)
    return (probability, context, pair) if own == MISSING else (probability, node, own)


@kernel
def score(model: BackoffModel, node: int, length: int, ids: Ints, probabilities: Floats) -> tuple[int, int]:
    """Write the probability of every token of a stream read from a state, (tokens,); return the state after it."""
    for position in range(len(ids)):
        probabilities[position], context, pair = token_probability(model, node, length, ids[position])
        node, length = follow(model, length, context, pair)
    return node, length


@kernel
def score_states(model: BackoffModel, nodes: Ints, lengths: Ints, ids: Ints, probabilities: Floats) -> None:
    """Write the probability of one token after each state, (states,)."""
    for place in range(len(ids)):
        probabilities[place], _, _ = token_probability(model, nodes[place], lengths[place], ids[place])


@kernel
def read_states(model: BackoffModel, node: int, length: int, ids: Ints, nodes: Ints, lengths: Ints) -> tuple[int, int]:
    """Write the states before every token of a stream: nodes and context lengths, (tokens,) each; return the last."""
    for position in range(len(ids)):
        nodes[position], lengths[position] = node, length
        node, length = advance(model, node, length, ids[position])
    return node, length
