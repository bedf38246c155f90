"""Drawing from a chain without its whole distribution: a few look-ups a token, however many words there are.

Backing off is a mixture: p(w) = share(w) + leftover * p'(w), p' of the next shorter context that differs. It stays one
under a temperature T: with t = 1 / T, p(w)^t = (p(w)^t - (leftover * p'(w))^t) + leftover^t * p'(w)^t, and no part is
below zero. So one number decides which context speaks, and which of the tokens that followed it comes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from genbench_plugins.markov.fitting import Fitted, ragged
from genbench_plugins.markov.smoothing import Floats, Weights
from genbench_plugins.markov.suffix_array import Ints
from genbench_plugins.markov.tree import NOWHERE, Tree

from genbench import Ids, LogProbs


class Tempered:
    """A smoothed tree at one temperature.

    ladder    (pairs + 1,) the running sum of what each pair adds to what its node's parent gives the token
    leftover  (nodes,) what the parent's weights count there; total (nodes,) of the weights of all tokens
    """

    def __init__(self, tree: Tree, weights: Weights | Fitted, base: Floats, every: bool, temperature: float) -> None:
        self.tree, power, owners = tree, 1 / temperature, tree.owners
        shares, leftover = whole(tree, weights, every)
        tokens, old = tree.keys - owners * tree.vocabulary, generations(tree)
        found, above = np.empty(len(owners)), base[tokens]
        for generation in range(int(old.max()) + 1):
            here = np.flatnonzero(old[owners] == generation)
            if generation:
                above[here] = found[tree.find(tree.parent[owners[here]].astype(np.int64), tokens[here])]
            found[here] = shares[here] + leftover[owners[here]] * above[here]
        self.leftover = leftover**power
        added = np.maximum(found**power - self.leftover[owners] * above**power, 0)
        self.ladder = np.concatenate([[0.0], np.cumsum(added)])
        self.base = np.cumsum(base**power)
        self.total = np.diff(self.ladder[tree.starts])
        self.total[tree.root] += self.leftover[tree.root] * self.base[-1]
        for generation in range(1, int(old.max()) + 1):
            nodes = np.flatnonzero(old == generation)
            self.total[nodes] += self.leftover[nodes] * self.total[tree.parent[nodes]]

    def tokens(self, states: Sequence[tuple[int, int]], uniforms: LogProbs) -> Ids:
        """The token of each state at its number from 0 to 1; -1 for a context shorter than its node's."""
        tree, (nodes, lengths) = self.tree, np.array(states, np.int64).T
        found, rows = np.full(len(nodes), NOWHERE), np.flatnonzero(lengths == tree.depth[nodes])
        nodes = nodes[rows]
        mass = uniforms[rows] * self.total[nodes]
        while len(rows):
            start, stop = tree.starts[nodes], tree.starts[nodes + 1]
            named = self.ladder[stop] - self.ladder[start]
            hit = mass < named
            pairs = np.searchsorted(self.ladder, (self.ladder[start] + mass)[hit], side="right") - 1
            pairs = np.clip(pairs, start[hit], stop[hit] - 1)
            found[rows[hit]] = tree.keys[pairs] - tree.first(nodes[hit])
            rows, mass, nodes = rows[~hit], ((mass - named) / self.leftover[nodes])[~hit], tree.parent[nodes[~hit]]
            last = nodes == NOWHERE
            found[rows[last]] = np.minimum(np.searchsorted(self.base, mass[last], side="right"), len(self.base) - 1)
            rows, mass, nodes = rows[~last], mass[~last], nodes[~last].astype(np.int64)
        return found


def generations(tree: Tree) -> Ints:
    """How many nodes stand above each, (nodes,)."""
    found, above = np.zeros(len(tree.parent), np.int64), tree.parent
    while (above != NOWHERE).any():
        found += above != NOWHERE
        above = np.where(above == NOWHERE, NOWHERE, tree.parent[above])
    return found


def whole(tree: Tree, weights: Weights | Fitted, every: bool) -> tuple[Floats, Floats]:
    """The shares of all pairs, (pairs,), and the leftover of all nodes, (nodes,): the lengths of an edge as one."""
    inner, left = np.zeros(len(tree.keys)), np.ones(len(tree.parent))
    above = np.where(tree.parent == NOWHERE, NOWHERE, tree.depth[tree.parent])
    for length in range(1, int(tree.depth.max())) if every else ():
        nodes = np.flatnonzero((above < length) & (length < tree.depth))
        pairs, owner = ragged(tree.starts[nodes], tree.starts[nodes + 1])
        leftover, shares = weights.step(tree, length, nodes[owner], pairs)
        inner[pairs] = shares + leftover * inner[pairs]
        left[nodes] *= weights.step(tree, length, nodes, np.full(len(nodes), NOWHERE))[0]
    return weights.shares + weights.leftover[tree.owners] * inner, weights.leftover * left
