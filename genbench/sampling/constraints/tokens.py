"""TokenAutomaton: constraints on a text, as a finite automaton over the tokens that a generator writes.

A token of characters is a letter, one of subwords several letters; which of these may follow one another is said by
pairs of tokens. A token of words adds a piece, and before it the separator that is implied after the piece before;
which tokens a canonical encoding may have next depends on that piece too. So a state of words is one of the automaton
over characters, and what matters of the piece before. No accepted text has a word that is not in the vocabulary and
would be spelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.errors import UserError
from genbench.sampling.canonical import CanonicalRules, canonical_rules
from genbench.sampling.constraints.automaton import DEAD, ENDED, Ints, Table, merge_states, without_dead_ends
from genbench.tokenization.segmentation import implied_separator
from genbench.tokenization.tokenizer import BYTES, Decoder, Tokenizer

Mask = npt.NDArray[np.bool_]
MAX_CELLS = 1 << 25  # states times groups of tokens


@dataclass(frozen=True, eq=False)
class ExcludedPairs:
    """The pairs of two tokens that no canonical encoding has one after the other, (pairs,) each."""

    first: Ints
    second: Ints


@dataclass(frozen=True)
class TokenAutomaton:
    """A finite automaton over tokens; state 0 is the start. Tokens of one group lead from each state to the same one.

    steps    (states, groups) the next state; DEAD; ENDED if the text is complete before the token, which is no part of
             it
    groups   (vocabulary,) the group of every token
    final    (states,) whether the text is complete
    mask_of  (states,) which of the masks holds in a state
    masks    (masks, vocabulary) the tokens among which samples choose: over these, probabilities are normalized
    excluded    pairs of tokens of which samples choose no second one after the first, and do not normalize over it
    last_token  the token before the text, to which that also applies; None: the text begins with any token
    """

    steps: npt.NDArray[np.int32]
    groups: npt.NDArray[np.int32]
    final: Mask
    mask_of: Ints
    masks: Mask
    excluded: ExcludedPairs | None = None
    last_token: int | None = None

    @cached_property
    def fingerprint(self) -> bytes:
        """A checksum of all arrays; equal automata have equal ones."""
        arrays = (self.steps, self.groups, self.final, self.mask_of, self.masks)
        shapes = str([array.shape for array in arrays]) + str(self.last_token)
        return sha256(b"".join([shapes.encode(), *(array.tobytes() for array in arrays)])).digest()

    @property
    def is_empty(self) -> bool:
        """Whether no text is accepted."""
        return not (self.final[0] or (self.steps[0] != DEAD).any())


@dataclass(frozen=True)
class WordTable:
    """An automaton over whole words, which a generator of words alone can follow; state 0 is the start.

    steps    (states, vocabulary) the next state, or DEAD
    accepts  (states,) whether a text may end there
    """

    steps: Ints
    accepts: Mask


def lift(table: Table, tokenizer: Tokenizer, decoder: Decoder, words: Sequence[WordTable] = ()) -> TokenAutomaton:
    """Return the automaton over the tokens that follow what a decoder has read.

    Raises UserError for a product that is too large.
    """
    if tokenizer.kind == "words":
        return _smallest(_WordLift(table, tokenizer, words).lift(decoder))
    automaton = _smallest(_lift_letters(table, tokenizer))
    if tokenizer.kind == "characters":
        return automaton
    return replace(automaton, excluded=excluded_pairs(tokenizer), last_token=decoder.token)


def _lift_letters(table: Table, tokenizer: Tokenizer) -> TokenAutomaton:
    # one group for all tokens that lead from each state to the same one, and one for those that no accepted text has
    texts = [*tokenizer.letters, *map(tokenizer.piece, range(tokenizer.end_id, tokenizer.size))]
    moves = _moves_of(table, texts)
    _, members, group_of = np.unique(moves, axis=1, return_index=True, return_inverse=True)
    groups = np.full(tokenizer.size, len(members), np.int32)
    groups[BYTES:] = group_of.reshape(-1)
    steps = np.column_stack([moves[:, members], np.full(len(table.steps), DEAD)]).astype(np.int32)
    mask = tokenizer.sampling_mask()[None]
    return TokenAutomaton(steps, groups, table.final, np.zeros(len(steps), np.int64), mask)


@lru_cache(maxsize=2)
def excluded_pairs(tokenizer: Tokenizer) -> ExcludedPairs:
    """Return the pairs of tokens that no encoding of a tokenizer of subwords has."""
    rules = canonical_rules(tokenizer)
    if rules is None:
        raise UserError("constraints need a generator whose tokens are characters, words or byte pairs")
    decoder, second = Decoder(tokenizer), []
    for token in range(BYTES, tokenizer.size):
        decoder.token = token
        second.append(BYTES + np.flatnonzero(~rules.allowed(decoder)[BYTES:]))
    first = np.repeat(np.arange(BYTES, tokenizer.size), [len(tokens) for tokens in second])
    return ExcludedPairs(first, np.concatenate(second))


def _moves_of(table: Table, texts: Sequence[str]) -> npt.NDArray[np.int32]:
    """Return the state of a table after each text, from each state, (states, texts).

    It is ENDED only where the text ended before the first letter.
    """
    longest = max(map(len, texts))
    columns = np.full((len(texts), longest), -1)
    for row, text in enumerate(texts):
        columns[row, : len(text)] = [table.kinds.get(letter, -2) for letter in text]

    # texts of equal columns have equal moves
    distinct, inverse = np.unique(columns, axis=0, return_inverse=True)
    states = np.tile(np.arange(len(table.steps), dtype=np.int32)[:, None], len(distinct))
    for position in range(longest):
        column = distinct[:, position]
        moving = np.flatnonzero(column != -1)
        if not len(moving):
            break
        after = np.where(
            (states[:, moving] >= 0) & (column[moving] >= 0),
            table.steps[np.maximum(states[:, moving], 0), np.maximum(column[moving], 0)],
            np.where(states[:, moving] == ENDED, ENDED, DEAD),
        )
        if position:  # a text does not end inside a token
            after[(after == ENDED) & (states[:, moving] != ENDED)] = DEAD
        states[:, moving] = after
    return states[:, inverse.reshape(-1)]


def _smallest(automaton: TokenAutomaton) -> TokenAutomaton:
    """Return an equal automaton without states that lead to no accepted text, and without equal states."""
    steps = without_dead_ends(automaton.steps, automaton.final)
    order, class_of = merge_states(steps, automaton.mask_of * 2 + automaton.final)
    steps = np.where(steps[order] >= 0, class_of[np.maximum(steps[order], 0)], steps[order])

    # only states that the start reaches
    reached = _reached(steps)
    rank = np.cumsum(reached) - 1
    steps = np.where(steps >= 0, rank[np.maximum(steps, 0)], steps)[reached]
    order = order[reached]
    return replace(
        automaton, steps=steps.astype(np.int32), final=automaton.final[order], mask_of=automaton.mask_of[order]
    )


def _reached(steps: npt.NDArray[np.int32]) -> Mask:
    """Return which states are reached from state 0, (states,)."""
    reached, queue = np.zeros(len(steps), bool), [0]
    reached[0] = True
    while queue:
        row = np.unique(steps[queue.pop()])
        added = row[row >= 0]
        added = added[~reached[added]]
        reached[added] = True
        queue += added.tolist()
    return reached


class _WordLift:
    """The product of an automaton over characters, automata over words, and the places in an encoding.

    A place is what matters of the pieces before a token: which known words may follow, before which of them a space is
    implied, and the place after each.
    """

    def __init__(self, table: Table, tokenizer: Tokenizer, words: Sequence[WordTable]) -> None:
        self.table, self.tokenizer, self.words = table, tokenizer, words
        self.rules, self.first = CanonicalRules(tokenizer), tokenizer.none_id  # NONE, then the known words
        self.pieces = ["", *tokenizer.known_words]
        firsts = [piece[:1] for piece in self.pieces]
        self.first_letters, self.letter_of = np.unique(firsts, return_inverse=True)
        self.space = np.array([table.run(state, " ") for state in range(len(table.steps))])

        # the place after a piece depends on its last letter, or on the whole separator
        kinds = [piece if not piece or piece.isspace() else piece[-1] for piece in self.pieces]
        _, self.examples, kind_of = np.unique(kinds, return_index=True, return_inverse=True)
        self.kind_of = kind_of.reshape(-1)
        self.separators = [row for row, piece in enumerate(self.pieces) if not piece or piece.isspace()]

        # places, filled by `_explore`
        self.decoders: list[Decoder] = []
        self.choices: list[Mask] = []  # all tokens that may follow, also letters
        self.masks: list[Mask] = []  # known words and NONE
        self.separated: list[Mask] = []
        self.after: list[list[int]] = []  # for each kind
        self._numbers: dict[bytes, int] = {}
        self._known: dict[object, int] = {}  # by what precedes a token
        self._spaces = cache(self._find_spaces)

    def lift(self, decoder: Decoder) -> TokenAutomaton:
        """Return the automaton over the tokens that follow what a decoder has read."""
        self._explore(decoder)

        # group the pieces that lead from all states and places to the same ones
        moves = _moves_of(self.table, self.pieces)
        columns = np.array(self.after)[:, self.kind_of]
        tables = [table.steps[:, self.first :] for table in self.words]
        keys = [_number_columns(array) for array in (moves, np.array(self.masks), np.array(self.separated), columns)]
        keys += [_number_columns(table) for table in tables]
        _, self.members, group_of = np.unique(np.array(keys), axis=1, return_index=True, return_inverse=True)
        self.moves = moves[:, self.members]

        # the product, with one more group for the tokens that are never written
        first = (0, 0, *(0 for _ in self.words))
        numbers, order, rows = {first: 0}, [first], list[npt.NDArray[np.int32]]()
        for state in order:  # grows
            if len(order) * len(self.members) > MAX_CELLS:
                raise UserError(
                    f"the constraints need more than {len(order):,} states; ask for a shorter text or fewer of them"
                )
            rows.append(self._row(state, numbers, order))
        final = np.array([self._is_final(state) for state in order])
        groups = np.full(self.tokenizer.size, len(self.members), np.int32)
        groups[self.first :] = group_of.reshape(-1)

        masks, mask_of = np.unique(np.array(self.choices), axis=0, return_inverse=True)
        places = np.array([place for _, place, *_ in order])
        steps = np.column_stack([np.array(rows), np.full(len(rows), DEAD)]).astype(np.int32)
        return TokenAutomaton(steps, groups, final, mask_of.reshape(-1)[places], masks)

    def _explore(self, decoder: Decoder) -> None:
        """Find all places from a decoder on."""
        self._place(decoder)
        for number, before in enumerate(self.decoders):  # grows
            allowed = np.zeros(len(self.examples), bool)
            allowed[self.kind_of[self.masks[number]]] = True
            row = []
            for example, possible in zip(self.examples.tolist(), allowed.tolist(), strict=True):
                row.append(self._place(_moved(before, self.first + example)) if possible else -1)
            self.after.append(row)

    def _place(self, decoder: Decoder) -> int:
        """Return the number of the place of a decoder: decoders after which the same may follow share one."""
        before = decoder.last, decoder.before
        if before not in self._known:
            self._known[before] = self._compare(decoder)
        return self._known[before]

    def _compare(self, decoder: Decoder) -> int:
        # after a separator follows none, so what follows each of them need not be compared further
        mask = self.rules.allowed(decoder)
        separators = [_moved(decoder, self.first + row) for row in self.separators if mask[self.first + row]]
        keys = [decoder, *separators]
        key = b"".join(self.rules.allowed(d).tobytes() + self._spaces(d.last).tobytes() for d in keys)
        if key not in self._numbers:
            self._numbers[key] = len(self.decoders)
            self.decoders.append(decoder.copy())
            self.choices.append(mask.copy())
            self.masks.append(mask[self.first :].copy())
            self.separated.append(self._spaces(decoder.last)[self.letter_of])
        return self._numbers[key]

    def _find_spaces(self, last: str) -> Mask:
        """Return before which first letters a space is implied after a character, (first letters,)."""
        letters = self.first_letters.tolist()
        return np.array([bool(letter) and implied_separator(last, letter) == " " for letter in letters])

    def _row(
        self, state: tuple[int, ...], numbers: dict[tuple[int, ...], int], order: list[tuple[int, ...]]
    ) -> npt.NDArray[np.int32]:
        """Return the next state for every group, (groups,); new states are appended."""
        at, place = state[:2]
        row = np.full(len(self.members), DEAD, np.int32)
        if self.table.final[at]:
            return row

        # the automaton over characters, after an implied space where there is one; no text ends behind it
        spaced = self.separated[place][self.members]
        after = np.array(self.moves[at])
        if spaced.any():
            space = int(self.space[at])
            behind = self.moves[space] if space >= 0 else np.full(len(row), space)
            after[spaced] = np.where((behind == ENDED) & (space >= 0), DEAD, behind)[spaced]
        after[~self.masks[place][self.members]] = DEAD

        # the other automata, and the place
        joint = [after, np.array(self.after[place])[self.kind_of[self.members]]]
        for table, word_state in zip(self.words, state[2:], strict=True):
            joint.append(table.steps[word_state, self.first :][self.members])
        row[(after == ENDED) & self._words_accept(state)] = ENDED
        alive = np.flatnonzero((np.array(joint)[[0, *range(2, len(joint))]] >= 0).all(axis=0))
        for group, key in zip(alive.tolist(), map(tuple, np.array(joint)[:, alive].T.tolist()), strict=True):
            if self.table.final[key[0]] and not self._words_accept(key):
                continue
            if key not in numbers:
                numbers[key] = len(order)
                order.append(key)
            row[group] = numbers[key]
        return row

    def _is_final(self, state: tuple[int, ...]) -> bool:
        return bool(self.table.final[state[0]]) and self._words_accept(state)

    def _words_accept(self, state: tuple[int, ...]) -> bool:
        return all(bool(table.accepts[at]) for table, at in zip(self.words, state[2:], strict=True))


def _moved(decoder: Decoder, token: int) -> Decoder:
    """Return the decoder after a known word or NONE."""
    moved = decoder.copy()
    moved.jump(token)
    return moved


def _number_columns(array: npt.NDArray[Any]) -> Ints:
    """Return a number for each column of an array, equal for equal columns, (columns,)."""
    weights = np.random.default_rng(2).integers(1, 2**63, len(array), np.uint64) | np.uint64(1)
    sums = (array.astype(np.int64).astype(np.uint64) * weights[:, None]).sum(axis=0, dtype=np.uint64)
    return np.unique(sums, return_inverse=True)[1].reshape(-1).astype(np.int64)
