"""All n-grams of a text in memory proportional to the text: the suffix tree of the text read backwards.

A node is a set of contexts that stand before the same places: the longest one tells it, `depth` tokens long. Its parent
is the longest shorter context that stands before more places. The tokens that follow a node, with their counts, are its
pairs; each leads to the node of the context that is one token longer to the right. Nodes and these links together are
at most three times as many as tokens (Weiner 1973), whatever the longest n-gram is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from genbench_plugins.markov.suffix_array import Ints, Small, contexts

from genbench import UserError

NOWHERE = -1
NEEDED = 300  # bytes a token while counting contexts of any length, measured on prose
MOST = 2**30  # tokens: nodes are numbered in 32 bits
MANY = 1000  # from here on, sorted questions are answered faster


@dataclass(frozen=True)
class Tree:
    """The counted text.

    parent  (nodes,) of each node; NOWHERE for the root, which is the last node
    depth   (nodes,) how long its longest context is
    starts  (nodes + 1,) where its pairs begin
    keys    (pairs,) sorted: node * vocabulary + token
    counts  (pairs,) how often the token followed the node
    before  (pairs,) how many different tokens stand before node and token, where it does not reach the longest n-gram
    links   (pairs,) the node after the token; NOWHERE where nothing ever followed it
    longest how many tokens a context may have; None: any number
    """

    parent: Small
    depth: Small
    starts: Ints
    keys: Ints
    counts: Small
    before: Small
    links: Small
    vocabulary: int
    longest: int | None

    @property
    def owners(self) -> Ints:
        """The node of each pair, (pairs,)."""
        return np.repeat(np.arange(len(self.parent)), np.diff(self.starts))

    @property
    def root(self) -> int:
        """The node of the empty context."""
        return len(self.parent) - 1

    def first(self, nodes: Ints | Small) -> Ints:
        """The key of each node with token 0, (n,): 32 bits, as nodes have, do not hold it where the text is long."""
        return np.asarray(nodes, np.int64) * self.vocabulary

    def find(self, nodes: Ints, tokens: Ints) -> Ints:
        """The pair of each node and token, (n,); NOWHERE where the token never followed it, or the node is NOWHERE."""
        keys = self.first(nodes) + tokens
        again = np.argsort(keys) if len(keys) > MANY else np.arange(len(keys))
        pairs = np.empty(len(keys), np.int64)
        pairs[again] = np.minimum(np.searchsorted(self.keys, keys[again]), len(self.keys) - 1)
        return np.where((self.keys[pairs] == keys) & (nodes >= 0), pairs, NOWHERE)

    def pair(self, node: int, token: int) -> int:
        """The pair of one node and token, or NOWHERE."""
        start, stop = self.starts[node], self.starts[node + 1]
        place = int(start + self.keys[start:stop].searchsorted(node * self.vocabulary + token))
        return place if place < stop and self.keys[place] == node * self.vocabulary + token else NOWHERE


def restored(kept: dict[str, Any], size: int, longest: int | None) -> Tree:
    """The tree that was kept of a chain over so many tokens; ValueError where no text has such a tree.

    A parent stands behind its children, so no walk upwards goes in a circle; whatever a node or pair names is there.
    """
    tree = Tree(**kept)
    nodes, pairs = len(tree.parent), len(tree.keys)
    shapes: list[tuple[Any, int]] = [(tree.parent, nodes), (tree.depth, nodes), (tree.starts, nodes + 1)]
    shapes += [(each, pairs) for each in (tree.keys, tree.counts, tree.before, tree.links)]
    if not nodes or any(each.shape != (length,) or each.dtype.kind != "i" for each, length in shapes):
        raise ValueError("a tree of counts with arrays of another shape or type")
    upwards = (tree.parent[:-1] > np.arange(nodes - 1)).all() and (tree.parent[:-1] < nodes).all()
    filled = tree.starts[0] == 0 and tree.starts[-1] == pairs and (np.diff(tree.starts) >= 1).all()
    if not upwards or tree.parent[-1] != NOWHERE or not filled:
        raise ValueError("a tree of counts that goes in a circle, or with nodes that lack what followed them")
    tokens = tree.keys - tree.owners * size
    limits = ((tree.links, NOWHERE, nodes), (tokens, 0, size))
    there = all(low <= each.min() and each.max() < high for each, low, high in limits)
    deep = (tree.depth >= 0).all() and (longest is None or int(tree.depth.max()) <= longest)
    sorted_ = (np.diff(tree.keys) > 0).all() and min(tree.counts.min(), tree.before.min()) >= 0
    if not there or not deep or not sorted_ or (tree.vocabulary, tree.longest) != (size, longest):
        raise ValueError("a tree of counts of another vocabulary or order")
    return tree


def require_memory(tokens: int) -> None:
    """Refuse a text that this machine cannot count, before the work begins; UserError names the limit."""
    most = min(memory() // NEEDED, MOST)
    if tokens > most:
        raise UserError(
            f"the training text has {tokens:,} tokens, and this machine's memory of {memory() / 1e9:.1f} GB is enough "
            f"to count {most:,} ({NEEDED} bytes a token); give less text, or cut it into words with markov-word"
        )


def memory() -> int:
    """Bytes of memory that this machine has; as good as none where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return MOST * NEEDED


def grow(ids: Ints, longest: int | None, vocabulary: int) -> Tree:
    """Count a stream: all contexts of up to `longest` tokens, and what follows them."""
    order, shared = contexts(ids, longest)
    return _Growing(ids, order, shared, vocabulary, longest).tree()


class _Growing:
    """A tree while it grows from the leaves, the longest contexts, towards the root."""

    def __init__(self, ids: Ints, order: Small, shared: Small, vocabulary: int, longest: int | None) -> None:
        self.vocabulary, self.longest = vocabulary, longest
        limit = len(ids) if longest is None else longest
        first = shared < limit
        first[:1] = True
        self.begins = np.flatnonzero(first)  # the first rank of each leaf
        leaves = len(self.begins)
        self.shared = shared
        most = 2 * leaves
        self.parent = np.full(most, NOWHERE, np.int32)
        self.depth = np.zeros(most, np.int32)
        self.depth[:leaves] = np.minimum(limit, order[self.begins]) if longest is not None else order[self.begins]
        self.nodes = leaves
        self._leaf_pairs(ids, order, np.cumsum(first) - 1)

    def _leaf_pairs(self, ids: Ints, order: Small, leaf: Ints) -> None:
        """What follows each leaf, counted; the link is to the leaf of the place after."""
        keys = leaf * self.vocabulary + ids[order]
        if (np.diff(keys) < 0).any():
            again = np.argsort(keys, kind="stable")
            keys, order = keys[again], order[again]  # a leaf keeps its ranks
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        counts = np.diff(first, append=len(keys))
        after = np.empty(len(ids) + 1, np.int32)
        after[order] = leaf
        after[len(ids)] = NOWHERE
        one = order[first]
        one = np.where((one == len(ids) - 1) & (counts > 1), order[np.minimum(first + 1, len(order) - 1)], one)
        self.keys = [keys[first]]
        self.starts = np.zeros(2 * len(self.begins) + 1, np.int64)
        self.starts[1 : self.nodes + 1] = np.cumsum(np.bincount(keys[first] // self.vocabulary, minlength=self.nodes))
        self.pairs = len(first)
        room = self.pairs + 3 * len(ids) + 1
        self.tokens, self.counts, self.before, self.links = (np.empty(room, np.int32) for _ in range(4))
        self.tokens[: self.pairs] = keys[first] % self.vocabulary
        self.counts[: self.pairs] = self.before[: self.pairs] = counts
        self.links[: self.pairs] = after[one + 1]

    def tree(self) -> Tree:
        """Join neighbours that share the most tokens first."""
        ends = np.append(self.begins[1:], len(self.shared))
        self.starting = np.full(len(self.shared) + 1, NOWHERE, np.int32)  # the topmost node that begins at a rank
        self.ending = np.full(len(self.shared) + 1, NOWHERE, np.int32)
        self.starting[self.begins] = self.ending[ends] = np.arange(self.nodes)
        self.begin = np.zeros(len(self.parent), np.int32)
        self.end = np.zeros(len(self.parent), np.int32)
        self.begin[: self.nodes], self.end[: self.nodes] = self.begins, ends
        inner = self.begins[1:]
        most = -self.shared[inner]
        fits = len(most) and int(most.min()) > np.iinfo(np.int16).min  # numbers so short are sorted by their digits
        inner = inner[np.argsort(most.astype(np.int16) if fits else most, kind="stable")]
        cuts = np.flatnonzero(np.diff(self.shared[inner])) + 1
        for joins in np.split(inner, cuts):
            if len(joins):
                self._join(joins, int(self.shared[joins[0]]))
        if self.depth[self.nodes - 1] > 0:
            self._root()
        return self._whole()

    def _join(self, joins: Ints, depth: int) -> None:
        """One node for each run of neighbours, at ranks in order, that share exactly this many tokens."""
        left, right = self.ending[joins], self.starting[joins]
        first = np.concatenate([[True], right[:-1] != left[1:]])
        label = np.cumsum(first) - 1
        children, labels = np.concatenate([left[first], right]), np.concatenate([label[first], label])
        made = np.arange(self.nodes, self.nodes + int(label[-1]) + 1)
        last = np.append(first[1:], True)
        self._node(made, depth, self.begin[left[first]], self.end[right[last]])
        self.parent[children] = made[labels]
        self._gather(children, labels, len(made))

    def _node(self, made: Ints, depth: int, begin: Small, end: Small) -> None:
        self.depth[made] = depth
        self.begin[made], self.end[made] = begin, end
        self.starting[begin] = self.ending[end] = made
        self.nodes += len(made)

    def _gather(self, children: Ints, labels: Ints, made: int) -> None:
        """The pairs of new nodes: those of their children, added up."""
        sizes = (self.starts[children + 1] - self.starts[children]).astype(np.int64)
        shift = np.repeat(self.starts[children] - np.cumsum(sizes) + sizes, sizes)
        rows = shift + np.arange(len(shift))
        keys = np.repeat(labels, sizes) * self.vocabulary + self.tokens[rows]
        again = np.argsort(keys, kind="stable")
        keys, rows = keys[again], rows[again]
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        stop = self.pairs + len(first)
        here = slice(self.pairs, stop)
        self.tokens[here] = keys[first] % self.vocabulary
        self.counts[here] = np.add.reduceat(self.counts[rows], first)
        self.before[here] = np.diff(first, append=len(keys))
        links = self.links[rows]
        high = np.maximum.reduceat(links, first)
        low = np.minimum.reduceat(np.where(links < 0, np.iinfo(np.int32).max, links), first)
        self.links[here] = np.where((high < 0) | (low == high), high, self.parent[high])
        ends = self.pairs + np.searchsorted(keys[first], (np.arange(made) + 1) * self.vocabulary)
        self.starts[self.nodes - made + 1 : self.nodes + 1] = ends
        self.pairs = stop

    def _root(self) -> None:
        """A text whose places all share a token has no node of nothing yet."""
        top = np.array([self.nodes - 1])
        self._node(np.array([self.nodes]), 0, self.begin[top], self.end[top])
        self.parent[top] = self.nodes - 1
        self._gather(top, np.zeros(1, np.int64), 1)

    def _whole(self) -> Tree:
        nodes, pairs = slice(self.nodes), slice(self.pairs)
        starts = self.starts[: self.nodes + 1].copy()
        owner = np.repeat(np.arange(self.nodes), np.diff(starts))
        keys = owner * self.vocabulary + self.tokens[pairs]
        kept = (self.parent[nodes].copy(), self.depth[nodes].copy(), starts, keys)
        counted = (self.counts[pairs].copy(), self.before[pairs].copy(), self.links[pairs].copy())
        return Tree(*kept, *counted, self.vocabulary, self.longest)
