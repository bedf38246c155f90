"""The contract: what a generator is, and what the bench decides about one training run.

A generator is a state, a distribution over the next token given the state, and a rule to advance the state.
Sampling, scoring, saving and checking are derived from these three, once, in the core.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from genbench.errors import UserError
from genbench.overlap import TrainingWords
from genbench.tokenizer import Ids, Tokenizer

State: TypeAlias = Any
LogProbs = npt.NDArray[np.float64]
Learned = dict[str, Any]
Tell = Callable[[float], None]  # whom a long work tells how much of it is done, 0 to 1
TOLD_EVERY = 256  # tokens


@dataclass(frozen=True)
class Progress:
    """How far a training run is: for progress bars, learning curves and tests."""

    fraction: float  # of the run, 0 to 1
    step: int = 0
    loss: float | None = None  # bits per token of the training text, as it goes
    speed: float | None = None  # characters a second
    note: str = ""
    valid: float | None = None  # bits per character of valid text, where it has just been measured


def within(tell: Tell, before: float, width: float) -> Tell:
    """Whom one part of a long work tells its share, as a share of the whole."""
    return lambda share: tell(before + width * share)


@dataclass(frozen=True)
class Evidence:
    """What one length of context says of the next token, for `explain`; shorter contexts are asked for the rest."""

    length: int  # of the context, in tokens
    leftover: float  # the share that shorter contexts get
    tokens: Ids  # (n,) what followed this context
    counts: LogProbs  # (n,) how often, as the smoothing counts
    discounts: LogProbs  # (n,) what was taken from each count
    probabilities: LogProbs  # (n,) of each token by this context and all shorter ones


@dataclass(frozen=True)
class Layer:
    """What one layer of a recurrent network held while it read a text; all (tokens, units)."""

    memory: LogProbs
    gates: dict[str, LogProbs]  # by name, such as forget: shares from 0, shut, to 1, open


class Probe(Protocol):
    """A look inside a recurrent network, for `cells` and `memory`."""

    def layers(self, ids: Ids) -> Sequence[Layer]:
        """What each layer held after each token, read from `begin()`, the lowest layer first."""

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        """How much a token's surprisal depends on the input so many tokens before it, (places, lags), lag 1 first.

        The norm of the gradient of minus ln p; with a scale that of an untrained network whose recurrent weights were
        drawn as at first and multiplied by it.
        """


def _ignore(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Run:
    """What the bench, not the generator, decides about one training run.

    `budget` is in seconds, `steps` in optimiser steps; with neither, a generator trains as long as it thinks right.
    `save` and `resume` reach a checkpoint that the bench keeps: JSON values and numpy arrays, as in `Generator.dump`.
    """

    seed: int = 0
    device: str = "cpu"
    budget: float | None = None
    steps: int | None = None
    reporter: Callable[[Progress], None] = field(default=_ignore, repr=False)
    keeper: Callable[[Learned], None] = field(default=_ignore, repr=False)
    kept: Callable[[], Learned | None] = field(default=_ignore, repr=False)

    def report(self, progress: Progress) -> None:
        """Tell how far the training is."""
        self.reporter(progress)

    def save(self, state: Learned) -> None:
        """Keep a checkpoint; it replaces the one before."""
        self.keeper(state)

    def resume(self) -> Learned | None:
        """The checkpoint kept by an earlier, interrupted run of the same training; None where there is none."""
        return self.kept()

    def part(self, name: str, share: float) -> Run:
        """A run for one part of a generator made of generators: a share of the budget, its own seed and checkpoint."""
        seed = int(np.random.SeedSequence([self.seed, *name.encode()]).generate_state(1)[0])
        return replace(
            self,
            seed=seed,
            budget=None if self.budget is None else self.budget * share,
            steps=None if self.steps is None else max(1, round(self.steps * share)),
            reporter=lambda progress: self.report(replace(progress, note=f"{name}: {progress.note}".rstrip(": "))),
            keeper=lambda state: self.save({**(self.resume() or {}), name: state}),
            kept=lambda: (self.resume() or {}).get(name),
        )


class Generator(ABC):
    """A text generator. A subclass is a dataclass whose fields are its hyper-parameters, all with defaults.

    tokenizer   set by `fit`; set by the bench before `restore`
    facts       what the generator has to say of itself, shown with its row; "notes" is a list of sentences
    training_words  set by the bench after `fit`, kept with the model: what the sampling control max_overlap looks up
    kept_as     the name of the model that it was loaded from, "" where it was not: set by the bench
    telling     set by the bench while it reads a long text: whom `token_log_probs` tells its share, 0 to 1, if it likes
    contract    the version of this contract that the class was written for; one that says nothing is of the first
    expected_failures  checks of `genbench.testing` that the class does not hold, each with the reason
    """

    contract: ClassVar[int] = 1
    expected_failures: ClassVar[Mapping[str, str]] = {}

    tokenizer: Tokenizer
    facts: dict[str, Any]
    training_words: TrainingWords | None
    kept_as: str
    telling: Tell

    def __new__(cls, *_: Any, **__: Any) -> Generator:
        made = super().__new__(cls)
        made.facts = {}
        made.training_words, made.kept_as = None, ""
        made.telling = _ignore
        return made

    def __getattr__(self, name: str) -> Any:
        if name == "tokenizer":
            raise UserError(f"this {type(self).__name__} is not trained; genbench.train(author, SPEC) trains one")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @abstractmethod
    def fit(self, train: str, valid: str, run: Run) -> None:
        """Learn from `train`, forgetting any earlier fit.

        `valid` may decide when to stop and fit a few weights; counts and vocabulary come from `train` alone.
        """

    @abstractmethod
    def begin(self) -> State:
        """The state before the first token: as if a newline had just been read."""

    @abstractmethod
    def advance(self, state: State, token: int) -> State:
        """The state after one more token: a new value; the old state stays usable."""

    @abstractmethod
    def predict(self, state: State) -> LogProbs:
        """Natural log-probabilities of the next token, (vocabulary,); their exponentials sum to one, none is -inf."""

    @abstractmethod
    def dump(self) -> Learned:
        """What was learned: JSON values and numpy arrays only."""

    @abstractmethod
    def restore(self, learned: Learned) -> None:
        """Take back what `dump` gave; the tokenizer is there already."""

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        """`advance` of many states at once; override it where together is faster."""
        return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]

    def predict_batch(self, states: Sequence[State], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        """`predict` of many states at once, (states, vocabulary), or of its first `stop` tokens alone; override it
        where together is faster."""
        return [self.predict(state)[:stop] for state in states]

    def quantiles(self, states: Sequence[State], uniforms: LogProbs, temperature: float) -> Ids:
        """To draw without whole distributions, where that is faster: the token of each state at a number from 0 to 1.

        The tokens lie side by side, in any order, as wide as exp(predict(state) / temperature), normalised; -1 where
        the generator does not say, and `predict` is asked.
        """
        return np.full(len(states), -1)

    def evidence(self, state: State) -> Sequence[Evidence]:
        """What each length of context says of the next token, shortest first; nothing where no counts say it."""
        return ()

    def depth(self, state: State) -> int:
        """How many tokens of the context were seen together before; 0 where that means nothing. For mixtures."""
        return 0

    def depths(self, ids: Ids) -> Ids:
        """The depth before each token of a stream, (tokens,), read from `begin()`."""
        found = np.zeros(len(ids), np.int64)
        if type(self).depth is not Generator.depth:
            state = self.begin()
            for place, token in enumerate(ids.tolist()):
                found[place] = self.depth(state)
                state = self.advance(state, token)
        return found

    def token_log_probs(self, ids: Ids) -> LogProbs:
        """The natural log-probability of each token given those before it, (tokens,), read from `begin()`.

        Walks the steps; override it for speed: the conformance kit and every scoring run prove the two equal.
        """
        found = np.empty(len(ids))
        state = self.begin()
        for place, token in enumerate(ids.tolist()):
            found[place] = self.predict(state)[token]
            state = self.advance(state, token)
            if place % TOLD_EVERY == 0:
                self.telling(place / len(ids))
        return found

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        """`token_log_probs` of many short streams; override it where together is faster."""
        return [self.token_log_probs(ids) for ids in streams]

    def probe(self) -> Probe | None:
        """A look inside; None where there is no recurrent network."""
        return None
