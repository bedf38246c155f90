"""SuffixTree: the counts of all n-grams of a text, in memory proportional to the text.

The tree is the suffix tree of the reversed text (Weiner 1973). A node is a set of contexts that occur at the same
positions; `depth` is the length of the longest of them. The parent of a node is the longest shorter context that occurs
at more positions, so the path from a node to the root is the sequence of contexts that back-off visits. The tokens that
follow a node, with their counts, are its pairs. A pair links to the node of the context that is one token longer on the
right. Nodes without children, the leaves, come first, those that few different tokens followed before the others. There
are at most three times as many nodes and links as tokens, for any length of n-grams. `tree_building.py` builds the
tree, `packed_tree.py` stores it in less memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

MISSING = -1  # no node, no pair
LIGHT = 12  # tokens that follow a light leaf at most


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
