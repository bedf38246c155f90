"""Sentences: where a text ends, after so many sentences, or after the sentence that makes it long enough.

A sentence ends with . ! ? or … (and the marks of other scripts), closing quotes and brackets after it, and then white
space; where a script has no white space, without it. A full stop after a known abbreviation, such as "Mr.", or after a
single capital letter does not end one. No blank line may stand inside a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

from genbench.sampling.constraints.automaton import Automaton
from genbench.sampling.constraints.lengths import Words

STOPS = frozenset(".!?…؟।॥")  # white space follows them
FULL_WIDTH_STOPS = frozenset("。！？｡")  # nothing needs to follow them
CLOSERS = frozenset("\"'”’»)]}_*」』）】")
ABBREVIATIONS = (
    *("Mr", "Mrs", "Ms", "Dr", "St", "Esq", "Messrs", "Mme", "Mlle", "Capt", "Col", "Gen", "Rev", "Hon", "Prof"),
    *("Sr", "Jr", "No", "viz", "vs"),
)


class Place(NamedTuple):
    """A place in a text."""

    sentences: int  # that have ended
    phase: str = "start"  # start, inside, after a stop, wide (after a full-width stop), or between two sentences
    word: str | None = ""  # the letters before, if they begin an abbreviation or are one letter; None: no
    newline: bool = False  # whether a line break is the last character but spaces, inside a sentence


@dataclass(frozen=True)
class Sentences(Automaton):
    """The text is `count` sentences, and begins with no white space; with `optional`, it may also end before that."""

    count: int
    optional: bool = False

    def start(self) -> Place:
        return Place(0)

    def step(self, state: Place, character: str) -> Place | None:
        if character.isspace():
            return self._space(state, character)
        if character in CLOSERS and state.phase in ("stop", "wide"):
            return state
        if character in FULL_WIDTH_STOPS:
            return Place(state.sentences, "wide", None)
        if character in STOPS:
            abbreviated = character == "." and is_abbreviation(state.word)
            return Place(state.sentences, "inside" if abbreviated else "stop", None)

        # a letter or another mark
        word = state.word
        if not character.isalpha():
            word = ""
        elif word is not None:
            word = word + character if starts_abbreviation(word + character) else None
        return Place(self._add(state) if state.phase == "wide" else state.sentences, "inside", word)

    def _space(self, state: Place, character: str) -> Place | None:
        if state.phase == "start":
            return None
        if state.phase in ("stop", "wide"):
            return Place(self._add(state), "between")
        if state.phase == "between":
            return state
        if character == "\n" and state.newline:
            return None
        return Place(state.sentences, "inside", "", character == "\n" or state.newline)

    def _add(self, state: Place) -> int:
        """Return the number of sentences after one more."""
        return state.sentences + 1

    def accepts(self, state: Place) -> bool:
        return self.optional or (state.sentences == self.count - 1 and state.phase in ("stop", "wide"))

    def ends_before(self, state: Place, character: str) -> bool:
        return state.sentences == self.count - 1 and self.ends_sentence(state, character)

    def ends_sentence(self, state: Place, character: str) -> bool:
        """Return whether a sentence ends before a character."""
        if state.phase == "stop":
            return character.isspace()
        return state.phase == "wide" and character not in CLOSERS | FULL_WIDTH_STOPS | STOPS

    def kind(self, character: str) -> Hashable:
        if character.isalpha():
            told_apart = character == "I" or any(character in short for short in ABBREVIATIONS)
            return character if told_apart else character.isupper()
        known = character in STOPS | FULL_WIDTH_STOPS | CLOSERS
        return "mark", character if known or character == "\n" else character.isspace()


@dataclass(frozen=True)
class WordsToSentenceEnd(Automaton):
    """The text has `fewest` to `most` words, and ends with the first sentence that makes them enough."""

    fewest: int
    most: int

    @cached_property
    def _parts(self) -> tuple[Words, Sentences]:
        return Words(self.fewest, self.most), _Endless(1)

    @cached_property
    def _steps(self) -> tuple[Callable[[Any, str], Any], Callable[[Any, str], Any]]:
        """The steps of the parts; the sentence has few states, which come again with each number of words."""
        words, sentences = self._parts
        return words.step, cache(sentences.step)

    def start(self) -> tuple[Any, Any]:
        words, sentences = self._parts
        return words.start(), sentences.start()

    def step(self, state: tuple[Any, Any], character: str) -> tuple[Any, Any] | None:
        step_words, step_sentence = self._steps
        words, sentence = step_words(state[0], character), step_sentence(state[1], character)
        return None if words is None or sentence is None else (words, sentence)

    def accepts(self, state: tuple[Any, Any]) -> bool:
        return all(part.accepts(own) for part, own in zip(self._parts, state, strict=True))

    def ends_before(self, state: tuple[Any, Any], character: str) -> bool:
        words, sentences = self._parts
        return words.accepts(state[0]) and sentences.ends_sentence(state[1], character)

    def kind(self, character: str) -> Hashable:
        return tuple(part.kind(character) for part in self._parts)


class _Endless(Sentences):
    """Sentences that are not counted."""

    def _add(self, state: Place) -> int:
        return state.sentences


def starts_abbreviation(letters: str) -> bool:
    """Return whether letters are one capital letter or begin an abbreviation."""
    is_capital = len(letters) == 1 and letters.isupper()
    return is_capital or any(short.startswith(letters) for short in ABBREVIATIONS)


def is_abbreviation(letters: str | None) -> bool:
    """Return whether letters before a full stop are an abbreviation: a known one, or one capital letter but I."""
    if not letters:
        return False
    return letters in ABBREVIATIONS or (len(letters) == 1 and letters.isupper() and letters != "I")
