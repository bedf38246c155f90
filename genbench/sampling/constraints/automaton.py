"""Automaton: one constraint as a finite automaton that reads a text character by character; Table: several as one.

A text is read together with what follows it, so that an automaton can end it: before a character, as after a sentence
only at the white space behind it, or right after one, as at a given length. The first end counts: no accepted text is
the beginning of another, so each has the probability that the generator gives to it as a beginning.

The states of several automata are explored together (the product construction) and states that accept the same texts
are merged (Moore 1956).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from genbench.errors import UserError

State: TypeAlias = Hashable  # None: no text that begins so is accepted
Ints = npt.NDArray[np.int64]

DEAD, ENDED = -1, -2  # instead of a state: no text is accepted; the text ended before the character and is accepted
MAX_STATES = 100_000


class Automaton(ABC):
    """A constraint on a text: states are hashable values, and None is the state from which no text is accepted."""

    @abstractmethod
    def start(self) -> Any:
        """Return the state before the first character."""

    @abstractmethod
    def step(self, state: Any, character: str) -> Any:
        """Return the state after one more character, or None."""

    def accepts(self, state: Any) -> bool:
        """Return whether a text that ends in a state is accepted."""
        return True

    def ends_before(self, state: Any, character: str) -> bool:
        """Return whether the text ends before a character that follows it."""
        return False

    def is_complete(self, state: Any) -> bool:
        """Return whether the text ends in a state, whatever follows."""
        return False

    def kind(self, character: str) -> Hashable:
        """Return a value that is equal for characters that lead from each state to the same one."""
        return character


@dataclass(frozen=True)
class Table:
    """A finite automaton as arrays; state 0 is the start.

    kinds  character -> column of `steps`; a character that is missing leads to DEAD
    steps  (states, kinds) the next state, DEAD, or ENDED
    final  (states,) whether the text is complete and accepted; a final state leads nowhere
    """

    kinds: dict[str, int]
    steps: Ints
    final: npt.NDArray[np.bool_]

    def run(self, state: int, text: str) -> int:
        """Return the state after a text, DEAD, or ENDED if the text ended within it and is accepted."""
        for character in text:
            if state < 0:
                break
            column = self.kinds.get(character)
            state = DEAD if column is None else int(self.steps[state, column])
        return state


def build_table(automata: Sequence[Automaton], letters: str, prefix: str = "") -> Table | None:
    """Return the automaton that accepts what all automata accept, over texts of some letters after a prefix.

    Returns None if no text that begins with the prefix is accepted, or if the text ends within it. Raises UserError if
    the automaton has more than `MAX_STATES` states.
    """
    product = _Product(automata)
    start: Any = product.start()
    for character in prefix:
        if isinstance(start, int) or product.is_complete(start):
            return None
        start = product.step(start, character)
    if isinstance(start, int) or (product.is_complete(start) and not product.ends_in(start)):
        return None

    # letters that no automaton tells apart share a column
    examples: dict[tuple[Hashable, ...], str] = {}
    keys = [tuple(automaton.kind(letter) for automaton in automata) for letter in letters]
    for key, letter in zip(keys, letters, strict=True):
        examples.setdefault(key, letter)
    columns = {key: column for column, key in enumerate(examples)}
    kinds = {letter: columns[key] for key, letter in zip(keys, letters, strict=True)}

    # all states that some text reaches
    numbers, rows, final = {start: 0}, list[list[int]](), list[bool]()
    order = list(numbers)
    for state in order:  # grows
        final.append(product.ends_in(state))
        row = []
        for letter in examples.values():
            after = DEAD if final[-1] else product.step(state, letter)
            if not isinstance(after, int):
                if after not in numbers:
                    numbers[after] = len(order)
                    order.append(after)
                after = numbers[after]
            row.append(after)
        rows.append(row)
        if len(order) > MAX_STATES:
            raise UserError(
                f"the constraints need more than {MAX_STATES:,} states; ask for a shorter text, or for fewer of them"
            )
    steps = without_dead_ends(np.array(rows, np.int64).reshape(len(rows), len(examples)), np.array(final))
    return _merge_states(Table(kinds, steps, np.array(final)))


class _Product:
    """Several automata that read the same text; a state is the tuple of theirs, DEAD or ENDED."""

    def __init__(self, automata: Sequence[Automaton]) -> None:
        self.automata = automata

    def start(self) -> tuple[Any, ...]:
        return tuple(automaton.start() for automaton in self.automata)

    def step(self, states: tuple[Any, ...], character: str) -> Any:
        pairs = list(zip(self.automata, states, strict=True))
        if any(automaton.ends_before(state, character) for automaton, state in pairs):
            return ENDED if self._accept(states) else DEAD

        after = tuple(automaton.step(state, character) for automaton, state in pairs)
        if any(state is None for state in after):
            return DEAD
        return DEAD if self.is_complete(after) and not self._accept(after) else after

    def ends_in(self, states: tuple[Any, ...]) -> bool:
        """Return whether the text is complete and accepted."""
        return self.is_complete(states) and self._accept(states)

    def is_complete(self, states: tuple[Any, ...]) -> bool:
        """Return whether the text ends here, accepted or not."""
        return any(a.is_complete(state) for a, state in zip(self.automata, states, strict=True))

    def _accept(self, states: tuple[Any, ...]) -> bool:
        return all(a.accepts(state) for a, state in zip(self.automata, states, strict=True))


def without_dead_ends(steps: npt.NDArray[Any], final: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Return the steps with DEAD instead of the states from which no accepted text is reached."""
    live = _distances(steps, final | (steps == ENDED).any(axis=1)) >= 0
    return np.where((steps >= 0) & ~live[np.maximum(steps, 0)], DEAD, steps)


def _distances(steps: npt.NDArray[Any], near: npt.NDArray[np.bool_]) -> Ints:
    """Return how many steps lead from each state to one of some states, (states,); -1 where none does."""
    sources, columns = np.nonzero(steps >= 0)
    targets = steps[sources, columns]
    order = np.argsort(targets, kind="stable")
    sources, starts = sources[order], np.searchsorted(targets[order], np.arange(len(steps) + 1))
    distances, queue = np.where(near, 0, -1), np.flatnonzero(near).tolist()
    for state in queue:  # grows
        for before in np.unique(sources[starts[state] : starts[state + 1]]).tolist():
            if distances[before] < 0:
                distances[before] = distances[state] + 1
                queue.append(before)
    return distances


def _merge_states(table: Table) -> Table:
    """Return the smallest equal automaton."""
    order, class_of = merge_states(table.steps, table.final.astype(np.int64))
    steps = table.steps[order]
    return Table(table.kinds, np.where(steps >= 0, class_of[np.maximum(steps, 0)], steps), table.final[order])


def merge_states(steps: npt.NDArray[Any], labels: Ints) -> tuple[Ints, Ints]:
    """Return one state of each class of equal states, the first ones in order, and the class of every state.

    States are equal if they have equal `labels`, (states,), and lead to equal ones by every column of `steps`,
    (states, columns), whose negative values are no states. What states accept is compared one column deeper each time,
    by checksums of 64 bits, from those that are equally far from an end and from DEAD: long counts differ at once.
    """
    weights = np.random.default_rng(0).integers(1, 2**63, steps.shape[1] + 1, np.uint64) | np.uint64(1)
    names = np.random.default_rng(1).integers(1, 2**63, len(steps) + 2, np.uint64)  # of the classes, DEAD and ENDED
    known = [labels, *(_distances(steps, (steps == end).any(axis=1)) for end in (ENDED, DEAD))]
    count, classes = 0, np.unique(np.array(known), axis=1, return_inverse=True)[1].reshape(-1)
    while True:
        after = names[np.where(steps >= 0, classes[np.maximum(steps, 0)], len(steps) - 1 - steps)]
        sums = names[classes] * weights[-1] + (after * weights[:-1]).sum(axis=1, dtype=np.uint64)
        _, examples, classes = np.unique(sums, return_index=True, return_inverse=True)
        if len(examples) == count:
            break
        count = len(examples)

    # in the order of their first states, so that the start stays state 0
    order = np.argsort(examples)
    return examples[order], np.argsort(order)[classes.reshape(-1)]
