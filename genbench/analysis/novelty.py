"""What is new in a drawn text, and what is copied from the training text and where it stands there.

N-gram novelty by length, beside human text: McCoy et al. 2023 (RAVEN). Words are what white space separates.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genbench.analysis.diversity import distinct, self_bleu, whole_words
from genbench.analysis.suffix_array import Suffixes
from genbench.tokenization.tokenizer import Ids

FEWEST = 5  # words of a run that counts as copied
LONGEST = 10  # words of an n-gram
STRETCHES = 20  # of held-out text
CODES = 0x110000  # of Unicode
Books = Sequence[tuple[int, str]]  # where in the training text each begins, and its title


@dataclass(frozen=True)
class Found:
    """What of one text stands in the training text."""

    text: str
    longest: int  # characters of the longest run that stands there as it is
    place: int  # where in the training text it does
    lengths: Ids  # for each word, how many from it on stand there together, (words,)

    def copied(self, fewest: int = FEWEST) -> int:
        """How many words stand in runs of at least so many that were copied.

        >>> Found("", 0, 0, np.array([1, 3, 2, 1, 2, 1])).copied(3)
        3
        """
        return int(self._within(fewest).sum())

    def spans(self, fewest: int = FEWEST) -> list[list[int]]:
        """Where in the text the copied runs of at least so many words begin and end, in characters.

        >>> Found("a b c d", 0, 0, np.array([2, 1, 1, 1])).spans(2)
        [[0, 3]]
        """
        words, within = [match.span() for match in re.finditer(r"\S+", self.text)], self._within(fewest)
        edges = np.flatnonzero(np.diff(within.astype(np.int8), prepend=0, append=0))
        return [[words[first][0], words[end - 1][1]] for first, end in edges.reshape(-1, 2).tolist()]

    def _within(self, fewest: int) -> NDArray[np.bool_]:
        """Of each word, whether it stands in a copied run of at least so many, (words,)."""
        places = np.arange(len(self.lengths))
        reach = np.maximum.accumulate(np.where(self.lengths >= fewest, places + self.lengths, 0))
        return np.asarray(places < reach)

    def unseen(self) -> tuple[Ids, Ids]:
        """How many n-grams of 1 to 10 words were never seen, and how many there are, (10,) each."""
        there = [self.lengths[: max(len(self.lengths) - n + 1, 0)] for n in range(1, LONGEST + 1)]
        return np.array([(each < n).sum() for n, each in enumerate(there, 1)]), np.array([len(each) for each in there])


class Known:
    """A training text, indexed so that what other texts have in common with it is found at once."""

    def __init__(self, train: str, books: Books = ()) -> None:
        self.train, self.books = train, list(books)
        self._codes = _codes(train)
        present = np.flatnonzero(np.bincount(self._codes))
        self._letters = np.full(CODES, -1, np.int64)
        self._letters[present] = np.arange(len(present))
        self._vocabulary: dict[str, int] = {}

    @cached_property
    def _characters(self) -> Suffixes:
        return Suffixes(self._letters[self._codes])

    @cached_property
    def _words(self) -> Suffixes:
        words = [self._vocabulary.setdefault(word, len(self._vocabulary)) for word in self.train.split()]
        return Suffixes(np.array(words, dtype=np.int64))

    def runs(self, text: str) -> tuple[Ids, Ids]:
        """For each place of a text, how many characters from it on stand in the training text, and where."""
        return self._characters.matches(self._letters[_codes(text)])

    def find(self, text: str) -> Found:
        """What of a text stands in the training text."""
        runs, places = self.runs(text)
        best = int(runs.argmax()) if len(runs) else None
        index = self._words  # which makes the vocabulary
        words = [self._vocabulary.get(word, -1) for word in whole_words(text)]
        lengths, _ = index.matches(np.array(words, dtype=np.int64))
        longest, place = (0, 0) if best is None else (int(runs[best]), int(places[best]))
        return Found(text, longest, place, lengths)

    def where(self, place: int) -> tuple[str, int]:
        """The title of the book that holds a place of the training text, and how many characters into it that is."""
        book = bisect_right([start for start, _ in self.books], place) - 1
        return (self.books[book][1], place - self.books[book][0]) if book >= 0 else ("", place)

    def about(self, found: Found, fewest: int = FEWEST) -> dict[str, Any]:
        """One text's figures, as JSON values."""
        book, character = self.where(found.place)
        run = self.train[found.place : found.place + found.longest]
        return {
            "longest_copy": found.longest,
            "copied_from": {"book": book, "character": character, "text": run} if found.longest else None,
            "copies": found.spans(fewest),
        } | shares([found], fewest)

    def over_all(self, texts: Sequence[str], fewest: int = FEWEST) -> dict[str, Any]:
        """The figures of several texts together, as JSON values; `longest_copy` is the mean over the texts."""
        found = [self.find(text) for text in texts]
        return {
            "texts": len(found),
            "words": sum(len(each.lengths) for each in found),
            "longest_copy": sum(each.longest for each in found) / len(found) if found else None,
            **shares(found, fewest),
            "distinct": distinct(texts),
            "self_bleu": self_bleu(texts),
        }


def shares(found: Sequence[Found], fewest: int = FEWEST) -> dict[str, Any]:
    """The share of words in copied runs of at least `fewest` words, and of n-grams of 1 to 10 words never seen."""
    words = sum(len(each.lengths) for each in found)
    counts = np.array([each.unseen() for each in found]).reshape(-1, 2, LONGEST).sum(axis=0)
    return {
        "copied_share": sum(each.copied(fewest) for each in found) / words if words else None,
        "unseen": [int(new) / int(there) if there else None for new, there in counts.T],
    }


def stretches(text: str, length: int, count: int = STRETCHES) -> list[str]:
    """As many stretches of a text of this length, in characters, as it has, at most `count`, spread evenly over it.

    >>> stretches("one two three four five", 7, 2)
    ['one two', 'four fi']
    """
    length = min(length, len(text))
    count = min(count, len(text) // max(length, 1))
    starts = [place * (len(text) // count) for place in range(count)]
    starts = [start if not start else 1 + text.find(" ", start - 1) for start in starts]
    return [text[start : start + length] for start in starts if start + length <= len(text)]


def _codes(text: str) -> Ids:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.int64)
