"""PackedTree: a suffix tree in little memory, as a trained chain keeps it, on disk and mapped into memory.

Nothing is lost that a prediction depends on. Most nodes are light leaves: they have no children, and few different
tokens followed them. The continuation counts of a leaf are its counts, and its longest context has `longest` tokens.
(The first contexts of a text are shorter; they have one count of one each, and are smoothed like contexts inside an
edge.) Nearly all counts fit into a byte; the others are in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.suffix_tree import LIGHT, Ints, Small, SuffixTree

Bytes = npt.NDArray[np.uint8]

LARGE = 255  # in a byte: the count is in the table
UNLIMITED = 65_535  # length of contexts of any length; longer ones count as so long


@dataclass(frozen=True)
class PackedTree:
    """The n-gram counts of a text: the values of `SuffixTree`, whose light leaves come first.

    leaves               number of light leaves; a tree that is only a root has none
    depth                (nodes - leaves,) of the other nodes
    tokens               (pairs,) in 16 bits if the vocabulary allows it
    counts               (pairs,) counts up to 254, or LARGE
    large_counts         (large counts, 2) pair, ascending, and count
    continuations        (pairs of the other nodes,) as counts
    large_continuations  (large continuation counts, 2) as large_counts; pairs are numbered from the first of these
    """

    parent: Small
    depth: npt.NDArray[np.uint16]
    starts: Small
    tokens: npt.NDArray[Any]
    counts: Bytes
    large_counts: Small
    continuations: Bytes
    large_continuations: Small
    links: Small
    leaves: int
    vocabulary: int
    longest: int | None

    @property
    def root(self) -> int:
        """The node of the empty context."""
        return len(self.parent) - 1

    @property
    def deepest(self) -> int:
        """The greatest length of a context."""
        inner = int(self.depth.max()) if len(self.depth) else 0
        return max(inner, leaf_depth(self.longest) if self.leaves else 0)

    def depth_of(self, node: int) -> int:
        """Return the length of a node's longest context."""
        return leaf_depth(self.longest) if node < self.leaves else int(self.depth[node - self.leaves])

    def pairs_of(self, node: int) -> slice:
        """Return the pairs of a node."""
        return slice(int(self.starts[node]), int(self.starts[node + 1]))

    def counts_of(self, node: int) -> Ints:
        """Return how often each token followed a node, (pairs of the node,)."""
        return _unpack(self.counts, self.large_counts, self.pairs_of(node))

    def continuations_of(self, node: int) -> Ints:
        """Return the continuation counts of a node, (pairs of the node,)."""
        if node < self.leaves:
            return self.counts_of(node)
        pairs, first = self.pairs_of(node), int(self.starts[self.leaves])
        shifted = slice(pairs.start - first, pairs.stop - first)
        return _unpack(self.continuations, self.large_continuations, shifted)


def leaf_depth(longest: int | None) -> int:
    """Return the length of a leaf's longest context."""
    return UNLIMITED if longest is None else longest


def pack_tree(tree: SuffixTree) -> PackedTree:
    """Return a tree in less memory."""
    # all parents come after all leaves
    all_leaves = int(tree.parent[:-1].min()) if len(tree.parent) > 1 else 0
    leaves = int(np.count_nonzero(np.diff(tree.starts[: all_leaves + 1]) <= LIGHT))
    counts, large_counts = _pack(tree.counts)
    continuations, large_continuations = _pack(tree.continuations[int(tree.starts[leaves]) :])
    return PackedTree(
        parent=tree.parent.copy(),
        depth=np.minimum(tree.depth[leaves:], UNLIMITED).astype(np.uint16),
        starts=tree.starts.astype(np.int32),
        tokens=tree.tokens.astype(token_type(tree.vocabulary)),
        counts=counts,
        large_counts=large_counts,
        continuations=continuations,
        large_continuations=large_continuations,
        links=tree.links.copy(),
        leaves=leaves,
        vocabulary=tree.vocabulary,
        longest=tree.longest,
    )


def token_type(vocabulary: int) -> type:
    """Return the type of stored tokens."""
    return np.uint16 if vocabulary <= 1 << 16 else np.int32


def _pack(counts: Small) -> tuple[Bytes, Small]:
    """Return counts in bytes, (pairs,), and the table of the others."""
    places = np.flatnonzero(counts >= LARGE)
    table = np.stack([places, counts[places]], axis=1).astype(np.int32)
    return np.minimum(counts, LARGE).astype(np.uint8), table


def _unpack(small: Bytes, large: Small, places: slice) -> Ints:
    """Return the counts of some consecutive pairs."""
    counts = small[places].astype(np.int64)
    rows = np.searchsorted(large[:, 0], places.start + np.flatnonzero(counts == LARGE))
    counts[counts == LARGE] = large[rows, 1]
    return counts


def restore_tree(arrays: dict[str, Any], vocabulary: int, longest: int | None) -> PackedTree:
    """Create a tree from stored arrays; raise ValueError if they do not form a suffix tree.

    The checks ensure that indices are in range and that a parent comes after its children, so that no path is a cycle.
    """
    from genbench_plugins.markov import counting_kernels

    tree = PackedTree(**arrays)
    if (tree.vocabulary, tree.longest) != (vocabulary, longest) or type(tree.leaves) is not int:
        raise ValueError("the suffix tree belongs to another vocabulary or order")
    nodes, pairs, leaves = len(tree.parent), len(tree.tokens), tree.leaves

    # shapes and types
    expected: list[tuple[Any, tuple[int, ...], type]] = [
        (tree.parent, (nodes,), np.int32),
        (tree.depth, (nodes - leaves,), np.uint16),
        (tree.starts, (nodes + 1,), np.int32),
        (tree.tokens, (pairs,), token_type(vocabulary)),
        (tree.counts, (pairs,), np.uint8),
        (tree.links, (pairs,), np.int32),
    ]
    if not 0 <= leaves < nodes or any(array.shape != shape or array.dtype != kind for array, shape, kind in expected):
        raise ValueError("the arrays of the suffix tree have the wrong shape or type")

    # structure and ranges of the values
    if not counting_kernels.is_tree(tree.parent, tree.starts, tree.tokens, tree.links, leaves, vocabulary):
        raise ValueError("the nodes of the suffix tree form a circle, or their tokens are not those of the vocabulary")
    if tree.deepest > leaf_depth(longest):
        raise ValueError("the suffix tree belongs to another vocabulary or order")
    _require_counts(tree.counts, tree.large_counts)
    _require_counts(tree.continuations, tree.large_continuations)
    if tree.continuations.shape != (pairs - int(tree.starts[leaves]),):
        raise ValueError("the arrays of the suffix tree have the wrong shape or type")
    return tree


def _require_counts(small: Any, large: Any) -> None:
    """Raise ValueError if the table of large counts does not fit the counts in bytes."""
    valid = small.dtype == np.uint8 and large.dtype == np.int32 and large.ndim == 2 and large.shape[1] == 2
    if not valid or not np.array_equal(large[:, 0], np.flatnonzero(small == LARGE)) or (large[:, 1] < LARGE).any():
        raise ValueError("the counts of the suffix tree have the wrong shape or type")
