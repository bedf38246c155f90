"""Compiled loops that read a chain for a network (`capabilities.StateRows`): groups of tokens after many states."""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.kernels import discount, fill_distribution, first_length, occurrences
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Singles

SMALLEST_MASS = 1e-30  # probability of a group, where rounding leaves none


@kernel
def fill_groups(
    model: BackoffModel,
    nodes: Ints,
    lengths: Ints,
    groups: Ints,
    shortest: Floats,
    visited: Ints,
    masses: Floats,
    log_probs: Singles,
) -> None:
    """Write log-probabilities of groups of tokens after many states, (states, groups).

    Only the tokens that followed a context, of one token or more, are visited one by one.

    groups    (vocabulary,) the group of each token
    shortest  (vocabulary,) probabilities after the empty context
    visited   (vocabulary,) memory to use, filled with zeros
    masses    (2, groups) memory to use
    """
    summed, mass = masses
    summed[:] = 0
    for token in range(len(shortest)):
        summed[groups[token]] += shortest[token]
    for row in range(len(nodes)):
        node, length = nodes[row], lengths[row]
        inside = length < model.depth[node]
        context = model.parent[node] if inside else node
        add_contexts(model, context, row + 1, groups, shortest, visited, summed, mass)

        # the recursion inside the edge
        if inside:
            for step in range(first_length(model, node, length), length + 1):
                mass *= discount(model, node, step)
                for pair in range(model.starts[node], model.starts[node + 1]):
                    mass[groups[model.tokens[pair]]] += model.discounted[pair - model.starts[node]]
        for group in range(len(mass)):
            log_probs[row, group] = np.log(max(mass[group], SMALLEST_MASS))


@kernel
def add_contexts(
    model: BackoffModel,
    node: int,
    visit: int,
    groups: Ints,
    shortest: Floats,
    visited: Ints,
    summed: Floats,
    mass: Floats,
) -> None:
    """Write the probabilities of groups of tokens after a node's longest context, (groups,).

    `summed` has those after the empty context, (groups,); `visit` is a number that `visited` does not have yet.
    """
    # the factor of the empty context
    context, backoff = node, 1.0
    while context != MISSING and model.parent[context] != MISSING:
        backoff *= model.backoff[context]
        context = model.parent[context]
    for group in range(len(mass)):
        mass[group] = backoff * summed[group]

    # what the longest context that a token followed changes
    context, factor = node, 1.0
    while context != MISSING and model.parent[context] != MISSING:
        for pair in range(model.starts[context], model.starts[context + 1]):
            token = model.tokens[pair]
            if visited[token] < visit:
                visited[token] = visit
                mass[groups[token]] += factor * model.probabilities[pair] - backoff * shortest[token]
        factor *= model.backoff[context]
        context = model.parent[context]


@kernel
def fill_selected(
    model: BackoffModel, nodes: Ints, lengths: Ints, tokens: Ints, probabilities: Floats, log_probs: Singles
) -> None:
    """Write log-probabilities of some tokens after many states, (states, tokens).

    `probabilities` is memory to use, (vocabulary,).
    """
    for row in range(len(nodes)):
        fill_distribution(model, nodes[row], lengths[row], 0, probabilities)
        for place in range(len(tokens)):
            log_probs[row, place] = np.log(probabilities[tokens[place]])


@kernel
def fill_evidence(model: BackoffModel, nodes: Ints, lengths: Ints, evidence: Ints) -> None:
    """Write context length, followers and occurrences of the contexts of many states, (states, 3)."""
    for row in range(len(nodes)):
        evidence[row, 0] = lengths[row]
        evidence[row, 1] = model.starts[nodes[row] + 1] - model.starts[nodes[row]]
        evidence[row, 2] = occurrences(model, nodes[row])
