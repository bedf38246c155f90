"""Some pieces of a text whose canonical cut is known, read by the character: all their characters at once.

After each character of a piece only four ways to cut are left: the piece goes on as a known word; it is spelled; it is
over; it is over, and no separator follows where one would be implied. Each gives the characters what
`genbench/stepping.py` would give them, one character after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genbench import capabilities
from genbench.charlevel.paths import Floats, separator
from genbench.charlevel.stepping import TINY, Stepping
from genbench.generator import State
from genbench.tokenization.tokenizer import Ids


@dataclass
class Piece:
    """A piece of a text, and how its characters are waited for."""

    text: str
    start: int  # in characters
    base: int  # tokens of the text before it is waited for
    left: str  # the character before, as a path has it
    prefix: str = ""  # the separator that is waited for with it
    over: int = -1  # tokens of the text once it is read; -1 where its own token is none of them

    @property
    def stop(self) -> int:
        """Where it ends, in characters."""
        return self.start + len(self.text)


@dataclass
class Way:
    """A way to cut a text on which a piece is over with the next token."""

    row: int
    weight: float
    state: State  # before the token
    token: int
    left: str  # what the next piece knows of it, as a path does
    after: tuple[str, str] | None
    over: int = -1  # tokens of the text with this one, where it is the text's


class Block:
    """What comes after each character of some pieces: `masses`, (characters, bytes and letters), and `depths`.

    states  of the words' generator after so many tokens of the text, for all that the pieces name
    """

    def __init__(self, view: Stepping, pieces: Sequence[Piece], states: dict[int, State]) -> None:
        self.generator, self.words, self.cuts = view.generator, view.words, view.cuts
        self.states, self.cumulative = states, dict[int, Floats]()
        self.piece = [piece for piece in pieces for _ in piece.text]
        self.opened = [piece.text[:stop] for piece in pieces for stop in range(1, len(piece.text) + 1)]
        self.place = np.array([len(opened) - 1 for opened in self.opened])
        self.letters = view.tokenizer.encode("".join(piece.text for piece in pieces))
        self.masses = np.zeros((len(self.piece), self.words.end))
        self.most, self.depths = np.zeros(len(self.piece)), np.zeros(len(self.piece), np.int64)
        self._whole()
        self._spelled()
        self._over()

    def _whole(self) -> None:
        """The pieces go on as known words; and what each way has been given so far."""
        lefts = {piece.base: piece.left for piece in self.piece}
        lefts |= {piece.over: piece.text[-1] for piece in self.piece if piece.over >= 0}
        rows = self._cumulative([self.states[at] for at in lefts], list(lefts.values()))
        self.cumulative = dict(zip(lefts, rows, strict=True))
        mass, self.total = np.zeros_like(self.masses), np.zeros(len(self.piece))
        for row, (piece, opened) in enumerate(zip(self.piece, self.opened, strict=True)):
            known, begun = self.cumulative[piece.base], self.cuts.surfaces(piece.left).after(piece.prefix + opened)
            mass[row, begun.symbols] = known[begun.stops] - known[begun.starts]
            self.total[row] = known[begun.high] - known[begun.exact.start]
        depth = {
            piece.base: 1 + capabilities.context_length(self.generator, self.states[piece.base]) for piece in self.piece
        }
        self._add(np.arange(len(mass)), mass, np.array([depth[piece.base] for piece in self.piece]))

    def _spelled(self) -> None:
        """The pieces are spelled."""
        self.spelling: list[State] = [self.states[piece.base] for piece in self.piece]
        for place in range(int(self.place.max()) + 1):
            rows = np.flatnonzero(self.place == place)
            before = [self.spelling[row - min(place, 1)] for row in rows]
            for row, state in zip(
                rows, capabilities.advance_batch(self.generator, before, self.letters[rows].tolist()), strict=True
            ):
                self.spelling[row] = state
        found = np.exp(capabilities.log_probs_batch(self.generator, self.spelling, self.words.end + 1))
        weight = np.zeros(len(found))
        for place in range(int(self.place.max()) + 1):
            rows = np.flatnonzero(self.place == place)
            if place:
                weight[rows] = weight[rows - 1] * found[rows - 1, self.letters[rows]]
            else:
                weight[rows] = [self._chance(row, int(self.letters[row])) for row in rows.tolist()]
        self.total[self.place > 0] += weight[self.place > 0]
        self.ending = weight * found[:, -1]
        inside = {opened[-1]: self.cuts.inside(opened[-1]) for opened in self.opened}
        mass = weight[:, None] * found[:, :-1] * [inside[opened[-1]] for opened in self.opened]
        self._add(np.arange(len(mass)), mass, np.zeros(len(mass), np.int64))

    def _over(self) -> None:
        """The pieces are over, as known words or spelled."""
        ways = []
        for row, (piece, opened) in enumerate(zip(self.piece, self.opened, strict=True)):
            token, state = self.cuts.pieces.get(opened), self.spelling[row]
            if token is not None:
                self.ending[row], state = self._chance(row, token), self.states[piece.base]
            end = self.words.end if token is None else token
            over = piece.over if opened == piece.text else -1
            ways.append(Way(row, self.ending[row], state, end, opened[-1], separator(piece.left, opened), over))
        self._begin(ways)

    def _chance(self, row: int, token: int) -> float:
        """The probability of a token where a piece is waited for."""
        piece = self.piece[row]
        place, known = self.cuts.surfaces(piece.left).rows[token], self.cumulative[piece.base]
        return float(known[place + 1] - known[place])

    def _begin(self, ways: list[Way]) -> None:
        """Other pieces begin; unlikely ones are not asked how."""
        asked = [way for way in ways if way.weight >= TINY * self.total[way.row]]
        new = [way for way in asked if way.over < 0]
        states = capabilities.advance_batch(self.generator, [way.state for way in new], [way.token for way in new])
        found = zip(states, self._cumulative(states, [way.left for way in new]), strict=True)
        rest = [way for way in ways if way.weight < TINY * self.total[way.row]]
        if rest:
            mass = np.array([way.weight * self.cuts.share(way.left, way.after) for way in rest])
            self._add(np.array([way.row for way in rest]), mass, 0)
        more = []
        for way in asked:
            state, known = (self.states[way.over], self.cumulative[way.over]) if way.over >= 0 else next(found)
            begun = self.cuts.surfaces(way.left).after("")
            mass = np.zeros(self.masses.shape[1])
            mass[begun.symbols] = known[begun.stops] - known[begun.starts]
            mass *= way.weight * self.cuts.mask(way.left, way.after)
            self._add(way.row, mass, 1 + capabilities.context_length(self.generator, state))
            if self.cuts.gapped(way.left):
                weight = way.weight * (known[-1] - known[-2])
                more.append(Way(way.row, weight, state, self.words.none, "", (way.left, "")))
        if more:
            self._begin(more)

    def _cumulative(self, states: Sequence[State], lefts: Sequence[str]) -> list[Floats]:
        """The cumulative probabilities of all tokens in the order of their texts after a character."""
        said = capabilities.log_probs_batch(self.generator, states)
        tokens = [self.cuts.surfaces(left).tokens for left in lefts]
        return [np.concatenate([[0.0], np.cumsum(np.exp(row)[order])]) for row, order in zip(said, tokens, strict=True)]

    def _add(self, row: int | Ids, mass: Floats, depth: int | Ids) -> None:
        self.masses[row] += mass
        total = mass.sum(axis=-1)
        better = total > self.most[row]
        self.most[row] = np.where(better, total, self.most[row])
        self.depths[row] = np.where(better, depth, self.depths[row])
