"""A generator over words, read and asked character by character, so that it can be mixed with one over characters.

The probability of the next character is the sum over all tokens that go on with what was read so far: the words in
sorted order and one cumulative sum serve all beginnings. A word that is complete may be over: then what comes next is
asked one token further on. Rare words are spelled, so each piece is followed along two paths, as a known word and
letter by letter. Only the canonical ways to cut a text count; the probabilities are normalised at every character.
"""

from __future__ import annotations

from collections.abc import Generator as Coroutine
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genbench.generator import Generator, LogProbs, State
from genbench.paths import Floats, Path, Surfaces, beginning, completed, separator, symbol
from genbench.pieces import gap
from genbench.tokenizer import BYTES, Ids, Tokenizer

Ask = tuple[State, int | None]  # the state after a token, or, where that is None, the next token's log-probabilities
Said = tuple[float, int, float]  # log-probability, depth, and log-probability of the likeliest
Questions = Coroutine[Ask, Any, Any]
TINY = 1e-3  # a path less likely than this is not asked what comes after its end: any character, it is assumed
FLOOR = 1e-9  # for a character that no path leads to
ROWS = 128  # stretches of a text that are read side by side


@dataclass(frozen=True)
class Place:
    """The state of a `Characterwise`: the paths that are left, what each gives to each character, and their sum."""

    paths: tuple[Path, ...]
    masses: tuple[Floats, ...]
    log_probs: LogProbs
    depth: int


def _said(place: Place, token: int) -> Said:
    return float(place.log_probs[token]), place.depth, float(place.log_probs.max())


class Characterwise:
    """A trained word-level generator with the steps of a character-level one; its ids are bytes and letters."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.words = generator.tokenizer
        self.tokenizer = Tokenizer("characters", self.words.letters)
        self.pieces = set(self.words.words_known)
        self.surfaces = {gapped: Surfaces(self.words, gapped) for gapped in (False, True)}
        self.letters = set(self.words.letters)
        self.masks: dict[tuple[str, tuple[str, str] | None], Floats] = {}

    def begin(self) -> Place:
        """Before the first character."""
        return self._answered(self._place([Path(1.0, self.generator.begin(), "")]))

    def advance(self, state: Place, token: int) -> Place:
        """After one more byte or letter."""
        return self._answered(self._read(state, token))

    def predict(self, state: Place) -> LogProbs:
        """Natural log-probabilities of the next byte or letter."""
        return state.log_probs

    def depth(self, state: Place) -> int:
        """How long a context the words' generator had seen."""
        return state.depth

    def read(self, ids: Ids) -> tuple[LogProbs, Ids, LogProbs]:
        """Of each byte or letter of a text its log-probability, the depth, and the log-probability of the likeliest.

        Many stretches of the text are read side by side.
        """
        text = self.tokenizer.decode(ids)
        if not np.array_equal(self.tokenizer.encode(text), ids):
            return self._one_by_one(ids)
        found = np.empty((len(ids), 3))
        for start, said in self._side_by_side(list(self._stretches(text, ids))):
            found[start : start + len(said)] = np.reshape(said, (-1, 3))
        return found[:, 0], found[:, 1].astype(np.int64), found[:, 2]

    def _one_by_one(self, ids: Ids) -> tuple[LogProbs, Ids, LogProbs]:
        found, state = np.empty((len(ids), 3)), self.begin()
        for place, token in enumerate(ids.tolist()):
            found[place] = _said(state, token)
            state = self.advance(state, token)
        return found[:, 0], found[:, 1].astype(np.int64), found[:, 2]

    def _stretches(self, text: str, ids: Ids) -> Iterator[tuple[int, Questions]]:
        """Where stretches of the text begin, and coroutines that read one each.

        They begin where a known word ends: after one more character no other way to cut the text before is left.
        """
        tokens, stops = self.words.spans(text)
        ends = [
            r for r in range(1, len(tokens)) if tokens[r - 1] > self.words.none and not text[stops[r - 1] - 1].isspace()
        ]
        sizes = [1 if letter in self.letters else len(letter.encode()) for letter in text]
        first = np.concatenate([[0], np.cumsum(sizes)]).tolist()  # of the ids of each character
        state, row, at, begun = self.generator.begin(), 0, 0, 0
        path = Path(1.0, state, "")
        for cut in [*ends[:: max(1, len(ends) // ROWS)][1:], None]:
            bound = len(ids) if cut is None else first[min(int(stops[cut - 1]) + 1, len(text))]
            yield begun, self._stretch(path, ids[at:bound], begun - at)
            if cut is not None:
                for token in tokens[row:cut].tolist():
                    state = self.generator.advance(state, token)
                row, at, begun = cut, first[int(stops[cut - 1])], bound
                path = Path(1.0, state, text[stops[cut - 1] - 1])

    def _stretch(self, path: Path, ids: Ids, unscored: int) -> Questions:
        place, said = (yield from self._place([path])), []
        for token in ids.tolist():
            said.append(_said(place, token))
            place = yield from self._read(place, token)
        return said[unscored:]

    def _side_by_side(self, stretches: list[tuple[int, Questions]]) -> Iterator[tuple[int, list[Said]]]:
        """Run all coroutines, their questions answered together."""
        answers: list[Any] = [None] * len(stretches)
        while stretches:
            asked, going = [], []
            for (start, stretch), answer in zip(stretches, answers, strict=True):
                try:
                    asked.append(stretch.send(answer))
                    going.append((start, stretch))
                except StopIteration as end:
                    yield start, end.value
            stretches, answers = going, self._answers(asked)

    def _answers(self, asked: list[Ask]) -> list[Any]:
        answers: list[Any] = [None] * len(asked)
        predicting = [row for row, (_, token) in enumerate(asked) if token is None]
        advancing = [row for row, (_, token) in enumerate(asked) if token is not None]
        found: Iterable[Any] = self.generator.predict_batch([asked[row][0] for row in predicting])
        for row, log_probs in zip(predicting, found, strict=True):
            answers[row] = log_probs
        states, tokens = [asked[row][0] for row in advancing], [int(asked[row][1] or 0) for row in advancing]
        for row, state in zip(advancing, self.generator.advance_batch(states, tokens), strict=True):
            answers[row] = state
        return answers

    def _answered(self, questions: Coroutine[Ask, Any, Place]) -> Place:
        answer: Any = None
        while True:
            try:
                state, token = questions.send(answer)
            except StopIteration as end:
                place: Place = end.value
                return place
            answer = self.generator.predict(state) if token is None else self.generator.advance(state, token)

    def _read(self, place: Place, token: int) -> Coroutine[Ask, Any, Place]:
        """The place after one more symbol."""
        found = []
        text = symbol(token) if token < BYTES else self.words.letters[token - BYTES]
        total = sum(float(mass[token]) for mass in place.masses)
        for path, mass in zip(place.paths, place.masses, strict=True):
            if mass[token] > 0:
                if path.spelled:
                    longer = replace(path, weight=mass[token] / total, open=path.open + text, token=token)
                else:
                    longer = replace(path, weight=path.weight / total, open=path.open + text)
                found.append(longer)
        canonical = [path for path in map(completed, found) if path is not None]
        lost = [Path(1.0, self.generator.begin(), "", open=text)]  # no path leads here: begin anew
        return (yield from self._place(canonical or found or lost))

    def _place(self, paths: list[Path]) -> Coroutine[Ask, Any, Place]:
        """The place of these paths: each asked for what comes next, those that may be over also for what then comes."""
        found: list[Path] = []
        masses: list[Floats] = []
        left = list(paths)
        while left:
            path = left.pop()
            if path.token is not None:
                if path.weight < TINY and not path.open:
                    found.append(path)
                    masses.append(path.weight * self._share(path))
                    continue
                path = replace(path, state=(yield path.state, path.token), token=None)
            if path.spelled:
                mass, others = self._spelled(path, np.exp((yield path.state, None)[: self.words.end + 1]))
            else:
                if path.cumulative is None:
                    probabilities = np.exp((yield path.state, None)[self._surfaces(path).tokens])
                    path = replace(path, cumulative=np.concatenate([[0.0], np.cumsum(probabilities)]))
                mass, others = self._whole(path)
            left += others
            found.append(path)
            masses.append(mass)
        total = np.sum(masses, axis=0)
        heaviest = found[int(np.argmax([mass.sum() for mass in masses]))]
        depth = 0 if heaviest.spelled or heaviest.token is not None else 1 + self.generator.depth(heaviest.state)
        smooth = (1 - FLOOR) * total / total.sum() + FLOOR / len(total)
        return Place(tuple(found), tuple(masses), np.log(smooth), depth)

    def _surfaces(self, path: Path) -> Surfaces:
        return self.surfaces[gap(path.left, "a") == " "]

    def _spelled(self, path: Path, probabilities: Floats) -> tuple[Floats, list[Path]]:
        """What a path that spells gives each symbol, and the path on which the piece ends here."""
        mass = path.weight * probabilities[:-1]
        if path.raw:
            mass[BYTES:] = 0
            return mass, []
        mass[BYTES:] *= 1 - self._mask(path.open[-1], None)[BYTES:]
        if path.open in self.pieces:  # a known piece is never spelled
            return mass, []
        over = Path(path.weight * probabilities[-1], path.state, path.open[-1], token=self.words.end)
        return mass, [replace(over, after=separator(path.left, path.open))]

    def _whole(self, path: Path) -> tuple[Floats, list[Path]]:
        """What a path that waits for a whole token gives each symbol, and the paths that a token so long leads to."""
        assert path.cumulative is not None
        surfaces, cumulative = self._surfaces(path), path.cumulative
        symbols, starts, stops, exact = surfaces.after(path.open)
        mass = np.zeros(self.tokenizer.size)
        mass[symbols] = path.weight * (cumulative[stops] - cumulative[starts])
        if not path.open:
            mass *= self._mask(path.left, path.after)
            if gap(path.left, "a") == " ":
                weight = path.weight * (cumulative[-1] - cumulative[-2])
                return mass, [Path(weight, path.state, "", token=self.words.none, after=(path.left, ""))]
            return mass, []
        shares = np.diff(cumulative[exact.start : exact.stop + 1])
        tokens = surfaces.tokens[exact.start : exact.stop].tolist()
        ended = (self._ended(path, token, share) for token, share in zip(tokens, shares, strict=True))
        return mass, [after for after in ended if after is not None]

    def _ended(self, path: Path, token: int, probability: float) -> Path | None:
        """The path after a token whose text is all that is open; None where that is not canonical."""
        weight = path.weight * probability
        text = path.open[-1] if token < self.words.end else self.words.piece(token)
        implied = path.open != text
        if token < self.words.end:
            begun = replace(path, weight=weight, open=text, spelled=True, token=token, implied=implied, cumulative=None)
            return completed(begun)
        return Path(weight, path.state, text[-1], token=token, after=separator(path.left, text))

    def _share(self, path: Path) -> Floats:
        weights = self._mask(path.left, path.after) * self.words.base()[: self.tokenizer.size]
        return np.asarray(weights / weights.sum())

    def _mask(self, left: str, after: tuple[str, str] | None) -> Floats:
        if (left, after) not in self.masks:
            self.masks[left, after] = beginning(self.words, left, after)
        return self.masks[left, after]
