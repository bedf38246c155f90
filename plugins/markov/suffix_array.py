"""The places of a text in the order of what stands before them, read backwards: a suffix array of the reversed text.

Tokens are packed into 64-bit integers, as many as fit, and one sort orders the places by that many tokens. Longer
contexts come by prefix doubling (Manber & Myers 1993): the rank of a context and that of the one before it make a pair
that orders twice as many tokens. The same ranks give the array of longest common prefixes (LCP) by halving.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Packed = npt.NDArray[np.uint64]
WIDTH = 64  # bits of a key


def contexts(ids: Ints, depth: int | None) -> tuple[Small, Small]:
    """The places of a stream ordered by the contexts before them, and how much neighbours share.

    order   (places,) the places 0 .. n-1, by the token before, then the one before that, up to `depth` of them (None:
            all); those of one context by the token that stands there, where that fits into the key
    shared  (places,) how many of these tokens a place has in common with the one before it in this order

    >>> order, shared = contexts(np.array([0, 1, 0, 1, 1]), 2)   # before the places: nothing, 0, 01, 010, 0101
    >>> order.tolist(), shared.tolist()
    ([0, 1, 3, 2, 4], [0, 0, 1, 0, 2])
    """
    longest = len(ids) if depth is None else depth
    codes, bits = dense(ids)
    fits = WIDTH // bits
    if longest < fits:  # the token that stands there fits too
        keys = packed(codes, bits, longest) << np.uint64(bits) | codes
        order = sorting(keys)
        return order, common([(0, keys >> np.uint64(bits))], order, bits, longest)
    keys = packed(codes, bits, fits)
    rows, order = ranked(keys)
    known, length = [(0, keys)], fits
    while length < longest and int(rows[order[-1]]) + 1 < len(ids):
        known.append((length, rows.astype(np.uint64)))
        before = np.zeros(len(ids), np.uint64)
        before[length:] = rows[: len(ids) - length].astype(np.uint64) + np.uint64(1)
        rows, order = ranked(rows.astype(np.uint64) << np.uint64(32) | before)
        length *= 2
    return order, common(known, order, bits, min(fits, longest), longest)


def dense(ids: Ints) -> tuple[Packed, int]:
    """Small numbers for the tokens, from 1 on in their order, and the bits they take; 0 is before the beginning."""
    there = np.zeros(int(ids.max()) + 1, bool)
    there[ids] = True
    codes = np.cumsum(there, dtype=np.uint64)[ids]
    return codes, max(int(codes.max()).bit_length(), 1)


def packed(codes: Packed, bits: int, length: int) -> Packed:
    """The last `length` tokens before each place in one integer, the nearest one highest, (places,)."""
    keys = np.zeros(len(codes), np.uint64)
    for back in range(1, min(length, len(codes) - 1) + 1):
        keys[back:] |= codes[:-back] << np.uint64(bits * (length - back))
    return keys


def sorting(keys: Packed) -> Small:
    """The order that sorts the keys, 16 bits at a time from the lowest on: numpy sorts such numbers by their digits.

    >>> sorting(np.array([1 << 40, 7, 1 << 20, 7], np.uint64)).tolist()
    [1, 3, 2, 0]
    """
    order = np.arange(len(keys), dtype=np.int32)
    for digits in keys.astype("<u8", copy=False).view("<u2").reshape(-1, WIDTH // 16).T:
        if digits.any():
            order = order[np.argsort(np.ascontiguousarray(digits)[order], kind="stable")]
    return order


def ranked(keys: Packed) -> tuple[Ints, Small]:
    """The rank of each key among the distinct ones, (places,), and an order of the places by it."""
    order = sorting(keys)
    ordered = keys[order]
    rows = np.empty(len(keys), np.int64)
    rows[order] = np.cumsum(np.concatenate([[False], ordered[1:] != ordered[:-1]]))
    return rows, order


def common(
    known: Sequence[tuple[int, Packed]], order: Small, bits: int, first: int, longest: int | None = None
) -> Small:
    """How many tokens each place shares with the place before it in the order, (places,); 0 for the first.

    `known` holds the packed keys of `first` tokens, then, for each doubled length, the length and the ranks by it.
    """
    left, right = order[:-1], order[1:]
    shared = np.zeros(len(order), np.int32)
    for length, rows in reversed(known[1:]):
        same = np.where(rows[left] == rows[right], length, 0)
        shared[1:] += same
        left, right = left - same, right - same
    differ = known[0][1][left] ^ known[0][1][right]
    shared[1:] += first
    for token in range(first):  # by the lowest bits of each: cheaper than to look each number up
        shared[1:] -= differ >= np.uint64(1 << (token * bits))
    return shared if longest is None else np.minimum(shared, longest)
