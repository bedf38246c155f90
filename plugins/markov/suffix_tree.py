"""The counts of all n-grams of a text, in memory proportional to the text: the suffix tree of the reversed text.

A node is a set of contexts that occur at the same positions; `depth` is the length of the longest one. Its parent is
the longest shorter context that occurs at more positions, so a path from a node to the root is the sequence of contexts
that backing off visits. The tokens that follow a node, with their counts, are its pairs; each pair links to the node of
the context that is one token longer on the right. There are at most three times as many nodes and links as tokens
(Weiner 1973), whatever the longest n-gram is. `tree_building.py` builds the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
StreamLevel = tuple[int, Ints, Ints, Ints]  # context length; positions of the stream; their nodes; their pairs

MISSING = -1  # no node, no pair
SORT_FROM = 1000  # queries: from here on, looking up sorted ones is faster


@dataclass(frozen=True)
class SuffixTree:
    """The n-gram counts of a text.

    parent         (nodes,) of each node; MISSING for the root, which is the last node
    depth          (nodes,) length of the node's longest context
    starts         (nodes + 1,) where the node's pairs begin
    keys           (pairs,) sorted: node * vocabulary + token
    counts         (pairs,) how often the token followed the node
    continuations  (pairs,) how many different tokens precede node and token: the counts of Kneser and Ney; for the
                   longest n-grams the counts themselves
    links          (pairs,) the node after the token; MISSING where nothing ever followed it
    longest        greatest length of a context; None: any length
    """

    parent: Small
    depth: Small
    starts: Ints
    keys: Ints
    counts: Small
    continuations: Small
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

    def first_keys(self, nodes: Ints | Small) -> Ints:
        """Return the key of each node with token 0, (n,), in 64 bits: 32 bits overflow on long texts."""
        return np.asarray(nodes, np.int64) * self.vocabulary

    def find(self, nodes: Ints, tokens: Ints) -> Ints:
        """Return the pair of each node and token, (n,); MISSING if the token never followed it or the node is MISSING.

        Both arguments are (n,).
        """
        keys = self.first_keys(nodes) + tokens
        order = np.argsort(keys) if len(keys) > SORT_FROM else np.arange(len(keys))
        pairs = np.empty(len(keys), np.int64)
        pairs[order] = np.minimum(np.searchsorted(self.keys, keys[order]), len(self.keys) - 1)
        return np.where((self.keys[pairs] == keys) & (nodes >= 0), pairs, MISSING)

    def find_pair(self, node: int, token: int) -> int:
        """Return the pair of one node and token, or MISSING."""
        start, stop = self.starts[node], self.starts[node + 1]
        key = node * self.vocabulary + token
        pair = int(start + self.keys[start:stop].searchsorted(key))
        return pair if pair < stop and self.keys[pair] == key else MISSING

    def stream_levels(self, stream: Ints, every_length: bool) -> Iterator[StreamLevel]:
        """Yield the contexts of length 0, 1, 2, ... of all positions of a stream at once.

        Without `every_length`, each node on the path of a position comes once, with the longest context of the
        position that it stands for.
        """
        positions, nodes, length = np.arange(len(stream)), np.full(len(stream), self.root), 0
        while len(positions):
            pairs = self.find(nodes, stream[positions])

            # a link from the context before a position leads to the longer context before the next position
            extends = (pairs != MISSING) & (self.links[pairs] != MISSING) & (positions + 1 < len(stream))
            extends &= self.longest is None or length < self.longest
            next_positions, next_nodes = positions[extends] + 1, self.links[pairs[extends]].astype(np.int64)
            if every_length:
                yield length, positions, nodes, pairs
            else:
                node_at = np.full(len(stream), MISSING)
                node_at[next_positions] = next_nodes
                last = node_at[positions] != nodes
                if last.any():
                    yield length, positions[last], nodes[last], pairs[last]
            positions, nodes, length = next_positions, next_nodes, length + 1


def restore_tree(arrays: dict[str, Any], vocabulary: int, longest: int | None) -> SuffixTree:
    """Return the tree of a stored chain; raise ValueError if the arrays are not those of a suffix tree.

    A parent comes after its children, so no path goes in a circle; all indices are in range.
    """
    tree = SuffixTree(**arrays)
    nodes, pairs = len(tree.parent), len(tree.keys)

    # lengths and types
    shapes: list[tuple[Any, int]] = [(tree.parent, nodes), (tree.depth, nodes), (tree.starts, nodes + 1)]
    shapes += [(array, pairs) for array in (tree.keys, tree.counts, tree.continuations, tree.links)]
    if not nodes or any(array.shape != (length,) or array.dtype.kind != "i" for array, length in shapes):
        raise ValueError("the arrays of the suffix tree have the wrong shape or type")

    # structure: parents, and at least one pair for each node
    upwards = (tree.parent[:-1] > np.arange(nodes - 1)).all() and (tree.parent[:-1] < nodes).all()
    filled = tree.starts[0] == 0 and tree.starts[-1] == pairs and (np.diff(tree.starts) >= 1).all()
    if not upwards or tree.parent[-1] != MISSING or not filled:
        raise ValueError("the nodes of the suffix tree form a circle, or some have no tokens that follow them")

    # ranges of the values
    tokens = tree.keys - tree.owners * vocabulary
    limits = ((tree.links, MISSING, nodes), (tokens, 0, vocabulary))
    in_range = all(low <= array.min() and array.max() < high for array, low, high in limits)
    depths = (tree.depth >= 0).all() and (longest is None or int(tree.depth.max()) <= longest)
    sorted_ = (np.diff(tree.keys) > 0).all() and min(tree.counts.min(), tree.continuations.min()) >= 0
    if not in_range or not depths or not sorted_ or (tree.vocabulary, tree.longest) != (vocabulary, longest):
        raise ValueError("the suffix tree belongs to another vocabulary or order")
    return tree


def expand_ranges(starts: Ints, stops: Ints) -> tuple[Ints, Ints]:
    """Return all indices of some ranges, one range after the other, and the range of each index.

    >>> [indices.tolist() for indices in expand_ranges(np.array([3, 9]), np.array([5, 10]))]
    [[3, 4, 9], [0, 0, 1]]
    """
    sizes = stops - starts
    owner = np.repeat(np.arange(len(sizes)), sizes)
    return np.arange(len(owner)) + (starts - np.cumsum(sizes) + sizes)[owner], owner
