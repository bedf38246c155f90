"""A markovify chain in integers: its followers by their letters, and what is kept of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import markovify
import numpy as np
import numpy.typing as npt
from markovify.chain import BEGIN, END

from genbench import LogProbs, Tokenizer

Ints = npt.NDArray[np.int64]
Model = dict[tuple[str, ...], dict[str, int]]  # markovify's: state -> word -> how often
START, UNKNOWN = -1, -2  # as words: before the first of a sentence; one that the chain does not know
CLOSED = -1  # the token that ends a word here: no token, and before all of them


def learn(train: str, state_size: int, well_formed: bool) -> Model:
    """The model of `markovify.Text`; empty where markovify finds no sentence to take."""
    try:
        text = markovify.Text(train, state_size, retain_original=False, well_formed=well_formed)
    except KeyError:  # of its begin state, which is not there
        return {}
    return dict(text.chain.model)


@dataclass(frozen=True)
class Links:
    """The chain; a word is its place among the sorted words, so that those with the same first letters lie together.

    states     (states, state_size) the words of each; START before the first of a sentence
    ends       (states,) how often the sentence ended there
    starts     (states + 1,) where the followers of each begin
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
    def of(cls, model: Model, state_size: int, tokenizer: Tokenizer) -> Links:
        """The links of markovify's model."""
        words = sorted({word for after in model.values() for word in after} - {BEGIN, END})
        number = {word: place for place, word in enumerate(words)} | {BEGIN: START, END: UNKNOWN}
        after = [sorted((number[word], n) for word, n in each.items()) for each in model.values()]
        links = [[link for link in each if link[0] >= 0] for each in after]
        flat = np.array([link for each in links for link in each], np.int64).reshape(-1, 2)
        states = np.array([[number[word] for word in state] for state in model], np.int64).reshape(-1, state_size)
        ends = np.array([each.get(END, 0) for each in model.values()], np.int64)
        starts = _sums([len(each) for each in links])
        return cls(tokenizer, words, states, ends, starts, flat[:, 0].copy(), flat[:, 1].copy())

    def dump(self) -> dict[str, Any]:
        """All but the tokenizer: the words once, and arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "tokenizer"}

    @cached_property
    def row(self) -> dict[tuple[int, ...], int]:
        """Where each state is."""
        return {tuple(state): row for row, state in enumerate(self.states.tolist())}

    @cached_property
    def number(self) -> dict[str, int]:
        """Which word is which."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def seen(self) -> Ints:
        """How often each state was seen, (states,)."""
        return np.asarray(self.ends + np.diff(self._mass[self.starts]))

    @cached_property
    def _mass(self) -> Ints:
        return _sums(self.counts)

    @cached_property
    def _offsets(self) -> Ints:
        return _sums([len(word) + 1 for word in self.words])

    @cached_property
    def _letters(self) -> Ints:
        """The tokens of all words, each closed."""
        found = self.tokenizer.encode("".join(word + "\n" for word in self.words))
        found[self._offsets[1:] - 1] = CLOSED
        return found

    def narrow(self, start: int, stop: int, token: int, depth: int) -> tuple[int, int, float]:
        """Those of followers[start:stop] that have this token at this depth, and their share of the counts."""

        def at(word: int) -> int:
            return int(self._letters[self._offsets[word] + depth])

        first = bisect_left(self.followers, token, start, stop, key=at)
        last = bisect_right(self.followers, token, first, stop, key=at)
        mass = self._mass
        return first, last, float((mass[last] - mass[first]) / (mass[stop] - mass[start]))

    def onward(self, start: int, stop: int, depth: int) -> tuple[LogProbs, float]:
        """The shares of followers[start:stop] by their token at this depth, (vocabulary,), and of those closed."""
        tokens = self._letters[self._offsets[self.followers[start:stop]] + depth]
        found = np.bincount(tokens - CLOSED, self.counts[start:stop], self.tokenizer.size + 1)
        shares = found / (self._mass[stop] - self._mass[start])
        return shares[1:], float(shares[0])


def _sums(values: Any) -> Ints:
    """How much lies before each value, and all of it: (values + 1,).

    >>> _sums([2, 3]).tolist()
    [0, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
