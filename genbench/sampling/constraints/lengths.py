"""Constraints on the length of a text, in words or in characters."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from genbench.sampling.constraints.automaton import Automaton


@dataclass(frozen=True)
class Words(Automaton):
    """The text has `fewest` to `most` words, as `len(text.split())` counts them.

    A state is the number of words, and whether the last one may go on.
    """

    fewest: int
    most: int

    def start(self) -> tuple[int, bool]:
        return 0, False

    def step(self, state: tuple[int, bool], character: str) -> tuple[int, bool] | None:
        words, in_word = state
        if character.isspace():
            return words, False
        if in_word:
            return state
        return None if words == self.most else (words + 1, True)

    def accepts(self, state: tuple[int, bool]) -> bool:
        return state[0] >= self.fewest

    def kind(self, character: str) -> Hashable:
        return character.isspace()


@dataclass(frozen=True)
class Characters(Automaton):
    """The text ends after a number of characters."""

    count: int

    def start(self) -> int:
        return 0

    def step(self, state: int, character: str) -> int | None:
        return state + 1 if state < self.count else None

    def accepts(self, state: int) -> bool:
        return state == self.count

    def is_complete(self, state: int) -> bool:
        return state == self.count

    def kind(self, character: str) -> Hashable:
        return None
