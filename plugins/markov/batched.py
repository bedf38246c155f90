"""Many states of a chain at once: the same operations in the same order as one by one, so the same to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from genbench_plugins.markov.fitting import Fitted, ragged
from genbench_plugins.markov.smoothing import Floats, Weights
from genbench_plugins.markov.suffix_array import Ints
from genbench_plugins.markov.tree import NOWHERE, Tree

State = tuple[int, int]  # a node, and how many tokens of context it stands for
Asked = tuple[Ints, Ints, Ints]  # rows, lengths of context, nodes


def predicted(tree: Tree, weights: Weights | Fitted, base: Floats, every: bool, states: Sequence[State]) -> Floats:
    """The probabilities of the next token of each state, (states, vocabulary), shorter contexts first."""
    found = np.tile(base, (len(states), 1))
    rows, lengths, nodes = (np.concatenate(each) for each in zip(*_asked(tree, every, states), strict=True))
    for length in np.unique(lengths):
        here = lengths == length
        some, which = np.unique(nodes[here], return_inverse=True)
        pairs, owner = ragged(tree.starts[some], tree.starts[some + 1])
        leftover, _ = weights.step(tree, int(length), some, np.full(len(some), NOWHERE))
        added = np.zeros((len(some), len(base)))
        tokens = tree.keys[pairs] - tree.first(some[owner])
        added[owner, tokens] = weights.step(tree, int(length), some[owner], pairs)[1]
        found[rows[here]] = found[rows[here]] * leftover[which, None] + added[which]
    return found


def with_fitted(tree: Tree, weights: Fitted, alone: Floats, states: Sequence[State]) -> Floats:
    """The same with fitted discounts, for the first tokens alone, whose probabilities without a context are `alone`.

    Many states are alike where words are read by the character, and few tokens follow a context: only these are added.
    """
    distinct, places = np.unique(np.array(states, np.int64), axis=0, return_inverse=True)
    (nodes, lengths), levels = distinct.T, []
    rows = np.flatnonzero(nodes != tree.root)
    while len(rows):
        levels.append((rows, nodes[rows]))
        nodes = np.where(nodes != NOWHERE, tree.parent[nodes], NOWHERE)
        rows = rows[nodes[rows] != tree.root]
    left, added = np.ones(len(distinct)), []
    for rows, here in levels:
        leftover, which, tokens, shares = weights.whole(
            tree, here, np.minimum(lengths[rows], tree.depth[here]), len(alone)
        )
        added.append((rows[which], tokens, shares * left[rows[which]]))
        left[rows] *= leftover
    found = left[:, None] * alone
    for rows, tokens, shares in added:
        found[rows, tokens] += shares
    return np.asarray(found[places.reshape(-1)])


def _asked(tree: Tree, every: bool, states: Sequence[State]) -> Iterator[Asked]:
    """The contexts that each state asks, from its own node up to the root: as `MarkovChain.steps` has them."""
    nodes, lengths = np.array(states, np.int64).T
    rows = np.arange(len(nodes))
    while len(rows):
        parents = tree.parent[nodes].astype(np.int64)
        shortest = np.where(parents == NOWHERE, 0, np.minimum(lengths, tree.depth[parents]) + 1)
        deepest = np.minimum(lengths, tree.depth[nodes])
        if every:
            inner, owner = ragged(shortest, np.maximum(deepest + 1, shortest))
            yield rows[owner], inner, nodes[owner]
        else:
            yield rows, deepest, nodes
        inside = parents != NOWHERE
        rows, nodes, lengths = rows[inside], parents[inside], lengths[inside]


def advanced(tree: Tree, states: Sequence[State], tokens: Sequence[int]) -> list[State]:
    """The state after one more token of each."""
    nodes, lengths = np.array(states, np.int64).T
    read, rows = np.array(tokens, np.int64), np.arange(len(nodes))
    after, reached = np.full(len(nodes), tree.root), np.zeros(len(nodes), np.int64)
    while len(rows):
        pairs = tree.find(nodes, read[rows])
        links = np.where(pairs == NOWHERE, NOWHERE, tree.links[pairs])
        there = links != NOWHERE
        after[rows[there]] = links[there]
        reached[rows[there]] = np.minimum(lengths[there], tree.depth[nodes[there]]) + 1
        nodes, lengths, rows = tree.parent[nodes[~there]].astype(np.int64), lengths[~there], rows[~there]
        rows, lengths, nodes = (each[nodes != NOWHERE] for each in (rows, lengths, nodes))
    longest = tree.longest
    return list(
        zip(after.tolist(), (reached if longest is None else np.minimum(reached, longest)).tolist(), strict=True)
    )
