"""Read a known text in blocks: compute the distributions after all characters of several pieces at once.

The canonical encoding of the text is known, so only four paths remain after each character of a piece: the piece
continues as a known word; it is spelled; it has ended; it has ended, and no separator follows where one is implied. The
masses are those that `CharacterView` computes step by step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from genbench import capabilities
from genbench.charlevel.paths import MIN_EXPANDED_SHARE, Floats, WordRules, explicit_separator
from genbench.generator import Generator, State
from genbench.tokenization.segmentation import implied_separator, split_pieces
from genbench.tokenization.tokenizer import Ids, Tokenizer

BLOCK_CHARACTERS = 2048  # approximate size of a block


@dataclass
class Piece:
    """A piece of a text, and its position in the tokens of a word model."""

    text: str
    start: int  # position in the text, in characters
    base: int  # number of tokens before it
    left: str  # the last character before it, as in a path
    prefix: str = ""  # the implied separator before it
    end: int = -1  # number of tokens including its own; -1 for an implied separator, which has no token

    @property
    def stop(self) -> int:
        """Its end, in characters."""
        return self.start + len(self.text)


@dataclass
class Ending:
    """A path on which a piece ends with the next token."""

    row: int
    weight: float
    state: State  # before the token
    token: int
    left: str  # the last character after it, as in a path
    after: tuple[str, str] | None  # an explicit separator, as in a path
    end: int = -1  # number of tokens including this one, if it belongs to the text's encoding; else -1


@dataclass
class RowSums:
    """Running sums of the probabilities of tokens, in the order of their texts, at some rows, ascending."""

    rows: Ids
    values: Floats

    def between(self, starts: Ids | int, stops: Ids | int) -> Floats:
        """Return the probability of the tokens from one row to another; both must be among the rows."""
        first, last = int(self.rows[0]), int(self.rows[-1])
        if last - first + 1 == len(self.rows):  # all rows between
            return np.asarray(self.values[stops - first] - self.values[starts - first])
        return np.asarray(self.values[self.rows.searchsorted(stops)] - self.values[self.rows.searchsorted(starts)])


class Block:
    """The mass of each next symbol after each character of some pieces, and the context lengths.

    masses           (characters, symbols)
    context_lengths  (characters,)
    """

    def __init__(
        self,
        generator: Generator,
        rules: WordRules,
        characters: Tokenizer,
        pieces: Sequence[Piece],
        states: dict[int, State],  # of the word model by number of tokens read, for `base` and `end` of each piece
    ) -> None:
        self.generator, self.words, self.rules = generator, generator.tokenizer, rules
        self.states = states

        # one row for each character: its piece, its place in the piece, and the part read so far (see WordRules.recent)
        self.piece_of = [piece for piece in pieces for _ in piece.text]
        self.place = np.array([place for piece in pieces for place in range(len(piece.text))])
        self.opened = [
            piece.text[max(0, place + 1 - rules.max_open) : place + 1]
            for piece, place in zip(self.piece_of, self.place.tolist(), strict=True)
        ]
        self.letters = characters.encode("".join(piece.text for piece in pieces))

        # the results, added up path by path
        self.masses = np.zeros((len(self.piece_of), self.words.end_id))
        self.largest, self.context_lengths = np.zeros(len(self.piece_of)), np.zeros(len(self.piece_of), np.int64)
        self._add_known_words()
        self._add_spelling()
        self._add_endings()

    def _add_known_words(self) -> None:
        """Add the paths on which the pieces continue as known words; initialize the total mass of each character."""
        self._sum_tokens()

        # the mass of each next symbol is a difference of two of them
        mass, self.total = np.zeros_like(self.masses), np.zeros(len(self.piece_of))
        for row, (piece, opened) in enumerate(zip(self.piece_of, self.opened, strict=True)):
            sums = self.sums[piece.start]
            following = self.rules.surfaces(piece.left).after(piece.prefix + opened)
            if following.exact.start < following.high:  # no known word is as long as some pieces
                mass[row, following.symbols] = sums.between(following.starts, following.stops)
                self.total[row] = sums.between(following.exact.start, following.high)

        # the context lengths of the word model at these positions
        lengths = {
            base: 1 + capabilities.context_length(self.generator, self.states[base])
            for base in dict.fromkeys(piece.base for piece in self.piece_of)
        }
        self._add(np.arange(len(mass)), mass, np.array([lengths[piece.base] for piece in self.piece_of]))

    def _sum_tokens(self) -> None:
        """Sum the probabilities of the tokens that may start at each position, and of those that start as the piece.

        first  running sums at `SurfaceIndex.borders`, by the number of tokens read
        sums   running sums of the tokens that start with the same character as a piece, by the piece's start
        """
        lefts = {piece.base: piece.left for piece in self.piece_of}
        lefts |= {piece.end: piece.text[-1] for piece in self.piece_of if piece.end >= 0}
        rows = self._first_sums([self.states[tokens] for tokens in lefts], list(lefts.values()))
        self.first = dict(zip(lefts, rows, strict=True))

        # pieces that start with the same character are summed together
        groups: dict[tuple[int, str, bool], dict[int, Piece]] = {}
        for piece in self.piece_of:
            key = (id(self.rules.surfaces(piece.left)), piece.prefix + piece.text[0], len(piece.text) > 1)
            groups.setdefault(key, {})[piece.start] = piece
        self.sums: dict[int, RowSums] = {}
        for (_, prefix, longer), pieces in groups.items():
            surfaces = self.rules.surfaces(next(iter(pieces.values())).left)
            following = surfaces.after(prefix)
            low, high = following.exact.start, following.high
            rows_read = np.arange(low, high + 1) if longer else following.borders
            states = [self.states[piece.base] for piece in pieces.values()]
            sums = self._running_sums(states, surfaces.tokens[low:high], rows_read - low)
            for start, values in zip(pieces, sums, strict=True):
                self.sums[start] = RowSums(rows_read, values)

    def _add_spelling(self) -> None:
        """Add the paths on which the pieces are spelled."""
        # the rows of all first letters, of all second letters, ...
        by_place = np.split(np.argsort(self.place, kind="stable"), np.cumsum(np.bincount(self.place))[:-1])

        # the states after each letter: one batch for the first letters of all pieces, one for the second letters, ...
        self.spelling: list[State] = [self.states[piece.base] for piece in self.piece_of]
        for place, rows in enumerate(by_place):
            before = [self.spelling[row - min(place, 1)] for row in rows]
            after = capabilities.advance_batch(self.generator, before, self.letters[rows].tolist())
            for row, state in zip(rows, after, strict=True):
                self.spelling[row] = state

        # the weight of each path: the product of its letters' probabilities
        probabilities = np.exp(capabilities.log_probs_batch(self.generator, self.spelling, self.words.end_id + 1))
        weight = np.zeros(len(probabilities))
        for place, rows in enumerate(by_place):
            if place:
                weight[rows] = weight[rows - 1] * probabilities[rows - 1, self.letters[rows]]
            else:
                weight[rows] = [self._token_probability(row, int(self.letters[row])) for row in rows.tolist()]

        # a path continues with another letter or ends with END
        self.total[self.place > 0] += weight[self.place > 0]
        self.ending_weight = weight * probabilities[:, -1]
        masks = {opened[-1]: self.rules.continuation_mask(opened[-1]) for opened in self.opened}
        mass = weight[:, None] * probabilities[:, :-1] * [masks[opened[-1]] for opened in self.opened]
        self._add(np.arange(len(mass)), mass, np.zeros(len(mass), np.int64))

    def _add_endings(self) -> None:
        """Add the paths on which the pieces end, as known words or spelled."""
        endings = []
        for row, (piece, opened) in enumerate(zip(self.piece_of, self.opened, strict=True)):
            token, state = self.rules.pieces.get(opened), self.spelling[row]
            if token is not None:  # a known word is never spelled
                self.ending_weight[row], state = self._token_probability(row, token), self.states[piece.base]

            # the ending is the text's own only at the end of the whole piece
            last_token = self.words.end_id if token is None else token
            separator = explicit_separator(piece.left, opened)
            end = piece.end if self.place[row] == len(piece.text) - 1 else -1
            endings.append(Ending(row, self.ending_weight[row], state, last_token, opened[-1], separator, end))
        self._add_next_pieces(endings)

    def _token_probability(self, row: int, token: int) -> float:
        """Return the probability of a token at the start of a piece."""
        piece = self.piece_of[row]
        place = int(self.rules.surfaces(piece.left).rows[token])
        return float(self.sums[piece.start].between(place, place + 1))

    def _add_next_pieces(self, endings: list[Ending]) -> None:
        """Add the paths of the pieces that start after these endings; unlikely endings are given uniform symbols."""
        expanded = [ending for ending in endings if ending.weight >= MIN_EXPANDED_SHARE * self.total[ending.row]]
        unlikely = [ending for ending in endings if ending.weight < MIN_EXPANDED_SHARE * self.total[ending.row]]

        # the states after endings that are not in the text's own encoding, in one batch
        new = [ending for ending in expanded if ending.end < 0]
        tokens = [ending.token for ending in new]
        states = capabilities.advance_batch(self.generator, [ending.state for ending in new], tokens)
        after_new = zip(states, self._first_sums(states, [ending.left for ending in new]), strict=True)

        # unlikely endings: a uniform distribution
        if unlikely:
            uniform = [self.rules.uniform_start(ending.left, ending.after) for ending in unlikely]
            mass = np.array([ending.weight * shares for ending, shares in zip(unlikely, uniform, strict=True)])
            self._add(np.array([ending.row for ending in unlikely]), mass, 0)

        # the next piece, and "no separator here" where a space is implied
        without_space = []
        for ending in expanded:
            # the mass of each symbol that may start the next piece
            surfaces = self.rules.surfaces(ending.left)
            if ending.end >= 0:
                state, sums = self.states[ending.end], self.first[ending.end]
            else:
                state, sums = next(after_new)
            mass, none = surfaces.first_masses(sums, self.masses.shape[1])
            mass *= ending.weight * self.rules.start_mask(ending.left, ending.after)
            self._add(ending.row, mass, 1 + capabilities.context_length(self.generator, state))

            # an implied space may be cancelled by the token NONE
            if self.rules.implies_space(ending.left):
                without_space.append(
                    Ending(ending.row, ending.weight * none, state, self.words.none_id, "", (ending.left, ""))
                )
        if without_space:
            self._add_next_pieces(without_space)

    def _first_sums(self, states: Sequence[State], lefts: Sequence[str]) -> list[Floats]:
        """Return for each state the running sums of the tokens' probabilities at `SurfaceIndex.borders`."""
        results: list[Floats] = [np.empty(0)] * len(states)
        for surfaces in {id(self.rules.surfaces(left)): self.rules.surfaces(left) for left in lefts}.values():
            rows = [row for row, left in enumerate(lefts) if self.rules.surfaces(left) is surfaces]
            same = [states[row] for row in rows]
            sums = self._running_sums(same, surfaces.tokens, surfaces.borders)
            for row, values in zip(rows, sums, strict=True):
                results[row] = values
        return results

    def _running_sums(self, states: Sequence[State], order: Ids, borders: Ids) -> list[Floats]:
        """Return for each state the probability of the first tokens of an order, for several numbers of them."""
        log_probs = capabilities.log_probs_batch(self.generator, states)
        return [np.concatenate([[0.0], np.cumsum(np.exp(row[order]))])[borders] for row in log_probs]

    def _add(self, row: int | Ids, mass: Floats, context_length: int | Ids) -> None:
        """Add mass to rows; the path with the largest mass decides the context length."""
        self.masses[row] += mass
        total = mass.sum(axis=-1)
        better = total > self.largest[row]
        self.largest[row] = np.where(better, total, self.largest[row])
        self.context_lengths[row] = np.where(better, context_length, self.context_lengths[row])


def split_into_pieces(rules: WordRules, text: str) -> Iterator[Piece]:
    """Yield the pieces of a text with their positions in its canonical encoding."""
    left, start, tokens, space = "", 0, 0, None
    for string in split_pieces(text):
        # white space is kept until the next piece, which decides whether it is implied
        if string.isspace():
            space = Piece(string, start, tokens, left)
        else:
            piece = Piece(string, start, tokens, left, implied_separator(left, string[0]))

            # an explicit separator, or NONE, has tokens of its own
            if (space.text if space else "") != piece.prefix:
                tokens += rules.token_count(space.text) if space else 1
                piece.base, piece.left, piece.prefix = tokens, space.text[-1] if space else "", ""
                if space:
                    space.end = tokens
            if space:
                yield space

            # the piece itself
            tokens += rules.token_count(string)
            piece.end, left, space = tokens, string[-1], None
            yield piece
        start += len(string)

    # white space at the end of the text
    if space:
        space.end = tokens + rules.token_count(space.text)
        yield space


def group_pieces(rules: WordRules, pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces that are read together; a piece with unknown characters is a group of its own.

    The white space before it belongs to its group.
    """
    group: list[Piece] = []
    unknown = False
    for piece in pieces:
        # an unknown piece starts a group, with the white space before it
        if not unknown and not rules.has_letters(piece.text):
            last = [group.pop()] if group and group[-1].text.isspace() else []
            if group:
                yield group
            group, unknown = last, True
        group.append(piece)

        # a group ends after a word: an unknown one, or once it is long enough
        if not piece.text.isspace() and (unknown or piece.start - group[0].start >= BLOCK_CHARACTERS):
            yield group
            group, unknown = [], False

    if group:
        yield group
