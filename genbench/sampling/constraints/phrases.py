"""Constraints on words and phrases: a text contains one, begins or ends with one, or ends where one is complete.

A phrase that begins or ends with a letter or digit is a whole word: marks and "'s" may stand beside it, letters may
not. A phrase that begins with a small letter may begin with a capital one, as at the beginning of a sentence.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from genbench.sampling.constraints.automaton import Automaton
from genbench.tokenization.segmentation import is_mark


def is_word_character(character: str) -> bool:
    """Return whether a character belongs to a word: a letter, a digit or a combining mark."""
    return character.isalnum() or is_mark(character)


@dataclass(frozen=True)
class _Phrase(Automaton):
    """A phrase of at least one character."""

    text: str

    def kind(self, character: str) -> Hashable:
        # a phrase may also begin with a capital letter
        first = character if character.lower() == self.text[0] or character in self.text else None
        return first, is_word_character(character), character.isspace()

    def _follows(self, place: int, character: str) -> bool:
        """Return whether a character is the one at a place of the phrase."""
        return self.text[place] == character or (place == 0 and self.text[0] == character.lower())


class Matches(NamedTuple):
    """How much of a phrase the end of a text may be."""

    places: frozenset[int]  # numbers of characters of the phrase that the end of the text equals
    boundary: bool  # whether a word may begin here
    complete: bool  # whether the phrase has ended, but for what may not follow it


@dataclass(frozen=True)
class Contains(_Phrase):
    """The text contains the phrase. The state is FOUND or the matches that have begun."""

    FOUND = "found"

    def start(self) -> Matches | str:
        return Matches(frozenset(), True, False)

    def step(self, state: Matches | str, character: str) -> Matches | str:
        if isinstance(state, str) or (state.complete and not is_word_character(character)):
            return self.FOUND
        after = _advance(self, state, character)
        return self.FOUND if after.complete and not is_word_character(self.text[-1]) else after

    def accepts(self, state: Matches | str) -> bool:
        return isinstance(state, str) or state.complete


@dataclass(frozen=True)
class EndsWith(_Phrase):
    """The text ends with the phrase, and marks after it."""

    def start(self) -> Matches:
        return Matches(frozenset(), True, False)

    def step(self, state: Matches, character: str) -> Matches:
        after = _advance(self, state, character)
        stays = state.complete and not is_word_character(character) and not character.isspace()
        return after._replace(complete=after.complete or stays)

    def accepts(self, state: Matches) -> bool:
        return state.complete


@dataclass(frozen=True)
class Until(_Phrase):
    """The text ends where the phrase, matched exactly, is complete for the first time after some characters.

    A state is the number of characters left of these, and of those of the phrase at the end of the text.
    """

    after: int = 0

    def start(self) -> tuple[int, int]:
        return self.after, 0

    def step(self, state: tuple[int, int], character: str) -> tuple[int, int]:
        left, matched = state
        if left:
            return left - 1, 0

        # the longest end of the text that begins the phrase (Knuth, Morris & Pratt 1977)
        end = self.text[:matched] + character
        return 0, next(size for size in range(len(end), -1, -1) if self.text.startswith(end[len(end) - size :]))

    def accepts(self, state: tuple[int, int]) -> bool:
        return state[1] == len(self.text)

    def is_complete(self, state: tuple[int, int]) -> bool:
        return state[1] == len(self.text)

    def kind(self, character: str) -> Hashable:
        return character if character in self.text else None


@dataclass(frozen=True)
class StartsWith(_Phrase):
    """The text starts with the phrase, matched exactly. A state is the number of its characters, one more after it."""

    def start(self) -> int:
        return 0

    def step(self, state: int, character: str) -> int | None:
        if state < len(self.text):
            return state + 1 if self.text[state] == character else None
        if state == len(self.text) and is_word_character(self.text[-1]) and is_word_character(character):
            return None
        return len(self.text) + 1

    def accepts(self, state: int) -> bool:
        return state >= len(self.text)


@dataclass(frozen=True)
class Beginning(Automaton):
    """The text starts with some characters, which may end inside a word: the rest of a prompt."""

    text: str

    def start(self) -> int:
        return 0

    def step(self, state: int, character: str) -> int | None:
        if state == len(self.text):
            return state
        return state + 1 if self.text[state] == character else None

    def accepts(self, state: int) -> bool:
        return state == len(self.text)

    def kind(self, character: str) -> Hashable:
        return character if character in self.text else None


@dataclass(frozen=True)
class NoSpaceFirst(Automaton):
    """The text does not begin with white space. The state is whether it has begun."""

    def start(self) -> bool:
        return False

    def step(self, state: bool, character: str) -> bool | None:
        return None if not state and character.isspace() else True

    def kind(self, character: str) -> Hashable:
        return character.isspace()


def _advance(phrase: _Phrase, state: Matches, character: str) -> Matches:
    """Return the matches after one more character."""
    text, in_word = phrase.text, is_word_character(character)
    begins = state.boundary or not is_word_character(text[0])
    places = {place + 1 for place in (*state.places, *([0] if begins else [])) if phrase._follows(place, character)}
    return Matches(frozenset(places - {len(text)}), not in_word, len(text) in places)
