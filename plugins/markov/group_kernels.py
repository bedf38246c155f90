"""Compiled loops that read a chain for a network (`capabilities.StateRows`): groups of tokens after many states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.kernels import discount, first_length
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Singles
from genbench_plugins.markov.tree_kernels import find_pair, is_stored, occurrences

SMALLEST_MASS = 1e-30  # probability of a group, where rounding leaves none


class GroupTable(NamedTuple):
    """Groups of tokens, and their probabilities after the contexts that many different tokens followed."""

    groups: Ints  # (vocabulary,) the group of each token; MISSING: none
    nodes: Ints  # (contexts,) the nodes with this number of followers, ascending; the last is the root
    followers: int
    masses: Floats  # (contexts, groups) probabilities
    logs: Singles  # (contexts, groups) their logarithms
    visited: Ints  # (vocabulary,) memory to use, of numbers below those of the visits to come
    changed: Ints  # (groups,) the same
    changes: Ints  # (1 + groups,) memory to use: how many groups were changed in a visit, and which
    mass: Floats  # (groups,) memory to use


@inner
def nearest_context(model: BackoffModel, table: GroupTable, node: int) -> tuple[int, float]:
    """Return the first node on the path to the root that the table has, and the product of the backoffs before it."""
    factor = 1.0
    while model.parent[node] != MISSING and model.starts[node + 1] - model.starts[node] < table.followers:
        factor *= model.backoff[node - model.leaves]
        node = model.parent[node]
    return node, factor


@kernel
def fill_table(model: BackoffModel, table: GroupTable) -> None:
    """Write the probabilities after all contexts of a table but the empty one, whose row is set."""
    for row in range(len(table.nodes) - 2, -1, -1):  # a parent comes after its children
        node = table.nodes[row]
        parent, backoff = (
            model.parent[node],
            model.backoff[node - model.leaves],
        )  # the parent has more followers: it is in the table
        base, visit = table.masses[np.searchsorted(table.nodes, parent)], len(table.nodes) - row
        add_contexts(model, table, node, parent, visit, backoff, base)
        for group in range(len(base)):
            table.masses[row, group] = backoff * base[group]
        for group in table.changes[1 : 1 + table.changes[0]]:
            table.masses[row, group] = table.mass[group]


@kernel
def fill_groups(
    model: BackoffModel, table: GroupTable, first_visit: int, nodes: Ints, lengths: Ints, log_probs: Singles
) -> None:
    """Write log-probabilities of groups of tokens after many states, (states, groups).

    Only the tokens that followed a context below those of the table are visited one by one; a group without such tokens
    has the probability in the table times the backoff factors. `first_visit` is a number above those in the memory.
    """
    for row in range(len(nodes)):
        node, length, visit = nodes[row], lengths[row], first_visit + row

        # the contexts at nodes, from the longest to that in the table
        inside = not is_stored(model, node, length)
        longest = model.parent[node] if inside else node
        context, backoff = nearest_context(model, table, longest)
        place = np.searchsorted(table.nodes, context)
        add_contexts(model, table, longest, context, visit, backoff, table.masses[place])

        # the recursion to a context that is not stored
        if inside:
            for step in range(first_length(model, node, length), length + 1):
                backoff *= add_edge(model, table, node, step, visit, backoff, table.masses[place])
        log_backoff = np.float32(np.log(max(backoff, SMALLEST_MASS)))
        for group in range(len(table.mass)):
            log_probs[row, group] = log_backoff + table.logs[place, group]
        for group in table.changes[1 : 1 + table.changes[0]]:
            log_probs[row, group] = np.log(max(table.mass[group], SMALLEST_MASS))


@inner
def add_contexts(
    model: BackoffModel, table: GroupTable, node: int, stop: int, visit: int, backoff: float, base: Floats
) -> None:
    """Write the masses of the groups that the contexts from a node up to another one change.

    All masses are `backoff` times `base`, those at the other node, before. `visit` is a new number.
    """
    factor = 1.0
    table.changes[0] = 0
    while node != stop:
        for pair in range(model.starts[node], model.starts[node + 1]):
            token = model.tokens[pair]
            if table.groups[token] != MISSING and table.visited[token] < visit:
                # the longest context that a token followed has its probability
                table.visited[token] = visit
                shorter = model.probabilities[find_pair(model.tokens, model.starts, stop, token) - model.first_pair]
                change = factor * model.probabilities[pair - model.first_pair] - backoff * shorter
                add_mass(table, table.groups[token], visit, backoff, base, change)
        factor *= model.backoff[node - model.leaves]
        node = model.parent[node]


@inner
def add_edge(
    model: BackoffModel, table: GroupTable, node: int, length: int, visit: int, backoff: float, base: Floats
) -> float:
    """Add a context inside the edge of a node to the masses, and return its leftover; `backoff` is that before."""
    leftover = discount(model, node, length)
    for group in table.changes[1 : 1 + table.changes[0]]:
        table.mass[group] *= leftover
    for pair in range(model.starts[node], model.starts[node + 1]):
        group = table.groups[model.tokens[pair]]
        if group != MISSING:
            added = model.discounted[pair - model.starts[node]]
            add_mass(table, group, visit, leftover * backoff, base, added)
    return leftover


@inner
def add_mass(table: GroupTable, group: int, visit: int, backoff: float, base: Floats, added: float) -> None:
    """Add to the mass of a group, which before its first change is `backoff` times `base`."""
    if table.changed[group] < visit:
        table.changed[group] = visit
        table.changes[0] += 1
        table.changes[table.changes[0]] = group
        table.mass[group] = backoff * base[group]
    table.mass[group] += added


@kernel
def fill_evidence(model: BackoffModel, nodes: Ints, lengths: Ints, evidence: Ints) -> None:
    """Write context length, followers and occurrences of the contexts of many states, (states, 3)."""
    for row in range(len(nodes)):
        evidence[row, 0] = lengths[row]
        evidence[row, 1] = model.starts[nodes[row] + 1] - model.starts[nodes[row]]
        evidence[row, 2] = occurrences(model, nodes[row])
