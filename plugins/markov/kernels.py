"""The loops over a chain's tree, compiled by numba (`compiling.py`): advance, predict, score.

Importing this file imports numba, which takes a third of a second: the other files do so when a chain is used. The
functions walk a `BackoffModel`; a state is a node and the length of its context in tokens, and lies inside an edge of
the tree if it is shorter than the longest context of the node. No index is checked: `restore_tree` and `build_model`
have checked the arrays.
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
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small

KNESER_NEY = METHODS.index("kneser-ney")
MODIFIED_KNESER_NEY = METHODS.index("modified-kneser-ney")
WITTEN_BELL, ADD_K_METHOD, MLE, FITTED = map(METHODS.index, ("witten-bell", "add-k", "mle", "fitted"))


# The tree


@kernel
def find_pair(tokens: Small, starts: Ints, node: int, token: int) -> int:
    """Return the pair of a node and a token by binary search, or MISSING."""
    low, stop = starts[node], starts[node + 1]
    high = stop
    while low < high:
        middle = (low + high) // 2
        if tokens[middle] < token:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and tokens[low] == token else MISSING


@inner
def back_off(model: BackoffModel, node: int, token: int) -> tuple[int, int, float]:
    """Return the first node on the path to the root that the token followed, the pair, and the backoff on the way.

    Node and pair are MISSING for a token that never followed anything.
    """
    factor = 1.0
    while node != MISSING:
        pair = find_pair(model.tokens, model.starts, node, token)
        if pair != MISSING:
            return node, pair, factor
        factor *= model.backoff[node]
        node = model.parent[node]
    return MISSING, MISSING, factor


@inner
def follow(model: BackoffModel, length: int, node: int, pair: int) -> tuple[int, int]:
    """Return the state after the token of a pair; `length` is that of the context before, `node` from `back_off`."""
    # the last token of the training text leads nowhere: back off further
    while node != MISSING and model.links[pair] == MISSING:
        node, pair, _ = back_off(model, model.parent[node], model.tokens[pair])
    if node == MISSING:
        return len(model.parent) - 1, 0
    length = min(length, model.depth[node]) + 1
    return model.links[pair], length if model.longest < 0 else min(length, model.longest)


@kernel
def advance(model: BackoffModel, node: int, length: int, token: int) -> tuple[int, int]:
    """Return the state after one more token: the longest context that occurred in training."""
    context, pair, _ = back_off(model, node, token)
    return follow(model, length, context, pair)


@kernel
def occurrences(model: BackoffModel, node: int) -> int:
    """Return how often the contexts of a node occurred in training."""
    return int(model.counts[model.starts[node] : model.starts[node + 1]].sum())


# Smoothing: from counts to probabilities


@kernel
def discount(model: BackoffModel, node: int, length: int) -> float:
    """Return the leftover of a context, and write the discounted probabilities of its node's pairs to the memory.

    The formulas are in `smoothing.py`. The context may lie inside an edge.
    """
    start, method, discounted = model.starts[node], model.method, model.discounted
    types = model.starts[node + 1] - start

    # the counts that the method uses; inside an edge, one token precedes: all continuation counts are 1
    kneser_ney = method in (KNESER_NEY, MODIFIED_KNESER_NEY)
    counts = model.continuations if kneser_ney or method == FITTED else model.counts
    inside = kneser_ney and length < model.depth[node]
    total, highest = 0, 0
    for row in range(types):
        count = 1 if inside else counts[start + row]
        discounted[row] = count
        total, highest = total + count, max(highest, count)

    # a leftover in closed form; the counts share the rest
    if method in (WITTEN_BELL, MLE, ADD_K_METHOD):
        leftover = ESCAPE
        if method == WITTEN_BELL:
            leftover = types / (total + types)
        elif method == ADD_K_METHOD:
            leftover = 1 - total / (total + ADD_K * len(model.base)) if length == model.longest else 1.0
        for row in range(types):
            discounted[row] = discounted[row] / total * (1 - leftover)
        return leftover

    # discounts, which are subtracted from the counts
    if method == FITTED:
        bins = find_bin(highest, COUNT_BINS) + 1
        fill_discounts(model.weights, context_bins(model, node, length), model.table[:bins])
    subtracted = 0.0
    for row in range(types):
        count = int(discounted[row])
        one = (
            model.table[find_bin(count, COUNT_BINS)] if method == FITTED else model.discounts[length, min(count, 3) - 1]
        )
        discounted[row] = (count - one) / total
        subtracted += one
    return float(subtracted / total)


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
        edge = min(max(length - model.depth[parent], 0), MAX_EDGE)
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
    return 0 if model.parent[node] == MISSING else model.depth[model.parent[node]] + 1


@kernel
def fill_backoff_form(model: BackoffModel, probabilities: Floats, backoff: Floats) -> None:
    """Write the probabilities, (pairs,), and backoff, (nodes,), of a model that lacks them."""
    for node in range(len(model.parent) - 1, -1, -1):  # a parent comes after its children
        # p(w | h') of the node's tokens, which all follow the parent too
        start, stop, parent = model.starts[node], model.starts[node + 1], model.parent[node]
        for pair in range(start, stop):
            token = model.tokens[pair]
            if parent == MISSING:
                probabilities[pair] = model.base[token]
            else:
                probabilities[pair] = probabilities[find_pair(model.tokens, model.starts, parent, token)]

        # p(w | h) = discounted(w) + leftover p(w | h'), at all context lengths of the node
        backoff[node] = 1
        for length in range(first_length(model, node, model.depth[node]), model.depth[node] + 1):
            leftover = discount(model, node, length)
            for pair in range(start, stop):
                probabilities[pair] = model.discounted[pair - start] + leftover * probabilities[pair]
            backoff[node] *= leftover


# Prediction


@inner
def inside_edge(model: BackoffModel, node: int, length: int, token: int) -> float:
    """Return the probability of a token after a context inside an edge: the recursion from that after the parent."""
    context, pair, factor = back_off(model, model.parent[node], token)
    result: float = factor * (model.base[token] if context == MISSING else model.probabilities[pair])
    row = find_pair(model.tokens, model.starts, node, token) - model.starts[node]
    for step in range(first_length(model, node, length), length + 1):
        leftover = discount(model, node, step)
        result = (model.discounted[row] if row >= 0 else 0.0) + leftover * result
    return result


@kernel
def fill_distribution(model: BackoffModel, node: int, length: int, first: int, probabilities: Floats) -> None:
    """Write the probabilities of the tokens from `first` on after a state, (tokens,)."""
    # of a state inside an edge, first those of the parent
    inside = length < model.depth[node]
    context, factor = model.parent[node] if inside else node, 1.0
    probabilities[:] = 0

    # every token has the probability of the longest context that it followed
    while context != MISSING:
        for pair in range(model.starts[context], model.starts[context + 1]):
            place = model.tokens[pair] - first
            if place >= len(probabilities):  # the tokens are sorted
                break
            if place >= 0 and probabilities[place] == 0:
                probabilities[place] = factor * model.probabilities[pair]
        factor *= model.backoff[context]
        context = model.parent[context]
    for place in range(len(probabilities)):
        if probabilities[place] == 0:
            probabilities[place] = factor * model.base[first + place]

    # then the recursion inside the edge
    if inside:
        interpolate_edge(model, node, length, first, probabilities)


@inner
def interpolate_edge(model: BackoffModel, node: int, length: int, first: int, probabilities: Floats) -> None:
    """Turn the probabilities of the tokens after a node's parent into those after a context inside its edge."""
    start, stop = model.starts[node], model.starts[node + 1]
    for step in range(first_length(model, node, length), length + 1):
        probabilities *= discount(model, node, step)
        for pair in range(start, stop):
            place = model.tokens[pair] - first
            if 0 <= place < len(probabilities):
                probabilities[place] += model.discounted[pair - start]


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
    context, pair, factor = back_off(model, node, token)
    if length < model.depth[node]:
        return inside_edge(model, node, length, token), context, pair
    return factor * (model.base[token] if pair == MISSING else model.probabilities[pair]), context, pair


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
