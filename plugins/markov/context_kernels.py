"""The loops that build `WordChains` and the trie of its words, compiled by numba."""

from __future__ import annotations

from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.kernels import discount, first_length
from genbench_plugins.markov.suffix_tree import MISSING, Ints
from genbench_plugins.markov.tree_kernels import depth_of
from genbench_plugins.markov.word_chains import Records


@kernel
def find_context(model: BackoffModel, inside: Ints, node: int, length: int) -> int:
    """Return the context of a node and a length; those inside edges come after all nodes.

    `inside` has the number of contexts inside the edges of all nodes before, (nodes + 1,).
    """
    if node == MISSING or length >= depth_of(model, node):
        return node
    return int(len(model.parent) + inside[node] + length - depth_of(model, model.parent[node]) - 1)


@kernel
def fill_contexts(model: BackoffModel, inside: Ints, contexts: Records, pairs: Records) -> None:
    """Write the contexts, (contexts + 1,), and pairs of a model, first those of its nodes, then those inside edges."""
    place = len(model.tokens)
    for node in range(len(model.parent)):
        parent, types = model.parent[node], model.starts[node + 1] - model.starts[node]
        fill_context(model, inside, contexts, pairs, node, node, depth_of(model, node), model.starts[node])

        # the contexts inside the edge
        for context in range(len(model.parent) + inside[node], len(model.parent) + inside[node + 1]):
            length = depth_of(model, parent) + 1 + context - len(model.parent) - inside[node]
            fill_context(model, inside, contexts, pairs, context, node, length, place)
            place += types
    contexts[len(model.parent) + inside[len(model.parent)]].start = place


@inner
def fill_context(
    model: BackoffModel,
    inside: Ints,
    contexts: Records,
    pairs: Records,
    context: int,
    node: int,
    length: int,
    place: int,
) -> None:
    """Write a context of a node and a length, and its pairs from a place on: the recursion from the parent."""
    contexts[context].parent, contexts[context].length = model.parent[node], length
    contexts[context].start, contexts[context].stored, contexts[context].backoff = place, MISSING, 1
    for row in range(model.starts[node + 1] - model.starts[node]):
        pairs[place + row].added = 0
    for step in range(first_length(model, node, length), length + 1):
        leftover = discount(model, node, step)
        contexts[context].backoff *= leftover
        for row in range(model.starts[node + 1] - model.starts[node]):
            pairs[place + row].added = model.discounted[row] + leftover * pairs[place + row].added
    longer = length + 1 if model.longest < 0 else min(length + 1, model.longest)
    for pair in range(model.starts[node], model.starts[node + 1]):
        pairs[place].token = model.tokens[pair]
        pairs[place].link = find_context(model, inside, model.links[pair], longer)
        place += 1


@kernel
def fill_trie(texts: Ints, starts: Ints, nodes: Records) -> int:
    """Write the nodes of the trie of sorted texts, as in `Words`, and return their number.

    `texts` has the symbols of all texts, which start at `starts`, (rows + 1,). A node's first child is its depth until
    the children are written.
    """
    nodes[0].low, nodes[0].high, nodes[0].child, nodes[0].symbol = 0, len(starts) - 1, 0, 0
    node, count = 0, 1
    while node < count:
        depth, row = nodes[node].child, nodes[node].low
        nodes[node].child = count
        while row < nodes[node].high:
            if starts[row] + depth == starts[row + 1]:  # the text ends at this node
                row += 1
                continue

            # a child for all texts with the same next symbol
            symbol = texts[starts[row] + depth]
            nodes[count].low, nodes[count].child, nodes[count].symbol = row, depth + 1, symbol
            while row < nodes[node].high and texts[starts[row] + depth] == symbol:
                row += 1
            nodes[count].high = row
            count += 1
        node += 1
    nodes[count].child = count
    return count
