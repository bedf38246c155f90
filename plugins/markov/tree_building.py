"""Build a suffix tree from a stream of tokens: sort its contexts, then join neighbors from the leaves up."""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.suffix_tree import MISSING, Ints, Small, SuffixTree

from genbench.analysis.suffix_array import sort_contexts
from genbench.errors import UserError
from genbench.storage.memory import total_memory

BYTES_PER_TOKEN = 300  # of memory while contexts of any length are counted, measured on prose
MAX_TOKENS = 2**30  # nodes are numbered in 32 bits


def build_tree(ids: Ints, longest: int | None, vocabulary: int) -> SuffixTree:
    """Count all n-grams of a stream whose contexts have up to `longest` tokens (None: any number)."""
    order, shared = sort_contexts(ids, longest)
    return _TreeBuilder(ids, order, shared, vocabulary, longest).build()


def require_memory(tokens: int) -> None:
    """Raise UserError if this machine's memory is too small to count a text of so many tokens."""
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

    A rank is a position's index in the order of contexts; a node covers the ranks from `begin` to `end`.
    """

    def __init__(self, ids: Ints, order: Small, shared: Small, vocabulary: int, longest: int | None) -> None:
        self.vocabulary, self.longest, self.shared = vocabulary, longest, shared

        # a leaf is a run of positions with the same longest context
        limit = len(ids) if longest is None else longest
        first = shared < limit
        first[:1] = True
        self.leaf_begins = np.flatnonzero(first)
        leaves = len(self.leaf_begins)

        # arrays with room for all nodes: at most one inner node per leaf
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
        """Count the tokens that follow each leaf; a pair links to the leaf of the next position."""
        # sort the ranks by leaf and token; the ranks of a leaf stay together
        keys = leaf * self.vocabulary + ids[order]
        if (np.diff(keys) < 0).any():
            again = np.argsort(keys, kind="stable")
            keys, order = keys[again], order[again]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(first, append=len(keys))

        # the last position of the text has no next one: take another position of its pair, if there is one
        leaf_at = np.empty(len(ids) + 1, np.int32)
        leaf_at[order] = leaf
        leaf_at[len(ids)] = MISSING
        position = order[first]
        another = order[np.minimum(first + 1, len(order) - 1)]
        position = np.where((position == len(ids) - 1) & (counts > 1), another, position)

        # store the pairs, with room for those of the inner nodes
        starts = np.cumsum(np.bincount(keys[first] // self.vocabulary, minlength=self.nodes))
        self.starts[1 : self.nodes + 1] = starts
        self.pairs = len(first)
        room = self.pairs + 3 * len(ids) + 1
        self.tokens, self.counts, self.continuations, self.links = (np.empty(room, np.int32) for _ in range(4))
        self.tokens[: self.pairs] = keys[first] % self.vocabulary
        self.counts[: self.pairs] = self.continuations[: self.pairs] = counts
        self.links[: self.pairs] = leaf_at[position + 1]

    def build(self) -> SuffixTree:
        """Join neighbors that share the most tokens first, up to the root."""
        # the topmost node that begins, and that ends, at each rank
        ends = np.append(self.leaf_begins[1:], len(self.shared))
        self.node_from = np.full(len(self.shared) + 1, MISSING, np.int32)
        self.node_to = np.full(len(self.shared) + 1, MISSING, np.int32)
        self.node_from[self.leaf_begins] = self.node_to[ends] = np.arange(self.nodes)
        self.begin[: self.nodes], self.end[: self.nodes] = self.leaf_begins, ends

        # sort the borders between leaves by how much the leaves share; 16-bit numbers are sorted faster
        borders = self.leaf_begins[1:]
        descending = -self.shared[borders]
        if len(descending) and int(descending.min()) > np.iinfo(np.int16).min:
            descending = descending.astype(np.int16)
        borders = borders[np.argsort(descending, kind="stable")]

        changes = np.flatnonzero(np.diff(self.shared[borders])) + 1
        for group in np.split(borders, changes):
            if len(group):
                self._join(group, int(self.shared[group[0]]))
        if self.depth[self.nodes - 1] > 0:
            self._add_root()
        return self._finish()

    def _join(self, borders: Ints, depth: int) -> None:
        """Add one node for each run of neighbors that share exactly `depth` tokens, at borders in ascending order."""
        left, right = self.node_to[borders], self.node_from[borders]
        first = np.concatenate([[True], right[:-1] != left[1:]])
        last = np.append(first[1:], True)
        run = np.cumsum(first) - 1
        children, runs = np.concatenate([left[first], right]), np.concatenate([run[first], run])
        nodes = np.arange(self.nodes, self.nodes + int(run[-1]) + 1)
        self._add_nodes(nodes, depth, self.begin[left[first]], self.end[right[last]])
        self.parent[children] = nodes[runs]
        self._add_pairs(children, runs, len(nodes))

    def _add_nodes(self, nodes: Ints, depth: int, begin: Small, end: Small) -> None:
        self.depth[nodes] = depth
        self.begin[nodes], self.end[nodes] = begin, end
        self.node_from[begin] = self.node_to[end] = nodes
        self.nodes += len(nodes)

    def _add_pairs(self, children: Ints, runs: Ints, new_nodes: int) -> None:
        """Add the pairs of new nodes: the sums over their children; `runs` numbers the new node of each child."""
        # the children's pairs, sorted by new node and token
        sizes = (self.starts[children + 1] - self.starts[children]).astype(np.int64)
        shift = np.repeat(self.starts[children] - np.cumsum(sizes) + sizes, sizes)
        rows = shift + np.arange(len(shift))
        keys = np.repeat(runs, sizes) * self.vocabulary + self.tokens[rows]
        again = np.argsort(keys, kind="stable")
        keys, rows = keys[again], rows[again]

        # add up the counts; each child is one more token that precedes
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        stop = self.pairs + len(first)
        new = slice(self.pairs, stop)
        self.tokens[new] = keys[first] % self.vocabulary
        self.counts[new] = np.add.reduceat(self.counts[rows], first)
        self.continuations[new] = np.diff(first, append=len(keys))

        # children that link to one node keep that link; those that link to several, the parent of these
        links = self.links[rows]
        high = np.maximum.reduceat(links, first)
        low = np.minimum.reduceat(np.where(links < 0, np.iinfo(np.int32).max, links), first)
        self.links[new] = np.where((high < 0) | (low == high), high, self.parent[high])

        ends = self.pairs + np.searchsorted(keys[first], (np.arange(new_nodes) + 1) * self.vocabulary)
        self.starts[self.nodes - new_nodes + 1 : self.nodes + 1] = ends
        self.pairs = stop

    def _add_root(self) -> None:
        """Add the node of the empty context to a text all of whose contexts share their last token."""
        top = np.array([self.nodes - 1])
        self._add_nodes(np.array([self.nodes]), 0, self.begin[top], self.end[top])
        self.parent[top] = self.nodes - 1
        self._add_pairs(top, np.zeros(1, np.int64), 1)

    def _finish(self) -> SuffixTree:
        nodes, pairs = slice(self.nodes), slice(self.pairs)
        starts = self.starts[: self.nodes + 1].copy()
        owner = np.repeat(np.arange(self.nodes), np.diff(starts))
        return SuffixTree(
            parent=self.parent[nodes].copy(),
            depth=self.depth[nodes].copy(),
            starts=starts,
            keys=owner * self.vocabulary + self.tokens[pairs],
            counts=self.counts[pairs].copy(),
            continuations=self.continuations[pairs].copy(),
            links=self.links[pairs].copy(),
            vocabulary=self.vocabulary,
            longest=self.longest,
        )
