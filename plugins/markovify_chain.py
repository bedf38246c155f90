"""markovify: the chain that people know, completed so that every string has a probability.

The chain is markovify's own (J. Singer-Vine, github.com/jsvine/markovify): which words, cut at white space, followed
the last `state_size` words of a sentence, and how often. By default it drops sentences with quotes or brackets. It has
no answer for what it never saw, so each word comes from a mixture, weight * chain + (1 - weight) * characters, where
PPM would escape (Cleary & Witten 1984); the weights are fitted on valid text. The mixture is read letter by letter:
followers that go on with the letters read keep their counts, each side's weight is its posterior, and white space is
the character level's.

Raw text does not mark where a sentence begins. So the state holds one guess for each number of words since then, 0 to
`state_size` ("that many or more"), weighed by the forward algorithm of hidden Markov models.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markovify_links import CLOSED, START, UNKNOWN, Links, learn

from genbench import Generator, Ids, LogProbs, Progress, State, TrainContext
from genbench.generator import ProgressCallback, Text, TrainStats, ignore

NOWHERE = -1  # the row of a state that the chain does not have
ENDING = re.compile(r"[.!?][\"'\u2019\u201d)\]_]*$")
SEEN = (2, 4, 16)  # a state seen once, 2 to 3, 4 to 15, 16 times or more: a weight each
FITTED = 50_000  # characters of valid text that the weights are fitted on
ROUNDS = 30  # of expectation maximisation
LEAST = 1e-100  # the weight of a character level that could be right stays above zero, however long the word


class Guess(NamedTuple):
    """A guess of where the sentence began: what the chain writes then, and how likely it is after what was read."""

    row: int  # the state of the chain, or NOWHERE
    start: int  # followers[start:stop] go on with the letters read of this word
    stop: int
    chain: float  # that it is right, and the word is the chain's
    spelled: float  # that it is right, and the word is the character level's


class Place(NamedTuple):
    """The state after some text; the weights of its guesses sum to one."""

    rows: State  # of the character level
    word: str  # the letters read of this word; "" between words
    words: tuple[int, ...]  # the last state_size
    guesses: tuple[Guess, ...]  # the sentence began 0, 1, .. words ago


@dataclass
class Markovify(Generator):
    """The chain of the markovify package over words, with an escape to characters for what it never saw."""

    state_size: int = field(default=2, metadata={"help": "words that the next one depends on"})
    well_formed: bool = field(default=True, metadata={"help": "drop sentences with quotes or brackets, as markovify"})
    escape_order: int = field(default=5, metadata={"help": "order of the character chain that spells other words"})

    def __post_init__(self) -> None:
        if self.state_size < 1:
            raise ValueError(f"state_size is {self.state_size}, and must be 1 or more")
        self._characters = MarkovChar(order=self.escape_order)

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        context.report(Progress(0.1, note="characters"))
        inner = TrainContext(context.seed)
        self._characters.fit(train, Text(""), inner)
        self.tokenizer = self._characters.tokenizer
        context.report(Progress(0.3, note="markovify"))
        model = learn(str(train), self.state_size, self.well_formed)
        self._prepare(Links.of(model, self.state_size, self.tokenizer), [0.5] * (len(SEEN) + 1))
        context.report(Progress(0.6, note="weights"))
        answered = self._fit_weights(valid[:FITTED])
        self._describe(len(str(train).split()), answered, inner.stats, context)

    def _describe(self, words: int, answered: float, inner: TrainStats, context: TrainContext) -> None:
        links = self._links
        taken = f"{links.counts.sum() / max(words, 1):.0%} of the training words" if links.words else "no sentence"
        notes = [
            f"markovify took {taken}",
            f"the bare chain could have written {answered:.0%} of the valid text's words",
        ]
        context.record(
            parameters=len(links.counts) + int((links.ends > 0).sum()) + (inner.parameters or 0),
            notes=notes + inner.notes,
            answered=round(answered, 4),
            weights=self._weights,
        )

    def _prepare(self, links: Links, weights: list[float]) -> None:
        self._links, self._weights = links, weights
        self._class = np.searchsorted(SEEN, links.seen, side="right")
        self._ended = links.ends / np.maximum(links.seen, 1)
        letters = self.tokenizer.letters
        self._white = np.array([*(chr(n).isspace() and n < 128 for n in range(256)), *map(str.isspace, letters)])
        self._texts = [*map(chr, range(0xD800, 0xD800 + 256)), *letters]  # a byte: no word holds a lone surrogate
        self._level = lru_cache(4096)(self._read_level)
        self._next = lru_cache(1 << 16)(self._characters.advance)

    def _read_level(self, rows: State) -> tuple[LogProbs, float]:
        """The character level's probabilities, (vocabulary,), and those of white space together."""
        found = np.exp(self._characters.log_probs(rows))
        return found, float(found[self._white].sum())

    def start(self) -> Place:
        words = (UNKNOWN,) * self.state_size
        return Place(self._characters.start(), "", words, self._open(words, [1.0] + [0.0] * self.state_size, False))

    def _open(self, words: tuple[int, ...], shares: list[float], ending: bool) -> tuple[Guess, ...]:
        """The guesses before a new word, from how likely each number of words was: the sentence may have ended.

        Where the chain does not have a state, the last word's punctuation says whether it has.
        """
        size = self.state_size
        rows = [self._links.row.get((START,) * (size - k) + words[size - k :], NOWHERE) for k in range(size + 1)]
        ends = [float(ending if row == NOWHERE else self._ended[row]) for row in rows]
        left = [share * (1 - end) for share, end in zip(shares, ends, strict=True)]
        left[0] += sum(share * end for share, end in zip(shares, ends, strict=True))
        return tuple(map(self._guess, rows, left))

    def _guess(self, row: int, share: float) -> Guess:
        start, stop = self._links.starts[row : row + 2].tolist() if row != NOWHERE else (0, 0)
        if start == stop:  # nothing to choose from
            return Guess(NOWHERE, 0, 0, 0.0, share)
        weight = self._weights[self._class[row]]
        return Guess(row, start, stop, share * weight, share * (1 - weight))

    def advance(self, state: Place, token: int) -> Place:
        return self._after(state, token, self._weigh(state, token))

    def _weigh(self, place: Place, token: int) -> list[Guess]:
        """The guesses once a token is read; their weights together are its probability."""
        level, space = self._level(place.rows)
        spelled, depth = float(level[token]), len(place.word)
        if not self._white[token]:
            return [self._read(guess, token, depth, 1.0 if depth else 1 - space, spelled) for guess in place.guesses]
        if depth:
            return [self._read(guess, CLOSED, depth, spelled / space, spelled) for guess in place.guesses]
        return [Guess(*guess[:3], guess.chain * spelled, guess.spelled * spelled) for guess in place.guesses]

    def _read(self, guess: Guess, token: int, depth: int, rest: float, spelled: float) -> Guess:
        """A guess whose word goes on with a token, or is closed; the chain gives its followers' share of `rest`."""
        row, start, stop, chain, letters = guess
        if not chain:
            return Guess(row, 0, 0, 0.0, letters * spelled)
        first, last, share = self._links.narrow(start, stop, token, depth)
        return Guess(row, first, last, chain * share * rest, letters * spelled)

    def _after(self, place: Place, token: int, weighed: list[Guess]) -> Place:
        """The state once a token is read that left the guesses weighed so."""
        rows = self._next(place.rows, token)
        total = _total(weighed)
        if not self._white[token]:
            shares = [(g.chain / total, max(g.spelled / total, LEAST) if g.spelled else 0.0) for g in weighed]
            guesses = tuple(Guess(*g[:3], *share) for g, share in zip(weighed, shares, strict=True))
            return Place(rows, place.word + self._texts[token], place.words, guesses)
        if not place.word:
            return place._replace(rows=rows)
        begun = [0.0, *((g.chain + g.spelled) / total for g in weighed)]
        begun[-2:] = [begun[-2] + begun[-1]]  # state_size words or more are one guess
        words = (*place.words[1:], self._links.number.get(place.word, UNKNOWN))
        return Place(rows, "", words, self._open(words, begun, ENDING.search(place.word) is not None))

    def log_probs(self, state: Place) -> LogProbs:
        level, space = self._level(state.rows)
        chain, closed = np.zeros(len(level)), 0.0
        for guess in state.guesses:
            if guess.chain:
                shares, ended = self._links.onward(guess.start, guess.stop, len(state.word))
                chain, closed = chain + guess.chain * shares, closed + guess.chain * ended
        spelled = sum(guess.spelled for guess in state.guesses)
        if state.word:
            return np.asarray(np.log(level * (spelled + self._white * (closed / space)) + chain))
        return np.asarray(np.log(level * np.where(self._white, 1.0, spelled) + chain * (1 - space)))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        found, place = np.empty(len(ids)), self.start()
        for i, token in enumerate(ids.tolist()):
            weighed = self._weigh(place, token)
            found[i] = _total(weighed)
            place = self._after(place, token, weighed)
        return np.asarray(np.log(found))

    def _fit_weights(self, valid: str) -> float:
        """Fit a weight for each class of states; gives the share of words that the chain could have written.

        The text is read once, with weights of a half: so the sides of each guess at the end of a word are as likely as
        chain and characters made the word, and the guesses as likely as they will be taken to have been.
        """
        read, answered, words, place = [(0, 0.5, 0.0)], 0, 0, self.start()
        for token in self.tokenizer.encode(valid).tolist():
            weighed = self._weigh(place, token)
            if place.word and self._white[token]:
                total = _total(weighed)
                sides = [(g.row, g.chain, g.chain + g.spelled) for g in weighed if g.row != NOWHERE]
                read += [(self._class[row], chain / both, both / total) for row, chain, both in sides if both]
                answered, words = answered + any(g.chain for g in weighed), words + 1
            place = self._after(place, token, weighed)
        self._weights = _maximised(*map(np.array, zip(*read, strict=True)))
        return answered / max(words, 1)

    def dump(self) -> dict[str, Any]:
        return {"links": self._links.dump(), "weights": self._weights, "characters": self._characters.dump()}

    def restore(self, learned: dict[str, Any]) -> None:
        self._characters.restore(learned["characters"])
        self.tokenizer = self._characters.tokenizer
        self._prepare(Links(self.tokenizer, **learned["links"]), learned["weights"])


def _total(guesses: list[Guess]) -> float:
    return sum(guess.chain + guess.spelled for guess in guesses)


def _maximised(classes: Ids, chain: LogProbs, shares: LogProbs) -> list[float]:
    """The chain's weight in each class, from its side of each guess and the guess's share: expectation maximisation.

    Half an observation for either side keeps a weight off 0 and 1.
    """
    weights, seen = np.full(len(SEEN) + 1, 0.5), np.bincount(classes, shares, len(SEEN) + 1)
    for _ in range(ROUNDS):
        odds = chain * weights[classes]
        won = np.bincount(classes, shares * odds / (odds + (1 - chain) * (1 - weights[classes])), len(weights))
        weights = (won + 0.5) / (seen + 1)
    return [float(weight) for weight in weights]
