"""SubwordView: a subword model queried one character at a time, so that it can be mixed with character models.

Each beginning of a text has one canonical encoding (`BytePairs.followers`), so the token that reaches beyond a place
starts at one of the places before it. With W(k) the probability of the encoding of the first k symbols, and S(k) the
state after it, the probability that a text begins with its first n symbols is a sum over these places:

    M(n) = W(n) + sum over k < n of W(k) * sum of p(u | S(k)) over the tokens u that begin with symbols k to n and go on

and M(n + 1) / M(n) is the probability of the next symbol: a letter, or one byte of a character that is not a letter.
After "the ca", tokens begin after "the" (" cat", " car"), after " c" ("at", "ar") and so on. Tokens that no canonical
encoding has after the one before are left out of p, and the others are renormalized: see `genbench.sampling.canonical`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genbench import capabilities
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs, ProgressCallback, State, ignore
from genbench.tokenization.byte_pairs import MAX_PIECE
from genbench.tokenization.subwords import SubwordTokenizer
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

Floats = npt.NDArray[np.float64]

BLOCK_CELLS = 1 << 20  # probabilities that are computed at once
MIN_PROBABILITY = 1e-9  # total probability that all symbols share equally, against zeros by rounding
MIN_SHARE = 1e-200  # of a token, against zeros by rounding
MAX_CACHED = 1 << 27  # bytes of masks
NO_TOKEN = -1  # before the first one
LAST_CHARACTER = "\U0010ffff"


class Prefix(NamedTuple):
    """The tokens whose text begins with a prefix, as rows of the sorted texts."""

    symbols: Ids  # (n,) the next symbols
    starts: Ids  # (n,) first row of the texts that continue with each symbol
    stops: Ids  # (n,) the row after the last of them
    exact: int | None  # the token whose text is the prefix
    longer: int  # the first row of a longer text
    high: int  # the row after the last one


class Candidate(NamedTuple):
    """One place at which the token may start that reaches beyond the text so far."""

    weight: float
    state: State  # after the tokens before it
    token: int  # the last of these, NO_TOKEN at the start
    sums: Floats  # (vocabulary + 1,) running sums of the probabilities of tokens, sorted by their texts
    open: str = ""  # the text since then


_NONE = np.empty(0, np.int64)
_NO_TOKENS = Prefix(_NONE, _NONE, _NONE, None, 0, 0)


@dataclass(frozen=True)
class SubwordState:
    """The candidates after a text, and the distribution of the next symbol that results from them."""

    candidates: tuple[Candidate, ...]
    log_probs: LogProbs  # (symbols,)
    context_length: int


class SubwordView:
    """A trained subword generator as one of characters; its ids are bytes and letters.

    `score_stream` returns the same numbers as the steps, but faster: it reads a block of the text at a time.
    """

    def __init__(self, generator: Generator) -> None:
        assert isinstance(generator.tokenizer, SubwordTokenizer)
        self.generator, self.subwords = generator, generator.tokenizer
        self.tokenizer = Tokenizer("characters", self.subwords.letters)

        # the texts of all tokens, sorted; a lone surrogate is the text of a byte
        texts = [self._symbol(token) for token in range(BYTES)]
        texts += [self.subwords.piece(token) for token in range(BYTES, self.subwords.size)]
        self._tokens = np.array(sorted(range(len(texts)), key=texts.__getitem__))
        self._rows = np.argsort(self._tokens)
        self._texts = [texts[token] for token in self._tokens]
        self._ids = {text: token for token, text in enumerate(texts)}
        self._symbols = {text: token for token, text in enumerate(texts[: self.tokenizer.size])}
        self._last_suffix = LAST_CHARACTER * (MAX_PIECE + 1)  # sorts after every suffix of a text
        self._prefixes: dict[str, Prefix] = {}
        self._masks: dict[int, npt.NDArray[np.bool_]] = {NO_TOKEN: np.ones(len(texts), bool)}

    # Steps

    def start(self) -> SubwordState:
        """Return the state before the first character."""
        return self._state([self._candidate(1.0, self.generator.start(), NO_TOKEN)])

    def log_probs(self, state: SubwordState) -> LogProbs:
        """Return the natural log-probability of each next byte or letter, (symbols,)."""
        return state.log_probs

    def context_length(self, state: SubwordState) -> int:
        """Return one more than the context length of the subword model, in tokens."""
        return state.context_length

    def advance(self, state: SubwordState, token: int) -> SubwordState:
        """Return the state after one more byte or letter."""
        symbol = self._symbol(token)
        candidates: list[Candidate] = []
        for candidate in state.candidates:
            # tokens that are longer than the text since the candidate
            opened = candidate.open + symbol
            prefix = self._prefix(opened)
            if prefix.longer < prefix.high:
                candidates.append(candidate._replace(open=opened))

            # the token that is as long
            if prefix.exact is not None and self._mask(candidate.token)[self._rows[prefix.exact]]:
                row = self._rows[prefix.exact]
                share = max(float(candidate.sums[row + 1] - candidate.sums[row]), MIN_SHARE)
                after = self.generator.advance(candidate.state, prefix.exact)
                candidates.append(self._candidate(candidate.weight * share, after, prefix.exact))
        return self._state(candidates)

    def _candidate(self, weight: float, state: State, token: int) -> Candidate:
        sums = self._running_sums(np.array(self.generator.log_probs(state))[None], [token])[0]
        return Candidate(weight, state, token, sums)

    def _state(self, candidates: list[Candidate]) -> SubwordState:
        masses = np.zeros((len(candidates), self.tokenizer.size))
        for row, (_, _, _, sums, opened) in enumerate(candidates):
            prefix = self._prefix(opened)
            masses[row, prefix.symbols] = sums[prefix.stops] - sums[prefix.starts]

        # weights whose total mass is one
        weights = np.array([candidate.weight for candidate in candidates])
        weights /= weights @ masses.sum(axis=1)
        by_candidate = weights * masses.sum(axis=1)

        # the candidate with the largest mass decides the context length
        length = 1 + capabilities.context_length(self.generator, candidates[int(by_candidate.argmax())].state)
        scaled = (candidate._replace(weight=weight) for candidate, weight in zip(candidates, weights, strict=True))
        return SubwordState(tuple(scaled), _log(weights @ masses, self.tokenizer.size), length)

    def _running_sums(self, log_probs: LogProbs, before: Sequence[int]) -> Floats:
        """Return the running sums of the probabilities of tokens that can follow those before, (n, vocabulary + 1)."""
        probabilities = np.exp(log_probs[:, self._tokens]) * [self._mask(token) for token in before]
        sums = np.zeros((len(probabilities), probabilities.shape[1] + 1))
        np.cumsum(probabilities, axis=1, out=sums[:, 1:])
        return sums / sums[:, -1:]

    # Tokens by their texts

    def _symbol(self, token: int) -> str:
        return chr(0xDC00 + token) if token < BYTES else self.subwords.letters[token - BYTES]

    def _mask(self, token: int) -> npt.NDArray[np.bool_]:
        """Return which tokens can follow a token, (vocabulary,), sorted by their texts; cached."""
        if token not in self._masks:
            if len(self._masks) * len(self._rows) > MAX_CACHED:
                self._masks = {NO_TOKEN: self._masks[NO_TOKEN]}
            self._masks[token] = self.subwords.followers(token)[self._tokens]
        return self._masks[token]

    def _prefix(self, text: str) -> Prefix:
        """Return the tokens whose text begins with a prefix; cached."""
        if text not in self._prefixes:
            low = row = bisect_left(self._texts, text)
            high = bisect_right(self._texts, text + self._last_suffix, low)
            if low == high:  # not cached: a text has many parts with which no token begins
                return _NO_TOKENS
            exact = self._ids.get(text)
            row += exact is not None
            longer, ranges = row, []
            while row < high:
                symbol = self._texts[row][len(text)]
                stop = bisect_right(self._texts, text + symbol + self._last_suffix, row, high)
                ranges.append((self._symbols[symbol], row, stop))
                row = stop
            symbols, starts, stops = np.array(ranges, np.int64).reshape(-1, 3).T
            self._prefixes[text] = Prefix(symbols, starts, stops, exact, longer, high)
        return self._prefixes[text]

    # Whole texts

    def score_stream(self, ids: Ids, progress: ProgressCallback = ignore) -> tuple[LogProbs, Ids]:
        """Return log-probability and context length of each byte or letter of a text, read from `start()`.

        `progress` receives the completed share, 0 to 1.
        """
        text = "".join(map(self._symbol, ids.tolist()))
        return _StreamScores(self, text).score(progress)


class _StreamScores:
    """The weights W and the sums M of a text, as logarithms, (symbols + 1,) each."""

    def __init__(self, view: SubwordView, text: str) -> None:
        self.view, self.text = view, text
        self.starts, self.tokens = _parse(view, text)
        self.weights = np.full(len(text) + 1, -np.inf)
        self.weights[0] = 0.0
        self.sums = np.full(len(text) + 1, -np.inf)
        self.largest, self.lengths = np.full(len(text) + 1, -np.inf), np.zeros(len(text) + 1, np.int64)
        self.states: list[State] = [None] * (len(text) + 1)

    def score(self, progress: ProgressCallback) -> tuple[LogProbs, Ids]:
        size = max(BLOCK_CELLS // self.view.subwords.size, MAX_PIECE)
        for begin in range(0, len(self.text), size):
            self._read(begin, min(begin + size, len(self.text)))
            progress(begin / len(self.text))

        # at the end of the text, a longer token is not counted yet for the last place
        self._add(np.array([len(self.text)]), self.weights[-1:], np.zeros(1, np.int64))
        return _log(np.exp(np.diff(self.sums)), self.view.tokenizer.size), self.lengths[:-1]

    def _read(self, begin: int, end: int) -> None:
        """Read the places of a block: their states, and the tokens that start there."""
        view, places = self.view, range(begin, end)
        self._advance(places)
        states = self.states[begin:end]
        log_probs = np.array(capabilities.log_probs_batch(view.generator, states))
        sums = view._running_sums(log_probs, [self.tokens[place] for place in places])
        for place in range(max(begin - MAX_PIECE, 0), end - MAX_PIECE):
            self.states[place] = None  # no later token starts there

        # the weights of the places at which a token ends that starts in this block
        for place in range(begin + 1, min(end + MAX_PIECE, len(self.text)) + 1):
            start = self.starts[place]
            if begin <= start < end:
                row = view._rows[self.tokens[place]]
                share = max(sums[start - begin, row + 1] - sums[start - begin, row], MIN_SHARE)
                self.weights[place] = self.weights[start] + np.log(share)

        # the sums: a place itself, and those that a token from it reaches beyond
        context = np.array([1 + capabilities.context_length(view.generator, state) for state in states])
        self._add(np.arange(begin, end), self.weights[begin:end], context)
        reached = [(start, start + size, prefix) for start in places for size, prefix in self._longer(start)]
        if reached:
            starts = np.array([start for start, _, _ in reached]) - begin
            rows = np.array([(prefix.longer, prefix.high) for _, _, prefix in reached])
            shares = sums[starts, rows[:, 1]] - sums[starts, rows[:, 0]]
            with np.errstate(divide="ignore"):
                masses = self.weights[begin + starts] + np.log(np.maximum(shares, 0.0))
            self._add(np.array([place for _, place, _ in reached]), masses, context[starts])

    def _longer(self, start: int) -> list[tuple[int, Prefix]]:
        """Return the sizes of the text from a place with which longer tokens begin, each with these tokens."""
        found = []
        for size in range(1, min(MAX_PIECE, len(self.text) - start) + 1):
            prefix = self.view._prefix(self.text[start : start + size])
            if prefix.longer == prefix.high:
                break
            found.append((size, prefix))
        return found

    def _add(self, places: Ids, masses: Floats, context: Ids) -> None:
        """Add masses to the sums; the largest mass of a place decides its context length."""
        np.logaddexp.at(self.sums, places, masses)
        np.maximum.at(self.largest, places, masses)
        decides = masses == self.largest[places]
        self.lengths[places[decides]] = context[decides]

    def _advance(self, places: range) -> None:
        """Set the states of some places; those that depend on the same number of places before are one batch."""
        if not places.start:
            self.states[0] = self.view.generator.start()
        levels: list[list[int]] = []
        depths = dict[int, int]()
        for place in places:
            if place:
                depths[place] = depth = 1 + depths.get(self.starts[place], -1)
                levels += [[]] if depth == len(levels) else []
                levels[depth].append(place)
        for level in levels:  # each of places whose tokens start at places of the levels before
            before = [self.states[self.starts[place]] for place in level]
            after = capabilities.advance_batch(self.view.generator, before, [self.tokens[place] for place in level])
            for place, state in zip(level, after, strict=True):
                self.states[place] = state


def _parse(view: SubwordView, text: str) -> tuple[list[int], list[int]]:
    """Return for each place of a text where the last token of the encoding before it starts, and this token."""
    starts, tokens = [0], [NO_TOKEN]
    for place in range(1, len(text) + 1):
        for start in range(max(place - MAX_PIECE, 0), place):
            token = view._ids.get(text[start:place])
            if token is not None and view._mask(tokens[start])[view._rows[token]]:
                break
        else:
            raise ContractError("the tokenizer of subwords has no encoding of a text")
        starts.append(start)
        tokens.append(token)
    return starts, tokens


def _log(probabilities: Floats, symbols: int) -> LogProbs:
    """Return the logarithms of probabilities, of which MIN_PROBABILITY is shared by all symbols equally."""
    return np.asarray(np.log(probabilities * (1 - MIN_PROBABILITY) + MIN_PROBABILITY / symbols))
