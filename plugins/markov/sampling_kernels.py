"""The loops that sample from a chain, compiled by numba: from whole distributions, or by quantile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.kernels import fill_distribution, interpolate_pairs
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.tree_kernels import advance, depth_of, find_pair, is_stored


class Quantiles(NamedTuple):
    """What sampling by quantile at a temperature needs besides the model (`quantile_sampling.py`).

    probabilities, backoff  those of the tempered model
    base                    (vocabulary,) running sum of its base distribution
    cumulative              (pairs of no leaves + 1,) running sum of what contexts add to their tokens
    total                   (nodes that are no leaves,) sum over all tokens
    """

    power: float
    probabilities: Floats
    backoff: Floats
    base: Floats
    cumulative: Floats
    total: Floats


@inner
def sample_token(
    model: BackoffModel,
    tempered: BackoffModel,
    power: float,
    node: int,
    length: int,
    first: int,
    uniform: float,
    masses: Floats,
) -> int:
    """Return the token at a quantile of the distribution after a state, without the tokens before `first`.

    In the tempered model, probabilities and backoff are raised to a power, and so are the products of both
    (`backoff_building.temper`). `masses` is memory to use, (vocabulary - first,).
    """
    # of a context that is not stored, the tempered distribution of the parent, but for the tokens that followed it
    if is_stored(model, node, length):
        fill_distribution(tempered, node, length, first, masses)
    else:
        parent, start = model.parent[node], model.starts[node]
        fill_distribution(tempered, parent, depth_of(model, parent), first, masses)
        masses *= interpolate_pairs(model, node, length, False) ** power
        for pair in range(start, model.starts[node + 1]):
            if model.tokens[pair] >= first:
                masses[model.tokens[pair] - first] = model.edge[pair - start] ** power

    # inverse transform sampling
    for place in range(1, len(masses)):
        masses[place] += masses[place - 1]
    place, mass = 0, uniform * masses[-1]
    while place < len(masses) - 1 and masses[place] <= mass:
        place += 1
    return first + place


@kernel
def sample_stream(
    model: BackoffModel,
    tempered: BackoffModel,
    power: float,
    node: int,
    length: int,
    first: int,
    uniforms: Floats,
    masses: Floats,
    ids: Ints,
    nodes: Ints,
    lengths: Ints,
) -> None:
    """Write the token at each quantile of its distribution, one after the other, and the states after them, (tokens,).

    The arguments are those of `sample_token`.
    """
    for position in range(len(ids)):
        ids[position] = sample_token(model, tempered, power, node, length, first, uniforms[position], masses)
        node, length = advance(model, node, length, ids[position])
        nodes[position], lengths[position] = node, length


@kernel
def fill_masses(model: BackoffModel, base: Floats, added: Floats, total: Floats) -> None:
    """Write the masses of a tempered model for sampling (`quantile_sampling.py`).

    base   (vocabulary,) running sum of the model's base distribution
    added  (pairs of no leaves,) what a context adds to its tokens
    total  (nodes that are no leaves,) sum over all tokens
    """
    leaves, first = model.leaves, model.first_pair
    for node in range(len(model.parent) - 1, leaves - 1, -1):
        parent = model.parent[node]
        total[node - leaves] = model.backoff[node - leaves] * (
            base[-1] if parent == MISSING else total[parent - leaves]
        )
        for pair in range(model.starts[node], model.starts[node + 1]):
            token = model.tokens[pair]
            shorter = model.base[token]
            if parent != MISSING:
                shorter = model.probabilities[find_pair(model.tokens, model.starts, parent, token) - first]
            change = model.probabilities[pair - first] - model.backoff[node - leaves] * shorter
            added[pair - first] = max(change, 0.0)
            total[node - leaves] += added[pair - first]


@kernel
def quantile_token(model: BackoffModel, quantiles: Quantiles, node: int, length: int, quantile: float) -> int:
    """Return the token at a quantile from 0 to 1 of the distribution after a state.

    The tokens that a context adds come first, then those of its parent.
    """
    if is_stored(model, node, length):
        return token_at_mass(model, quantiles, node, quantile * quantiles.total[node - model.leaves])

    # first what a context that is not stored adds to the tempered distribution of its parent
    start, types, parent = model.starts[node], model.starts[node + 1] - model.starts[node], model.parent[node]
    tempered = quantiles.power != 1
    scale, own = interpolate_pairs(model, node, length, not tempered), 0.0
    if tempered:
        scale **= quantiles.power
    for row in range(types):
        if tempered:
            pair = find_pair(model.tokens, model.starts, parent, model.tokens[start + row])
            shorter = scale * quantiles.probabilities[pair - model.first_pair]
            model.edge[row] = max(model.edge[row] ** quantiles.power - shorter, 0.0)
        own += model.edge[row]
    mass = quantile * (own + scale * quantiles.total[parent - model.leaves])
    for row in range(types):
        if mass < model.edge[row]:
            return int(model.tokens[start + row])
        mass -= model.edge[row]
    return token_at_mass(model, quantiles, parent, max(mass, 0.0) / scale)


@inner
def token_at_mass(model: BackoffModel, quantiles: Quantiles, node: int, mass: float) -> int:
    """Return the token at a mass from 0 to the total of a node."""
    while node != MISSING:
        start, stop = model.starts[node], model.starts[node + 1]
        sums = quantiles.cumulative[start - model.first_pair : stop + 1 - model.first_pair]
        own = sums[-1] - sums[0]
        if mass < own:
            pair = start - 1 + np.searchsorted(sums, sums[0] + mass, side="right")
            return int(model.tokens[min(max(pair, start), stop - 1)])
        mass = (mass - own) / quantiles.backoff[node - model.leaves]
        node = model.parent[node]
    return min(int(np.searchsorted(quantiles.base, mass, side="right")), len(quantiles.base) - 1)


@kernel
def quantile_tokens(
    model: BackoffModel, quantiles: Quantiles, nodes: Ints, lengths: Ints, uniforms: Floats, ids: Ints
) -> None:
    """Write the tokens of many states at quantiles, (states,)."""
    for row in range(len(ids)):
        ids[row] = quantile_token(model, quantiles, nodes[row], lengths[row], uniforms[row])


@kernel
def sample_quantiles(
    model: BackoffModel,
    quantiles: Quantiles,
    starts: Ints,
    begins: Ints,
    uniforms: Floats,
    ids: Ints,
    nodes: Ints,
    lengths: Ints,
) -> None:
    """Write the token at each quantile, one after the other, and the states after them, (tokens,), of many streams.

    `starts` has the node and the length of the context before each stream, (streams, 2), `begins` where each begins and
    the last one ends, (streams + 1,).
    """
    for stream in range(len(starts)):
        node, length = starts[stream, 0], starts[stream, 1]
        for position in range(begins[stream], begins[stream + 1]):
            ids[position] = quantile_token(model, quantiles, node, length, uniforms[position])
            node, length = advance(model, node, length, ids[position])
            nodes[position], lengths[position] = node, length
