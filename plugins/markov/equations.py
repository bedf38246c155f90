"""Solve the equations between the nodes of a product: strongly connected components in order, each by an iteration.

Nodes are sorted so that a node comes after those to which it leads, but for loops (depth-first postorder), so a sweep
over the nodes of a component without a loop solves it. Of the others, a few sweeps (Gauss-Seidel) are followed by
BiCGSTAB (van der Vorst 1992) on the equations of a sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from genbench_plugins.markov.equation_kernels import Equations, Problem, Search
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small

from genbench.generator import ProgressCallback, ignore, rescale

TINY = 1e-300
SWEEPS = 10  # before the faster method
LAST_SWEEPS = 20  # after it, at most
RESIDUAL, ITERATIONS = 1e-11, 1000  # of the faster method
TOLERANCE = 1e-10  # the greatest change of a value in the last sweep, as a share of it
NODES_AT_ONCE = 1 << 20  # without a loop


def solve_equations(problem: Problem, progress: ProgressCallback = ignore) -> Floats:
    """Return the value of every node, (nodes,)."""
    from genbench_plugins.markov import equation_kernels

    order, bounds = _sort_nodes(problem)
    progress(0.1)
    position = np.empty_like(order)
    position[order] = np.arange(len(order), dtype=np.int32)
    values = np.zeros(len(order))
    for begin, end, loops in _blocks(bounds):
        nodes = order[begin:end]
        equations = _empty_equations(problem, nodes)
        equation_kernels.fill_equations(problem, order, position, begin, end, values, equations)
        solution = np.zeros(end - begin)
        equation_kernels.sweep(equations, solution, 1.0)
        if loops:
            _converge(
                equations, solution, rescale(progress, 0.1 + 0.9 * begin / len(order), 0.9 * (end - begin) / len(order))
            )
        values[nodes] = solution
        progress(0.1 + 0.9 * end / len(order))
    return np.clip(values, 0, 1)


def _sort_nodes(problem: Problem) -> tuple[Small, Ints]:
    """Return the nodes by strongly connected components, (nodes,), and where these begin, (components + 1,)."""
    from genbench_plugins.markov import equation_kernels

    count = len(problem.product.contexts)
    memory = Search(*(np.full(count, MISSING, np.int32) for _ in Search._fields))
    component, finished = np.full(count, MISSING, np.int32), np.empty(count, np.int32)
    components = equation_kernels.find_components(problem.product, memory, component, finished)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(component, minlength=components))])
    order, ends = np.empty(count, np.int32), bounds[:-1].copy()
    equation_kernels.sort_by_component(finished, component, ends, order)
    return order, bounds


def _blocks(bounds: Ints) -> Iterator[tuple[int, int, bool]]:
    """Yield begin, end and whether it has a loop, of each component with several nodes and of all between."""
    begin = 0
    for number in np.flatnonzero(np.diff(bounds) > 1).tolist():
        first, last = int(bounds[number]), int(bounds[number + 1])
        yield from _parts(begin, first)
        yield first, last, True
        begin = last
    yield from _parts(begin, int(bounds[-1]))


def _parts(begin: int, end: int) -> Iterator[tuple[int, int, bool]]:
    for first in range(begin, end, NODES_AT_ONCE):
        yield first, min(first + NODES_AT_ONCE, end), False


def _empty_equations(problem: Problem, nodes: Small) -> Equations:
    product = problem.product
    sizes = product.entries[nodes + 1] - product.entries[nodes]
    terms = int(len(nodes) + 2 * sizes.sum())
    return Equations(
        np.empty(len(nodes) + 1, np.int64), np.empty(terms, np.int32), np.empty(terms), np.empty(len(nodes))
    )


def _converge(equations: Equations, values: Floats, progress: ProgressCallback) -> None:
    """Solve the equations of nodes that lead to one another."""
    from genbench_plugins.markov.equation_kernels import sweep

    for _ in range(SWEEPS):
        if sweep(equations, values, 1.0) < TOLERANCE:
            return
    # a sweep maps values v to G v + c: solve (I - G) v = c
    memory = np.empty_like(values)

    def apply(vector: Floats) -> Floats:
        memory[:] = vector
        sweep(equations, memory, 0.0)
        return np.asarray(vector - memory)

    start = values.copy()
    sweep(equations, values, 1.0)
    goal = RESIDUAL * float(np.linalg.norm(values))
    values[:] = start + solve(apply, values - start, goal, ITERATIONS, progress)
    for _ in range(LAST_SWEEPS):
        if sweep(equations, values, 1.0) < TOLERANCE:
            return


def solve(
    apply: Callable[[Floats], Floats],
    right: Floats,
    goal: float,
    iterations: int,
    progress: ProgressCallback = ignore,
) -> Floats:
    """Return an approximate solution x of apply(x) = right by BiCGSTAB (van der Vorst 1992); `apply` is linear.

    It ends when the norm of the residual is at most `goal`, or after some iterations. If the method breaks down, the
    solution so far is returned. `progress` receives the share of the digits that are gained.
    """
    solution, residual = np.zeros_like(right), right.copy()
    shadow, direction = residual.copy(), residual.copy()
    rho = first = float(shadow @ residual)
    for _ in range(iterations):
        squares = float(residual @ residual)
        if squares <= goal**2 or abs(rho) < TINY:
            break
        if squares < first:
            progress(min(1.0, np.log(first / squares) / np.log(first / goal**2)))

        # half a step along the direction, and half a step that makes the residual small
        image = apply(direction)
        slope = float(shadow @ image)
        if abs(slope) < TINY:
            break
        alpha = rho / slope
        half = residual - alpha * image
        moved = apply(half)
        omega = float(moved @ half) / max(float(moved @ moved), TINY)
        solution += alpha * direction + omega * half
        residual = half - omega * moved

        # the next direction
        before, rho = rho, float(shadow @ residual)
        if abs(omega) < TINY:
            break
        direction = residual + rho / before * alpha / omega * (direction - omega * image)
    return solution
