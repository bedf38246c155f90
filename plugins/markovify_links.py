"""Links: the chain of the markovify package as arrays, with the letters of its words for predictions by letter."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import markovify
import numpy as np
import numpy.typing as npt
from markovify.chain import BEGIN, END
from markovify.splitters import is_sentence_ender

from genbench.generator import Learned, LogProbs
from genbench.tokenization.tokenizer import Tokenizer

Ints = npt.NDArray[np.int64]
MarkovifyModel = dict[tuple[str, ...], dict[str, int]]  # state -> next word -> count
START, UNKNOWN = -1, -2  # word numbers: before the first word of a sentence; a word that is not in the chain
WORD_END = -1  # token after the last letter of a word; it sorts before all tokens


# The pattern of markovify's split_into_sentences, with one line more, the first: a match begins where its run of
# characters does. That finds the same ends, and does not search a run again from each of its characters.
POSSIBLE_END = re.compile(
    r"(?<![\w\.'’&\]\)])"
    r"([\w\.'’&\]\)]+[\.\?!])"  # a word that ends with punctuation
    r"([‘’“”'\"\)\]]*)"  # quotation marks, brackets
    r"(\s+(?![a-z\-–—]))"  # white space, and no lower-case letter or dash
)


class LinearText(markovify.Text):  # type: ignore[misc]  # the package has no types
    """`markovify.Text`, in time linear in the length of the longest word; the package takes its square."""

    def sentence_split(self, text: str) -> list[str]:
        """Return the sentences of a text, as `markovify.splitters.split_into_sentences` does."""
        ends = [match.end(2) for match in POSSIBLE_END.finditer(text) if is_sentence_ender(match[1])]
        return [text[start:end].strip() for start, end in zip([None, *ends], [*ends, None], strict=True)]


class LinearNewlineText(markovify.NewlineText):  # type: ignore[misc]
    """`markovify.NewlineText`, in time linear in the length of white space; the package takes its square."""

    def sentence_split(self, text: str) -> list[str]:
        """Return the lines of a text without the white space around them, as the package does; blank ones too."""
        return [line.strip() for line in text.split("\n")]


def train_markovify(train: str, state_size: int, well_formed: bool, newline: bool = False) -> MarkovifyModel:
    """Return the model of `markovify.Text`, with `newline` that of `markovify.NewlineText`.

    It is empty if the text has no sentence that markovify accepts.
    """
    kind = LinearNewlineText if newline else LinearText
    try:
        text = kind(train, state_size, retain_original=False, well_formed=well_formed)
    except KeyError:  # markovify looks up a begin state, which an empty chain does not have
        return {}
    return dict(text.chain.model)


@dataclass(frozen=True)
class Links:
    """The chain as arrays.

    A word is its index in the sorted list of words, so words that begin with the same letters are adjacent.

    states     (states, state_size) the words of a state; START before the first word of a sentence
    ends       (states,) how often the sentence ended after the state
    starts     (states + 1,) first follower of a state, and the number of links
    followers  (links,) words, sorted within a state
    counts     (links,) how often the word followed the state
    """

    tokenizer: Tokenizer
    words: list[str]
    states: Ints
    ends: Ints
    starts: Ints
    followers: Ints
    counts: Ints

    @classmethod
    def from_model(cls, model: MarkovifyModel, state_size: int, tokenizer: Tokenizer) -> Links:
        """Convert a model of markovify to arrays."""
        # number the words
        words = sorted({word for followers in model.values() for word in followers} - {BEGIN, END})
        index = {word: i for i, word in enumerate(words)} | {BEGIN: START, END: UNKNOWN}

        # list the followers of every state as (word, count), without the end of the sentence
        rows = [sorted((index[word], count) for word, count in followers.items()) for followers in model.values()]
        links = [[link for link in row if link[0] >= 0] for row in rows]
        flat = np.array([link for row in links for link in row], np.int64).reshape(-1, 2)

        # the states, the counts of sentence ends, and where the followers start
        states = np.array([[index[word] for word in state] for state in model], np.int64).reshape(-1, state_size)
        ends = np.array([followers.get(END, 0) for followers in model.values()], np.int64)
        starts = _cumulative_sums([len(row) for row in links])
        return cls(tokenizer, words, states, ends, starts, flat[:, 0].copy(), flat[:, 1].copy())

    def dump(self) -> Learned:
        """Return the fields except the tokenizer: the words and the arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "tokenizer"}

    @cached_property
    def state_index(self) -> dict[tuple[int, ...], int]:
        """The rows of the states."""
        return {tuple(state): row for row, state in enumerate(self.states.tolist())}

    @cached_property
    def occurrences(self) -> Ints:
        """How often the states occurred, (states,)."""
        return np.asarray(self.ends + np.diff(self._cumulative_counts[self.starts]))

    @cached_property
    def _cumulative_counts(self) -> Ints:
        return _cumulative_sums(self.counts)

    @cached_property
    def _offsets(self) -> Ints:
        """The positions in `_letters` at which the words begin, (words + 1,)."""
        return _cumulative_sums([len(word) + 1 for word in self.words])

    @cached_property
    def _letters(self) -> Ints:
        """The tokens of all words, with WORD_END after every word."""
        letters = self.tokenizer.encode("".join(word + "\n" for word in self.words))
        letters[self._offsets[1:] - 1] = WORD_END
        return letters

    def narrow(self, start: int, stop: int, token: int, depth: int) -> tuple[int, int, float]:
        """Return the subrange of followers[start:stop] with `token` as letter number `depth`, and its share.

        The share is of the counts. All followers from `start` to `stop` must have the same letters before that one.
        """

        first, last = self._narrow(self.followers, start, stop, token, depth)
        counts = self._cumulative_counts
        return first, last, float((counts[last] - counts[first]) / (counts[stop] - counts[start]))

    def narrow_words(self, start: int, stop: int, token: int, depth: int) -> tuple[int, int]:
        """Return the subrange of the words from `start` to `stop` with `token` as letter number `depth`."""
        return self._narrow(range(len(self.words)), start, stop, token, depth)

    def _narrow(self, words: Sequence[int] | Ints, start: int, stop: int, token: int, depth: int) -> tuple[int, int]:
        """Return the subrange of words[start:stop], which are sorted by letter number `depth`, with one letter."""

        def letter_of(word: int) -> int:
            return int(self._letters[self._offsets[word] + depth])

        first = bisect_left(words, token, start, stop, key=letter_of)
        return first, bisect_right(words, token, first, stop, key=letter_of)

    def letters_at(self, words: Ints, depth: int) -> Ints:
        """Return letter number `depth` of some words, (words,); WORD_END for those that end there."""
        return np.asarray(self._letters[self._offsets[words] + depth])

    def next_letters(self, start: int, stop: int, depth: int) -> tuple[LogProbs, float]:
        """Return the shares of followers[start:stop] by letter number `depth`, (vocabulary,), and of word ends."""
        tokens = self.letters_at(self.followers[start:stop], depth)
        counts = np.bincount(tokens - WORD_END, self.counts[start:stop], self.tokenizer.size + 1)
        shares = counts / (self._cumulative_counts[stop] - self._cumulative_counts[start])
        return shares[1:], float(shares[0])


def _cumulative_sums(values: Any) -> Ints:
    """Return cumulative sums that start with 0, (values + 1,).

    >>> _cumulative_sums([2, 3]).tolist()
    [0, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
