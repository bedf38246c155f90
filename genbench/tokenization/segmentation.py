"""Cutting a text into pieces: the words, marks and separators that a word tokenizer knows.

A piece is a maximal run of letters, of digits, of white space, or of one repeated mark. The separator between two
pieces is implied by its neighbours (`gap`); any other separator is a piece of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

PIECE = re.compile(r"\s+|[^\W\d_]+|\d+|(.)\1*", re.DOTALL)
OPENING = "([{"
CLOSING = ",.;:!?)]}"
LINE = re.compile(r"\n(?=\S)")
PART = 1 << 22  # characters that are cut at once
SHORT = 1000  # characters: below, a text is not worth looking for what it repeats


def gap(left: str, right: str) -> str:
    """The separator implied between the last character before and the first character of a piece.

    >>> gap("e", "c"), gap(",", "c"), gap("e", ","), gap("(", "a"), gap("'", "t"), gap("\\n", "a")
    (' ', ' ', '', '', '', '')
    """
    if not left or left.isspace() or right.isspace():
        return ""
    if right.isalnum() or right in OPENING:
        return " " if left.isalnum() or left in CLOSING else ""
    return ""


@lru_cache(maxsize=1 << 16)
def one_piece(left: str, right: str) -> bool:
    """Whether two characters side by side belong to one piece.

    >>> one_piece("a", "b"), one_piece("a", "1"), one_piece("-", "-"), one_piece("-", "!")
    (True, False, True, False)
    """
    return PIECE.fullmatch(left + right) is not None


def pieces(text: str) -> Iterator[str]:
    """Cut a text into its pieces; joined, they are the text.

    >>> list(pieces("Oh--no,  it's 1815!"))
    ['Oh', '--', 'no', ',', '  ', 'it', "'", 's', ' ', '1815', '!']
    """
    return (match.group() for match in PIECE.finditer(text))


def separated(text: str) -> Iterator[tuple[str, int]]:
    """The pieces of a text without the separators that are implied, with "" where an implied one is missing.

    Each comes with the place where it ends.

    >>> [piece for piece, _ in separated("so, it is3")]
    ['so', ',', 'it', 'is', '', '3']
    """
    left, separator, end = "", "", 0
    for piece in pieces(text):
        end += len(piece)
        if piece[0].isspace():
            separator = piece
            continue
        if separator != gap(left, piece[0]):
            yield separator, end - len(piece)
        yield piece, end
        left, separator = piece[-1], ""
    if separator:
        yield separator, end


def parts(text: str, size: int = PART) -> Iterator[str]:
    r"""A text in parts of at least so many characters, cut where a line begins: the pieces are those of the whole.

    >>> list(parts("one\ntwo\n\nthree\nfour", 6))
    ['one\ntwo\n\n', 'three\nfour']
    """
    start = 0
    while start < len(text):
        found = LINE.search(text, start + size)
        stop = found.end() if found else len(text)
        yield text[start:stop]
        start = stop


def letters(text: str) -> str:
    """The different characters of a text, in the order of their codes.

    >>> letters("abba!")
    '!ab'
    """
    return "".join(map(chr, np.flatnonzero(np.bincount(_codes(text))).tolist()))


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


@dataclass(frozen=True)
class Cut:
    """The `separated` pieces of a text: each different part, what stands between white space, is cut once.

    pieces  of all the different parts
    ends    (pieces,) where each ends in its part
    first   (parts + 1,) where the pieces of each part begin
    rows    (n,) the parts of the text in their order: words with their marks, and separators that are not implied
    starts  (n,) where each of these begins
    """

    pieces: list[str]
    ends: Ints
    first: Ints
    rows: Ints
    starts: Ints


@lru_cache(maxsize=2)  # a training text is cut for its vocabulary and then again for its ids
def cut(text: str) -> Cut:
    """A text in parts; one after the other, these are what `separated` gives."""
    if len(text) < SHORT:
        whole, zero = list(separated(text)), np.zeros(1, np.int64)
        return Cut([p for p, _ in whole], np.array([e for _, e in whole], int), np.array([0, len(whole)]), zero, zero)
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    rows = np.fromiter(map(numbers.__getitem__, text.split()), np.int64)
    found, ends, first = _cut_each(list(numbers))
    begins, stops, implied = _separators(text)
    said = np.flatnonzero(~implied)
    others: dict[str, int] = {}
    marks = [text[begin:stop] for begin, stop in zip(begins[said].tolist(), stops[said].tolist(), strict=True)]
    rows = np.insert(rows, said, [others.setdefault(mark, len(numbers) + len(others)) for mark in marks])
    ends = np.append(ends, [len(mark) for mark in others]).astype(np.int64)
    first = np.append(first, len(found) + 1 + np.arange(len(others)))
    return Cut([*found, *others], ends, first, rows, np.insert(stops[:-1], said, begins[said]))


def _cut_each(words: list[str]) -> tuple[list[str], Ints, Ints]:
    """The pieces of some words, where each ends in its word, and where those of each word begin, (words + 1,)."""
    found: list[str] = []
    stops: list[int] = []
    for piece, stop in separated("\n".join(words)):
        if piece != "\n":
            found.append(piece)
            stops.append(stop)
    begins = np.cumsum([0, *(len(word) + 1 for word in words)])
    first = np.searchsorted(stops, begins, side="right")
    return found, np.array(stops, np.int64) - np.repeat(begins[:-1], np.diff(first)), first


def _separators(text: str) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Where the white space before each word and after the last begins and ends, and whether it is implied or empty."""
    codes, there = _codes(text), letters(text)
    white, opens, closes = np.zeros((3, ord(there[-1]) + 1), bool)
    some = [ord(letter) for letter in there]
    white[some] = [letter.isspace() for letter in there]
    opens[some] = [gap("a", letter) == " " for letter in there]
    closes[some] = [gap(letter, "a") == " " for letter in there]
    edges = np.flatnonzero(np.diff(white[codes], prepend=True, append=True))
    begins, stops = np.append(0, edges[1::2]), np.append(edges[::2], len(text))
    implied = begins == stops
    one, after = begins[1:-1], stops[1:-1]
    implied[1:-1] = (after == one + 1) & (codes[one] == ord(" ")) & closes[codes[one - 1]] & opens[codes[after]]
    return begins, stops, implied
