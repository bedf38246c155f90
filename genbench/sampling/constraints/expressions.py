"""Expression: a regular expression over the whole text, in Python's syntax.

Python's own parser reads the expression; its parts become a nondeterministic automaton (Thompson 1968), whose sets of
states are the states here. Look-around, back-references, word boundaries and conditions need more than that, and are
refused. A sub-expression counts as in `re.fullmatch`; greedy and lazy repetition accept the same texts.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from genbench.errors import UserError
from genbench.sampling.constraints.automaton import Automaton

Set = frozenset[int]  # of nondeterministic states
Test = Callable[[str], object]  # of one character; true or false

MAX_REPEATS = 10_000  # copies of one part
MAX_PLACES = 200_000  # nondeterministic states
MAX_VISITS = 10_000_000  # of these, while the states of an automaton are found: some seconds
CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}
REFUSED = {
    codes.ASSERT: "look-ahead and look-behind",
    codes.ASSERT_NOT: "look-ahead and look-behind",
    codes.FAILURE: "look-ahead and look-behind",
    codes.GROUPREF: "back-references",
    codes.GROUPREF_EXISTS: "conditions on groups",
    codes.AT: "the anchors ^, $ and \\b (the expression is matched against the whole text)",
    codes.ATOMIC_GROUP: "atomic groups",
    codes.POSSESSIVE_REPEAT: "possessive repetition",
}


class Expression(Automaton):
    """The whole text matches a regular expression. Raises UserError for one that is not valid or not regular."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        try:
            with warnings.catch_warnings():  # of sets that another version of Python may read in another way
                warnings.simplefilter("ignore", FutureWarning)
                parsed = parser.parse(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise UserError(f"{pattern!r} is not a regular expression in Python's syntax: {error}") from error

        # places of the nondeterministic automaton: what leads on without a character, and with one
        self._free: list[list[int]] = []
        self._steps: list[tuple[Test, int] | None] = []
        self._tests: list[Test] = []
        self._visits = 0  # of places
        first = self._place()
        try:
            self._last = self._sequence(parsed, first, parsed.state.flags)
        except RecursionError as error:
            raise UserError(f"{pattern!r} has too many groups inside one another; use fewer") from error
        self._first = self._closure([first])

    def start(self) -> Set:
        return self._first

    def step(self, state: Set, character: str) -> Set | None:
        steps = (self._steps[place] for place in state)
        after = self._closure(target for step in steps if step for test, target in [step] if test(character))
        return after or None

    def accepts(self, state: Set) -> bool:
        return self._last in state

    def is_complete(self, state: Set) -> bool:
        return state == frozenset([self._last])

    def kind(self, character: str) -> Hashable:
        return tuple(bool(test(character)) for test in self._distinct)

    @cached_property
    def _distinct(self) -> list[Test]:
        return list(dict.fromkeys(self._tests))

    # Building

    def _place(self) -> int:
        if len(self._free) >= MAX_PLACES:
            raise UserError(f"{self.pattern!r} is too large; repeat its parts less often")
        self._free.append([])
        self._steps.append(None)
        return len(self._free) - 1

    def _sequence(self, parts: Iterable[Any], place: int, flags: int) -> int:
        """Add the parts after a place; return the place at their end."""
        for operator, argument in parts:
            place = self._part(operator, argument, place, flags)
        return place

    def _part(self, operator: Any, argument: Any, place: int, flags: int) -> int:
        if operator in REFUSED:
            raise UserError(f"{self.pattern!r} uses {REFUSED[operator]}, which a constraint cannot have; leave it out")
        if operator is codes.BRANCH:
            ends = [self._sequence(branch, self._from(place), flags) for branch in argument[1]]
            return self._join(ends)
        if operator is codes.SUBPATTERN:
            _, added, removed, parts = argument
            return self._sequence(parts, place, (flags | added) & ~removed)
        if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT):
            fewest, most, parts = argument
            return self._repeat(fewest, most, parts, place, flags)

        # one character
        after = self._place()
        test = character_test(operator, argument, flags)
        self._tests.append(test)
        self._steps[place] = test, after
        return after

    def _repeat(self, fewest: int, most: Any, parts: Any, place: int, flags: int) -> int:
        if fewest > MAX_REPEATS or (most is not codes.MAXREPEAT and most > MAX_REPEATS):
            raise UserError(f"{self.pattern!r} repeats a part more than {MAX_REPEATS:,} times; use fewer")
        for _ in range(fewest):
            place = self._sequence(parts, self._from(place), flags)
        place = self._from(place)

        # without a limit, a loop; else further copies, each of which may be left out
        if most is codes.MAXREPEAT:
            end = self._sequence(parts, self._from(place), flags)
            self._free[end].append(place)
            return self._from(place)
        ends = [place]
        for _ in range(most - fewest):
            ends.append(self._sequence(parts, self._from(ends[-1]), flags))
        return self._join(ends)

    def _from(self, place: int) -> int:
        """Return a new place to which one leads."""
        return self._join([place])

    def _join(self, places: Iterable[int]) -> int:
        """Return a new place to which all places lead."""
        end = self._place()
        for place in places:
            self._free[place].append(end)
        return end

    def _closure(self, places: Iterable[int]) -> Set:
        """Return the places that are reached without a character, but only those that matter: steps, and the end."""
        reached, queue = set[int](), list(places)
        while queue:
            place = queue.pop()
            if place not in reached:
                reached.add(place)
                queue += self._free[place]

        self._visits += len(reached)
        if self._visits > MAX_VISITS:
            raise UserError(f"{self.pattern!r} has too many states; repeat its parts less often, or with fewer choices")
        return frozenset(place for place in reached if self._steps[place] or place == self._last)


def character_test(operator: Any, argument: Any, flags: int) -> Test:
    """Return the test of one character that a part of a parsed expression makes; equal parts have equal tests."""
    if operator is codes.ANY:
        source = r"[\s\S]" if flags & re.DOTALL else r"[^\n]"
    elif operator is codes.LITERAL:
        source = re.escape(chr(argument))
    elif operator is codes.NOT_LITERAL:
        source = f"[^{re.escape(chr(argument))}]"
    else:
        source = f"[{''.join(map(_item_source, argument))}]"
    return re.compile(source, flags & (re.IGNORECASE | re.ASCII)).fullmatch


def _item_source(item: Any) -> str:
    """Return an item of a set of characters as it is written."""
    operator, argument = item
    if operator is codes.NEGATE:
        return "^"
    if operator is codes.LITERAL:
        return re.escape(chr(argument))
    if operator is codes.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return CATEGORIES[argument]
