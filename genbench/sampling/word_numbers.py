"""The words of a text as hashes and numbers, part by part: the words of a long text do not fit into memory."""

from __future__ import annotations

import re
import tempfile
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.generator import ProgressCallback, ignore
from genbench.tokenization.text import Text

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.unsignedinteger[Any]]

BITS_PER_HASH = 8
CHUNK = 1 << 22  # numbers that are in memory at a time
_WORD_START = re.compile(r"\s(?=\S)")


@lru_cache(1 << 16)
def hash_word(word: str) -> int:
    """Return the hash of a word, 64 bits."""
    return int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def number_type(distinct: int) -> type:
    """Return the type of the numbers of so many distinct words."""
    return np.uint16 if distinct <= 1 << 16 else np.uint32


def number_words(text: Text, progress: ProgressCallback = ignore) -> tuple[Hashes, Numbers]:
    """Return the hashes of the distinct words, (distinct words,), and the number of each word of a text, (words,).

    The words are numbered in the order in which they first occur. The numbers of a text in a file are in one too,
    mapped into memory.
    """
    index = _HashIndex()
    parts = (_number_part(part, index) for part in _report(text, progress))
    if not text.in_file:
        numbers = np.concatenate([np.empty(0, np.uint32), *parts])
        return index.hashes, numbers.astype(number_type(len(index.hashes)))

    # in as few bytes as the number of distinct words needs
    numbers = _map_numbers(parts)
    chunks = (numbers[begin : begin + CHUNK] for begin in range(0, len(numbers), CHUNK))
    kind = number_type(len(index.hashes))
    return index.hashes, numbers if kind is np.uint32 else _map_numbers(chunk.astype(kind) for chunk in chunks)


def _report(text: Text, progress: ProgressCallback) -> Iterator[str]:
    """Yield the parts of a text, whole words each, and report how much of it they are."""
    done = 0
    for part in text.parts(boundary=_WORD_START):
        yield part
        done += len(part)
        progress(done / len(text))


def _number_part(part: str, index: _HashIndex) -> Numbers:
    """Return the number of each word of a part of a text, (words,)."""
    # hash each distinct word once
    words, places = part.split(), defaultdict[str, int](count().__next__)
    distinct = np.fromiter(map(places.__getitem__, words), np.int64, len(words))
    numbers = index.number(np.fromiter(map(hash_word, places), np.uint64, len(places)))
    return np.asarray(numbers[distinct].astype(np.uint32))


class _HashIndex:
    """Distinct hashes, numbered in the order in which they were added."""

    def __init__(self) -> None:
        self.hashes = np.empty(0, np.uint64)  # by their numbers
        self._sorted, self._numbers = self.hashes, np.empty(0, np.int64)

    def number(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Return the numbers of hashes, (n,); those that are new are added."""
        places = np.searchsorted(self._sorted, hashes)
        known = places < len(self._sorted)
        known[known] = self._sorted[places[known]] == hashes[known]

        # new ones keep the places in order
        new = hashes[~known]
        added = np.arange(len(new)) + len(self.hashes)
        order = np.argsort(new)
        where = np.searchsorted(self._sorted, new[order])
        self._sorted = np.insert(self._sorted, where, new[order])
        self._numbers = np.insert(self._numbers, where, added[order])
        self.hashes = np.append(self.hashes, new)
        return self._numbers[np.searchsorted(self._sorted, hashes)]


class SortedHashes:
    """Many hashes in little memory, which are looked up by bisection if a bit for their last digits is set."""

    def __init__(self, hashes: Hashes) -> None:
        ordered = np.sort(hashes)
        self._ordered = memoryview(ordered.data)
        self._mask = (1 << (BITS_PER_HASH * len(ordered)).bit_length()) - 1
        bits = np.zeros(self._mask + 1, bool)
        bits[ordered & np.uint64(self._mask)] = True
        self._bits = np.packbits(bits, bitorder="little").tobytes()

    def __contains__(self, value: object) -> bool:
        assert isinstance(value, int)
        digits = value & self._mask
        if not self._bits[digits >> 3] >> (digits & 7) & 1:
            return False
        place = bisect_left(self._ordered, value)
        return place < len(self._ordered) and self._ordered[place] == value


def _map_numbers(parts: Iterator[Numbers]) -> Numbers:
    """Return numbers in an unnamed file, mapped into memory."""
    kind = np.dtype(np.uint32)
    with tempfile.TemporaryFile() as file:
        for part in parts:
            kind = part.dtype
            part.tofile(file)
        file.flush()
        return np.memmap(file, kind, "c") if file.tell() else np.empty(0, kind)
