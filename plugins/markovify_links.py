"""The chain of the markovify package as arrays, with the letters of its words, so that it can be read by the letter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import markovify
import numpy as np
import numpy.typing as npt
from markovify.chain import BEGIN, END

from genbench.generator import Learned, LogProbs
from genbench.tokenization.tokenizer import Tokenizer

Ints = npt.NDArray[np.int64]
MarkovifyModel = dict[tuple[str, ...], dict[str, int]]  # state -> next word -> count
START, UNKNOWN = -1, -2  # as words: before the first of a sentence; one that the chain does not know
WORD_END = -1  # as a token, after the last letter of a word; it sorts before all tokens


def train_markovify(train: str, state_size: int, well_formed: bool) -> MarkovifyModel:
    """Return the model of `markovify.Text`; it is empty if markovify finds no sentence to learn from."""
    try:
        text = markovify.Text(train, state_size, retain_original=False, well_formed=well_formed)
    except KeyError:  # markovify looks up its begin state, which does not exist
        return {}
    return dict(text.chain.model)


@dataclass(frozen=True)
class Links:
    """The chain as arrays.

    A word is its index among the sorted words, so words that begin with the same letters are next to each other.

    states     (states, state_size) the words of each state; START before the first of a sentence
    ends       (states,) how often the sentence ended there
    starts     (states + 1,) where the followers of each state begin
    followers  (links,) words, sorted within a state
    counts     (links,) how often each followed
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
        """Return the links of a model of markovify."""
        words = sorted({word for followers in model.values() for word in followers} - {BEGIN, END})
        index = {word: i for i, word in enumerate(words)} | {BEGIN: START, END: UNKNOWN}

        # the followers of each state as (word, count), without the end of the sentence
        rows = [sorted((index[word], count) for word, count in followers.items()) for followers in model.values()]
        links = [[link for link in row if link[0] >= 0] for row in rows]
        flat = np.array([link for row in links for link in row], np.int64).reshape(-1, 2)

        states = np.array([[index[word] for word in state] for state in model], np.int64).reshape(-1, state_size)
        ends = np.array([followers.get(END, 0) for followers in model.values()], np.int64)
        starts = _cumulative_sums([len(row) for row in links])
        return cls(tokenizer, words, states, ends, starts, flat[:, 0].copy(), flat[:, 1].copy())

    def dump(self) -> Learned:
        """Return the fields except the tokenizer: the words and the arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "tokenizer"}

    @cached_property
    def state_index(self) -> dict[tuple[int, ...], int]:
        """The row of each state."""
        return {tuple(state): row for row, state in enumerate(self.states.tolist())}

    @cached_property
    def word_index(self) -> dict[str, int]:
        """The index of each word."""
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def occurrences(self) -> Ints:
        """How often each state occurred, (states,)."""
        return np.asarray(self.ends + np.diff(self._cumulative_counts[self.starts]))

    @cached_property
    def _cumulative_counts(self) -> Ints:
        return _cumulative_sums(self.counts)

    @cached_property
    def _offsets(self) -> Ints:
        """Where each word begins among the letters."""
        return _cumulative_sums([len(word) + 1 for word in self.words])

    @cached_property
    def _letters(self) -> Ints:
        """The tokens of all words, each followed by WORD_END."""
        letters = self.tokenizer.encode("".join(word + "\n" for word in self.words))
        letters[self._offsets[1:] - 1] = WORD_END
        return letters

    def narrow(self, start: int, stop: int, token: int, depth: int) -> tuple[int, int, float]:
        """Return the range of followers[start:stop] with `token` as letter `depth`, and their share of the counts.

        All followers in the range given have the same letters before that one.
        """

        def letter_of(word: int) -> int:
            return int(self._letters[self._offsets[word] + depth])

        first = bisect_left(self.followers, token, start, stop, key=letter_of)
        last = bisect_right(self.followers, token, first, stop, key=letter_of)
        counts = self._cumulative_counts
        return first, last, float((counts[last] - counts[first]) / (counts[stop] - counts[start]))

    def next_letters(self, start: int, stop: int, depth: int) -> tuple[LogProbs, float]:
        """Return the shares of followers[start:stop] by letter number `depth`, (vocabulary,), and of word ends."""
        tokens = self._letters[self._offsets[self.followers[start:stop]] + depth]
        counts = np.bincount(tokens - WORD_END, self.counts[start:stop], self.tokenizer.size + 1)
        shares = counts / (self._cumulative_counts[stop] - self._cumulative_counts[start])
        return shares[1:], float(shares[0])


def _cumulative_sums(values: Any) -> Ints:
    """Return the sum of the values before each one, and of all, (values + 1,).

    >>> _cumulative_sums([2, 3]).tolist()
    [0, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
