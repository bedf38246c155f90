"""Novelty of generated text: runs copied from the training text, their source, and the share of new n-grams.

Source: McCoy et al. 2023 (RAVEN), who compare n-gram novelty with that of human text. Words are delimited by white
space. A training text that does not separate its words has no figures of words: shares are None.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from genbench.analysis.common_runs import character_matches, locate_run, word_matches
from genbench.analysis.diversity import distinct, self_bleu, whole_words
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore, rescale
from genbench.storage.records import JsonRecord
from genbench.tokenization.segmentation import separates_words
from genbench.tokenization.tokenizer import Ids
from genbench.training import SILENT, ProgressListener

MIN_COPIED_WORDS = 5  # shortest run that counts as copied
MAX_NGRAM = 10  # words
HUMAN_PASSAGES = 20  # of held-out text, for comparison
CHARACTERS_SHARE = 0.8  # of the time to find runs, those of characters
JUDGED_CHARACTERS = 1_000_000  # of the training text, to judge whether it separates words

BookStarts = Sequence[tuple[int, str]]  # offset in the training text and title of each book


@dataclass(frozen=True)
class CopiedRun:
    """The longest run of characters that a text copies, and its position in the training text."""

    book: str
    character: int  # offset in the book
    text: str


@dataclass(frozen=True)
class TextNovelty(JsonRecord):
    """The copied runs of one text, and its share of n-grams that do not occur in the training text."""

    longest_copy: int  # characters
    copied_from: CopiedRun | None  # None if nothing is copied
    copies: list[list[int]]  # [start, stop) of each copied run of words, in characters
    copied_share: float | None  # share of its words in copied runs
    unseen: list[float | None]  # share of unseen n-grams of 1 to 10 words; None if the text has none


@dataclass(frozen=True)
class NoveltyStatistics(JsonRecord):
    """Novelty and diversity of several texts together."""

    texts: int
    words: int
    longest_copy: float | None  # characters, mean over the texts
    copied_share: float | None
    unseen: list[float | None]
    distinct: list[float | None]  # distinct-1 to distinct-3
    self_bleu: float | None


@dataclass(frozen=True)
class NoveltyReport(JsonRecord):
    """The novelty of generated texts and, for comparison, of held-out text by the same author."""

    min_words: int  # shortest run that counts as copied
    texts: list[TextNovelty]
    generated: NoveltyStatistics  # of all texts
    held_out: NoveltyStatistics  # of passages of the validation text, as long as the texts


def novelty(
    texts: Sequence[str],
    author: str | Path | Corpus,
    *,
    words: int = MIN_COPIED_WORDS,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    listener: ProgressListener = SILENT,
) -> NoveltyReport:
    """Measure what texts copy from an author's training text and what is new in them, compared with held-out text.

    A run of at least `words` words counts as copied. Raises UserError if there is no text, or if `words` is below 1.
    """
    if words < 1:
        raise UserError(f"words is {words}, but must be 1 or more")
    if not any(texts):
        raise UserError("there is no text to analyze; generate some characters, as with --length 1000")

    # compare with passages of held-out text as long as the texts
    corpus = load_corpus(
        author,
        lines=lines,
        encoding=encoding,
        column=column,
        on_progress=listener.download,
        on_message=listener.message,
    )
    passages = spaced_passages(str(corpus.valid), round(sum(map(len, texts)) / len(texts)))
    with listener.stage("comparing with the training text") as progress:
        index = TrainingIndex(str(corpus.train), corpus.book_starts)
        index.read([*texts, *passages], progress)
        return NoveltyReport(
            words,
            [index.text_novelty(text, words) for text in texts],
            index.statistics(texts, words),
            index.statistics(passages, words),
        )


@dataclass(frozen=True)
class TextMatches:
    """The runs of characters and words of a text that occur in the training text."""

    text: str
    longest: int  # length of the longest common run, in characters
    start: int  # of that run in the text
    match_lengths: Ids  # (words,) length in words of the longest common run that starts at each word

    def copied_words(self, min_words: int = MIN_COPIED_WORDS) -> int:
        """Return the number of words in copied runs of at least `min_words` words.

        >>> TextMatches("", 0, 0, np.array([1, 3, 2, 1, 2, 1])).copied_words(3)
        3
        """
        return int(self._is_copied(min_words).sum())

    def copied_spans(self, min_words: int = MIN_COPIED_WORDS) -> list[list[int]]:
        """Return [start, stop) of each copied run of at least `min_words` words, in characters.

        >>> TextMatches("a b c d", 0, 0, np.array([2, 1, 1, 1])).copied_spans(2)
        [[0, 3]]
        """
        word_spans = [match.span() for match in re.finditer(r"\S+", self.text)]

        # where copied runs start and stop, in words, converted to characters
        edges = np.flatnonzero(np.diff(self._is_copied(min_words).astype(np.int8), prepend=0, append=0))
        return [[word_spans[first][0], word_spans[stop - 1][1]] for first, stop in edges.reshape(-1, 2).tolist()]

    def _is_copied(self, min_words: int) -> NDArray[np.bool_]:
        """Return for each word whether it is in a copied run of at least `min_words` words, (words,)."""
        # the end of the last long run that starts at a word or before it
        positions = np.arange(len(self.match_lengths))
        stops = np.maximum.accumulate(np.where(self.match_lengths >= min_words, positions + self.match_lengths, 0))
        return np.asarray(positions < stops)

    def unseen_ngrams(self) -> tuple[Ids, Ids]:
        """Return the number of unseen n-grams of 1 to 10 words, and the number of all n-grams, (10,) each."""
        # an n-gram is unseen if the match at its first word is shorter than n
        lengths = [self.match_lengths[: max(len(self.match_lengths) - n + 1, 0)] for n in range(1, MAX_NGRAM + 1)]
        unseen = np.array([(matches < n).sum() for n, matches in enumerate(lengths, 1)])
        return unseen, np.array([len(matches) for matches in lengths])


class TrainingIndex:
    """A training text, in which the runs of characters and words that it shares with other texts are found.

    `read` finds those of many texts in one pass over the training text; other methods read texts that are new.
    """

    def __init__(self, train: str, book_starts: BookStarts = ()) -> None:
        self.train, self.book_starts = train, list(book_starts)
        self._matches: dict[str, TextMatches] = {}

    def read(self, texts: Iterable[str], progress: ProgressCallback = ignore) -> None:
        """Find the runs of all texts together: ten times as fast as one after the other."""
        new = [text for text in dict.fromkeys(texts) if text not in self._matches]
        if not new:
            return

        # characters: the longest run; words: the length of the run that starts at each
        characters = character_matches(self.train, new, progress=rescale(progress, 0.0, CHARACTERS_SHARE))
        in_words = [whole_words(text) if self.separates_words else [] for text in new]
        words = word_matches(self.train, in_words, rescale(progress, CHARACTERS_SHARE, 1 - CHARACTERS_SHARE))
        for text, lengths, word_lengths in zip(new, characters, words, strict=True):
            start = int(lengths.argmax()) if len(lengths) else 0
            longest = int(lengths[start]) if len(lengths) else 0
            self._matches[text] = TextMatches(text, longest, start, word_lengths)

    @cached_property
    def separates_words(self) -> bool:
        """Whether the training text separates its words by white space, judged by its start."""
        return separates_words(self.train[:JUDGED_CHARACTERS])

    def match_lengths(self, text: str, limit: int | None = None) -> Ids:
        """Return for each position of a text the length of its longest match; those above `limit` may be shorter."""
        (lengths,) = character_matches(self.train, [text], limit)
        return lengths

    def match(self, text: str) -> TextMatches:
        """Return the runs of characters and words of a text that occur in the training text."""
        self.read([text])
        return self._matches[text]

    def locate(self, position: int) -> tuple[str, int]:
        """Return the title of the book at a position of the training text, and the offset in that book."""
        # the last book that starts at the position or before it
        book = bisect_right([start for start, _ in self.book_starts], position) - 1
        if book < 0:
            return "", position
        start, title = self.book_starts[book]
        return title, position - start

    def text_novelty(self, text: str, min_words: int = MIN_COPIED_WORDS) -> TextNovelty:
        """Return the copied runs of a text and its share of new n-grams."""
        matches = self.match(text)
        return TextNovelty(
            matches.longest,
            self._copied_from(matches),
            matches.copied_spans(min_words),
            copied_share([matches], min_words),
            unseen_shares([matches]),
        )

    def _copied_from(self, matches: TextMatches) -> CopiedRun | None:
        """Return the longest copied run and its place; None if nothing is copied."""
        if not matches.longest:
            return None
        place = locate_run(self.train, matches.text, matches.start, matches.longest)
        book, character = self.locate(place)
        return CopiedRun(book, character, self.train[place : place + matches.longest])

    def statistics(self, texts: Sequence[str], min_words: int = MIN_COPIED_WORDS) -> NoveltyStatistics:
        """Return the figures of several texts together."""
        # shares are over the words and n-grams of all texts, not means over texts
        self.read(texts)
        matches = [self.match(text) for text in texts]
        in_words = texts if self.separates_words else []
        return NoveltyStatistics(
            texts=len(matches),
            words=sum(len(text.match_lengths) for text in matches),
            longest_copy=sum(text.longest for text in matches) / len(matches) if matches else None,
            copied_share=copied_share(matches, min_words),
            unseen=unseen_shares(matches),
            distinct=distinct(in_words),
            self_bleu=self_bleu(in_words),
        )


def copied_share(matches: Sequence[TextMatches], min_words: int = MIN_COPIED_WORDS) -> float | None:
    """Return the share of words in copied runs of at least `min_words` words; None if there are no words."""
    words = sum(len(text.match_lengths) for text in matches)
    return sum(text.copied_words(min_words) for text in matches) / words if words else None


def unseen_shares(matches: Sequence[TextMatches]) -> list[float | None]:
    """Return the share of n-grams of 1 to 10 words that are not in the training text; None if there are none."""
    # sums over all texts, (2, 10)
    counts = np.array([text.unseen_ngrams() for text in matches]).reshape(-1, 2, MAX_NGRAM).sum(axis=0)
    return [int(unseen) / int(total) if total else None for unseen, total in counts.T]


def spaced_passages(text: str, length: int, max_count: int = HUMAN_PASSAGES) -> list[str]:
    """Return at most `max_count` passages of a length in characters, evenly spaced, each beginning with a word.

    >>> spaced_passages("one two three four five", 7, 2)
    ['one two', 'four fi']
    """
    # evenly spaced, then moved to the start of the next word
    length = min(length, len(text))
    count = min(max_count, len(text) // max(length, 1))
    starts = [index * (len(text) // count) for index in range(count)]
    starts = [start if not start else 1 + text.find(" ", start - 1) for start in starts]
    return [text[start : start + length] for start in starts if start + length <= len(text)]
