"""Equations between nodes: components in order, as a transitive closure says, and solutions as numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from genbench_plugins.markov.conditioning_kernels import Product
from genbench_plugins.markov.equation_kernels import Problem
from genbench_plugins.markov.equations import _sort_nodes, solve

NODES = 14


def product_of(successors: list[list[int]]) -> Product:
    """Return a product whose nodes, of contexts without a shorter one, lead to some nodes."""
    sizes = [len(targets) for targets in successors]
    entries = np.concatenate([[0], np.cumsum(sizes)])
    own = np.array([target for targets in successors for target in targets], np.int32)
    numbers = np.arange(len(successors), dtype=np.int32)
    return Product(numbers, numbers, np.full(len(successors), -1, np.int32), entries, own, own)


@pytest.mark.parametrize("seed", range(30))
def test_components_are_those_of_the_transitive_closure_and_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    successors = [[int(rng.integers(NODES)) for _ in range(rng.integers(0, 3))] for _ in range(NODES)]
    successors[0] = [*successors[0], *range(1, NODES)]  # all nodes are reached from the first one
    unused: Any = None
    order, bounds = _sort_nodes(Problem(unused, product_of(successors), unused, unused))

    # reach[a, b]: a leads to b
    reach = np.eye(NODES, dtype=bool)
    for node, targets in enumerate(successors):
        reach[node, targets] = True
    for _ in range(NODES):
        reach |= (reach.astype(int) @ reach.astype(int)) > 0

    assert sorted(order.tolist()) == list(range(NODES))
    component = np.empty(NODES, int)
    for number in range(len(bounds) - 1):
        component[order[bounds[number] : bounds[number + 1]]] = number
    assert np.array_equal(component[:, None] == component, reach & reach.T)
    for node, targets in enumerate(successors):
        assert all(component[target] <= component[node] for target in targets)


def test_solutions_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    matrix = np.eye(40) - rng.random((40, 40)) / 42
    right, shares = rng.random(40), list[float]()
    found = solve(lambda vector: matrix @ vector, right, 1e-12, 200, shares.append)
    assert np.allclose(found, np.linalg.solve(matrix, right), rtol=1e-9)
    assert shares == sorted(shares)[: len(shares)] or max(shares) <= 1
