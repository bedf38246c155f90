"""The loops that build a suffix tree from sorted contexts, compiled by numba; `tree_building.py` calls them."""

from __future__ import annotations

from typing import Any, NamedTuple

from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.suffix_tree import LIGHT, MISSING, Ints, Small, SuffixTree

CHILDREN, COUNT, LINK = range(3)


class Growing(NamedTuple):
    """A tree under construction: the arrays of `SuffixTree`, with room for more nodes and pairs, and memory to use."""

    parent: Small
    depth: Small
    starts: Ints
    tokens: Small
    counts: Small
    continuations: Small
    links: Small  # until the tree is complete, those of inner nodes have a child's pair with the same token
    open_nodes: Small  # (levels, 2) depth and last child of every node on the path to the root that is not complete
    sums: Small  # (tokens, 3) CHILDREN, COUNT and LINK of each token in the node that is being completed


def counted_tree(tree: Growing, nodes: int, vocabulary: int, longest: int | None) -> SuffixTree:
    """Return a complete tree, its arrays cut to so many nodes; memory that was never written takes no space."""
    pairs = int(tree.starts[nodes])
    return SuffixTree(
        parent=tree.parent[:nodes],
        depth=tree.depth[:nodes],
        starts=tree.starts[: nodes + 1],
        tokens=tree.tokens[:pairs],
        counts=tree.counts[:pairs],
        continuations=tree.continuations[:pairs],
        links=tree.links[:pairs],
        vocabulary=vocabulary,
        longest=longest,
    )


@kernel
def find_leaves(ids: Small, order: Small, shared: Small, limit: int, sizes: Small) -> int:
    """Write the number of different tokens that follow each leaf, in sorted order, and return the number of leaves.

    A leaf is a run of positions whose last `limit` tokens are the same.
    """
    leaf = MISSING
    for place in range(len(order)):
        if place == 0 or shared[place] < limit:
            leaf += 1
            sizes[leaf] = 1
        else:
            sizes[leaf] += ids[order[place]] != ids[order[place - 1]]
    return leaf + 1


@kernel
def number_leaves(sizes: Small, numbers: Small, starts: Ints) -> None:
    """Write the nodes of sorted leaves, (leaves,), light ones first, and the first pairs of nodes, (leaves + 1,).

    `sizes` has the number of pairs of each leaf.
    """
    node, pair = 0, 0
    for is_light in (True, False):
        for leaf in range(len(sizes)):
            if (sizes[leaf] <= LIGHT) == is_light:
                numbers[leaf], starts[node] = node, pair
                node, pair = node + 1, pair + sizes[leaf]
    starts[node] = pair


@kernel
def place_leaves(order: Small, shared: Small, limit: int, numbers: Small, leaf_at: Small) -> None:
    """Write the leaf of every position, (positions,); `numbers` has the nodes of the leaves in sorted order."""
    leaf = MISSING
    for place in range(len(order)):
        leaf += place == 0 or shared[place] < limit
        leaf_at[order[place]] = numbers[leaf]


@kernel
def fill_leaves(
    ids: Small, weights: Small, order: Small, shared: Small, limit: int, leaf_at: Small, tree: Growing
) -> None:
    """Write the pairs of the leaves and their depth; a pair links to the leaf of the next position.

    A token is counted as often as its weight; `weights` is (tokens,), or (1,) for all tokens.
    """
    pair = MISSING
    for place in range(len(order)):
        position, token = order[place], ids[order[place]]
        is_leaf = place == 0 or shared[place] < limit
        if is_leaf:
            leaf = leaf_at[position]
            tree.depth[leaf], pair = min(position, limit), tree.starts[leaf] - 1
        if is_leaf or tree.tokens[pair] != token:
            pair += 1
            tree.tokens[pair], tree.counts[pair], tree.links[pair] = token, 0, MISSING
        tree.counts[pair] += weights[min(position, len(weights) - 1)]
        tree.continuations[pair] = tree.counts[pair]
        if tree.links[pair] == MISSING and position + 1 < len(order):  # the last position has no next one
            tree.links[pair] = leaf_at[position + 1]


@kernel
def join_leaves(
    shared: Small, limit: int, numbers: Small, tree: Growing, begin: int, stop: int, position: Ints
) -> None:
    """Write the other nodes, children before parents, up to a place in the order of the contexts.

    Neighbors are joined by a node as deep as the number of tokens that they share. A node is open as long as children
    may follow, and is numbered when it is complete (Abouelhoda, Kurtz & Ohlebusch 2004). The parent of a child is the
    child before it until then. `numbers` has the nodes of the leaves in sorted order. The places from 1 to the number
    of contexts are read from `begin` to `stop`, in as many calls as you like; between them, `position` has the number
    of nodes, the leaf, and the level in `open_nodes`, at first the number of leaves and two zeros.
    """
    nodes, leaf, level, open_nodes = position[0], position[1], position[2], tree.open_nodes
    if begin == 1:
        open_nodes[0, 0], open_nodes[0, 1] = 0, MISSING  # the root
    for place in range(begin, stop):
        border = shared[place] if place < len(shared) else MISSING
        if border >= limit:  # the same leaf
            continue
        node, leaf = numbers[leaf], leaf + 1

        # the border to the next leaf completes all deeper nodes
        while level >= 0 and open_nodes[level, 0] > border:
            if len(numbers) > 1:  # else the leaf is the root
                tree.parent[node] = open_nodes[level, 1]
                tree.depth[nodes] = open_nodes[level, 0]
                complete_node(tree, nodes, node)
                node, nodes = nodes, nodes + 1
            level -= 1

        # both sides of the border have the same parent, which is open or new
        if border != MISSING:
            if open_nodes[level, 0] < border:
                level += 1
                open_nodes[level, 0], open_nodes[level, 1] = border, MISSING
            tree.parent[node], open_nodes[level, 1] = open_nodes[level, 1], node
    if stop > len(shared):
        tree.parent[nodes - 1] = MISSING
    position[0], position[1], position[2] = nodes, leaf, level


@inner
def complete_node(tree: Growing, node: int, child: int) -> None:
    """Write the pairs of a node, and the parent of its children; `child` is the last one.

    A count is the sum over the children; a continuation count is the number of children with the token, which differ
    in the preceding token.
    """
    start, sums = tree.starts[node], tree.sums
    stop = start
    while child != MISSING:
        for below in range(tree.starts[child], tree.starts[child + 1]):
            token = tree.tokens[below]
            if sums[token, CHILDREN] == 0:
                tree.tokens[stop], sums[token, COUNT], sums[token, LINK] = token, 0, MISSING
                stop += 1
            sums[token, CHILDREN] += 1
            sums[token, COUNT] += tree.counts[below]
            if tree.links[below] != MISSING:
                sums[token, LINK] = below
        before, tree.parent[child] = tree.parent[child], node
        child = before

    tree.starts[node + 1] = stop
    sort_tokens(tree, start, stop)
    for pair in range(start, stop):
        token = tree.tokens[pair]
        tree.counts[pair], tree.continuations[pair] = sums[token, COUNT], sums[token, CHILDREN]
        tree.links[pair], sums[token, CHILDREN] = sums[token, LINK], 0


@inner
def sort_tokens(tree: Growing, start: int, stop: int) -> None:
    """Sort the tokens of a node: few by insertion, many by looking at all tokens."""
    tokens = tree.tokens
    if (stop - start) * (stop - start) > len(tree.sums):
        for token in range(len(tree.sums)):
            if tree.sums[token, CHILDREN]:
                tokens[start] = token
                start += 1
        return
    for place in range(start + 1, stop):
        token, pair = tokens[place], place
        while pair > start and tokens[pair - 1] > token:
            tokens[pair] = tokens[pair - 1]
            pair -= 1
        tokens[pair] = token


@kernel
def link_pairs(tree: Growing, begin: int, stop: int, leaves: int, limit: int) -> None:
    """Write the links of the pairs of nodes: to the highest node with contexts as long as the node's with the token.

    The nodes from `begin` to `stop` are read; those before have their links.
    """
    for node in range(begin, stop):
        length = min(tree.depth[node] + 1, limit)
        for pair in range(tree.starts[node], tree.starts[node + 1]):
            link = tree.links[pair]
            if node >= leaves and link != MISSING:
                link = tree.links[link]
            while link != MISSING and tree.parent[link] != MISSING and tree.depth[tree.parent[link]] >= length:
                link = tree.parent[link]
            tree.links[pair] = link


@kernel
def tally_counts(parent: Small, depth: Small, starts: Ints, counts: Small, inside_once: bool, changes: Ints) -> None:
    """Add to `changes` by how much the number of n-grams with a count from 1 to 4 differs between lengths of context.

    `changes` is (lengths + 1, 5); larger counts are counted as 0. A node has the contexts that are longer than those of
    its parent; those inside the edge have the counts of the node, or, with `inside_once`, counts of 1.
    """
    for node in range(len(parent)):
        begin = depth[parent[node]] + 1 if parent[node] != MISSING else 0
        for pair in range(starts[node], starts[node + 1]):
            count = counts[pair] if counts[pair] <= 4 else 0
            inside = 1 if inside_once else count
            if depth[node] >= begin:  # else the beginning of the text, which occurs elsewhere too
                changes[begin, inside] += 1
                changes[depth[node], inside] -= 1
                changes[depth[node], count] += 1
                changes[depth[node] + 1, count] -= 1


@kernel
def is_tree(parent: Small, starts: Small, tokens: Any, links: Small, leaves: int, vocabulary: int) -> bool:
    """Return whether the arrays of a stored tree form one: no path is a cycle, and all indices are in range.

    A parent is no leaf and comes after its children, every node has pairs, sorted by their tokens.
    """
    nodes, pairs = len(parent), len(tokens)
    if starts[0] != 0 or starts[nodes] != pairs or parent[nodes - 1] != MISSING:
        return False
    for node in range(nodes):
        start, stop = starts[node], starts[node + 1]
        if not start < stop <= pairs or (node + 1 < nodes and not max(node, leaves - 1) < parent[node] < nodes):
            return False
        for pair in range(start, stop):
            is_sorted = pair == start or tokens[pair - 1] < tokens[pair]
            if not is_sorted or not 0 <= tokens[pair] < vocabulary or not MISSING <= links[pair] < nodes:
                return False
    return True
