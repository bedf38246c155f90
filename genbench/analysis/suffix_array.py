"""A suffix array in numpy: where the longest piece of a text stands that begins at each place of another text.

Suffixes are sorted by as many symbols as fit into one 64-bit key, then twice as many at a time (Manber & Myers 1993),
only those that are still alike (Larsson & Sadakane 2007). Searching is for all places at once, and what is known of
both ends of a search is not compared again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench.tokenization.tokenizer import Ids

Keys = npt.NDArray[np.uint64]
END = 0  # after the last symbol of the text that is searched
KEY_BITS = 64


class Suffixes:
    """The sorted suffixes of a sequence of symbols: whole numbers from 0 on, (symbols,)."""

    def __init__(self, symbols: Ids) -> None:
        self.length = len(symbols)
        self.stranger = int(symbols.max(initial=-1)) + 2  # stands for what is not in the sequence, and ends a search
        self.bits = self.stranger.bit_length()
        self.width = KEY_BITS // self.bits  # symbols in a key
        self.symbols = symbols + 1
        self.keys = self._keys(self.symbols, END)
        self.order = self._sorted()

    def matches(self, symbols: Ids) -> tuple[Ids, Ids]:
        """For each place, how many symbols from there on stand in the sequence as they are, and where, (symbols,).

        A symbol that the sequence does not have is -1. Time n log m for m symbols in the sequence.
        """
        known = np.where((symbols < 0) | (symbols >= self.stranger - 1), self.stranger, symbols + 1)
        if not self.length or not len(symbols):
            return np.zeros(len(symbols), np.int64), np.zeros(len(symbols), np.int64)
        keys = self._keys(known, self.stranger)
        places = np.argsort(keys[:-1])  # alike ones beside each other look at the same memory: a third less time
        behind = self._search(keys, places)
        best, where = np.empty(len(symbols), np.int64), np.empty(len(symbols), np.int64)
        left, right = (self.order[np.clip(each, 0, self.length - 1)] for each in (behind - 1, behind))
        shared_left, shared_right = self._shared(keys, places, left), self._shared(keys, places, right)
        best[places] = np.maximum(shared_left, shared_right)
        where[places] = np.where(shared_left >= shared_right, left, right)
        return best, where

    def _keys(self, symbols: Ids, end: int) -> Keys:
        """The next `width` symbols from each place on as one number, those past the end `end`; (symbols + 1,)."""
        padded = np.concatenate([symbols, np.full(self.width, end)]).astype(np.uint64)
        found = np.zeros(len(symbols) + 1, np.uint64)
        for offset in range(self.width):
            found = found << np.uint64(self.bits) | padded[offset : offset + len(found)]
        return found

    def _sorted(self) -> Ids:
        order = np.argsort(self.keys[:-1], kind="stable")
        rank = np.zeros(
            self.length + 1, np.int64
        )  # past the end: 0, and all others are 1 higher than their group's place
        sorted_keys = self.keys[order]
        alike, done = np.arange(self.length), self.width
        while len(alike):
            first = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]])
            suffixes = order[alike]
            rank[suffixes] = 1 + alike[np.maximum.accumulate(np.where(first, np.arange(len(alike)), 0))]
            alone = first & np.concatenate([first[1:], [True]])
            alike, suffixes = alike[~alone], suffixes[~alone]
            after = rank[np.minimum(suffixes + done, self.length)]
            sorted_keys = rank[suffixes] * (self.length + 1) + after
            again = np.argsort(sorted_keys, kind="stable")
            order[alike], sorted_keys = suffixes[again], sorted_keys[again]
            done *= 2
        return order

    def _search(self, keys: Keys, places: Ids) -> Ids:
        """How many suffixes come before what begins at each of these places."""
        low, high = np.full(len(places), -1), np.full(len(places), self.length)
        known_low, known_high = np.zeros(len(places), np.int64), np.zeros(len(places), np.int64)  # whole keys alike
        for _ in range(self.length.bit_length()):
            going = high - low > 1
            middle = np.where(going, (low + high) // 2, np.clip(low, 0, None))
            shared = self._alike(keys, places, self.order[middle], np.minimum(known_low, known_high))
            before = self._key_after(self.keys, self.order[middle], shared) < self._key_after(keys, places, shared)
            right, left = going & before, going & ~before
            low, known_low = np.where(right, middle, low), np.where(right, shared, known_low)
            high, known_high = np.where(left, middle, high), np.where(left, shared, known_high)
        return high

    def _alike(self, keys: Keys, places: Ids, suffixes: Ids, known: Ids) -> Ids:
        """How many whole keys from places and suffixes on are the same, at least `known`."""
        shared, going = known.copy(), np.arange(len(places))
        while len(going):
            mine = self._key_after(keys, places[going], shared[going])
            going = going[mine == self._key_after(self.keys, suffixes[going], shared[going])]
            shared[going] += 1
        return shared

    def _key_after(self, keys: Keys, places: Ids, whole: Ids) -> Keys:
        found: Keys = keys[np.minimum(places + whole * self.width, len(keys) - 1)]
        return found

    def _shared(self, keys: Keys, places: Ids, suffixes: Ids) -> Ids:
        """How many symbols are the same from each place on and from a suffix on."""
        whole = self._alike(keys, places, suffixes, np.zeros(len(places), np.int64))
        differ = self._key_after(keys, places, whole) ^ self._key_after(self.keys, suffixes, whole)
        found = whole * self.width
        for symbols in range(1, self.width + 1):
            found += differ >> np.uint64(self.bits * (self.width - symbols)) == 0
        return found
