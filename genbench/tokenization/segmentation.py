r"""Split a text into pieces: the words, marks and separators that are the tokens of a word tokenizer.

A piece is a maximal run of letters, of digits, of white space, or of one repeated mark. Combining marks and zero-width
joiners count as letters: a vowel sign of Hindi, an accent of its own and Persian's non-joiner do not end a word. The
separator between two pieces is implied by its neighbours (`implied_separator`); any other one is a piece of its own.

    Oh, it's  late.      pieces           Oh  ,  ␣  it  '  s  ␣␣  late  .
                         explicit pieces  Oh  ,     it  '  s  ␣␣  late  .
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
import regex

Ints = npt.NDArray[np.int64]

COMBINING = r"\p{M}\u200c\u200d"  # in a character class of `regex`: combining marks, zero-width non-joiner and joiner
WORD_CHARACTERS = rf"\p{{L}}\p{{Nl}}\p{{No}}{COMBINING}"  # and letters; numerals that are not digits, such as ½
MARK = regex.compile(rf"[{COMBINING}]")
WHITE_SPACE = r"\s\x1c-\x1f"  # as in str.isspace, so that both agree
PIECE = regex.compile(rf"[{WHITE_SPACE}]+|[{WORD_CHARACTERS}]+|\d+|(.)\1*", regex.DOTALL)
KIND = regex.compile(rf"(?P<space>[{WHITE_SPACE}])|(?P<word>[{WORD_CHARACTERS}])|(?P<digit>\d)")
OPENING = "([{"
CLOSING = ",.;:!?)]}"
LINE_START = regex.compile(r"\n(?=\S)")
PART_CHARACTERS = 1 << 22  # size of the parts in which a long text is tokenized
MAX_MEAN_WORD = 15  # characters; white space that leaves longer words on average does not separate words
MIN_CHARACTERS_TO_JUDGE = 100  # a shorter text counts as one that separates words
MIN_CHARACTERS_TO_DEDUPLICATE = 1000  # in a shorter text, too few words repeat to gain from it


@lru_cache(maxsize=1 << 16)
def implied_separator(left: str, right: str) -> str:
    """Return the separator implied between the last character of the text so far and the first of the next piece.

    >>> implied_separator("e", "c"), implied_separator(",", "c"), implied_separator("e", ",")
    (' ', ' ', '')
    >>> implied_separator("(", "a"), implied_separator("'", "t"), implied_separator("\\n", "a")
    ('', '', '')
    >>> implied_separator("\u0940", "\u0915"), implied_separator("1", "\u0301")  # after a mark as after a letter
    (' ', '')
    """
    # nothing is implied beside white space
    if not left or left.isspace() or right.isspace():
        return ""

    # a space between words and marks as usually typed: after a word or a closing mark, before a word or an opening one
    if right.isalnum() or right in OPENING:
        return " " if left.isalnum() or left in CLOSING or is_mark(left) else ""
    return ""


@lru_cache(maxsize=1 << 12)
def is_mark(character: str) -> bool:
    """Return whether a character belongs to the one before it: a combining mark or a zero-width joiner.

    >>> is_mark("\u0301"), is_mark("e")
    (True, False)
    """
    return MARK.fullmatch(character) is not None


def ends_inside_word(text: str) -> bool:
    """Return whether more letters or digits could continue the last word of a text.

    >>> ends_inside_word("a cat"), ends_inside_word("a cat."), ends_inside_word("e\u0301"), ends_inside_word("")
    (True, False, True, False)
    """
    return bool(text) and (text[-1].isalnum() or is_mark(text[-1]))


@lru_cache(maxsize=1 << 16)
def piece_kind(character: str) -> str:
    """Return what two adjacent characters of one piece have in common: a class of characters, or the character.

    >>> piece_kind("a") == piece_kind("b"), piece_kind("-")
    (True, '-')
    """
    match = KIND.fullmatch(character)
    return match.lastgroup or "" if match else character


def is_one_piece(left: str, right: str) -> bool:
    """Return whether two adjacent characters belong to the same piece.

    >>> is_one_piece("a", "b"), is_one_piece("a", "1"), is_one_piece("-", "-"), is_one_piece("-", "!")
    (True, False, True, False)
    """
    return piece_kind(left) == piece_kind(right)


def separates_words(text: str) -> bool:
    """Return whether a text separates its words by white space.

    It does not where what stands between white space has more than 15 characters on average, as in Chinese, Japanese,
    Thai or DNA: English has 4 to 5, languages with long compounds under 10. A text under 100 characters always does.

    >>> separates_words("It was late. " * 10), separates_words("老师修好了地图。" * 20)
    (True, False)
    """
    words = text.split()
    return len(text) < MIN_CHARACTERS_TO_JUDGE or sum(map(len, words)) <= MAX_MEAN_WORD * len(words)


def split_pieces(text: str) -> Iterator[str]:
    """Yield the pieces of a text; joined, they are the text.

    >>> list(split_pieces("Oh--no,  it's 1815!"))
    ['Oh', '--', 'no', ',', '  ', 'it', "'", 's', ' ', '1815', '!']
    """
    return (match.group() for match in PIECE.finditer(text))


def explicit_pieces(text: str) -> Iterator[tuple[str, int]]:
    """Yield the pieces of a text without the implied separators, each with the position where it ends.

    Where a separator is implied but the text has none, the piece "" is yielded: "no separator here".

    >>> [piece for piece, _ in explicit_pieces("so, it is3")]
    ['so', ',', 'it', 'is', '', '3']
    """
    left, separator, end = "", "", 0
    for piece in split_pieces(text):
        # white space is yielded together with the next piece, unless it is implied
        end += len(piece)
        if piece[0].isspace():
            separator = piece
            continue

        # a separator that differs from the implied one is a piece of its own
        if separator != implied_separator(left, piece[0]):
            yield separator, end - len(piece)
        yield piece, end
        left, separator = piece[-1], ""

    # white space at the end of the text is always explicit
    if separator:
        yield separator, end


def split_parts(
    text: str, size: int = PART_CHARACTERS, *, boundary: re.Pattern[str] | regex.Pattern[str] = LINE_START
) -> Iterator[str]:
    r"""Yield a text in parts of at least `size` characters, each ending with a match of `boundary`.

    The default is a line start, which splits no piece.

    >>> list(split_parts("one\ntwo\n\nthree\nfour", 6))
    ['one\ntwo\n\n', 'three\nfour']
    """
    start = 0
    while start < len(text):
        match = boundary.search(text, start + size)
        stop = match.end() if match else len(text)
        yield text[start:stop]
        start = stop


def distinct_characters(text: str) -> str:
    """Return the distinct characters of a text, sorted by code point.

    >>> distinct_characters("abba!")
    '!ab'
    """
    return "".join(map(chr, np.flatnonzero(np.bincount(_code_points(text))).tolist()))


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


@dataclass(frozen=True)
class Segmentation:
    """The explicit pieces of a text, with each distinct chunk split only once.

    A chunk is a word with its marks, delimited by white space, or a separator that is not implied.
    """

    pieces: list[str]  # of all distinct chunks, one chunk after the other
    ends: Ints  # (pieces,) where each piece ends within its chunk
    offsets: Ints  # (distinct chunks + 1,) index of each chunk's first piece
    chunks: Ints  # (n,) the chunks of the text in order, as indices of distinct chunks
    starts: Ints  # (n,) position in the text where each of them starts


def segment(text: str) -> Segmentation:
    """Return the pieces that `explicit_pieces` yields, grouped by distinct chunk: much faster for long texts."""
    if len(text) >= MIN_CHARACTERS_TO_DEDUPLICATE:
        return _segment_long(text)

    # a short text is a single chunk
    whole, zero = list(explicit_pieces(text)), np.zeros(1, np.int64)
    ends = np.array([end for _, end in whole], int)
    return Segmentation([piece for piece, _ in whole], ends, np.array([0, len(whole)]), zero, zero)


@lru_cache(maxsize=3)  # every part of a mixture segments training and validation text, for a vocabulary and for ids
def _segment_long(text: str) -> Segmentation:
    # split each distinct word once
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    chunks = np.fromiter(map(numbers.__getitem__, text.split()), np.int64)
    pieces, ends, offsets = _split_words(list(numbers))

    # insert the separators that are not implied, as chunks of one piece
    starts, stops, implied = _separators(text)
    explicit = np.flatnonzero(~implied)
    separators: dict[str, int] = {}
    spans = zip(starts[explicit].tolist(), stops[explicit].tolist(), strict=True)
    marks = [text[start:stop] for start, stop in spans]

    # number them after the words, and append their pieces
    chunks = np.insert(chunks, explicit, [separators.setdefault(m, len(numbers) + len(separators)) for m in marks])
    ends = np.append(ends, [len(mark) for mark in separators]).astype(np.int64)
    offsets = np.append(offsets, len(pieces) + 1 + np.arange(len(separators)))
    positions = np.insert(stops[:-1], explicit, starts[explicit])
    return Segmentation([*pieces, *separators], ends, offsets, chunks, positions)


def _split_words(words: list[str]) -> tuple[list[str], Ints, Ints]:
    """Return the pieces of some words, where each ends within its word, and each word's offset, (words + 1,)."""
    # split all words at once, one a line
    pieces: list[str] = []
    stops: list[int] = []
    for piece, stop in explicit_pieces("\n".join(words)):
        if piece != "\n":
            pieces.append(piece)
            stops.append(stop)

    # which pieces belong to which word
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    offsets = np.searchsorted(stops, starts, side="right")
    return pieces, np.array(stops, np.int64) - np.repeat(starts[:-1], np.diff(offsets)), offsets


def _separators(text: str) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Return start, stop and "is implied or empty" of the white space before each word and after the last one."""
    codes, characters = _code_points(text), distinct_characters(text)

    # tables by code point: white space; characters that may follow an implied space; those that may precede one
    white, opens, closes = np.zeros((3, ord(characters[-1]) + 1), bool)
    known = [ord(character) for character in characters]
    white[known] = [character.isspace() for character in characters]
    opens[known] = [implied_separator("a", character) == " " for character in characters]
    closes[known] = [implied_separator(character, "a") == " " for character in characters]

    # the edges between white space and words
    edges = np.flatnonzero(np.diff(white[codes], prepend=True, append=True))
    starts, stops = np.append(0, edges[1::2]), np.append(edges[::2], len(text))

    # a single space between the right neighbours is implied
    implied = starts == stops
    first, after = starts[1:-1], stops[1:-1]
    implied[1:-1] = (after == first + 1) & (codes[first] == ord(" ")) & closes[codes[first - 1]] & opens[codes[after]]
    return starts, stops, implied
