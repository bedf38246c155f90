"""Passages of 40 characters and more that a test text shares with its training text: duplicate books, quotations.

The hash of 40 characters at each position of the training text is looked up among those of the test text (polynomial
hashes; Karp & Rabin 1987). The training text is read in parts, so memory depends on the test text alone. A hash that
is found counts only where the characters are the same, so a share is never too high.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from genbench.analysis.common_runs import PART, code_points
from genbench.corpus.corpus import Corpus
from genbench.corpus.split import BookStarts
from genbench.storage.records import JsonRecord
from genbench.tokenization.tokenizer import Ids

PASSAGE = 40  # characters
WARNING_SHARE = 0.02  # of the test text; novels have up to 0.002 (docs/log/measures.md)
NAMED_BOOKS = 3  # pairs of books in a warning
TABLE_BITS = 3  # a table of hashes has 8 to 16 places for each
BASE, MODULUS = 0x9E3779B97F4A7C15, 1 << 64  # odd, so that no power of it is 0

Hashes = npt.NDArray[np.uint64]
CodePoints = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class SharedBooks(JsonRecord):
    """The passages that a book of the test text shares with a book of the training text."""

    test: str  # title
    train: str
    share: float  # of the whole test text


@dataclass(frozen=True)
class SharedPassages(JsonRecord):
    """The share of a test text in passages of 40 characters or more that also stand in the training text."""

    share: float  # of its characters
    books: list[SharedBooks] = field(default_factory=list)  # the largest share first

    def warning(self) -> str:
        """Return a sentence for the test text of a corpus, with what to do; "" for a share of at most 2 %."""
        sentence = self.describe("the test text")
        are_alike = any(books.test != books.train for books in self.books)
        return f"{sentence}; leave one of the books out" if sentence and are_alike else sentence

    def describe(self, text: str) -> str:
        """Return a sentence that names the books and the share; "" for a share of at most 2 %."""
        if self.share <= WARNING_SHARE:
            return ""
        pairs = [_describe_books(books) for books in self.books[:NAMED_BOOKS]]
        more = f" and {len(self.books) - NAMED_BOOKS} more" if len(self.books) > NAMED_BOOKS else ""
        return (
            f"{self.share:.0%} of {text} stands in the training text too, in passages of {PASSAGE} characters and more "
            f"({', '.join(pairs)}{more}): its bits are too low for new text"
        ).replace("%", " %")


def _describe_books(books: SharedBooks) -> str:
    if books.test and books.test == books.train:
        return f"{books.test} repeats itself"
    return f"{books.test} in {books.train}" if books.test else f"in {books.train}"


def shared_with_training(corpus: Corpus) -> SharedPassages:
    """Return the passages that a corpus's test text shares with its training text."""
    return shared_passages(str(corpus.train), str(corpus.test), corpus.book_starts, corpus.test_starts)


def shared_passages(train: str, test: str, train_books: BookStarts = (), test_books: BookStarts = ()) -> SharedPassages:
    """Return the passages of at least 40 characters that a test text shares with a training text, by pair of books.

    A passage that several books of the training text have counts for the first. Line ends and tabs count as spaces, so
    that a text whose lines are wrapped in another way is found.

    >>> alice = "Alice was beginning to get very tired of sitting by her sister. "
    >>> shared_passages("So she said. " + alice, alice + alice[:32] + "And she said: ").share
    0.5818
    """
    places = find_passages(_with_spaces(train), _with_spaces(test))
    starts = np.flatnonzero(places >= 0)
    if not len(starts):
        return SharedPassages(0.0)

    # a character belongs to the last passage that starts at it or before it
    nearest = np.full(len(test), -1, np.int64)
    nearest[starts] = starts
    nearest = np.maximum.accumulate(nearest)
    covered = nearest[(nearest >= 0) & (np.arange(len(test)) - nearest < PASSAGE)]

    # the characters of each pair of books
    numbers = _book_numbers(train_books, places[covered]) + (len(train_books) + 1) * _book_numbers(test_books, covered)
    pairs, counts = np.unique(numbers, return_counts=True)
    books = [
        SharedBooks(
            _title(test_books, pair // (len(train_books) + 1)),
            _title(train_books, pair % (len(train_books) + 1)),
            round(count / len(test), 4),
        )
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)
    ]
    return SharedPassages(round(len(covered) / len(test), 4), sorted(books, key=lambda books: -books.share))


def _with_spaces(text: str) -> str:
    for character in "\t\n\r\u00a0":
        text = text.replace(character, " ")
    return text


def _book_numbers(starts: BookStarts, positions: Ids) -> Ids:
    """Return the number of the book at each position, from 1; 0 before the first."""
    return np.searchsorted(np.array([start for start, _ in starts], np.int64), positions, side="right")


def _title(starts: BookStarts, number: int) -> str:
    return starts[number - 1][1] if number else ""


def find_passages(train: str, test: str, length: int = PASSAGE) -> Ids:
    """Return for each position of the test text where the training text has the next `length` characters, (test,).

    It is the first place in the training text; -1 where there is none.

    >>> find_passages("see the cat, the cat", "a the cat sat", 7).tolist()
    [-1, 3, 4, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1]
    """
    # the different passages of the test text, and a table that excludes most of the others
    codes = code_points(test)
    hashes, examples, numbers = np.unique(passage_hashes(codes, length), return_index=True, return_inverse=True)
    if not len(hashes):
        return np.full(len(test), -1, np.int64)
    shift = np.uint64(64 - len(hashes).bit_length() - TABLE_BITS)
    occurs = np.zeros(1 << (64 - int(shift)), bool)
    occurs[hashes >> shift] = True

    # the first place of each in the training text, part by part; parts overlap by less than a passage
    first = np.full(len(hashes), -1, np.int64)
    for start in range(0, len(train), PART):
        part = code_points(train[start : start + PART + length - 1])
        found, there = _look_up(part, hashes, occurs, shift, length)
        new = first[found] < 0
        found, there = found[new], there[new]
        same = _equal_windows(codes, examples[found], part, there, length)
        first[found[same]] = there[same] + start

    # every position that has one of them
    places = np.full(len(test), -1, np.int64)
    positions = np.flatnonzero(first[numbers] >= 0)
    numbers = numbers[positions]
    same = _equal_windows(codes, positions, codes, examples[numbers], length)
    places[positions[same]] = first[numbers[same]]
    return places


def _look_up(
    part: CodePoints, hashes: Hashes, occurs: npt.NDArray[np.bool_], shift: np.uint64, length: int
) -> tuple[Ids, Ids]:
    """Return the indices of sorted hashes that a part of the training text has, and the first place of each in it."""
    mine = passage_hashes(part, length)
    there = np.flatnonzero(occurs[mine >> shift])

    # sorted hashes are looked up several times as fast
    wanted, places = np.unique(mine[there], return_index=True)
    indices = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
    known = hashes[indices] == wanted
    return indices[known], there[places[known]]


def _equal_windows(left: CodePoints, starts: Ids, right: CodePoints, others: Ids, length: int) -> npt.NDArray[np.bool_]:
    """Return whether `length` characters from each start in one text equal those from the other start in another."""
    same = np.ones(len(starts), bool)
    for offset in range(length):
        same &= left[starts + offset] == right[others + offset]
    return same


def passage_hashes(codes: CodePoints, length: int) -> Hashes:
    """Return a hash of the `length` characters from each position on, (positions,), without those that are too short.

    The hash of a window is the sum of its characters times falling powers of `BASE`, modulo 2 ** 64.
    """
    # windows of 1, 2, 4, ... characters; those in the binary digits of the length are joined
    window, width, power = codes.astype(np.uint64), 1, BASE
    hashes, joined = np.zeros(len(codes) + 1, np.uint64), 0
    while width <= length:
        if length & width:
            hashes = hashes[: max(len(window) - joined, 0)] * np.uint64(power) + window[joined:]
            joined += width
        window = window[: max(len(window) - width, 0)] * np.uint64(power) + window[width:]
        width, power = 2 * width, power * power % MODULUS
    return hashes
