"""Suffix arrays in numpy: sort the suffixes of a sequence, and compare neighbors.

Suffixes are sorted by as many symbols as fit into one 64-bit key, then by prefix doubling (Manber & Myers 1993) of the
suffixes that are still tied (Larsson & Sadakane 2007). The ranks of each doubling give the longest common prefixes.

    sort_suffixes   the sorted suffixes of a sequence
    sort_contexts   the sorted suffixes of the reversed sequence, and their common prefixes; n-grams are counted with it
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genbench.tokenization.tokenizer import Ids

Keys = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int32]
END = 0  # the code after the last symbol: the smallest, so that a suffix sorts after its own prefixes
KEY_BITS = 64


@dataclass
class SortedSuffixes:
    """Sorted suffixes, with the ranks that are needed to compare any two of them.

    order   (suffixes,) the position at which each begins
    levels  (length, ranks) for each length = width, 2 width, ... that was needed: the ranks of all suffixes by their
            first `length` symbols; equal ranks mean equal symbols
    """

    order: Positions
    levels: list[tuple[int, Positions]] = field(default_factory=list)

    def common_prefixes(self, keys: Keys, bits: int, width: int) -> Positions:
        """Return the number of symbols that each suffix shares with the one before it, (suffixes,); 0 for the first.

        `keys` contains the first `width` symbols of each suffix. Each level of ranks halves the length left to compare.
        """
        left, right = self.order[:-1], self.order[1:]
        shared = np.zeros(len(self.order), np.int32)

        # skip `length` symbols where the ranks agree, the longest length first
        for length, ranks in reversed(self.levels):
            same = np.where(ranks[left] == ranks[right], np.int32(length), np.int32(0))
            shared[1:] += same
            left, right = left + same, right + same

        # the rest is shorter than a key
        shared[1:] += shared_in_key(keys[left] ^ keys[right], bits, width)
        return shared


def sort_suffixes(keys: Keys, width: int, depth: int | None = None) -> SortedSuffixes:
    """Sort the suffixes of a sequence by at least their first `depth` symbols (None: by all).

    `keys` contains the first `width` symbols of each suffix, with the empty suffix at the end, (suffixes,).

    >>> sort_suffixes(pack(np.array([2, 1, 2, 1, 1]), 2, 2, END), 2).order.tolist()   # of b a b a a
    [5, 4, 3, 1, 2, 0]
    """
    # sort by the first `width` symbols
    count = len(keys)
    suffixes = SortedSuffixes(radix_argsort(keys))
    order, sorted_keys = suffixes.order, keys[suffixes.order]
    ranks = np.zeros(count, np.int32)  # of each suffix: the index in the order at which its group of equals begins
    tied, length = np.arange(count, dtype=np.int32), width  # tied: indices in the order of groups of several suffixes

    while True:
        # rank each suffix; a suffix that is alone in its group is sorted
        first = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
        ranks[order[tied]] = np.repeat(tied[first], np.diff(np.flatnonzero(first), append=len(tied)))
        tied = tied[~(first & np.append(first[1:], True))]
        if not len(tied) or (depth is not None and length >= depth):
            return suffixes

        # sort the others by the rank of the suffix that follows their first `length` symbols
        suffixes.levels.append((length, ranks.copy()))
        starts = order[tied]
        following = ranks[np.minimum(starts.astype(np.int64) + length, count - 1)]
        sorted_keys = ranks[starts].astype(np.uint64) << np.uint64(32) | following.astype(np.uint64)
        again = radix_argsort(sorted_keys)
        order[tied], sorted_keys = starts[again], sorted_keys[again]
        length *= 2


def sort_contexts(ids: Ids, depth: int | None) -> tuple[Positions, Positions]:
    """Sort the positions of a stream by the contexts before them, read backwards, and compare neighbors.

    Returns (order, shared), both (positions,):

    order   the positions 0 .. n-1, sorted by the token before, then the one before that, and so on for at least `depth`
            tokens (None: all); if the key has room, positions of equal contexts are sorted by the token at the position
    shared  how many of the last `depth` tokens a position shares with the one before it in this order

    >>> order, shared = sort_contexts(np.array([0, 1, 0, 1, 1]), 2)   # contexts: nothing, 0, 01, 010, 0101
    >>> order.tolist(), shared.tolist()
    ([0, 1, 3, 2, 4], [0, 0, 1, 0, 2])
    """
    count = len(ids)
    longest = count if depth is None else depth
    codes, bits = _dense_codes(ids)
    backwards = codes[::-1]
    width = min(KEY_BITS // bits, longest)

    # reversed, the context of position p is suffix n - 1 - p of the tokens without the last one
    if longest < KEY_BITS // bits:
        keys = pack(backwards[1:], bits, longest, END)
        suffixes = SortedSuffixes(radix_argsort(keys << np.uint64(bits) | backwards))
    else:
        keys = pack(backwards[1:], bits, width, END)
        suffixes = sort_suffixes(keys, width, longest)

    # longer common contexts count as `depth`
    shared = np.minimum(suffixes.common_prefixes(keys, bits, width), np.int32(min(longest, count)))
    return np.int32(count - 1) - suffixes.order, shared


def _dense_codes(ids: Ids) -> tuple[Keys, int]:
    """Return codes 1, 2, ... of the tokens that occur, in the order of their ids, (ids,), and the bits of a code."""
    # small codes need fewer bits, so that more of them fit into a key
    occurs = np.zeros(int(ids.max()) + 1, bool)
    occurs[ids] = True
    codes = np.cumsum(occurs, dtype=np.uint64)[ids]
    return codes, max(int(codes.max()).bit_length(), 1)


def pack(codes: npt.NDArray[np.int64] | Keys, bits: int, width: int, end: int) -> Keys:
    """Return the first `width` symbols of each suffix as one number, padded with `end`, (codes + 1,).

    >>> pack(np.array([1, 2, 3]), 4, 2, END).tolist() == [0x12, 0x23, 0x30, 0x00]
    True
    """
    # shift in one symbol after the other, for all suffixes at once
    padded = np.concatenate([codes.astype(np.uint64), np.full(width, end, np.uint64)])
    keys = np.zeros(len(codes) + 1, np.uint64)
    for offset in range(width):
        keys <<= np.uint64(bits)
        keys |= padded[offset : offset + len(keys)]
    return keys


def radix_argsort(keys: Keys) -> Positions:
    """Return the stable order that sorts the keys, (keys,), with a radix sort of 16 bits at a time.

    >>> radix_argsort(np.array([1 << 40, 7, 1 << 20, 7], np.uint64)).tolist()
    [1, 3, 2, 0]
    """
    # from the lowest digit to the highest; a digit that is zero everywhere changes nothing
    order = np.arange(len(keys), dtype=np.int32)
    for digits in keys.astype("<u8", copy=False).view("<u2").reshape(-1, KEY_BITS // 16).T:
        if digits.any():
            order = order[np.argsort(np.ascontiguousarray(digits)[order], kind="stable")]
    return order


def shared_in_key(differ: Keys, bits: int, width: int) -> Positions:
    """Return the number of equal symbols at the start of two keys, from the xor of the keys, (keys,)."""
    # comparing with each power of two is cheaper than a logarithm
    shared = np.full(len(differ), width, np.int32)
    for symbols in range(width):
        shared -= differ >= np.uint64(1 << (symbols * bits))
    return shared
