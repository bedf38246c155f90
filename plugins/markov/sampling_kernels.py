"""The loops that sample from a chain, compiled by numba: from whole distributions, or by quantile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.kernels import advance, discount, fill_distribution, find_pair, first_length
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints


class Quantiles(NamedTuple):
    """What sampling by quantile at a temperature needs besides the model (`quantile_sampling.py`).

    probabilities, backoff  those of the tempered model
    base                    (vocabulary,) running sum of its base distribution
    cumulative              (pairs + 1,) running sum of what contexts add to their tokens
    total                   (nodes,) sum over all tokens
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
    # probabilities to the power; inside an edge they are sums, so the power comes last
    if length < model.depth[node]:
        fill_distribution(model, node, length, first, masses)
        for place in range(len(masses)):
            masses[place] **= power
    else:
        fill_distribution(tempered, node, length, first, masses)

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
    added  (pairs,) what a context adds to its tokens
    total  (nodes,) sum over all tokens
    """
    for node in range(len(model.parent) - 1, -1, -1):
        parent = model.parent[node]
        total[node] = model.backoff[node] * (base[-1] if parent == MISSING else total[parent])
        for pair in range(model.starts[node], model.starts[node + 1]):
            token = model.tokens[pair]
            shorter = model.base[token]
            if parent != MISSING:
                shorter = model.probabilities[find_pair(model.tokens, model.starts, parent, token)]
            added[pair] = max(model.probabilities[pair] - model.backoff[node] * shorter, 0.0)
            total[node] += added[pair]


@kernel
def quantile_token(
    model: BackoffModel, quantiles: Quantiles, node: int, length: int, quantile: float, masses: Floats
) -> int:
    """Return the token at a quantile from 0 to 1 of the distribution after a state; `masses` is memory, (vocabulary,).

    The tokens that a context adds come first, then those of its parent.
    """
    if length >= model.depth[node]:
        return token_at_mass(model, quantiles, node, quantile * quantiles.total[node])

    # inside an edge: first the recursion from the parent
    start, types, parent = model.starts[node], model.starts[node + 1] - model.starts[node], model.parent[node]
    scale, own = 1.0, 0.0
    for row in range(types):
        masses[row] = model.probabilities[find_pair(model.tokens, model.starts, parent, model.tokens[start + row])]
    for step in range(first_length(model, node, length), length + 1):
        leftover = discount(model, node, step)
        scale *= leftover
        for row in range(types):
            masses[row] = model.discounted[row] + leftover * masses[row]

    # then what the context adds to the tempered distribution of the parent
    scale **= quantiles.power
    for row in range(types):
        pair = find_pair(model.tokens, model.starts, parent, model.tokens[start + row])
        masses[row] = max(masses[row] ** quantiles.power - scale * quantiles.probabilities[pair], 0.0)
        own += masses[row]
    mass = quantile * (own + scale * quantiles.total[parent])
    for row in range(types):
        if mass < masses[row]:
            return int(model.tokens[start + row])
        mass -= masses[row]
    return token_at_mass(model, quantiles, parent, max(mass, 0.0) / scale)


@inner
def token_at_mass(model: BackoffModel, quantiles: Quantiles, node: int, mass: float) -> int:
    """Return the token at a mass from 0 to the total of a node."""
    while node != MISSING:
        start, stop = model.starts[node], model.starts[node + 1]
        own = quantiles.cumulative[stop] - quantiles.cumulative[start]
        if mass < own:
            end = quantiles.cumulative[start] + mass
            pair = start - 1 + np.searchsorted(quantiles.cumulative[start : stop + 1], end, side="right")
            return int(model.tokens[min(max(pair, start), stop - 1)])
        mass = (mass - own) / quantiles.backoff[node]
        node = model.parent[node]
    return min(int(np.searchsorted(quantiles.base, mass, side="right")), len(quantiles.base) - 1)


@kernel
def quantile_tokens(
    model: BackoffModel, quantiles: Quantiles, nodes: Ints, lengths: Ints, uniforms: Floats, masses: Floats, ids: Ints
) -> None:
    """Write the tokens of many states at quantiles, (states,)."""
    for row in range(len(ids)):
        ids[row] = quantile_token(model, quantiles, nodes[row], lengths[row], uniforms[row], masses)


@kernel
def sample_quantiles(
    model: BackoffModel,
    quantiles: Quantiles,
    node: int,
    length: int,
    uniforms: Floats,
    masses: Floats,
    ids: Ints,
    nodes: Ints,
    lengths: Ints,
) -> None:
    """Write the token at each quantile, one after the other, and the states after them, (tokens,)."""
    for position in range(len(ids)):
        ids[position] = quantile_token(model, quantiles, node, length, uniforms[position], masses)
        node, length = advance(model, node, length, ids[position])
        nodes[position], lengths[position] = node, length
