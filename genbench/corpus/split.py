"""Split books into training, validation and test text.

Every book is split 80/10/10 into contiguous parts, at paragraph breaks; or one held-out book is the whole test text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeVar

from genbench.corpus.long_text import write_text
from genbench.errors import CorpusError
from genbench.tokenization.text import BOOK_SEPARATOR, Text, missing_newlines, replace_surrogates

TRAIN_SHARE, VALID_SHARE = 0.8, 0.1  # of the characters; the rest is the test part
MAX_SHIFT = 0.025  # of the characters: how far a boundary may move to reach a paragraph or line break

AnyText = TypeVar("AnyText", str, Text)
BookStarts = tuple[tuple[int, str], ...]  # offset in a part at which a book starts, and the book's title


class BookText(NamedTuple):
    """The title and the cleaned text of one book."""

    title: str
    text: Text


@dataclass(frozen=True)
class Split:
    """The three parts of one or more books, and where each book starts in the training and in the test part."""

    train: Text
    valid: Text
    test: Text
    book_starts: BookStarts
    test_starts: BookStarts


def split_text(text: AnyText) -> tuple[AnyText, AnyText, AnyText]:
    r"""Split one book into its training, validation and test part: none is empty, concatenated they are the text.

    A part ends after the paragraph break nearest to its target, else after the nearest line break, else exactly at the
    target. Raises CorpusError for fewer than three characters.

    >>> split_text("0123456\n9")
    ('0123456', '\n', '9')
    """
    if len(text) < 3:
        raise CorpusError(f"a text of {len(text)} characters cannot be split in three; name a longer text")

    # the limits keep all parts of very short texts from being empty
    valid_start = min(_boundary(text, TRAIN_SHARE), len(text) - 2)
    test_start = min(max(_boundary(text, TRAIN_SHARE + VALID_SHARE), valid_start + 1), len(text) - 1)
    return cut(text, 0, valid_start), cut(text, valid_start, test_start), cut(text, test_start, len(text))


def cut(text: AnyText, start: int, stop: int) -> AnyText:
    """Return the part of a text from `start` to `stop`; that of a text in a file is not read."""
    if isinstance(text, Text):
        return text.part(start, stop)
    return text[start:stop]


def split_off_validation(train: AnyText) -> tuple[AnyText, AnyText]:
    """Split a training text that has no validation text: its last tenth becomes one. The text has two characters."""
    start = min(max(_boundary(train, 1 - VALID_SHARE), 1), len(train) - 1)
    return cut(train, 0, start), cut(train, start, len(train))


def split_validation(valid: AnyText) -> tuple[AnyText, AnyText]:
    """Split a validation text into the half that fits weights and the half that chooses among generators.

    The first ends after the paragraph break nearest to the middle, else after a line break, else in the middle. A text
    of one character is all for fitting.
    """
    if len(valid) < 2:
        return valid, cut(valid, 0, 0)
    middle = min(max(_boundary(valid, 0.5), 1), len(valid) - 1)
    return cut(valid, 0, middle), cut(valid, middle, len(valid))


def _boundary(text: str | Text, share: float) -> int:
    """Return the end of a part with that share of a text."""
    target, reach = round(share * len(text)), int(MAX_SHIFT * len(text))

    # the nearest paragraph break, else the nearest line break, within reach; a break has up to two characters before
    # the first end and goes on after the last one
    start = max(target - reach - 2, 0)
    near = text[start : target + reach + 1]
    for pattern in (r"\n{2,}", r"\n"):
        ends = [start + match.end() for match in re.finditer(pattern, near)]
        ends = [end for end in ends if target - reach <= end <= target + reach]
        if ends:
            return min(ends, key=lambda end: abs(end - target))
    return target


def split_within_books(books: Sequence[BookText]) -> Split:
    """Split each book, so that every part contains some of every book."""
    parts = [split_text(book.text) for book in books]
    train_parts, valid_parts, test_parts = zip(*parts, strict=True)
    titles = [((0, book.title),) for book in books]
    (train, book_starts), (test, test_starts) = (join_parts(part, titles) for part in (train_parts, test_parts))
    return Split(train, join_texts(valid_parts), test, book_starts, test_starts)


def split_off_book(books: Sequence[BookText], held_out: str) -> Split:
    """Use the book with the title `held_out` as test text; of the others, the last tenth is for validation."""
    others = [book for book in books if book.title != held_out]

    # the test parts of the other books validate, so that no text is unused
    valid_parts = [split_text(book.text)[2] for book in others]
    train_parts = [
        book.text.part(0, len(book.text) - len(part)) for book, part in zip(others, valid_parts, strict=True)
    ]
    train, starts = join_parts(train_parts, [((0, book.title),) for book in others])
    test = next(book.text for book in books if book.title == held_out)
    valid = join_texts(valid_parts)
    return Split(train, valid, test, starts, ((0, held_out),))


def find_held_out(author: str, titles: Sequence[str], words: Sequence[str]) -> str:
    """Return the only title that contains one of the words, ignoring case. Raises CorpusError for none or several."""
    if len(titles) < 2:
        raise CorpusError(f"{author} has one book, so none can be held out; name an author with several books")
    words = list(map(replace_surrogates, words))
    matches = [title for title in titles if any(word.lower() in title.lower() for word in words)]
    if len(matches) != 1:
        raise CorpusError(
            f"{' '.join(words)!r} matches {len(matches)} books of {author}; name one of: {'; '.join(titles)}"
        )
    return matches[0]


def join_texts(texts: Iterable[AnyText]) -> AnyText:
    r"""Concatenate texts with a blank line between them and a newline at the end; nothing is removed.

    >>> join_texts(["one\n", "two\n\n", "three"])
    'one\n\ntwo\n\nthree\n'
    """
    *others, last = texts
    ends = [*(missing_newlines(text) for text in others), missing_newlines(last, "\n")]
    pieces = list(zip([*others, last], ends, strict=True))
    if not isinstance(last, Text):
        return "".join(f"{text}{end}" for text, end in pieces)

    # a single text as it is; texts in files are not brought together in memory
    if len(pieces) == 1 and not ends[0]:
        return last
    if any(isinstance(text, Text) and text.in_file for text, _ in pieces):
        return write_text(block for text, end in pieces for block in chain(Text(text).blocks(), [end]))
    return Text("".join(f"{text}{end}" for text, end in pieces))


def join_weighted(texts: Iterable[tuple[Text, int]]) -> Text:
    r"""Return texts joined by `join_texts`, each repeated as often as its weight; the result knows its pieces.

    >>> text = join_weighted([(Text("one\n"), 1), (Text("two"), 2)])
    >>> text, text.weights
    (<Text: 14 characters, 'one\n\ntwo\n\ntwo\n'>, ((5, 1), (4, 2)))
    """
    pieces = [(piece, weight * own) for text, weight in texts for piece, own in text.pieces()]
    joined = join_texts([piece for piece, weight in pieces for _ in range(weight)])
    if all(weight == 1 for _, weight in pieces):
        return joined

    # the first copies with the newlines after them
    ends = [BOOK_SEPARATOR] * (len(pieces) - 1) + ["\n"]
    sizes = [len(piece) + len(missing_newlines(piece, end)) for (piece, _), end in zip(pieces, ends, strict=True)]
    return Text(joined, tuple((size, weight) for size, (_, weight) in zip(sizes, pieces, strict=True)))


def join_parts(parts: Sequence[AnyText], starts: Sequence[BookStarts]) -> tuple[AnyText, BookStarts]:
    r"""Return texts joined by `join_texts`, and where each book starts in the result.

    `starts` has where the books of each text start in that text.

    >>> join_parts(["one\n", "two"], [((0, "A"),), ((0, "B"),)])
    ('one\n\ntwo\n', ((0, 'A'), (5, 'B')))
    """
    joined, offset = [], 0
    for part, books in zip(parts, starts, strict=True):
        joined += [(offset + start, title) for start, title in books]
        offset += len(part) + len(missing_newlines(part))
    return join_texts(parts), tuple(joined)
