"""Sample from a chain without computing the whole distribution: a few look-ups per token for any vocabulary size.

Interpolated smoothing is a mixture, p(w | h) = a(w) + leftover p(w | h'), with a(w) the discounted probability. At a
temperature T it is still a mixture, with t = 1 / T:

    p(w | h)^t = added(w) + leftover^t p(w | h')^t,    added(w) = p(w | h)^t - (leftover p(w | h'))^t >= 0

So one uniform number selects the context that gives the token, and the token among those that followed this context
(inverse transform sampling, with a binary search of cumulative sums).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from genbench_plugins.markov.fitted_smoothing import FittedSmoothing
from genbench_plugins.markov.smoothing import ClosedFormSmoothing
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, SuffixTree, expand_ranges

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids

Smoothing = ClosedFormSmoothing | FittedSmoothing


class QuantileSampler:
    """A smoothed tree, prepared for sampling at one temperature.

    cumulative  (pairs + 1,) running sum of `added` over all pairs
    leftover    (nodes,) leftover^t
    base        (vocabulary,) running sum of base(w)^t
    total       (nodes,) sum of p(w | h)^t over all tokens
    """

    def __init__(
        self, tree: SuffixTree, smoothing: Smoothing, base: Floats, every_length: bool, temperature: float
    ) -> None:
        self.tree, power, owners = tree, 1 / temperature, tree.owners
        discounted, leftover = combine_edges(tree, smoothing, every_length)
        tokens, levels = tree.keys - owners * tree.vocabulary, tree_levels(tree)
        deepest = int(levels.max())

        # p(w | h) of every pair at its node and at the parent of its node, from the root downwards
        by_node, by_parent = np.empty(len(owners)), base[tokens]
        for level in range(deepest + 1):
            pairs = np.flatnonzero(levels[owners] == level)
            if level:
                by_parent[pairs] = by_node[tree.find(tree.parent[owners[pairs]].astype(np.int64), tokens[pairs])]
            by_node[pairs] = discounted[pairs] + leftover[owners[pairs]] * by_parent[pairs]

        # the mass that a pair adds at this temperature
        self.leftover = leftover**power
        added = np.maximum(by_node**power - self.leftover[owners] * by_parent**power, 0)
        self.cumulative = np.concatenate([[0.0], np.cumsum(added)])
        self.base = np.cumsum(base**power)

        # the sum over all tokens: added mass, plus the back-off mass from the parent
        self.total = np.diff(self.cumulative[tree.starts])
        self.total[tree.root] += self.leftover[tree.root] * self.base[-1]
        for level in range(1, deepest + 1):
            nodes = np.flatnonzero(levels == level)
            self.total[nodes] += self.leftover[nodes] * self.total[tree.parent[nodes]]

    def quantile_tokens(self, states: Sequence[tuple[int, int]], uniforms: LogProbs) -> Ids:
        """Return the tokens of states at quantiles from 0 to 1, (states,); -1 for a context inside an edge."""
        # the position of the quantile in the mass of the node
        tree, (nodes, lengths) = self.tree, np.array(states, np.int64).T
        tokens, rows = np.full(len(nodes), MISSING), np.flatnonzero(lengths == tree.depth[nodes])
        nodes = nodes[rows]
        mass = uniforms[rows] * self.total[nodes]
        while len(rows):
            # the tokens that the context adds come first, then those of its parent
            start, stop = tree.starts[nodes], tree.starts[nodes + 1]
            own = self.cumulative[stop] - self.cumulative[start]
            hit = mass < own
            pairs = np.searchsorted(self.cumulative, (self.cumulative[start] + mass)[hit], side="right") - 1
            pairs = np.clip(pairs, start[hit], stop[hit] - 1)
            tokens[rows[hit]] = tree.keys[pairs] - tree.first_keys(nodes[hit])

            # back-off step: continue at the parent; above the root, search the base distribution
            rows, mass, nodes = rows[~hit], ((mass - own) / self.leftover[nodes])[~hit], tree.parent[nodes[~hit]]
            at_base = nodes == MISSING
            by_base = np.searchsorted(self.base, mass[at_base], side="right")
            tokens[rows[at_base]] = np.minimum(by_base, len(self.base) - 1)
            rows, mass, nodes = rows[~at_base], mass[~at_base], nodes[~at_base].astype(np.int64)
        return tokens


def tree_levels(tree: SuffixTree) -> Ints:
    """Return the number of ancestors of every node, (nodes,); 0 for the root."""
    levels, above = np.zeros(len(tree.parent), np.int64), tree.parent
    while (above != MISSING).any():
        levels += above != MISSING
        above = np.where(above == MISSING, MISSING, tree.parent[above])
    return levels


def combine_edges(tree: SuffixTree, smoothing: Smoothing, every_length: bool) -> tuple[Floats, Floats]:
    """Return discounted, (pairs,), and leftover, (nodes,), with all context lengths of an edge combined into one."""
    # apply the recursion at the context lengths inside an edge, the shortest first
    inside, leftover = np.zeros(len(tree.keys)), np.ones(len(tree.parent))
    parent_depth = np.where(tree.parent == MISSING, MISSING, tree.depth[tree.parent])
    for length in range(1, int(tree.depth.max())) if every_length else ():
        nodes = np.flatnonzero((parent_depth < length) & (length < tree.depth))
        pairs, owner = expand_ranges(tree.starts[nodes], tree.starts[nodes + 1])
        pair_leftover, discounted = smoothing.at_length(tree, length, nodes[owner], pairs)
        inside[pairs] = discounted + pair_leftover * inside[pairs]
        leftover[nodes] *= smoothing.at_length(tree, length, nodes, np.full(len(nodes), MISSING))[0]

    # then at the longest context of the node
    return smoothing.discounted + smoothing.leftover[tree.owners] * inside, smoothing.leftover * leftover
