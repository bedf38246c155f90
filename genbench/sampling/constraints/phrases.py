"""Constraints on words and phrases: a text contains one, begins or ends with one, or ends where one is complete.

A phrase that begins or ends with a letter or digit is a whole word: marks and "'s" may stand beside it, letters may
not, except in scripts that have no white space between words, such as Chinese. A phrase that begins with a small letter
may begin with a capital one, as at the beginning of a sentence, and an apostrophe may be straight or curly.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import regex

from genbench.sampling.constraints.automaton import Automaton
from genbench.tokenization.segmentation import is_mark

APOSTROPHES = "'’"
WITHOUT_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")


def is_word_character(character: str) -> bool:
    """Return whether a character belongs to a word: a letter, a digit or a combining mark."""
    return character.isalnum() or is_mark(character)


@lru_cache(maxsize=1 << 12)
def is_inside_word(character: str) -> bool:
    """Return whether a character beside another one of a word belongs to the same word, as far as its script says.

    >>> is_inside_word("a"), is_inside_word("."), is_inside_word("爱")
    (True, False, False)
    """
    return is_word_character(character) and WITHOUT_SPACES.match(character) is None


@dataclass(frozen=True)
class Phrase(Automaton):
    """A phrase of at least one character."""

    text: str

    def kind(self, character: str) -> Hashable:
        # a phrase may also begin with a capital letter
        is_apostrophe = character in APOSTROPHES and any(sign in self.text for sign in APOSTROPHES)
        first = character if character.lower() == self.text[0] or character in self.text or is_apostrophe else None
        return first, is_word_character(character), is_inside_word(character), character.isspace()

    def missing(self, letters: str) -> list[str]:
        """Return the characters of the phrase that texts of some letters cannot have in their place."""
        return [
            character
            for character in dict.fromkeys(self.text)
            if not any(self._follows(self.text.index(character), letter) for letter in letters)
        ]

    def _follows(self, place: int, character: str) -> bool:
        """Return whether a character is the one at a place of the phrase."""
        wanted = self.text[place]
        if wanted == character or (wanted in APOSTROPHES and character in APOSTROPHES):
            return True
        return place == 0 and wanted == character.lower()


class Matches(NamedTuple):
    """How much of a phrase the end of a text may be."""

    places: frozenset[int]  # numbers of characters of the phrase that the end of the text equals
    boundary: bool  # whether a word may begin here
    complete: bool  # whether the phrase has ended, but for what may not follow it


@dataclass(frozen=True)
class Contains(Phrase):
    """The text contains the phrase. The state is FOUND or the matches that have begun."""

    FOUND = "found"

    def start(self) -> Matches | str:
        return Matches(frozenset(), True, False)

    def step(self, state: Matches | str, character: str) -> Matches | str:
        if isinstance(state, str) or (state.complete and not is_inside_word(character)):
            return self.FOUND
        after = _advance(self, state, character)
        return self.FOUND if after.complete and not is_inside_word(self.text[-1]) else after

    def accepts(self, state: Matches | str) -> bool:
        return isinstance(state, str) or state.complete


@dataclass(frozen=True)
class EndsWith(Phrase):
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
class Until(Phrase):
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
class StartsWith(Phrase):
    """The text starts with the phrase, matched exactly. A state is the number of its characters, one more after it."""

    def start(self) -> int:
        return 0

    def step(self, state: int, character: str) -> int | None:
        if state < len(self.text):
            return state + 1 if self.text[state] == character else None
        if state == len(self.text) and is_inside_word(self.text[-1]) and is_inside_word(character):
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


def _advance(phrase: Phrase, state: Matches, character: str) -> Matches:
    """Return the matches after one more character."""
    text, in_word = phrase.text, is_inside_word(character)
    begins = state.boundary or not is_inside_word(text[0])
    places = {place + 1 for place in (*state.places, *([0] if begins else [])) if phrase._follows(place, character)}
    return Matches(frozenset(places - {len(text)}), not in_word, len(text) in places)
