"""The loops that write and solve equations between the nodes of a product, compiled by numba; see `equations.py`."""

from __future__ import annotations

from typing import NamedTuple

from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.conditioning_kernels import DEAD, ChainTable, Product
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small


class Problem(NamedTuple):
    """The equations of all nodes: a value is the sum of coefficients times the values of targets, or 1 at an end."""

    table: ChainTable
    product: Product
    totals: Floats  # (masks, contexts) the sum of the weights of the tokens of a mask
    mask_of: Ints  # (states,)


class Equations(NamedTuple):
    """The equations of some nodes, in which the values of all others are known."""

    starts: Ints  # (nodes + 1,)
    targets: Small  # (terms,) among these nodes
    factors: Floats  # (terms,)
    constants: Floats  # (nodes,)


class Search(NamedTuple):
    """Memory of a search for strongly connected components, (nodes,) each."""

    found: Small  # the place of a node in the order in which nodes are found
    low: Small  # the lowest place that it reaches
    stack: Small
    path: Small
    following: Small  # the number of the next target, of each node of the path


# Components


@inner
def target_at(product: Product, node: int, number: int) -> int:
    """Return a target of a node by its number; MISSING where there is none."""
    first, size = product.entries[node], product.entries[node + 1] - product.entries[node]
    if number == 0:
        return int(product.parents[node])
    return int(product.own[first + number - 1] if number <= size else product.shorter[first + number - 1 - size])


@inner
def next_target(product: Product, search: Search, component: Small, node: int, depth: int) -> int:
    """Return the next target of a node on the path that has not been found; MISSING where there is none.

    The lowest place that the node reaches is updated by those that have been found.
    """
    size = product.entries[node + 1] - product.entries[node]
    last = 1 + size if product.parents[node] == MISSING else 1 + 2 * size
    for number in range(search.following[depth], last):
        target = target_at(product, node, number)
        if target >= 0 and search.found[target] == MISSING:
            search.following[depth] = number + 1
            return target
        if target >= 0 and component[target] == MISSING:
            search.low[node] = min(search.low[node], search.found[target])
    search.following[depth] = last
    return MISSING


@kernel
def find_components(product: Product, search: Search, component: Small, finished: Small) -> int:
    """Write the component of each node, and the nodes in the order in which they are finished; return the number.

    Strongly connected components (Tarjan 1972): those to which one leads come before it. A node is finished after all
    targets that were found from it (depth-first postorder). `found` and `component` are MISSING before.
    """
    count, done, components, stacked, depth = 0, 0, 0, 0, 0
    new = 0  # the node that has just been found; all nodes are reached from the first one
    while depth or not done:
        if new != MISSING:
            search.path[depth], search.following[depth] = new, 0
            search.found[new], search.low[new], search.stack[stacked] = count, count, new
            count, stacked, depth = count + 1, stacked + 1, depth + 1
        node = search.path[depth - 1]
        new = next_target(product, search, component, node, depth - 1)
        if new != MISSING:
            continue

        # all targets are done: the node may complete a component
        finished[done] = node
        done, depth = done + 1, depth - 1
        if depth:
            before = search.path[depth - 1]
            search.low[before] = min(search.low[before], search.low[node])
        if search.low[node] == search.found[node]:
            while component[node] == MISSING:
                stacked -= 1
                component[search.stack[stacked]] = components
            components += 1
    return components


@kernel
def sort_by_component(finished: Small, component: Small, bounds: Ints, order: Small) -> None:
    """Write the nodes by their components, those of one as they are finished; `bounds` become the ends."""
    for place in range(len(finished)):
        node = finished[place]
        order[bounds[component[node]]] = node
        bounds[component[node]] += 1


# Values


@inner
def relative_change(before: float, value: float) -> float:
    """Return the change of a value, as a share of it."""
    return abs(value - before) / abs(value) if value != 0 else 0.0


@inner
def put_term(
    equations: Equations,
    position: Small,
    begin: int,
    size: int,
    place: int,
    at: int,
    factor: float,
    target: int,
    values: Floats,
) -> tuple[int, float]:
    """Write a term if its target is one of the nodes; return the number of terms, and the factor of the node itself.

    Otherwise, its known value becomes part of the constant.
    """
    if target == DEAD or factor == 0:
        return at, 0.0
    if target < DEAD:
        equations.constants[place] += factor
        return at, 0.0
    other = position[target] - begin
    if other == place:
        return at, factor
    if 0 <= other < size:
        equations.targets[at], equations.factors[at] = other, factor
        return at + 1, 0.0
    equations.constants[place] += factor * values[target]
    return at, 0.0


@kernel
def fill_equations(
    problem: Problem, order: Small, position: Small, begin: int, end: int, values: Floats, equations: Equations
) -> int:
    """Write the equations of the nodes with places from `begin` to `end` in an order; return the number of terms.

    `position` is the place of each node in the order.
    """
    table, product, at, size = problem.table, problem.product, 0, end - begin
    for place in range(size):
        node = order[begin + place]
        mask, context, parent = problem.mask_of[product.states[node]], product.contexts[node], product.parents[node]
        entry, total, first = product.entries[node], problem.totals[mask, context], at
        equations.starts[place], equations.constants[place], own = at, 0.0, 0.0
        if parent == MISSING:
            for token in range(len(table.root)):
                target = product.own[entry + token]
                at, loop = put_term(equations, position, begin, size, place, at, table.root[token], target, values)
                own += loop
        else:
            backoff, start = table.backoff[context], table.starts[context]
            factor = backoff * problem.totals[mask, product.contexts[parent]]
            at, loop = put_term(equations, position, begin, size, place, at, factor, parent, values)
            own += loop
            for pair in range(start, table.starts[context + 1]):
                target, shorter = product.own[entry + pair - start], product.shorter[entry + pair - start]
                factor, less = table.weights[pair], backoff * table.shorter[pair]
                if target == shorter:
                    factor, less = factor - less, 0.0
                at, loop = put_term(equations, position, begin, size, place, at, factor, target, values)
                own += loop
                at, loop = put_term(equations, position, begin, size, place, at, -less, shorter, values)
                own += loop

        # divided by the sum of the weights, but for those of the node itself
        scale = 1 / (total - own) if total > own else 0.0
        equations.constants[place] *= scale
        for term in range(first, at):
            equations.factors[term] *= scale
    equations.starts[size] = at
    return at


@kernel
def sweep(equations: Equations, values: Floats, known: float) -> float:
    """Replace the values, (nodes,), in order by those that follow from the others (Gauss-Seidel).

    `known` is 1, or 0 to leave out the constants. Returns the greatest change, as a share of the value.
    """
    change = 0.0
    for place in range(len(values)):
        value = known * equations.constants[place]
        for term in range(equations.starts[place], equations.starts[place + 1]):
            value += equations.factors[term] * values[equations.targets[term]]
        change = max(change, relative_change(values[place], value))
        values[place] = value
    return change
