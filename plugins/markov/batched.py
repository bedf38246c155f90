"""Advance and predict many states of a chain at once.

`batch_probabilities` performs the operations of a single state in the same order, so its results are equal to the last
bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from genbench_plugins.markov.fitted_smoothing import FittedSmoothing
from genbench_plugins.markov.smoothing import ClosedFormSmoothing
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, SuffixTree, expand_ranges

State = tuple[int, int]  # a node, and the length of the context in tokens
Contexts = tuple[Ints, Ints, Ints]  # indices of the states, context lengths, nodes


def advance_states(tree: SuffixTree, states: Sequence[State], tokens: Sequence[int]) -> list[State]:
    """Return the states after one more token; `tokens` has one token per state."""
    nodes, lengths = np.array(states, np.int64).T
    next_tokens, rows = np.array(tokens, np.int64), np.arange(len(nodes))
    next_nodes, next_lengths = np.full(len(nodes), tree.root), np.zeros(len(nodes), np.int64)
    while len(rows):
        # a link leads to the next state
        pairs = tree.find(nodes, next_tokens[rows])
        links = np.where(pairs == MISSING, MISSING, tree.links[pairs])
        linked = links != MISSING
        next_nodes[rows[linked]] = links[linked]
        next_lengths[rows[linked]] = np.minimum(lengths[linked], tree.depth[nodes[linked]]) + 1

        # the other states back off to the parent
        nodes, lengths, rows = tree.parent[nodes[~linked]].astype(np.int64), lengths[~linked], rows[~linked]
        exists = nodes != MISSING
        rows, lengths, nodes = rows[exists], lengths[exists], nodes[exists]

    # contexts are at most `longest` tokens long
    if tree.longest is not None:
        next_lengths = np.minimum(next_lengths, tree.longest)
    return list(zip(next_nodes.tolist(), next_lengths.tolist(), strict=True))


def batch_probabilities(
    tree: SuffixTree,
    smoothing: ClosedFormSmoothing | FittedSmoothing,
    base: Floats,
    every_length: bool,
    states: Sequence[State],
) -> Floats:
    """Return the probabilities of the next token of every state, (states, vocabulary)."""
    # start from the base distribution
    probabilities = np.tile(base, (len(states), 1))
    contexts = zip(*_contexts(tree, every_length, states), strict=True)
    rows, lengths, nodes = (np.concatenate(arrays) for arrays in contexts)

    # interpolate at one context length after the other, the shortest first
    for length in np.unique(lengths):
        # leftover and discounted of the distinct nodes
        here = lengths == length
        distinct, which = np.unique(nodes[here], return_inverse=True)
        pairs, owner = expand_ranges(tree.starts[distinct], tree.starts[distinct + 1])
        no_pairs = np.full(len(distinct), MISSING)
        leftover, _ = smoothing.at_length(tree, int(length), distinct, no_pairs)
        discounted = np.zeros((len(distinct), len(base)))
        tokens = tree.keys[pairs] - tree.first_keys(distinct[owner])
        discounted[owner, tokens] = smoothing.at_length(tree, int(length), distinct[owner], pairs)[1]

        # p(w | h) = discounted(w) + leftover p(w | h')
        probabilities[rows[here]] = probabilities[rows[here]] * leftover[which, None] + discounted[which]
    return probabilities


def batch_probabilities_fitted(
    tree: SuffixTree, smoothing: FittedSmoothing, unigrams: Floats, states: Sequence[State]
) -> Floats:
    """Return the probabilities of the first tokens of the vocabulary with fitted smoothing, (states, tokens).

    `unigrams` has their probabilities without a context, (tokens,). When words are read character by character, many
    states are equal and few tokens follow a context: only the discounted probabilities of these tokens are added.
    """
    # the contexts of the distinct states, the longest first
    distinct, inverse = np.unique(np.array(states, np.int64), axis=0, return_inverse=True)
    (nodes, lengths), levels = distinct.T, []
    rows = np.flatnonzero(nodes != tree.root)
    while len(rows):
        levels.append((rows, nodes[rows]))
        nodes = np.where(nodes != MISSING, tree.parent[nodes], MISSING)
        rows = rows[nodes[rows] != tree.root]

    # the discounted probabilities of a context, weighted by the leftover of all longer contexts
    remaining, added = np.ones(len(distinct)), []
    for rows, level_nodes in levels:
        level_lengths = np.minimum(lengths[rows], tree.depth[level_nodes])
        leftover, which, tokens, discounted = smoothing.all_pairs(tree, level_nodes, level_lengths, len(unigrams))
        added.append((rows[which], tokens, discounted * remaining[rows[which]]))
        remaining[rows] *= leftover

    # add them to the unigrams, and copy the rows of equal states
    probabilities = remaining[:, None] * unigrams
    for rows, tokens, discounted in added:
        probabilities[rows, tokens] += discounted
    return np.asarray(probabilities[inverse.reshape(-1)])


def _contexts(tree: SuffixTree, every_length: bool, states: Sequence[State]) -> Iterator[Contexts]:
    """Yield the contexts of all states, from their own nodes up to the root, as `MarkovChain.context_nodes` does."""
    nodes, lengths = np.array(states, np.int64).T
    rows = np.arange(len(nodes))
    while len(rows):
        # the context lengths of the node: longer than those of its parent, and at most that of the state
        parents = tree.parent[nodes].astype(np.int64)
        shortest = np.where(parents == MISSING, 0, np.minimum(lengths, tree.depth[parents]) + 1)
        longest = np.minimum(lengths, tree.depth[nodes])
        if every_length:
            all_lengths, owner = expand_ranges(shortest, np.maximum(longest + 1, shortest))
            yield rows[owner], all_lengths, nodes[owner]
        else:
            yield rows, longest, nodes

        # continue at the parents
        exists = parents != MISSING
        rows, nodes, lengths = rows[exists], parents[exists], lengths[exists]
