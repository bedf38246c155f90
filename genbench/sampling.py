"""Drawing text: one loop for every generator, streamed as it is drawn.

The controls, in the order in which they act: repetition penalty (Keskar et al. 2019), temperature, top-k (Fan et al.
2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024). With `max_overlap`, text that copies more words in a
row from the training text is taken back and drawn anew, further back the longer that takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from genbench.completion import Mask, weighed
from genbench.errors import ContractError, UserError
from genbench.generator import Generator, LogProbs, State
from genbench.overlap import Watch, nothing_new
from genbench.tokenizer import BYTES, Decoder

TOKENS_A_CHARACTER = 8  # a text that needs more tokens than this for its characters is going nowhere
LONGEST_OVERLAP = 1_000  # words
TRIES = 2_000  # to go on without copying too much
PATIENCE = 10  # tries before one word more is taken back


@dataclass(frozen=True)
class Sampling:
    """How to draw. `length` is in characters, so that samples side by side are equally long."""

    length: int = 300
    temperature: float = 0.8  # 0 is greedy
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    stop: str | None = None  # the text ends before this string
    max_overlap: float | None = None  # words in a row that may be copied from the training text; below 1, a share

    def __post_init__(self) -> None:
        _require(self.length >= 0, "length", self.length, "0 or more characters")
        _require(0 <= self.temperature < float("inf"), "temperature", self.temperature, "0 (greedy) or more")
        _require(self.top_k is None or self.top_k >= 1, "top-k", self.top_k, "1 or more tokens")
        _require(self.top_p is None or 0 < self.top_p <= 1, "top-p", self.top_p, "above 0 and at most 1")
        _require(self.min_p is None or 0 <= self.min_p <= 1, "min-p", self.min_p, "from 0 to 1")
        _require(
            0 < self.repetition_penalty < float("inf"),
            "repetition-penalty",
            self.repetition_penalty,
            "above 0 (1 is none)",
        )
        _require(
            self.max_overlap is None or 0 < self.max_overlap < 1 or self.max_overlap in range(1, LONGEST_OVERLAP + 1),
            "max-overlap",
            self.max_overlap,
            f"a whole number of words from 1 to {LONGEST_OVERLAP}, or a share of them between 0 and 1",
        )
        _require(self.stop is None or _valid(self.stop), "stop", self.stop, "at least one character of valid text")


def _valid(text: str) -> bool:
    return bool(text) and not any("\ud800" <= character <= "\udfff" for character in text)


def _require(holds: bool, name: str, value: object, choices: str) -> None:
    if not holds:
        raise UserError(f"{name} is {value!r}, and must be {choices}")


def generate(generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator) -> str:
    """The whole text that `stream` would give."""
    return "".join(stream(generator, prompt, sampling, rng))


def stream(generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator) -> Iterator[str]:
    """Text that goes on from a prompt, piece by piece as it is drawn, without the prompt.

    Exactly `sampling.length` characters, fewer where `sampling.stop` came up. A prompt that ends inside a piece is
    completed: the first tokens drawn agree with it. Raises ContractError where the generator's words lead nowhere.
    """
    left = sampling.length
    for text in until(_texts(generator, prompt, sampling, rng), sampling.stop):
        if left <= len(text):
            yield text[:left]
            return
        left -= len(text)
        yield text


def until(texts: Iterator[str], stop: str | None) -> Iterator[str]:
    """The texts up to a stop string, which may lie across several of them; held back while it may be coming.

    >>> "".join(until(iter(["ab", "cS", "TOP", "d"]), "STOP"))
    'abc'
    """
    if stop is None:
        yield from texts
        return
    held = ""
    for text in texts:
        held += text
        if stop in held:
            yield held[: held.index(stop)]
            return
        keep = next((n for n in range(min(len(stop) - 1, len(held)), 0, -1) if stop.startswith(held[-n:])), 0)
        yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    yield held


def _texts(generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator) -> Iterator[str]:
    """Non-empty texts without end, each what one token added; with `max_overlap`, each the end of a word."""
    drawing = _Drawing.of(generator, prompt, sampling, rng)
    return _novel(drawing, sampling) if sampling.max_overlap is not None else iter(drawing.next, None)


@dataclass
class _Drawing:
    """A text that is being drawn: all that one more token depends on."""

    generator: Generator
    sampling: Sampling
    rng: np.random.Generator
    state: State
    decoder: Decoder
    rest: str  # of the prompt, that what is drawn must agree with
    seen: set[int]
    tokens: int = 0
    characters: int = 0
    silent: bool = False  # the last token added no text
    drawable: Mask = field(init=False)
    wordless: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.drawable = self.generator.tokenizer.drawable()
        self.wordless = np.array([False] * BYTES + [not text for text in self.decoder.surfaces()])

    @classmethod
    def of(cls, generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator) -> _Drawing:
        """One that goes on from a prompt."""
        ids, rest = generator.tokenizer.resume(prompt)
        state, decoder = _read(generator, ids.tolist())
        return cls(generator, sampling, rng, state, decoder, rest, set(ids.tolist()))

    def copy(self) -> _Drawing:
        """One that stands at the same place, where no character is incomplete; it draws from the same randomness."""
        return replace(self, decoder=self.decoder.copy(), seen=set(self.seen))

    def next(self) -> str:
        """The text that comes next: of one token, or of several where the first add none."""
        fresh = ""
        while not fresh:
            if self.tokens > TOKENS_A_CHARACTER * (self.characters + 100):
                raise ContractError(f"{self.tokens} tokens drawn gave only {self.characters} characters")
            text = self._token()
            fresh, self.rest = text[len(self.rest) :], self.rest[len(text) :]
        return fresh

    def _token(self) -> str:
        allowed = self.drawable & ~self.wordless if self.silent else self.drawable
        log_probs = None
        if self.rest:
            log_probs = weighed(self.generator, self.state, self.decoder, self.rest, allowed)
        if log_probs is None or not np.isfinite(log_probs).any():  # no rest, or nothing agrees: it goes on without
            log_probs = self.generator.predict(self.state)
        token = draw(log_probs, allowed, self.seen, self.sampling, self.rng)
        text = self.decoder.feed(token)
        self.state = self.generator.advance(self.state, token)
        self.seen.add(token)
        self.tokens, self.characters, self.silent = self.tokens + 1, self.characters + len(text), not text
        return text


def _novel(drawing: _Drawing, sampling: Sampling) -> Iterator[str]:
    """Texts that copy no more than the limit: each word is held back until as many have come after it as may be copied.

    Raises UserError where nothing within the limit can be drawn, or the generator does not know its training text.
    """
    words = drawing.generator.training_words
    if words is None:
        raise UserError(
            "this generator does not know its training text; genbench.train(author, SPEC) trains one that does"
        )
    watch = Watch(words, max(1, words.limit(sampling.max_overlap or 1, sampling.length)))
    held = [_Held(drawing.copy(), watch.copy())]
    tries, most = 0, TRIES if sampling.temperature else 1  # greedy drawing finds the same again
    while True:
        text = drawing.next()
        ended, copied = watch.read(text)
        held[-1].text += text
        if copied:
            tries += 1
            if tries >= most:
                raise nothing_new(watch.limit, watch.last[:-1])
            del held[max(1, len(held) - tries // PATIENCE) :]
            drawing, watch, held[-1].text = held[-1].drawing.copy(), held[-1].watch.copy(), ""
        elif ended:
            held.append(_Held(drawing.copy(), watch.copy()))
            if len(held) > watch.limit + 2:
                tries = 0
                yield held.pop(0).text


@dataclass
class _Held:
    """A place where a word had ended, and the text drawn from there that may still be taken back."""

    drawing: _Drawing
    watch: Watch
    text: str = ""


def _read(generator: Generator, ids: list[int]) -> tuple[State, Decoder]:
    state, decoder = generator.begin(), Decoder(generator.tokenizer)
    for token in ids:
        state = generator.advance(state, token)
        decoder.feed(token)
    return state, decoder


def draw(log_probs: LogProbs, allowed: Mask, seen: set[int], sampling: Sampling, rng: np.random.Generator) -> int:
    """One token from the allowed ones, under the sampling controls.

    >>> rng = np.random.default_rng(0)
    >>> draw(np.log([0.2, 0.5, 0.3]), np.array([True, False, True]), set(), Sampling(temperature=0), rng)
    2
    """
    scores = np.where(allowed, log_probs, -np.inf)
    if np.isnan(scores).any() or not np.isfinite(scores.max()):
        raise ContractError("predict gives no probability to any token that may be drawn")
    if sampling.repetition_penalty != 1 and seen:
        scores[list(seen)] *= sampling.repetition_penalty
    if sampling.temperature == 0:
        return int(scores.argmax())
    shares = _cut(np.exp((scores - scores.max()) / sampling.temperature), sampling)
    ladder = np.cumsum(shares)
    return int(np.searchsorted(ladder, rng.random() * ladder[-1], side="right"))


def _cut(shares: LogProbs, sampling: Sampling) -> LogProbs:
    """Unnormalised probabilities with top-k, top-p and min-p applied, (vocabulary,)."""
    if sampling.top_k is not None and sampling.top_k < len(shares):
        kept = np.zeros(len(shares), dtype=bool)
        kept[np.argpartition(shares, -sampling.top_k)[-sampling.top_k :]] = True
        shares = np.where(kept, shares, 0)
    if sampling.top_p is not None:
        order = np.argsort(-shares, kind="stable")
        before = np.cumsum(shares[order]) - shares[order]
        shares = shares.copy()
        shares[order[before >= sampling.top_p * shares.sum()]] = 0
    if sampling.min_p is not None:
        shares = np.where(shares >= sampling.min_p * shares.max(), shares, 0)
    return shares
