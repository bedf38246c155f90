"""The loops over the tree of a chain, compiled by numba (`compiling.py`): find what followed a context, and advance.

Importing this file imports numba, which takes a third of a second: the other files do so when a chain is used. The
functions walk a `BackoffModel`; a state is a node and the length of its context in tokens, and lies inside an edge of
the tree if it is shorter than the longest context of the node. No index is checked: `restore_tree` and `build_model`
have checked the arrays.
"""

from __future__ import annotations

from genbench_plugins.markov.backoff_model import BackoffModel, Tokens
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.packed_tree import LARGE, Bytes
from genbench_plugins.markov.suffix_tree import MISSING, Ints, Small


@kernel
def find_pair(tokens: Tokens, starts: Small | Ints, node: int, token: int) -> int:
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
def depth_of(model: BackoffModel, node: int) -> int:
    """Return the length of a node's longest context."""
    return model.leaf_depth if node < model.leaves else int(model.depth[node - model.leaves])


@inner
def unpack(small: Bytes, large: Small, place: int) -> int:
    """Return a count at a place, which is in the table of large counts if it does not fit into a byte."""
    count = int(small[place])
    if count < LARGE:
        return count
    low, high = 0, len(large) - 1
    while low < high:
        middle = (low + high) // 2
        if large[middle, 0] < place:
            low = middle + 1
        else:
            high = middle
    return int(large[low, 1])


@inner
def count_of(model: BackoffModel, pair: int) -> int:
    """Return how often the token of a pair followed its node."""
    return unpack(model.counts, model.large_counts, pair)


@inner
def continuation_of(model: BackoffModel, pair: int) -> int:
    """Return the continuation count of a pair."""
    if pair < model.first_pair:
        return count_of(model, pair)
    return unpack(model.continuations, model.large_continuations, pair - model.first_pair)


@inner
def is_stored(model: BackoffModel, node: int, length: int) -> bool:
    """Return whether the model has the probabilities after a context: none of a leaf, and none inside an edge."""
    return node >= model.leaves and length >= depth_of(model, node)


@inner
def find_follower(model: BackoffModel, node: int, token: int) -> tuple[int, int]:
    """Return the first node on the path to the root that the token followed, and the pair, or MISSING for both."""
    while node != MISSING:
        pair = find_pair(model.tokens, model.starts, node, token)
        if pair != MISSING:
            return node, pair
        node = model.parent[node]
    return MISSING, MISSING


@inner
def back_off(model: BackoffModel, node: int, token: int) -> tuple[int, int, float]:
    """Return what `find_follower` does for a node that is no leaf, and the backoff on the way."""
    factor = 1.0
    while node != MISSING:
        pair = find_pair(model.tokens, model.starts, node, token)
        if pair != MISSING:
            return node, pair, factor
        factor *= model.backoff[node - model.leaves]
        node = model.parent[node]
    return MISSING, MISSING, factor


@inner
def follow(model: BackoffModel, length: int, node: int, pair: int) -> tuple[int, int]:
    """Return the state after the token of a pair from `find_follower`; `length` is that of the context before."""
    # the last token of the training text leads nowhere: back off further
    while node != MISSING and model.links[pair] == MISSING:
        node, pair = find_follower(model, model.parent[node], model.tokens[pair])
    if node == MISSING:
        return len(model.parent) - 1, 0
    length = min(length, depth_of(model, node)) + 1
    return model.links[pair], length if model.longest < 0 else min(length, model.longest)


@kernel
def advance(model: BackoffModel, node: int, length: int, token: int) -> tuple[int, int]:
    """Return the state after one more token: the longest context that occurred in training."""
    context, pair = find_follower(model, node, token)
    return follow(model, length, context, pair)


@kernel
def occurrences(model: BackoffModel, node: int) -> int:
    """Return how often the contexts of a node occurred in training."""
    total = 0
    for pair in range(model.starts[node], model.starts[node + 1]):
        total += count_of(model, pair)
    return total
