"""Build a suffix tree from a stream of tokens: sort its contexts, then join neighbors from the leaves to the root.

The contexts of a position are the tokens before it, read backwards. In sorted order, contexts that share tokens are
neighbors, and the number of shared tokens is the depth of the node that joins them (as with the longest common prefixes
of a suffix array, Kasai et al. 2001).
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.suffix_tree import MISSING, Ints, Small, SuffixTree

from genbench.analysis.suffix_array import sort_contexts
from genbench.errors import UserError
from genbench.storage.memory import total_memory

BYTES_PER_TOKEN = 300  # of memory to count contexts of any length, measured on prose
MAX_TOKENS = 2**30  # nodes are numbered in 32 bits


def build_tree(ids: Ints, longest: int | None, vocabulary: int) -> SuffixTree:
    """Count all n-grams of a stream whose contexts have up to `longest` tokens (None: any number)."""
    order, shared = sort_contexts(ids, longest)
    return _TreeBuilder(ids, order, shared, vocabulary, longest).build()


def require_memory(tokens: int) -> None:
    """Raise UserError if this machine has too little memory to count a text of this many tokens."""
    memory = total_memory() or MAX_TOKENS * BYTES_PER_TOKEN
    limit = min(memory // BYTES_PER_TOKEN, MAX_TOKENS)
    if tokens > limit:
        raise UserError(
            f"the training text has {tokens:,} tokens, but this machine's memory of {memory / 1e9:.1f} GB is "
            f"enough to count {limit:,} ({BYTES_PER_TOKEN} bytes per token); use less text, or markov-word, which "
            "needs fewer tokens"
        )


class _TreeBuilder:
    """A tree under construction, from the leaves (the longest contexts) to the root.

    A rank is the index of a position in the order of sorted contexts; a node covers the ranks from `begin` to `end`.
    `shared` is the number of tokens that the context of a rank shares with the one before, (ranks,).
    """

    def __init__(self, ids: Ints, order: Small, shared: Small, vocabulary: int, longest: int | None) -> None:
        self.vocabulary, self.longest, self.shared = vocabulary, longest, shared

        # a leaf is a run of ranks with the same longest context
        limit = len(ids) if longest is None else longest
        first = shared < limit
        first[:1] = True
        self.leaf_begins = np.flatnonzero(first)
        leaves = len(self.leaf_begins)

        # allocate arrays for all nodes: there is at most one inner node per leaf
        room = 2 * leaves
        self.parent = np.full(room, MISSING, np.int32)
        self.depth = np.zeros(room, np.int32)
        contexts = order[self.leaf_begins]  # a context is as long as the text before its position, or as the limit
        self.depth[:leaves] = contexts if longest is None else np.minimum(limit, contexts)
        self.begin, self.end = np.zeros(room, np.int32), np.zeros(room, np.int32)
        self.starts = np.zeros(room + 1, np.int64)
        self.nodes = leaves
        self._count_leaf_pairs(ids, order, np.cumsum(first) - 1)

    def _count_leaf_pairs(self, ids: Ints, order: Small, leaf: Ints) -> None:
        """Count the tokens that follow the leaves; a pair links to the leaf of the next position."""
        # sort the ranks by leaf and token; the ranks of a leaf stay together
        keys = leaf * self.vocabulary + ids[order]
        if (np.diff(keys) < 0).any():
            again = np.argsort(keys, kind="stable")
            keys, order = keys[again], order[again]

        # a run of equal keys is a pair, and its length the count
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(first, append=len(keys))

        # the last position of the text has no next one: use another position of its pair, if there is one
        leaf_at = np.empty(len(ids) + 1, np.int32)
        leaf_at[order] = leaf
        leaf_at[len(ids)] = MISSING
        position = order[first]
        another = order[np.minimum(first + 1, len(order) - 1)]
        position = np.where((position == len(ids) - 1) & (counts > 1), another, position)

        # store the pairs in arrays that are long enough for those of the inner nodes
        starts = np.cumsum(np.bincount(keys[first] // self.vocabulary, minlength=self.nodes))
        self.starts[1 : self.nodes + 1] = starts
        self.pairs = len(first)
        room = self.pairs + 3 * len(ids) + 1
        self.tokens, self.counts, self.continuations, self.links = (np.empty(room, np.int32) for _ in range(4))
        self.tokens[: self.pairs] = keys[first] % self.vocabulary
        self.counts[: self.pairs] = self.continuations[: self.pairs] = counts
        self.links[: self.pairs] = leaf_at[position + 1]

    def build(self) -> SuffixTree:
        """Join the neighbors that share the most tokens first, up to the root, and return the tree."""
        # the topmost node that begins at a rank, and the one that ends there
        ends = np.append(self.leaf_begins[1:], len(self.shared))
        self.node_from = np.full(len(self.shared) + 1, MISSING, np.int32)
        self.node_to = np.full(len(self.shared) + 1, MISSING, np.int32)
        self.node_from[self.leaf_begins] = self.node_to[ends] = np.arange(self.nodes)
        self.begin[: self.nodes], self.end[: self.nodes] = self.leaf_begins, ends

        # sort the borders between leaves by the number of shared tokens; 16-bit numbers are sorted faster
        borders = self.leaf_begins[1:]
        descending = -self.shared[borders]
        if len(descending) and int(descending.min()) > np.iinfo(np.int16).min:
            descending = descending.astype(np.int16)
        borders = borders[np.argsort(descending, kind="stable")]

        # add the nodes of one depth at a time, the deepest first
        changes = np.flatnonzero(np.diff(self.shared[borders])) + 1
        for group in np.split(borders, changes):
            if len(group):
                self._join(group, int(self.shared[group[0]]))
        if self.depth[self.nodes - 1] > 0:
            self._add_root()
        return self._finish()

    def _join(self, borders: Ints, depth: int) -> None:
        """Add one node for every run of neighbors that share exactly `depth` tokens, at borders in ascending order."""
        # find the runs: a border continues a run if its left node is the right node of the border before
        left, right = self.node_to[borders], self.node_from[borders]
        first = np.concatenate([[True], right[:-1] != left[1:]])
        last = np.append(first[1:], True)
        run = np.cumsum(first) - 1

        # the children of a run are its first left node and all its right nodes
        children, runs = np.concatenate([left[first], right]), np.concatenate([run[first], run])
        nodes = np.arange(self.nodes, self.nodes + int(run[-1]) + 1)
        self._add_nodes(nodes, depth, self.begin[left[first]], self.end[right[last]])
        self.parent[children] = nodes[runs]
        self._add_pairs(children, runs, len(nodes))

    def _add_nodes(self, nodes: Ints, depth: int, begin: Small, end: Small) -> None:
        """Add nodes of one depth that cover these ranges of ranks."""
        self.depth[nodes] = depth
        self.begin[nodes], self.end[nodes] = begin, end
        self.node_from[begin] = self.node_to[end] = nodes
        self.nodes += len(nodes)

    def _add_pairs(self, children: Ints, runs: Ints, new_nodes: int) -> None:
        """Add the pairs of new nodes, whose counts are sums over their children.

        `runs` has the number of the new node for every child, (children,).
        """
        # list the children's pairs, sorted by new node and token
        sizes = (self.starts[children + 1] - self.starts[children]).astype(np.int64)
        shift = np.repeat(self.starts[children] - np.cumsum(sizes) + sizes, sizes)
        rows = shift + np.arange(len(shift))
        keys = np.repeat(runs, sizes) * self.vocabulary + self.tokens[rows]
        again = np.argsort(keys, kind="stable")
        keys, rows = keys[again], rows[again]

        # sum the counts; the continuation count is the number of children, which differ in the preceding token
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        stop = self.pairs + len(first)
        new = slice(self.pairs, stop)
        self.tokens[new] = keys[first] % self.vocabulary
        self.counts[new] = np.add.reduceat(self.counts[rows], first)
        self.continuations[new] = np.diff(first, append=len(keys))

        # if all children link to one node, so does the new pair; else to the parent of the linked nodes
        links = self.links[rows]
        high = np.maximum.reduceat(links, first)
        low = np.minimum.reduceat(np.where(links < 0, np.iinfo(np.int32).max, links), first)
        self.links[new] = np.where((high < 0) | (low == high), high, self.parent[high])

        # store where the pairs of the new nodes end
        ends = self.pairs + np.searchsorted(keys[first], (np.arange(new_nodes) + 1) * self.vocabulary)
        self.starts[self.nodes - new_nodes + 1 : self.nodes + 1] = ends
        self.pairs = stop

    def _add_root(self) -> None:
        """Add the node of the empty context, which no border creates if all contexts share their last token."""
        top = np.array([self.nodes - 1])
        self._add_nodes(np.array([self.nodes]), 0, self.begin[top], self.end[top])
        self.parent[top] = self.nodes - 1
        self._add_pairs(top, np.zeros(1, np.int64), 1)

    def _finish(self) -> SuffixTree:
        """Return the tree, with arrays cut to size."""
        nodes, pairs = slice(self.nodes), slice(self.pairs)
        # copies release the unused ends of the arrays
        return SuffixTree(
            parent=self.parent[nodes].copy(),
            depth=self.depth[nodes].copy(),
            starts=self.starts[: self.nodes + 1].copy(),
            tokens=self.tokens[pairs].copy(),
            counts=self.counts[pairs].copy(),
            continuations=self.continuations[pairs].copy(),
            links=self.links[pairs].copy(),
            vocabulary=self.vocabulary,
            longest=self.longest,
        )
