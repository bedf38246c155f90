"""Optional capabilities of a generator, beyond the six methods of the contract.

Each protocol is optional, detected with `isinstance` or `supports`, and checked by the conformance kit against the six
methods. The functions below call the optional method if a generator has it, and otherwise fall back to the six methods,
so that the rest of genbench calls one function for every generator.

    protocol            what it adds
    BatchStepping       advance and log_probs for many states at once
    StreamScoring       the log-probability of each token of a long stream, faster than stepping
    BatchScoring        the same for many short streams
    QuantileSampling    a token at a given quantile, without the whole distribution
    StreamSampling      many tokens of one text in one call
    BatchStreamSampling the same of several texts
    StateRows           counting from a stream of tokens, with states that are rows of integers
    Conditioning        texts from its own distribution, given that they meet a constraint
    CharacterReading    a word model's predictions by the character, faster than the view of `charlevel`
    KnownWords          which tokens continue a word that the generator knows, so that samples need not spell others
    BackoffEvidence     the counts behind a prediction, one level per context length
    ContextLengths      how long a context was seen in training
    Activations         gates, memory and gradients of a recurrent network
    Adaptive            whether the generator learns from the text that it reads
    Counting            whether the generator learns by counting alone, so that its models can be merged
    ContextWindow       how many tokens a prediction depends on at most
    MemoryEstimate      how much memory its training needs at least
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from genbench.generator import Generator, LogProbs, ProgressCallback, State, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

PROGRESS_EVERY = 256  # tokens


@dataclass(frozen=True)
class BackoffLevel:
    """The counts and probabilities of the next token after a context of one length, in a back-off model."""

    length: int  # of the context, in tokens
    leftover: float  # probability mass left to shorter contexts, 0 to 1
    tokens: Ids  # (n,) tokens that followed this context
    counts: LogProbs  # (n,) how often, as the smoothing method counts
    discounts: LogProbs  # (n,) subtracted from each count
    probabilities: LogProbs  # (n,) of each token, interpolated with all shorter contexts


@dataclass(frozen=True)
class LayerActivations:
    """The activations of one recurrent layer over a text; each array is (tokens, units)."""

    memory: LogProbs
    gates: dict[str, LogProbs]  # by name, such as "forget": from 0, closed, to 1, open


class Probe(Protocol):
    """Access to the activations and gradients of a recurrent network, for the analyses `gates` and `memory`."""

    def layers(self, ids: Ids) -> Sequence[LayerActivations]:
        """Return the activations of each layer after each token, read from `start()`, the lowest layer first."""

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        """Return the gradient norm of a token's surprisal with respect to earlier inputs, (positions, lags).

        The first column is lag 1, in tokens. If `scale` is given, an untrained network is used, with its initial
        recurrent weights multiplied by `scale`.
        """


@runtime_checkable
class BatchStepping(Protocol):
    """Advances and predicts from many states at once, with the same results as one at a time."""

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        """Return the state after one more token for each state."""

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        """Return the log-probabilities of the first `stop` tokens (None: all) for each state, (states, tokens)."""


@runtime_checkable
class StreamScoring(Protocol):
    """Scores a stream of tokens faster than stepping through it."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        """Return the natural log-probability of each token given those before it, (tokens,), read from `start()`."""


@runtime_checkable
class BatchScoring(Protocol):
    """Scores many short streams at once."""

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        """Return `token_log_probs` of each stream, each read from `start()`."""


@runtime_checkable
class QuantileSampling(Protocol):
    """Samples without computing the whole distribution."""

    def quantile_tokens(self, states: Sequence[State], uniforms: LogProbs, temperature: float) -> Ids:
        """Return for each state the token at a quantile from 0 to 1, (states,).

        The tokens form intervals, in any order, of width exp(log_probs(state) / temperature), normalized. Return -1 for
        a state that this method does not support; `log_probs` is used instead.
        """


@runtime_checkable
class StreamSampling(Protocol):
    """Samples many tokens of one text in one call."""

    def sample_stream(
        self, state: State, rng: np.random.Generator, count: int, temperature: float, first_token: int
    ) -> tuple[Ids, Sequence[State]]:
        """Return `count` tokens, or none where the state does not support it, and the state after each of them.

        Each token is the one whose interval contains `rng.random()`, called once for each token: that of
        `quantile_tokens`, if the generator has it for this state; else the tokens from `first_token` on form intervals,
        in the order of their ids, of width exp(log_probs / temperature), normalized.
        """


@runtime_checkable
class BatchStreamSampling(Protocol):
    """Samples many tokens of several texts in one call; a generator that has it has `StreamSampling` too."""

    def sample_streams(
        self,
        states: Sequence[State],
        rngs: Sequence[np.random.Generator],
        counts: Sequence[int],
        temperature: float,
        first_token: int,
    ) -> list[tuple[Ids, Sequence[State]]]:
        """Return what `sample_stream` returns for each text."""


@runtime_checkable
class StateRows(Protocol):
    """Counts a stream of tokens, and has states of few integers, so that the states of a text are one array.

    A network with the option `base` learns what such a model lacks. Rows of states are (states, integers).
    """

    def build_tokenizer(self, train: str) -> Tokenizer:
        """Return the tokenizer for a training text."""

    def fit_ids(self, tokenizer: Tokenizer, stream: Ids, validation: Ids, context: TrainContext) -> None:
        """Learn from a stream of tokens, (tokens,); `validation`, (tokens,), may fit a few weights."""

    def read_rows(self, ids: Ids, row: Ids | None = None) -> Ids:
        """Return the states before each token and after the last, read from a state, or where nothing was read yet."""

    def group_log_probs(self, rows: Ids, groups: Ids) -> npt.NDArray[np.float32]:
        """Return log-probabilities of groups of tokens for each state, (states, groups).

        `groups` has the group of each token, (vocabulary,).
        """

    def selected_log_probs(self, rows: Ids, tokens: Ids) -> npt.NDArray[np.float32]:
        """Return log-probabilities of some tokens for each state, (states, tokens)."""

    def evidence_rows(self, rows: Ids) -> Ids:
        """Return what is known of the context of each state: its length, followers and occurrences, (states, 3)."""


class Conditioned(Protocol):
    """A generator from one state on, given that an automaton accepts the text."""

    @property
    def probability(self) -> float:
        """The probability that a text of the generator is accepted."""

    def sample(self, rng: np.random.Generator) -> tuple[Ids, bool]:
        """Return the tokens of an accepted text, (tokens,), and whether the last one is part of it."""


@runtime_checkable
class Conditioning(Protocol):
    """Samples whole texts in proportion to their probability, among those that a finite automaton accepts."""

    def condition(
        self, state: State, automaton: Any, temperature: float, progress: ProgressCallback = ignore
    ) -> Conditioned | None:
        """Return the generator after a state, given a `sampling.constraints.TokenAutomaton`.

        Its distribution is that of samples at a temperature. Returns None for a state or a model that does not support
        it, such as one with too many states.
        """


@runtime_checkable
class CharacterReading(Protocol):
    """A word model that computes the predictions of the next character itself."""

    def character_view(self) -> Any:
        """Return an object with the methods of `charlevel.CharacterView`, or None where this model has none."""


@runtime_checkable
class KnownWords(Protocol):
    """Knows which words it would write without its escape to spelling; samples have no others, unless asked for."""

    def known_tokens(self, state: State) -> npt.NDArray[np.bool_]:
        """Return which tokens begin, continue or end a known word, (vocabulary,), at least one of them."""


@runtime_checkable
class BackoffEvidence(Protocol):
    """Shows the counts behind a prediction."""

    def backoff_levels(self, state: State) -> Sequence[BackoffLevel]:
        """Return the counts and probabilities of the next token for each context length, the shortest first."""


@runtime_checkable
class ContextLengths(Protocol):
    """Reports how much of the current context occurred in training; mixtures weight their parts by it."""

    def context_length(self, state: State) -> int:
        """Return the number of tokens at the end of the context that occurred together in the training text."""

    def context_lengths(self, ids: Ids) -> Ids:
        """Return the context length before each token of a stream, (tokens,), read from `start()`."""


@runtime_checkable
class Activations(Protocol):
    """A recurrent network whose gates and memory can be read."""

    def probe(self) -> Probe:
        """Return the probe of the trained network."""


@runtime_checkable
class Adaptive(Protocol):
    """A generator that can learn from the text it reads while it is scored; its row is ranked separately."""

    @property
    def adapts(self) -> bool:
        """Whether this generator, with its current options, learns while it reads."""


@runtime_checkable
class Counting(Protocol):
    """A generator whose predictions follow from its text alone: not from a seed, a budget, or the order of trainings.

    genbench stores the text of such a model with it. Models are merged, and a text is added or forgotten, by counting
    the joined text again, which gives what a training on it gives, to the last bit.
    """

    @property
    def learns_by_counting(self) -> bool:
        """Whether this generator, with its current options, learns by counting alone."""


@runtime_checkable
class ContextWindow(Protocol):
    """A generator that looks at a window of the last tokens, such as a Transformer.

    A passage that it can still see is easy to repeat. Where `compare` tests whether a generator learns while it reads,
    it puts more other text than the declared window between a passage and its repetition.
    """

    @property
    def context_window(self) -> int:
        """The number of tokens before the next one that its prediction depends on at most."""


@runtime_checkable
class MemoryEstimate(Protocol):
    """Estimates the memory that its training needs, so that one that cannot fit is refused before it starts."""

    def training_memory(self) -> int:
        """Return the bytes that training with these options needs at least, whatever the text."""


@lru_cache(maxsize=1024)
def supports(kind: type, capability: type) -> bool:
    """Return whether a generator class has all methods of a capability; cached, for loops over tokens."""
    return issubclass(kind, capability)


def is_adaptive(generator: Generator) -> bool:
    """Return whether a generator learns from the text it reads while it is scored."""
    return isinstance(generator, Adaptive) and bool(generator.adapts)


def learns_by_counting(generator: Generator) -> bool:
    """Return whether a generator learns by counting alone; False for one without the capability."""
    return isinstance(generator, Counting) and bool(generator.learns_by_counting)


def context_window(generator: Generator) -> int | None:
    """Return how many tokens a prediction depends on at most; None for a generator without the capability."""
    return int(generator.context_window) if isinstance(generator, ContextWindow) else None


def training_memory(generator: Generator) -> int:
    """Return the bytes that the training needs at least; 0 for a generator without the capability."""
    return generator.training_memory() if isinstance(generator, MemoryEstimate) else 0


def advance_batch(generator: Generator, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
    """Return the state after one more token for each state."""
    # `supports` is cached: this is called for every token
    if supports(type(generator), BatchStepping):
        return generator.advance_batch(states, tokens)  # type: ignore[attr-defined, no-any-return]
    return [generator.advance(state, token) for state, token in zip(states, tokens, strict=True)]


def log_probs_batch(
    generator: Generator, states: Sequence[State], stop: int | None = None
) -> Sequence[LogProbs] | LogProbs:
    """Return the log-probabilities of the first `stop` tokens (None: all) for each state, (states, tokens)."""
    if supports(type(generator), BatchStepping):
        return generator.log_probs_batch(states, stop)  # type: ignore[attr-defined, no-any-return]
    return [generator.log_probs(state)[:stop] for state in states]


def sample_streams(
    generator: Generator,
    states: Sequence[State],
    rngs: Sequence[np.random.Generator],
    counts: Sequence[int],
    temperature: float,
    first_token: int,
) -> list[tuple[Ids, Sequence[State]]]:
    """Return some tokens of each text, and the states after them; the generator has `StreamSampling`."""
    sampler: Any = generator
    if supports(type(generator), BatchStreamSampling):
        return list(sampler.sample_streams(states, rngs, counts, temperature, first_token))
    streams = zip(states, rngs, counts, strict=True)
    return [sampler.sample_stream(state, rng, count, temperature, first_token) for state, rng, count in streams]


def step_through(generator: Generator, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
    """Return the log-probability of each token, (tokens,), by the six methods alone: the reference for all others."""
    log_probs = np.empty(len(ids))
    state = generator.start()
    for position, token in enumerate(ids.tolist()):
        # predict before the state is advanced
        log_probs[position] = generator.log_probs(state)[token]
        state = generator.advance(state, token)

        if position % PROGRESS_EVERY == 0:
            progress(position / len(ids))
    return log_probs


def token_log_probs(generator: Generator, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
    """Return the natural log-probability of each token given those before it, (tokens,), read from `start()`."""
    if isinstance(generator, StreamScoring):
        return generator.token_log_probs(ids, progress)
    return step_through(generator, ids, progress)


def token_log_probs_batch(generator: Generator, streams: Sequence[Ids]) -> list[LogProbs]:
    """Return the log-probabilities of many short streams, each read from `start()`."""
    # a generator without this capability may still score whole streams fast
    if isinstance(generator, BatchScoring):
        return generator.token_log_probs_batch(streams)
    return [token_log_probs(generator, ids) for ids in streams]


def backoff_levels(generator: Generator, state: State) -> Sequence[BackoffLevel]:
    """Return the counts behind a prediction, the shortest context first; empty for a generator without counts."""
    return generator.backoff_levels(state) if isinstance(generator, BackoffEvidence) else ()


def context_length(generator: Generator, state: State) -> int:
    """Return how many tokens of the context occurred together in training; 0 for a generator without the capability."""
    if supports(type(generator), ContextLengths):
        return generator.context_length(state)  # type: ignore[attr-defined, no-any-return]
    return 0


def context_lengths(generator: Generator, ids: Ids) -> Ids:
    """Return the context length before each token of a stream, (tokens,); zeros without the capability."""
    if isinstance(generator, ContextLengths):
        return generator.context_lengths(ids)
    return np.zeros(len(ids), np.int64)


def probe(generator: Generator) -> Probe | None:
    """Return the probe of a recurrent network; None for a generator without one."""
    return generator.probe() if isinstance(generator, Activations) else None


def has_probe(kind: type[Generator]) -> bool:
    """Return whether generators of a class have a probe."""
    return supports(kind, Activations)
