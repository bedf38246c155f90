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
Mask = npt.NDArray[np.bool_]

DEAD, ENDED = -1, -2  # instead of a state: no text is accepted; the text ended before the character and is accepted
MAX_STATES = 100_000
STATES_AT_ONCE = 1_024  # of a product, followed together


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
    final: Mask

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
    starts = _states_after(automata, prefix)
    if starts is None:
        return None
    parts = [_explore(automaton, start, letters) for automaton, start in zip(automata, starts, strict=True)]
    return _merge_states(_multiply(parts, letters))


def _states_after(automata: Sequence[Automaton], prefix: str) -> list[Any] | None:
    """Return the state of each automaton after a prefix; None if the text ends within it, or is not accepted."""
    states = [automaton.start() for automaton in automata]
    for position in range(len(prefix) + 1):
        pairs = list(zip(automata, states, strict=True))
        if any(automaton.is_complete(state) for automaton, state in pairs):
            accepted = all(automaton.accepts(state) for automaton, state in pairs)
            return states if accepted and position == len(prefix) else None
        if position < len(prefix):
            if any(automaton.ends_before(state, prefix[position]) for automaton, state in pairs):
                return None
            states = [automaton.step(state, prefix[position]) for automaton, state in pairs]
            if any(state is None for state in states):
                return None
    return states


@dataclass(frozen=True)
class _Part:
    """One automaton of several that read the same text, as arrays; state 0 is the start.

    columns   (letters,) the column of every letter
    steps     (states, columns) the next state, DEAD, or ENDED: the text ends before the letter, if all accept it
    accepts   (states,)
    complete  (states,) whether the text ends here, which is then accepted
    """

    columns: Ints
    steps: Ints
    accepts: Mask
    complete: Mask


def _explore(automaton: Automaton, start: Any, letters: str) -> _Part:
    """Return the states that an automaton reaches from a start, without those from which it accepts nothing."""
    # letters that it does not tell apart share a column
    examples: dict[Hashable, str] = {}
    keys = list(map(automaton.kind, letters))
    for key, letter in zip(keys, letters, strict=True):
        examples.setdefault(key, letter)
    numbers_of_kinds = {key: column for column, key in enumerate(examples)}
    columns = np.array([numbers_of_kinds[key] for key in keys], np.int64)

    def target(state: Any, letter: str) -> Any:
        if automaton.ends_before(state, letter):
            return ENDED if automaton.accepts(state) else DEAD
        after = automaton.step(state, letter)
        return DEAD if after is None or (automaton.is_complete(after) and not automaton.accepts(after)) else after

    # all states that some text reaches
    numbers, rows, order = {start: 0}, list[list[int]](), [start]
    for state in order:  # grows
        row = []
        for letter in examples.values():
            after = DEAD if automaton.is_complete(state) else target(state, letter)
            if not isinstance(after, int) or after >= 0:
                if after not in numbers:
                    numbers[after] = len(order)
                    order.append(after)
                after = numbers[after]
            row.append(after)
        rows.append(row)
        _require_few_states(len(order))
    accepts = np.array([automaton.accepts(state) for state in order], bool)
    complete = np.array([automaton.is_complete(state) for state in order], bool)
    steps = without_dead_ends(np.array(rows, np.int64).reshape(len(rows), len(examples)), accepts)
    order_of, class_of = merge_states(steps, accepts * 2 + complete)
    merged = np.where(steps >= 0, class_of[np.maximum(steps, 0)], steps)[order_of]
    return _Part(columns, merged, accepts[order_of], complete[order_of])


def _multiply(parts: Sequence[_Part], letters: str) -> Table:
    """Return the product of several automata: what all of them accept, without dead ends."""
    # letters that none of them tells apart share a column
    columns = np.array([part.columns for part in parts]).reshape(len(parts), len(letters))
    kinds, column_of = np.unique(columns, axis=1, return_inverse=True)
    tables = [part.steps[:, own] for part, own in zip(parts, kinds, strict=True)]

    def together(states: Ints, values: Sequence[Mask]) -> tuple[Mask, Mask]:
        """Return whether all, and whether any, of the values of the parts hold in states, (parts, ...)."""
        of_parts = [own[np.maximum(part_states, 0)] for own, part_states in zip(values, states, strict=True)]
        return np.logical_and.reduce(of_parts), np.logical_or.reduce(of_parts)

    accepts, complete = [part.accepts for part in parts], [part.complete for part in parts]
    weights = np.random.default_rng(3).integers(1, 2**63, len(parts), np.uint64) | np.uint64(1)
    states = np.zeros((len(parts), 1), np.int64)  # (parts, states): those of the parts; grows
    numbers = {0: 0}  # by the sum of the states of the parts, each times its weight
    rows, final, done = list[Ints](), list[Mask](), 0
    while done < states.shape[1]:
        chosen = states[:, done : done + STATES_AT_ONCE]
        done += chosen.shape[1]
        accepted, ends = together(chosen, accepts)[0], together(chosen, complete)[1]
        final.append(ends & accepted)

        # the states of the parts after every letter, (parts, states, kinds)
        after = np.array([table[own] for table, own in zip(tables, chosen, strict=True)])
        row = np.where((after == ENDED).any(axis=0) & accepted[:, None], ENDED, DEAD)
        alive = (after >= 0).all(axis=0) & ~ends[:, None]
        alive &= together(after, accepts)[0] | ~together(after, complete)[1]
        row[ends] = DEAD

        # number them; new ones are appended
        reached = after[:, alive]
        sums = (reached.astype(np.uint64) * weights[:, None]).sum(axis=0, dtype=np.uint64)
        distinct, first, inverse = np.unique(sums, return_index=True, return_inverse=True)
        known = len(numbers)
        found = np.array([numbers.setdefault(key, len(numbers)) for key in distinct.tolist()], np.int64)
        row[alive] = found[inverse]
        rows.append(row)
        states = np.concatenate([states, reached[:, first[found >= known]]], axis=1)
        _require_few_states(states.shape[1])

    finals = np.concatenate(final)
    steps = without_dead_ends(np.concatenate(rows), finals)
    return Table(dict(zip(letters, column_of.reshape(-1).tolist(), strict=True)), steps, finals)


def _require_few_states(count: int) -> None:
    if count > MAX_STATES:
        raise UserError(
            f"the constraints need more than {MAX_STATES:,} states; ask for a shorter text, or for fewer of them"
        )


def without_dead_ends(steps: npt.NDArray[Any], final: Mask) -> npt.NDArray[Any]:
    """Return the steps with DEAD instead of the states from which no accepted text is reached."""
    live = _distances(_Sources(steps), final | (steps == ENDED).any(axis=1)) >= 0
    return np.where((steps >= 0) & ~live[np.maximum(steps, 0)], DEAD, steps)


class _Sources:
    """The states that lead to each state."""

    def __init__(self, steps: npt.NDArray[Any]) -> None:
        sources, columns = np.nonzero(steps >= 0)
        targets = steps[sources, columns]
        order = np.argsort(targets, kind="stable")
        self._sources, self._starts = sources[order], np.searchsorted(targets[order], np.arange(len(steps) + 1))

    def before(self, states: Ints) -> Ints:
        """Return the states that lead to one of some states, each once."""
        first = self._starts[states]
        counts = self._starts[states + 1] - first
        places = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return np.unique(self._sources[places])


def _distances(sources: _Sources, near: Mask) -> Ints:
    """Return how many steps lead from each state to one of some states, (states,); -1 where none does."""
    distances, reached, distance = np.where(near, 0, -1), np.flatnonzero(near), 0
    while len(reached):
        distance += 1
        before = sources.before(reached)
        reached = before[distances[before] < 0]
        distances[reached] = distance
    return distances


def _merge_states(table: Table) -> Table:
    """Return the smallest equal automaton."""
    order, class_of = merge_states(table.steps, table.final.astype(np.int64))
    steps = table.steps[order]
    return Table(table.kinds, np.where(steps >= 0, class_of[np.maximum(steps, 0)], steps), table.final[order])


def merge_states(steps: npt.NDArray[Any], labels: Ints) -> tuple[Ints, Ints]:
    """Return one state of each class of equal states, the first ones in order, and the class of every state.

    States are equal if they have equal `labels`, (states,), and lead to equal ones by every column of `steps`,
    (states, columns), whose negative values are no states. Classes are split until their states lead to equal classes,
    compared by checksums of 64 bits. The largest part keeps its name, so that only what leads to the others is compared
    again (Hopcroft 1971). At first, states that are equally far from an end and from DEAD share a class.
    """
    count = len(steps)
    weights = np.random.default_rng(0).integers(1, 2**63, steps.shape[1], np.uint64) | np.uint64(1)
    names = np.random.default_rng(1).integers(1, 2**63, count + 2, np.uint64)  # of the classes, DEAD and ENDED
    sources = _Sources(steps)
    known = [labels, *(_distances(sources, (steps == end).any(axis=1)) for end in (ENDED, DEAD))]
    classes = np.unique(np.array(known), axis=1, return_inverse=True)[1].reshape(-1)
    sums, changed = np.zeros(count, np.uint64), np.arange(count)
    while len(changed):
        after = steps[changed]
        classes_after = np.where(after >= 0, classes[np.maximum(after, 0)], count - 1 - after)
        sums[changed] = (names[classes_after] * weights).sum(axis=1, dtype=np.uint64)
        changed = sources.before(_split(classes, sums, changed))

    # in the order of their first states, so that the start stays state 0
    _, examples, classes = np.unique(classes, return_index=True, return_inverse=True)
    order = np.argsort(examples)
    return examples[order], np.argsort(order)[classes.reshape(-1)]


def _split(classes: Ints, sums: npt.NDArray[np.uint64], changed: Ints) -> Ints:
    """Split the classes of states whose sums have changed, in place; return the states with a new class."""
    concerned = np.zeros(len(classes) + 1, bool)
    concerned[classes[changed]] = True
    members = np.flatnonzero(concerned[classes])
    members = members[np.lexsort([sums[members], classes[members]])]

    # parts: members of equal class and sum; the largest of each class comes first
    begins = np.ones(len(members), bool)
    begins[1:] = (np.diff(classes[members]) != 0) | (sums[members][1:] != sums[members][:-1])
    first = np.flatnonzero(begins)
    sizes, of_class = np.diff(first, append=len(members)), classes[members[first]]
    order = np.lexsort([-sizes, of_class])
    is_new = np.zeros(len(first), bool)
    is_new[order[1:]] = np.diff(of_class[order]) == 0

    # the others have new names
    numbers = np.where(is_new, int(classes.max()) + np.cumsum(is_new), of_class)
    part_of = np.cumsum(begins) - 1
    classes[members] = numbers[part_of]
    renamed: Ints = members[is_new[part_of]]
    return renamed
