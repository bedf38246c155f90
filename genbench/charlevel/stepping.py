"""A generator over words, asked character by character: one step after the other, as drawing wants it.

The probability of the next character is the sum over all tokens that go on with what was read so far: the words in
sorted order and one cumulative sum serve all beginnings. A word that is complete may be over: then what comes next is
asked one token further on. Rare words are spelled, so each piece is followed along two paths, as a known word and
letter by letter. Only the canonical ways to cut a text count; the probabilities are normalised at every character.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from genbench import capabilities
from genbench.charlevel.paths import Cuts, Floats, Path, completed, separator, smoothed, symbol
from genbench.generator import Generator, LogProbs, State
from genbench.tokenization.tokenizer import BYTES, Tokenizer

TINY = 1e-3  # a path less likely than this is not asked what comes after its end: any character, it is assumed


@dataclass(frozen=True)
class Place:
    """A state: the paths that are left, what each gives to each character, and their sum."""

    paths: tuple[Path, ...]
    masses: tuple[Floats, ...]
    log_probs: LogProbs
    depth: int


class Stepping:
    """A trained word-level generator with the steps of a character-level one; its ids are bytes and letters."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.words = generator.tokenizer
        self.tokenizer = Tokenizer("characters", self.words.letters)
        self.cuts = Cuts(self.words)

    def start(self) -> Place:
        """Before the first character."""
        return self.after(self.generator.start(), "")

    def after(self, state: State, left: str) -> Place:
        """After a known word that ends with this character, by the words' state after it."""
        return self._place([Path(1.0, state, left)])

    def log_probs(self, state: Place) -> LogProbs:
        """Natural log-probabilities of the next byte or letter."""
        return state.log_probs

    def context_length(self, state: Place) -> int:
        """How long a context the words' generator had seen."""
        return state.depth

    def advance(self, state: Place, token: int) -> Place:
        """After one more byte or letter."""
        text = symbol(token, self.words.letters) if token < BYTES else self.words.letters[token - BYTES]
        found = self._longer(state, token, text, 1.0)
        canonical = [path for path in map(completed, found) if path is not None]
        lost = [Path(1.0, self.generator.start(), "", open=text)]  # no path leads here: begin anew
        return self._place(canonical or found or lost)

    def _longer(self, place: Place, token: int, text: str, weight: float) -> list[Path]:
        """The paths that go on with a symbol, of this weight together; one that was not asked before is asked now."""
        found = []
        total = sum(float(mass[token]) for mass in place.masses)
        for path, mass in zip(place.paths, place.masses, strict=True):
            share = weight * float(mass[token]) / total if mass[token] > 0 else 0.0
            if not share:
                continue
            if path.token is not None:
                found += self._longer(self._place([replace(path, weight=1.0)]), token, text, share)
            elif path.spelled:
                found.append(replace(path, weight=share, open=path.open + text, token=token))
            else:
                found.append(replace(path, weight=weight * path.weight / total, open=path.open + text))
        return found

    def _place(self, paths: list[Path]) -> Place:
        """The place of these paths: each asked for what comes next, those that may be over also for what then comes."""
        found: list[Path] = []
        masses: list[Floats] = []
        left = list(paths)
        while left:
            path = left.pop()
            if path.token is not None and not path.spelled and path.weight < TINY:
                found.append(path)
                masses.append(path.weight * self.cuts.share(path.left, path.after))
                continue
            if path.spelled:
                path = self._resumed(path)
                mass, others = self._spelled(path, np.exp(self.generator.log_probs(path.state)[: self.words.end + 1]))
            else:
                path = self._asked(self._resumed(path))
                mass, others = self._whole(path)
            left += others
            found.append(path)
            masses.append(mass)
        heaviest = found[int(np.argmax([mass.sum() for mass in masses]))]
        depth = (
            0
            if heaviest.spelled or heaviest.token is not None
            else 1 + capabilities.context_length(self.generator, heaviest.state)
        )
        return Place(tuple(found), tuple(masses), smoothed(np.sum(masses, axis=0)), depth)

    def _resumed(self, path: Path) -> Path:
        """The same path, its state having read what was left."""
        if path.token is None:
            return path
        return replace(path, state=self.generator.advance(path.state, path.token), token=None)

    def _asked(self, path: Path) -> Path:
        """The same path, knowing the probabilities of all tokens."""
        if path.cumulative is not None:
            return path
        probabilities = np.exp(self.generator.log_probs(path.state)[self.cuts.surfaces(path.left).tokens])
        return replace(path, cumulative=np.concatenate([[0.0], np.cumsum(probabilities)]))

    def _spelled(self, path: Path, probabilities: Floats) -> tuple[Floats, list[Path]]:
        """What a path that spells gives each symbol, and the path on which the piece ends here."""
        mass = path.weight * probabilities[:-1]
        if path.raw:
            mass[BYTES:] = 0
            return mass, []
        mass *= self.cuts.inside(path.open[-1])
        if path.open in self.cuts.pieces:  # a known piece is never spelled
            return mass, []
        over = Path(path.weight * probabilities[-1], path.state, path.open[-1], token=self.words.end)
        return mass, [replace(over, after=separator(path.left, path.open))]

    def _whole(self, path: Path) -> tuple[Floats, list[Path]]:
        """What a path that waits for a whole token gives each symbol, and the paths that a token so long leads to."""
        assert path.cumulative is not None
        surfaces, cumulative = self.cuts.surfaces(path.left), path.cumulative
        begun = surfaces.after(path.open)
        mass = np.zeros(self.tokenizer.size)
        mass[begun.symbols] = path.weight * (cumulative[begun.stops] - cumulative[begun.starts])
        if not path.open:
            mass *= self.cuts.mask(path.left, path.after)
            if self.cuts.gapped(path.left):
                weight = path.weight * (cumulative[-1] - cumulative[-2])
                return mass, [Path(weight, path.state, "", token=self.words.none, after=(path.left, ""))]
            return mass, []
        shares = np.diff(cumulative[begun.exact.start : begun.exact.stop + 1])
        tokens = surfaces.tokens[begun.exact.start : begun.exact.stop].tolist()
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
