"""Byte-pair encoding: learn merges of adjacent symbols, apply them, and say which encodings they can have produced.

Training begins with letters and repeats one step: the most frequent pair of adjacent symbols becomes a new symbol
(Gage 1994; Sennrich, Haddow & Birch 2016). Encoding applies the merges in the order in which they were learned, and a
merge that is possible at several places from left to right.

    text        low low lower        merges in order        (l, o) (lo, w)
    symbols     l o w                encoded                low

Symbols are numbered in the order of their creation: letters first, then one symbol for each merge.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Pair = tuple[int, int]
Mask = npt.NDArray[np.bool_]

MAX_PIECE = 32  # characters of a symbol
MIN_COUNT = 2  # of a pair that is merged
MAX_SYMBOLS = 1 << 22  # letters of distinct chunks from which merges are learned, those of frequent chunks first
_NONE = -1  # a border between chunks, or a symbol that was merged into the one before it


def learn_merges(chunks: Mapping[str, int], first: Mapping[str, int], new: int, limit: int) -> list[Pair]:
    """Return up to `limit` merges, in order, learned from the frequencies of chunks of text.

    `first` has the symbol of each letter, and new symbols are numbered from `new` on. Of equally frequent pairs, the
    one with the lower numbers is merged first. A pair is left out if its text is longer than MAX_PIECE, or that of a
    symbol which other merges have made before.

    >>> learn_merges({"low": 3, "lower": 1}, {letter: place for place, letter in enumerate("elorw")}, 5, 2)
    [(1, 2), (5, 4)]
    """
    learner = _Learner(chunks, first)
    texts = {symbol: letter for letter, symbol in first.items()}
    known = set(texts.values())
    merges: list[Pair] = []
    while len(merges) < limit and (pair := learner.most_frequent()) is not None:
        text = texts[pair[0]] + texts[pair[1]]
        if len(text) > MAX_PIECE or text in known:
            continue

        # the new symbol replaces the pair wherever it stands
        learner.merge(pair, new + len(merges))
        texts[new + len(merges)] = text
        known.add(text)
        merges.append(pair)
    return merges


class _Learner:
    """The symbols of all chunks, linked to their neighbours, with the frequencies of pairs and where they stand."""

    def __init__(self, chunks: Mapping[str, int], first: Mapping[str, int]) -> None:
        # all chunks one after the other, with a border before and after each
        self._symbols, self._weights = [_NONE], [0]
        for chunk, count in sorted(chunks.items(), key=lambda item: (-item[1], item[0])):
            self._symbols += [first[letter] for letter in chunk] + [_NONE]
            self._weights += [count] * (len(chunk) + 1)
            if len(self._symbols) > MAX_SYMBOLS:
                break
        self._before = [place - 1 for place in range(len(self._symbols))]
        self._after = [place + 1 for place in range(len(self._symbols))]

        # the frequency of each pair, and the places of its first symbol
        self._counts: dict[Pair, int] = defaultdict(int)
        self._places: dict[Pair, list[int]] = defaultdict(list)
        for place, pair in enumerate(pairwise(self._symbols)):
            if _NONE not in pair:
                self._counts[pair] += self._weights[place]
                self._places[pair].append(place)
        self._heap = [(-count, pair) for pair, count in self._counts.items()]
        heapq.heapify(self._heap)

    def most_frequent(self) -> Pair | None:
        """Return the most frequent pair, each one once; None if no pair is frequent enough."""
        while self._heap:
            count, pair = heapq.heappop(self._heap)
            if -count == self._counts[pair]:
                return pair if -count >= MIN_COUNT else None
            if self._counts[pair] > 0:  # its frequency has fallen since
                heapq.heappush(self._heap, (-self._counts[pair], pair))
        return None

    def merge(self, pair: Pair, new: int) -> None:
        """Replace a pair by a new symbol, from left to right."""
        symbols, before, after = self._symbols, self._before, self._after
        changed = set[Pair]()
        for place in sorted(self._places.pop(pair)):
            # an earlier merge may have taken one of the two
            right = after[place]
            if symbols[place] != pair[0] or symbols[right] != pair[1]:
                continue

            # the pairs with both neighbours are lost, and two new ones come about
            left, beyond, weight = before[place], after[right], self._weights[place]
            if symbols[left] != _NONE:
                self._counts[symbols[left], pair[0]] -= weight
                self._add((symbols[left], new), left, weight, changed)
            if symbols[beyond] != _NONE:
                self._counts[pair[1], symbols[beyond]] -= weight
                self._add((new, symbols[beyond]), place, weight, changed)
            symbols[place], symbols[right] = new, _NONE
            after[place], before[beyond] = beyond, place
        for other in changed:
            heapq.heappush(self._heap, (-self._counts[other], other))

    def _add(self, pair: Pair, place: int, weight: int, changed: set[Pair]) -> None:
        self._counts[pair] += weight
        self._places[pair].append(place)
        changed.add(pair)


class BytePairs:
    """Merges in the order in which they were learned; the first one makes the symbol `new`."""

    def __init__(self, merges: Sequence[Pair], new: int) -> None:
        self.merges, self.new = merges, new
        self.size = new + len(merges)
        self._by_pair = {pair: new + rank for rank, pair in enumerate(merges)}

    def apply(self, symbols: Sequence[int]) -> list[int]:
        """Return symbols with all merges applied.

        >>> BytePairs([(1, 2), (5, 4)], 5).apply([1, 2, 4, 0, 3])
        [6, 0, 3]
        """
        merged, by_pair = list(symbols), self._by_pair
        before, after = list(range(-1, len(merged) - 1)), list(range(1, len(merged) + 1))
        heap = [(by_pair[pair], place) for place, pair in enumerate(pairwise(merged)) if pair in by_pair]
        heapq.heapify(heap)
        while heap:
            # the earliest merge, unless another one has taken one of the two symbols
            new, place = heapq.heappop(heap)
            right = after[place]
            if right == len(merged) or by_pair.get((merged[place], merged[right])) != new:
                continue
            beyond = after[place] = after[right]
            merged[place], merged[right] = new, _NONE

            # the merges that are possible now
            if beyond < len(merged):
                before[beyond] = place
                self._push(heap, (new, merged[beyond]), place)
            if before[place] >= 0:
                self._push(heap, (merged[before[place]], new), before[place])
        return [symbol for symbol in merged if symbol != _NONE]

    def _push(self, heap: list[tuple[int, int]], pair: Pair, place: int) -> None:
        new = self._by_pair.get(pair)
        if new is not None:
            heapq.heappush(heap, (new, place))

    def followers(self, symbol: int) -> Mask:
        """Return which symbols can follow a symbol in the encoding of a text, (symbols,).

        A sequence is the encoding of its text where this holds for each two adjacent symbols (Vieira et al. 2025). It
        does not where a merge across their border comes before those that made the two: of a symbol at the end of the
        first, before it was merged, and one at the beginning of the second.

        >>> pairs = BytePairs([(1, 2), (5, 4)], 5)  # low, letter by letter: l then o, lo then w
        >>> [symbol for symbol in range(7) if not pairs.followers(5)[symbol]]
        [4]
        """
        allowed = np.ones(self.size, bool)
        order, starts, stops = self._left_order
        merged_into = self.size  # the symbol that the end of the first became: later than all where it is whole
        while True:
            for right, new in self._by_left.get(symbol, ()):
                # symbols that begin with `right`, which was not merged before; see `_left_order`
                if new < merged_into:
                    allowed[right] = False
                    children = self._by_first.get(right, [])
                    place = bisect_left(children, new)
                    if place < len(children):
                        allowed[order[starts[children[place]] : stops[right]]] = False
            if symbol < self.new:
                return allowed
            merged_into, symbol = symbol, self.merges[symbol - self.new][1]

    @cached_property
    def _by_left(self) -> dict[int, list[Pair]]:
        """The merges by their first symbol: the second, and the result."""
        by_left: dict[int, list[Pair]] = defaultdict(list)
        for (left, right), new in self._by_pair.items():
            by_left[left].append((right, new))
        return dict(by_left)

    @cached_property
    def _by_first(self) -> dict[int, list[int]]:
        """The results of merges by their first symbol, in order."""
        by_first: dict[int, list[int]] = defaultdict(list)
        for (left, _), new in self._by_pair.items():
            by_first[left].append(new)
        return dict(by_first)

    @cached_property
    def _left_order(self) -> tuple[npt.NDArray[np.int64], list[int], list[int]]:
        """An order of the symbols in which those that begin with one are a range, by the merge that it was part of."""
        order: list[int] = []
        starts, stops = [0] * self.size, [0] * self.size
        pending = [(symbol, False) for symbol in range(self.new - 1, -1, -1)]
        while pending:
            symbol, done = pending.pop()
            if done:
                stops[symbol] = len(order)
                continue
            starts[symbol] = len(order)
            order.append(symbol)
            pending.append((symbol, True))
            pending += [(child, False) for child in reversed(self._by_first.get(symbol, []))]
        return np.array(order, np.int64), starts, stops
