"""Sort the positions of a stream by the tokens before them, and compare neighbors: n-grams are counted with it.

The tokens before a position, read backwards, are a suffix of the reversed stream, so the order is its suffix array. As
many tokens as the longest n-gram has are sorted by radix, in keys of 63 bits; if contexts have any length, the number
of sorted tokens is then doubled until all contexts differ (Manber & Myers 1993).
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.suffix_tree import Small

from genbench.generator import ProgressCallback, ignore

KEY_BITS = 63


def sort_contexts(ids: Small, depth: int | None, progress: ProgressCallback = ignore) -> tuple[Small, Small]:
    """Sort the positions of a stream by their contexts, and compare neighbors; tokens are numbered from 1.

    Returns (order, shared), both (positions,):

    order   the positions 0 .. n-1, sorted by the token before, then the one before that, and so on for `depth` tokens
            (None: all), then by the token at the position
    shared  how many of the last `depth` tokens a position shares with the one before it in this order

    >>> order, shared = sort_contexts(np.array([1, 2, 1, 2, 2], np.int32), 2)   # contexts: nothing, 1, 12, 121, 1212
    >>> order.tolist(), shared.tolist()
    ([0, 1, 3, 2, 4], [0, 0, 1, 0, 2])
    """
    from genbench_plugins.markov import sorting_kernels

    # sort by the token at the position first, then by those before it, the farthest first, some in each key
    bits = int(ids.max()).bit_length()
    width = KEY_BITS // bits
    offsets = np.append(np.arange(1, min(width if depth is None else depth, len(ids)) + 1), 0)
    order, keys = np.arange(len(ids), dtype=np.int32), np.empty(len(ids), np.int64)
    next_order, next_keys = np.empty_like(order), np.empty_like(keys)
    digits = np.empty(1 << sorting_kernels.DIGIT_BITS, np.int64)
    sorted_bits = 0
    for begin in range((len(offsets) - 1) // width * width, -1, -width):
        part = offsets[begin : begin + width]
        sorting_kernels.pack_tokens(ids, order, part, bits, keys)
        for shift in range(0, len(part) * bits, sorting_kernels.DIGIT_BITS):
            sorting_kernels.sort_by_digit(keys, order, shift, digits, next_keys, next_order)
            order, keys, next_order, next_keys = next_order, next_keys, order, keys
            sorted_bits += sorting_kernels.DIGIT_BITS
            progress(min(sorted_bits / (len(offsets) * bits), 1))

    # compare neighbors; the last token of the only key is not part of the context
    width, depth_sorted, shared = len(part), len(offsets) - 1, next_order
    sorting_kernels.compare_neighbors(ids, order, keys, bits, width, depth_sorted, shared)
    return (order, shared) if depth is not None else _sort_all_tokens(ids, order, shared, depth_sorted)


def _sort_all_tokens(ids: Small, order: Small, shared: Small, length: int) -> tuple[Small, Small]:
    """Return what `sort_contexts` does for contexts of any length, given the order of the last `length` tokens."""
    from genbench_plugins.markov import sorting_kernels

    ranks, memory = np.empty_like(order), np.empty_like(order)
    groups = sorting_kernels.rank_positions(order, shared, length, ranks)
    while groups < len(ids):
        sorting_kernels.sort_twice_as_deep(length, order, ranks, memory, shared)
        order, shared = shared, order
        groups = sorting_kernels.rank_twice_as_deep(length, order, ranks, memory)
        ranks, memory, length = memory, ranks, 2 * length
    sorting_kernels.compare_all_neighbors(ids, order, ranks, shared)
    return order, shared
