"""Build a suffix tree from a stream of tokens: sort its contexts, join neighbors, and count what follows every node.

In sorted order, contexts that share tokens are neighbors, and the number of shared tokens is the depth of the node that
joins them (as with the longest common prefixes of a suffix array, Kasai et al. 2001).
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.context_sorting import sort_contexts
from genbench_plugins.markov.suffix_tree import Ints, Small, SuffixTree

from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore, rescale
from genbench.storage.memory import total_memory

BYTES_PER_TOKEN = 150  # of memory to count contexts of any length; 120 measured on prose
MAX_TOKENS = 2**30  # nodes are numbered in 32 bits
SORTING = 0.5  # share of the time


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


def build_tree(
    ids: Ints,
    longest: int | None,
    vocabulary: int,
    progress: ProgressCallback = ignore,
    weights: Small | None = None,
) -> SuffixTree:
    """Count all n-grams of a stream whose contexts have up to `longest` tokens (None: any number).

    Each token is counted as often as its weight, (tokens,); None: once.
    """
    from genbench_plugins.markov import counting_kernels

    # number the tokens that occur, in the order of their ids, from 1
    occurs = np.zeros(int(ids.max()) + 1, bool)
    occurs[ids] = True
    numbers, known = np.cumsum(occurs, dtype=np.int32)[ids], np.append(0, np.flatnonzero(occurs)).astype(np.int32)

    # sort the contexts; equal ones are one leaf, and light leaves are numbered before the others
    limit = len(ids) if longest is None else longest
    order, shared = sort_contexts(numbers, longest, rescale(progress, 0, SORTING))
    sizes, leaf_at = np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    leaves = counting_kernels.find_leaves(numbers, order, shared, limit, sizes)
    leaf_numbers, starts = np.empty(leaves, np.int32), np.zeros(2 * leaves + 1, np.int64)
    counting_kernels.number_leaves(sizes[:leaves], leaf_numbers, starts)
    counting_kernels.place_leaves(order, shared, limit, leaf_numbers, leaf_at)

    # arrays with room for all nodes, at most one for every border between leaves, and for all pairs
    parent, depth = (np.empty(2 * leaves, np.int32) for _ in range(2))
    tokens, counts, continuations, links = (np.empty(4 * len(ids) + len(known), np.int32) for _ in range(4))
    open_nodes, sums = np.empty((min(limit, leaves) + 2, 2), np.int32), np.zeros((len(known), 3), np.int32)
    tree = counting_kernels.Growing(parent, depth, starts, tokens, counts, continuations, links, open_nodes, sums)

    # count what follows the leaves, then the other nodes
    counting_kernels.fill_leaves(
        numbers, np.ones(1, np.int32) if weights is None else weights, order, shared, limit, leaf_at, tree
    )
    progress(SORTING + 0.2)
    position = np.array([leaves, 0, 0])
    counting_kernels.join_leaves(shared, limit, leaf_numbers, tree, 1, len(shared) + 1, position)
    nodes = int(position[0])
    progress(SORTING + 0.4)
    counting_kernels.link_pairs(tree, 0, nodes, leaves, limit)
    progress(1.0)

    # the tokens by their ids
    pairs = int(starts[nodes])
    np.take(known, tokens[:pairs], out=tokens[:pairs], mode="clip")
    return counting_kernels.counted_tree(tree, nodes, vocabulary, longest)
