"""Systems of equations between states of an automaton: the order in which to solve them, and an iterative solver."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from genbench_plugins.markov.suffix_tree import Floats, Ints

TINY = 1e-300


def strong_components(successors: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the strongly connected components of a graph; those to which one leads come before it (Tarjan 1972).

    `successors` has the nodes to which each node leads.

    >>> strong_components([[1], [2], [1], [0]])
    [[2, 1], [0], [3]]
    """
    components: list[list[int]] = []
    index, low, stack, on_stack = dict[int, int](), dict[int, int](), list[int](), set[int]()
    for root in range(len(successors)):
        if root in index:
            continue
        path = [(root, 0)]  # a node, and the number of its successors that have been visited
        while path:
            node, visited = path.pop()
            if visited == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)

            # go on with the next successor, and come back
            if visited < len(successors[node]):
                path.append((node, visited + 1))
                after = successors[node][visited]
                if after not in index:
                    path.append((after, 0))
                elif after in on_stack:
                    low[node] = min(low[node], index[after])
                continue
            if path:
                parent = path[-1][0]
                low[parent] = min(low[parent], low[node])
            if low[node] == index[node]:
                place = stack.index(node)
                components.append(stack[place:][::-1])
                on_stack.difference_update(stack[place:])
                del stack[place:]
    return components


def solve(apply: Callable[[Floats], Floats], right: Floats, tolerance: float, iterations: int) -> Floats:
    """Return an approximate solution x of apply(x) = right by BiCGSTAB (van der Vorst 1992); `apply` is linear.

    It ends when the norm of the residual is below `tolerance` times that of `right`, or after some iterations. If the
    method breaks down, the best solution so far is returned.
    """
    solution, residual = np.zeros_like(right), right.copy()
    shadow, direction = residual.copy(), residual.copy()
    rho = float(shadow @ residual)
    goal = tolerance * float(np.linalg.norm(right))
    for _ in range(iterations):
        if float(np.linalg.norm(residual)) <= goal or abs(rho) < TINY:
            break

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


def component_ranks(successors: Sequence[Sequence[int]]) -> tuple[Ints, list[bool]]:
    """Return the place of each node's component in that order, (nodes,), and of each component whether it has a loop.

    >>> ranks, loops = component_ranks([[1], [2], [1], [0]])
    >>> ranks.tolist(), loops
    ([1, 0, 0, 2], [True, False, False])
    """
    components = strong_components(successors)
    ranks = np.empty(len(successors), np.int64)
    for rank, nodes in enumerate(components):
        ranks[nodes] = rank
    loops = [len(nodes) > 1 or nodes[0] in successors[nodes[0]] for nodes in components]
    return ranks, loops
