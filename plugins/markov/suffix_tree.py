"""SuffixTree: the counts of all n-grams of a text, in memory proportional to the text.

The tree is the suffix tree of the reversed text (Weiner 1973). A node is a set of contexts that occur at the same
positions; `depth` is the length of the longest of them. The parent of a node is the longest shorter context that occurs
at more positions, so the path from a node to the root is the sequence of contexts that back-off visits. The tokens that
follow a node, with their counts, are its pairs. A pair links to the node of the context that is one token longer on the
right. There are at most three times as many nodes and links as tokens, for any length of n-grams. `tree_building.py`
builds the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

MISSING = -1  # no node, no pair


@dataclass(frozen=True)
class SuffixTree:
    """The n-gram counts of a text.

    parent         (nodes,) parent of a node; MISSING for the root, which is the last node
    depth          (nodes,) length of the node's longest context
    starts         (nodes + 1,) first pair of a node, and the number of pairs
    tokens         (pairs,) the token of a pair; sorted within a node
    counts         (pairs,) how often the token followed the node
    continuations  (pairs,) continuation counts of Kneser and Ney: how many different tokens precede node and token;
                   for the longest n-grams, the counts themselves
    links          (pairs,) the node after the token; MISSING if no token follows
    longest        greatest length of a context; None: any length
    """

    parent: Small
    depth: Small
    starts: Ints
    tokens: Small
    counts: Small
    continuations: Small
    links: Small
    vocabulary: int
    longest: int | None

    @property
    def root(self) -> int:
        """The node of the empty context."""
        return len(self.parent) - 1


def restore_tree(arrays: dict[str, Any], vocabulary: int, longest: int | None) -> SuffixTree:
    """Create a tree from stored arrays; raise ValueError if they do not form a suffix tree.

    The checks ensure that indices are in range and that a parent comes after its children, so that no path is a cycle.
    """
    tree = SuffixTree(**arrays)
    nodes, pairs = len(tree.parent), len(tree.tokens)

    # shapes and types
    shapes: list[tuple[Any, int]] = [(tree.parent, nodes), (tree.depth, nodes), (tree.starts, nodes + 1)]
    shapes += [(array, pairs) for array in (tree.tokens, tree.counts, tree.continuations, tree.links)]
    if not nodes or any(array.shape != (length,) or array.dtype.kind != "i" for array, length in shapes):
        raise ValueError("the arrays of the suffix tree have the wrong shape or type")

    # structure: parents, and at least one pair for each node
    upwards = (tree.parent[:-1] > np.arange(nodes - 1)).all() and (tree.parent[:-1] < nodes).all()
    filled = tree.starts[0] == 0 and tree.starts[-1] == pairs and (np.diff(tree.starts) >= 1).all()
    if not upwards or tree.parent[-1] != MISSING or not filled:
        raise ValueError("the nodes of the suffix tree form a circle, or some have no tokens that follow them")

    # ranges of the values, and the tokens of a node sorted
    limits = ((tree.links, MISSING, nodes), (tree.tokens, 0, vocabulary))
    in_range = all(low <= array.min() and array.max() < high for array, low, high in limits)
    depths = (tree.depth >= 0).all() and (longest is None or int(tree.depth.max()) <= longest)
    first = np.isin(np.arange(1, pairs), tree.starts, assume_unique=True)  # of a node: may be less than the one before
    sorted_ = ((np.diff(tree.tokens) > 0) | first).all() and min(tree.counts.min(), tree.continuations.min()) >= 0
    if not in_range or not depths or not sorted_ or (tree.vocabulary, tree.longest) != (vocabulary, longest):
        raise ValueError("the suffix tree belongs to another vocabulary or order")
    return tree
