"""CharacterView: an adapter that gives a word model the methods of a character model, so that both can be mixed.

The probability of the next character is the sum over all tokens that continue the text. After "the ca", a word model
that has read "the" may continue with the word "cat", the word "cattle", or the spelled letters c, a, ...:

    path                              next character and its mass
    known words that start with "ca"  t: P(cat) + P(cattle) + ...,  r: P(carry) + P(car) + ...
    spelled: c a                      each letter: P(c) P(a | c) P(letter | c a),  also END
    the word "ca", if it is known     it may have ended: the space before the next word, "," and so on

A path has a weight (its probability), the word model's state, and the text since its last complete token. Tokens are
sorted by their texts, so that the mass of all known words with a prefix is a difference of two entries of one
cumulative sum. A path that may have ended adds the paths of the next piece; unlikely paths are not expanded further.
Only canonical encodings count (known words are never spelled, implied separators have no token); their masses are
normalized at each character. The number of paths stays small: a known word, a spelling, and those that just ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from genbench import capabilities
from genbench.charlevel.block import Block, Piece, group_pieces, split_into_pieces
from genbench.charlevel.paths import (
    MIN_EXPANDED_SHARE,
    Floats,
    Path,
    WordRules,
    complete_bytes,
    explicit_separator,
    normalized_log_probs,
    symbol_text,
)
from genbench.generator import Generator, LogProbs, ProgressCallback, State, ignore
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

_WordEnd = tuple[State, str, int]  # the state after a word, its last character, its end in the text


class CharacterScores(NamedTuple):
    """The scores of the symbols of a text; a symbol is a letter, or one byte of a character that is not a letter."""

    log_probs: LogProbs  # (symbols,) of each byte or letter
    context_lengths: Ids  # (symbols,) words of context before each
    peaks: LogProbs  # (symbols,) log-probability of the most probable symbol at each position


class Distributions(NamedTuple):
    """The distributions before consecutive symbols (bytes or letters) of a text."""

    start: int  # position of the first of them
    log_probs: LogProbs  # (n, symbols)
    context_lengths: Ids  # (n,)


@dataclass(frozen=True)
class CharacterState:
    """The paths that agree with the text so far, and the distribution of the next symbol that results from them."""

    paths: tuple[Path, ...]
    masses: tuple[Floats, ...]  # (symbols,) for each path: its probability mass on each next symbol
    log_probs: LogProbs  # (symbols,) of the masses' sum, normalized
    context_length: int


class CharacterView:
    """A trained word-level generator as a character-level one; its ids are bytes and letters.

    `score_stream` returns the same numbers as the steps, but faster: it reads a block of pieces at a time.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.words = generator.tokenizer
        self.tokenizer = Tokenizer("characters", self.words.letters)
        self.rules = WordRules(self.words)

    # Steps

    def start(self) -> CharacterState:
        """Return the state before the first character."""
        return self._after_word(self.generator.start(), "")

    def log_probs(self, state: CharacterState) -> LogProbs:
        """Return the natural log-probability of each next byte or letter, (symbols,)."""
        return state.log_probs

    def context_length(self, state: CharacterState) -> int:
        """Return the context length of the word model, in words; 0 inside a spelled word."""
        return state.context_length

    def advance(self, state: CharacterState, token: int) -> CharacterState:
        """Return the state after one more byte or letter."""
        text = symbol_text(token, self.words.letters) if token < BYTES else self.words.letters[token - BYTES]
        paths = self._extend(state, token, text, 1.0)

        # keep canonical paths; if there are none, any path, or else start anew
        canonical = [path for path in map(complete_bytes, paths) if path is not None]
        restart = [Path(1.0, self.generator.start(), "", open=text)]
        return self._expand(canonical or paths or restart)

    def _after_word(self, state: State, left: str) -> CharacterState:
        """Return the state after a complete word, from the word model's state and the last character of the word."""
        return self._expand([Path(1.0, state, left)])

    def _extend(self, state: CharacterState, token: int, text: str, weight: float) -> list[Path]:
        """Return the paths that continue with a symbol; their weights sum to `weight`."""
        paths = []
        total = sum(float(mass[token]) for mass in state.masses)
        for path, mass in zip(state.paths, state.masses, strict=True):
            share = weight * float(mass[token]) / total if mass[token] > 0 else 0.0
            if not share:
                continue

            # an unlikely path was not expanded before, but now it is needed
            if path.token is not None:
                paths += self._extend(self._expand([replace(path, weight=1.0)]), token, text, share)
            elif path.spelled:
                opened = self.rules.recent(path.open + text)
                paths.append(replace(path, weight=share, open=opened, token=token))
            else:
                paths.append(replace(path, weight=weight * path.weight / total, open=path.open + text))
        return paths

    def _expand(self, paths: list[Path]) -> CharacterState:
        """Return the state with these paths, and with those of the next piece after paths that may have ended."""
        expanded: list[Path] = []
        masses: list[Floats] = []
        pending = list(paths)
        while pending:
            path = pending.pop()

            # do not expand an unlikely path: give it a uniform distribution
            if path.token is not None and not path.spelled and path.weight < MIN_EXPANDED_SHARE:
                expanded.append(path)
                masses.append(path.weight * self.rules.uniform_start(path.left, path.after))
                continue

            # the mass of each next symbol, and the paths on which the piece ends here
            path = self._read_pending_token(path)
            if path.spelled:
                log_probs = self.generator.log_probs(path.state)
                mass, ended = self._spelling_mass(path, np.exp(log_probs[: self.words.end_id + 1]))
            else:
                path = self._with_cumulative(path)
                mass, ended = self._word_mass(path)
            pending += ended
            expanded.append(path)
            masses.append(mass)

        # the path with the largest mass decides the context length
        largest = expanded[int(np.argmax([mass.sum() for mass in masses]))]
        inside = largest.spelled or largest.token is not None
        length = 0 if inside else 1 + capabilities.context_length(self.generator, largest.state)
        return CharacterState(tuple(expanded), tuple(masses), normalized_log_probs(np.sum(masses, axis=0)), length)

    def _read_pending_token(self, path: Path) -> Path:
        if path.token is None:
            return path
        return replace(path, state=self.generator.advance(path.state, path.token), token=None)

    def _with_cumulative(self, path: Path) -> Path:
        if path.cumulative is not None:
            return path
        probabilities = np.exp(self.generator.log_probs(path.state)[self.rules.surfaces(path.left).tokens])
        return replace(path, cumulative=np.concatenate([[0.0], np.cumsum(probabilities)]))

    def _spelling_mass(self, path: Path, probabilities: Floats) -> tuple[Floats, list[Path]]:
        """Return the mass of each symbol on a path that spells, and the path on which the piece ends here."""
        mass = path.weight * probabilities[:-1]
        if path.raw:  # inside a character: only bytes
            mass[BYTES:] = 0
            return mass, []

        # the next letter must belong to the same piece
        mass *= self.rules.continuation_mask(path.open[-1])
        if path.open in self.rules.pieces:  # a known word is never spelled
            return mass, []

        # END closes the piece
        ended = Path(path.weight * probabilities[-1], path.state, path.open[-1], token=self.words.end_id)
        return mass, [replace(ended, after=explicit_separator(path.left, path.open))]

    def _word_mass(self, path: Path) -> tuple[Floats, list[Path]]:
        """Return the mass of each symbol on a path inside a known word, and the paths on which the word ends here."""
        assert path.cumulative is not None

        # the words that continue with each symbol are a range of rows
        surfaces, cumulative = self.rules.surfaces(path.left), path.cumulative
        following = surfaces.after(path.open)
        mass = np.zeros(self.tokenizer.size)
        mass[following.symbols] = path.weight * (cumulative[following.stops] - cumulative[following.starts])

        # at the start of a piece, the token NONE ("no separator here") may replace an implied space
        if not path.open:
            mass *= self.rules.start_mask(path.left, path.after)
            if self.rules.implies_space(path.left):
                weight = path.weight * (cumulative[-1] - cumulative[-2])
                return mass, [Path(weight, path.state, "", token=self.words.none_id, after=(path.left, ""))]
            return mass, []

        # the tokens whose text is exactly the text that was read
        shares = np.diff(cumulative[following.exact.start : following.exact.stop + 1])
        tokens = surfaces.tokens[following.exact.start : following.exact.stop].tolist()
        ended = (self._end_word(path, token, share) for token, share in zip(tokens, shares, strict=True))
        return mass, [after for after in ended if after is not None]

    def _end_word(self, path: Path, token: int, probability: float) -> Path | None:
        """Return the path after a token whose text equals the open text; None if its encoding is not canonical."""
        # without the space that the tokenizer implies before it
        weight = path.weight * probability
        text = path.open[-1] if token < self.words.end_id else self.words.piece(token)
        implied = path.open != text
        if token < self.words.end_id:  # the first letter of a spelling
            return complete_bytes(
                replace(path, weight=weight, open=text, spelled=True, token=token, implied=implied, cumulative=None)
            )
        return Path(weight, path.state, text[-1], token=token, after=explicit_separator(path.left, text))

    # Whole texts

    def score_stream(self, ids: Ids, progress: ProgressCallback = ignore) -> CharacterScores:
        """Return log-probability, context length and peak of each byte or letter of a text, read from `start()`.

        `progress` receives the completed share, 0 to 1.
        """
        log_probs, lengths, peaks = np.empty(len(ids)), np.empty(len(ids), np.int64), np.empty(len(ids))

        # of each distribution, the symbol that follows in the text
        for part in self.distributions(ids):
            rows = slice(part.start, part.start + len(part.context_lengths))
            log_probs[rows] = np.take_along_axis(part.log_probs, ids[rows, None], axis=1)[:, 0]
            lengths[rows], peaks[rows] = part.context_lengths, part.log_probs.max(axis=1)
            progress(part.start / max(len(ids), 1))
        return CharacterScores(log_probs, lengths, peaks)

    def distributions(self, ids: Ids) -> Iterator[Distributions]:
        """Yield the distributions before each byte or letter of a text, a part at a time."""
        # ids that are not the encoding of a text, such as single bytes, cannot be read in blocks
        text = self.tokenizer.decode(ids)
        if np.array_equal(self.tokenizer.encode(text), ids):
            yield self._by_steps(self.start(), ids[:1], 0)[0]
            yield from self._by_blocks(text, ids)
        else:
            yield self._by_steps(self.start(), ids, 0)[0]

    def _by_blocks(self, text: str, ids: Ids) -> Iterator[Distributions]:
        """Yield the distributions after the first id: known pieces in blocks, others by steps."""
        # the first id of each character
        sizes = [1 if self.rules.has_letters(letter) else len(letter.encode()) for letter in text]
        first_id = np.concatenate([[0], np.cumsum(sizes)]).tolist()

        # the word model's states so far, and the ends of the last two words
        stream, states = self.words.encode(text), {0: self.generator.start()}
        last: _WordEnd = (states[0], "", 0)
        anchor, state = last, None  # anchor: the word before the last; steps from there include all paths

        for group in group_pieces(self.rules, split_into_pieces(self.rules, text)):
            start, stop = first_id[group[0].start], first_id[group[-1].stop]
            states = self._walk(states, stream, group)
            known = all(self.rules.has_letters(piece.text) for piece in group)

            # letters only: one block; after the last character of the text there is nothing to predict
            if known:
                block = Block(self.generator, self.rules, self.tokenizer, group, states)
                left = len(ids) - start - 1
                yield Distributions(start + 1, normalized_log_probs(block.masses)[:left], block.context_lengths[:left])
                state = None

            # unknown characters: steps from the anchor
            else:
                state = state or self._steps_from(anchor, ids[first_id[anchor[2]] : start + 1])
                part, state = self._by_steps(state, ids[start + 1 : stop + 1], start + 1)
                yield part

            # move the ends of the last words
            for piece in group:
                if not piece.text.isspace():
                    anchor, last = last if known else anchor, (states[piece.end], piece.text[-1], piece.stop)

    def _steps_from(self, word: _WordEnd, ids: Ids) -> CharacterState:
        state = self._after_word(*word[:2])
        for token in ids.tolist():
            state = self.advance(state, token)
        return state

    def _by_steps(self, state: CharacterState, ids: Ids, start: int) -> tuple[Distributions, CharacterState]:
        """Return the distributions before each id, computed step by step, and the state after them."""
        log_probs, lengths = np.empty((len(ids), self.tokenizer.size)), np.empty(len(ids), np.int64)
        for row, token in enumerate(ids.tolist()):
            log_probs[row], lengths[row] = state.log_probs, state.context_length
            state = self.advance(state, token)
        return Distributions(start, log_probs, lengths), state

    def _walk(self, states: dict[int, State], stream: Ids, group: list[Piece]) -> dict[int, State]:
        """Return the word model's states, by number of tokens read, up to the last token of a group of pieces."""
        tokens = max(states)
        walked = {tokens: states[tokens]}
        for token in stream[tokens : max(max(piece.base, piece.end) for piece in group)].tolist():
            walked[tokens + 1] = self.generator.advance(walked[tokens], token)
            tokens += 1
        return walked
