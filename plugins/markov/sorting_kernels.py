"""The loops that sort the contexts of a stream, compiled by numba; `context_sorting.py` calls them.

A context is the tokens before a position, read backwards. Tokens are numbered from 1; 0 is nothing, before the stream.
"""

from __future__ import annotations

from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.suffix_tree import Ints, Small

DIGIT_BITS = 11


@kernel
def pack_tokens(ids: Small, order: Small, offsets: Ints, bits: int, keys: Ints) -> None:
    """Write the tokens at some offsets before each position, of `bits` bits each, as one number, (positions,)."""
    for place in range(len(order)):
        key, position = 0, order[place]
        for offset in offsets:
            key = key << bits | (ids[position - offset] if offset <= position else 0)
        keys[place] = key


@kernel
def sort_by_digit(keys: Ints, order: Small, shift: int, first: Ints, sorted_keys: Ints, sorted_order: Small) -> None:
    """Sort keys and their positions by one digit, from the bit `shift` on; equal ones stay in order (counting sort).

    `first` is memory to use, (digits,): where the keys with a digit begin.
    """
    mask, begin = len(first) - 1, 0
    first[:] = 0
    for key in keys:
        first[key >> shift & mask] += 1
    for digit in range(len(first)):
        first[digit], begin = begin, begin + first[digit]
    for place in range(len(keys)):
        digit = keys[place] >> shift & mask
        sorted_keys[first[digit]], sorted_order[first[digit]] = keys[place], order[place]
        first[digit] += 1


@kernel
def compare_neighbors(ids: Small, order: Small, keys: Ints, bits: int, width: int, depth: int, shared: Small) -> None:
    """Write how many of the last `depth` tokens each position has in common with the one before it in the order.

    `keys` has the last `width` tokens of each position.
    """
    shared[:1] = 0
    for place in range(1, len(order)):
        # the tokens in the keys: those above the highest bit that differs
        differ, length = keys[place] ^ keys[place - 1], width
        while differ:
            differ >>= bits
            length -= 1

        # the tokens before them
        position, before = order[place], order[place - 1]
        limit = min(position, before, depth) if length == width else 0
        while length < limit and ids[position - length - 1] == ids[before - length - 1]:
            length += 1
        shared[place] = min(length, depth)


@kernel
def rank_positions(order: Small, shared: Small, length: int, ranks: Small) -> int:
    """Write the rank of each position by its last `length` tokens: the first place with equal ones; return the groups.

    `shared` has how many tokens the position at each place has in common with the one before it, up to `length`.
    """
    groups, first = 0, 0
    for place in range(len(order)):
        if place == 0 or shared[place] < length:
            groups, first = groups + 1, place
        ranks[order[place]] = first
    return groups


@kernel
def sort_twice_as_deep(length: int, order: Small, ranks: Small, first: Small, result: Small) -> None:
    """Sort positions by their last 2 `length` tokens, given the order and the ranks by the last `length` tokens.

    The tokens before the last `length` of a position are the last tokens of another one, `length` before, whose place
    is known: prefix doubling (Manber & Myers 1993). `first` is memory to use, (positions,).
    """
    for place in range(len(order)):
        first[place] = place
        if order[place] < length:  # less than `length` tokens before: no other position is equal
            result[ranks[order[place]]] = order[place]
    for earlier in order:
        position = earlier + length
        if position < len(order):
            group = ranks[position]
            result[first[group]] = position
            first[group] += 1


@kernel
def rank_twice_as_deep(length: int, order: Small, ranks: Small, deeper: Small) -> int:
    """Write the rank of each position by its last 2 `length` tokens, from those by `length`; return the groups."""
    groups, first = 0, 0
    for place in range(len(order)):
        position, before = order[place], order[max(place - 1, 0)]
        equal = place > 0 and ranks[position] == ranks[before] and min(position, before) >= length
        if not (equal and ranks[position - length] == ranks[before - length]):
            groups, first = groups + 1, place
        deeper[position] = first
    return groups


@kernel
def compare_all_neighbors(ids: Small, order: Small, ranks: Small, shared: Small) -> None:
    """Write how many tokens each position has in common with the one before it in the order of all tokens.

    A position has at most one token less in common than the position after it (Kasai et al. 2001). `ranks` has the
    place of each position.
    """
    length = 0
    for position in range(len(ids) - 1, -1, -1):
        place = ranks[position]
        before = order[max(place - 1, 0)]
        length = max(length - 1, 0) if place else 0
        limit = min(position, before) if place else 0
        while length < limit and ids[position - length - 1] == ids[before - length - 1]:
            length += 1
        shared[place] = length
