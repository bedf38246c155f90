"""Dynamic evaluation: a trained network that goes on learning from the text it reads (Mikolov et al. 2010).

A text is read in segments. All tokens of a segment are predicted, and only then do the weights w take one step against
the gradient of its loss, and back towards the trained weights (Krause et al. 2018, with the scaling of their RMS rule):

    w = w - rate * gradient / (rms + RMS_FLOOR * mean rms)          w = w + decay * (trained w - w)

rms is the root mean square of a weight's gradient over segments of the training text. The quotient is clipped to
MAX_QUOTIENT: a weight that had almost no gradient there may have a large one now. Rate and decay are fitted on
validation text; where learning does not help there, the rate is 0. Steps and streams compute the same updates, because
both learn from whole segments only. A neural cache (`neural_cache.py`) may add what followed similar hidden values.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from genbench.generator import Learned, LogProbs, Progress, ProgressCallback, TrainContext, ignore
from genbench.neural.inference import RNNState, stack_states
from genbench.neural.network import CoreState, Network, detach_state, map_state
from genbench.neural.neural_cache import NeuralCache, Part, fit_cache
from genbench.neural.weight_versions import SharedNetwork, Version
from genbench.tokenization.tokenizer import Ids

SEGMENT = 16  # tokens
RMS_FLOOR = 0.1  # share of the mean rms that is added, so that weights with tiny gradients do not jump
MAX_QUOTIENT = 30.0  # of a gradient and its rms
MIN_DIVISOR = 1e-12  # where all gradients are next to zero
RMS_SEGMENTS, RMS_RUN_UP = 100, 64  # segments of training text that measure the rms, and tokens read before each
RATES = (1.25e-5, 2.5e-5, 5e-5, 1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3)
DECAYS = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.008)
DEFAULT_RATE, DEFAULT_DECAY = 4e-4, 0.002  # where the search starts
FIT_TOKENS = 8_000  # of validation text
PROGRESS_SEGMENTS = 64  # between two reports
EXPECTED_TRIALS, TIMED_TOKENS = 10, 320  # readings of the text that a search takes; tokens that measure the speed
MIN_FIT_TOKENS = 64  # a shorter validation text fits nothing


@dataclass(frozen=True)
class Adaptation:
    """How a network learns while it reads: the rate, the decay, the rms of the gradient of each weight, and a cache."""

    rate: float
    decay: float
    rms: dict[str, torch.Tensor] = field(repr=False)  # by name of the parameter
    cache: NeuralCache | None = None

    @cached_property
    def divisors(self) -> list[torch.Tensor]:
        """What divides the gradients, in the order of the parameters; infinite if no weight had a gradient."""
        mean = sum(float(rms.sum()) for rms in self.rms.values()) / sum(rms.numel() for rms in self.rms.values())
        return [rms + (max(RMS_FLOOR * mean, MIN_DIVISOR) if mean else math.inf) for rms in self.rms.values()]

    def dump(self) -> Learned:
        """Return JSON values and numpy arrays for `restore`."""
        rms = {name: rms.numpy() for name, rms in self.rms.items()}
        return {"rate": self.rate, "decay": self.decay, "rms": rms, "cache": self.cache and self.cache.dump()}

    @classmethod
    def restore(cls, learned: Learned, network: Network) -> Adaptation:
        """Return what `dump` gave. Raises ValueError for values that do not belong to the network."""
        rate, decay = float(learned["rate"]), float(learned["decay"])
        rms = {name: torch.tensor(learned["rms"][name]) for name, _ in network.named_parameters()}
        shapes = {name: parameter.shape for name, parameter in network.named_parameters()}
        valid = len(learned["rms"]) == len(rms) and {name: value.shape for name, value in rms.items()} == shapes
        valid = valid and 0 <= rate <= 1 and 0 <= decay <= 1
        if not valid or not all(torch.isfinite(value).all() and (value >= 0).all() for value in rms.values()):
            raise ValueError("the rates of dynamic evaluation belong to another network")
        cache = learned.get("cache")
        return cls(rate, decay, rms, NeuralCache.restore(cache) if cache else None)


class Learner:
    """Weights that change segment by segment: a copy of a network, or with `in_place` itself, and its steps."""

    def __init__(self, network: Network, trained: Network, adaptation: Adaptation, in_place: bool = False) -> None:
        self.network, self.adaptation = network if in_place else copy.deepcopy(network).eval(), adaptation
        self.parameters, self.trained = list(self.network.parameters()), list(trained.parameters())

    def predict(
        self, inputs: torch.Tensor, targets: torch.Tensor, state: CoreState
    ) -> tuple[torch.Tensor, Part, CoreState]:
        """Return the log-probabilities of the targets of a segment, (tokens,), and the core's state after it.

        Between both, what a neural cache remembers of the segment.
        """
        with torch.enable_grad():
            log_probs, hidden, state = self.network.read_targets(inputs[None], targets[None], state)
        return log_probs[0], Part(hidden[0].detach().double().numpy(), targets.numpy()), detach_state(state)

    @torch.no_grad()
    def learn(self, log_probs: torch.Tensor) -> None:
        """Take one step on the log-probabilities that `predict` returned."""
        if not self.adaptation.rate:
            return
        gradients = _loss_gradients(log_probs, self.parameters)
        divisors, rate, decay = self.adaptation.divisors, self.adaptation.rate, self.adaptation.decay
        for weights, trained, gradient, divisor in zip(self.parameters, self.trained, gradients, divisors, strict=True):
            if gradient is not None:  # a cluster of rare tokens takes part only where one of them occurs
                weights.sub_((gradient / divisor).clamp_(-MAX_QUOTIENT, MAX_QUOTIENT), alpha=rate)
            weights.lerp_(trained, decay)


@dataclass(frozen=True)
class LearningState:
    """A state between two tokens of a segment."""

    read: RNNState  # after the last token
    version: Version
    before: CoreState  # state of the core before the segment, numpy arrays
    segment: tuple[int, ...]  # its tokens so far
    memory: tuple[Part, ...] = ()  # of the segments before, for the neural cache
    recent: tuple[Part, ...] = ()  # of this segment, token by token


class LearningReader:
    """A reader of a network that learns from what it reads (`reader.Reader`); the network itself is not changed."""

    def __init__(self, network: Network, prefix: Ids, adaptation: Adaptation) -> None:
        self.network, self.prefix, self.adaptation = network.eval(), prefix, adaptation

    @cached_property
    def trained(self) -> Version:
        """The version before any text, which only steps need."""
        return Version(SharedNetwork(self.network), [weights.detach() for weights in self.network.parameters()])

    def start(self) -> LearningState:
        first, *rest = self.prefix.tolist()
        state = LearningState(self.trained.step(first, None), self.trained, None, (first,))
        for token in rest:
            state = self._advance(state, token)
        return state

    def advance_batch(self, states: Sequence[LearningState], tokens: Sequence[int]) -> list[LearningState]:
        return [self._advance(state, token) for state, token in zip(states, tokens, strict=True)]

    def log_probs_batch(self, states: Sequence[LearningState]) -> LogProbs:
        # states of one segment have the same weights, and are predicted together
        rows_of: dict[int, list[int]] = {}
        for row, state in enumerate(states):
            rows_of.setdefault(id(state.version), []).append(row)
        results: list[LogProbs] = [np.empty(0)] * len(states)
        for rows in rows_of.values():
            batch = stack_states([states[row].read for row in rows])
            for row, log_probs in zip(rows, states[rows[0]].version.log_probs(batch), strict=True):
                results[row] = self._add_cache(log_probs, states[row])
        return np.stack(results)

    def _add_cache(self, log_probs: LogProbs, state: LearningState) -> LogProbs:
        """Return the network's log-probabilities after a state, (vocabulary,), mixed with those of the cache."""
        cache = self.adaptation.cache
        return (
            log_probs
            if cache is None
            else cache.log_probs(log_probs, state.read.output[0].astype(np.float64), state.memory + state.recent)
        )

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        stream = torch.cat([torch.from_numpy(self.prefix), torch.tensor(ids)])
        cache, memory, results = self.adaptation.cache, tuple[Part, ...](), [np.empty(0)]
        for log_probs, part in self.read(stream, progress):
            if cache is not None:
                log_probs = cache.target_log_probs(log_probs, part, memory)
                memory = cache.remember(memory, part)
            results.append(log_probs)
        return np.concatenate(results)[len(self.prefix) - 1 :]

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return [self.token_log_probs(ids) for ids in streams]

    def read(self, stream: torch.Tensor, progress: ProgressCallback = ignore) -> Iterator[tuple[LogProbs, Part]]:
        """Yield the network's log-probabilities of the tokens after the first, (tokens,), segment by segment.

        The network learns after each segment. Each comes with what a neural cache remembers of it.
        """
        learner, state = Learner(self.network, self.network, self.adaptation), None
        for segment, start in enumerate(range(0, len(stream) - 1, SEGMENT)):
            targets = stream[start + 1 : start + 1 + SEGMENT]
            log_probs, part, state = learner.predict(stream[start : start + len(targets)], targets, state)
            yield log_probs.detach().double().numpy(), part
            if len(targets) == SEGMENT:
                learner.learn(log_probs)
            if segment % PROGRESS_SEGMENTS == 0:
                progress(start / len(stream))

    def _advance(self, state: LearningState, token: int) -> LearningState:
        """Return the state after one more token; the first token of a segment finds the weights changed by the last."""
        if len(state.segment) < SEGMENT:
            read = state.version.step(token, state.read.core)
            last = (
                ()
                if self.adaptation.cache is None
                else (Part(state.read.output.astype(np.float64), np.array([token])),)
            )
            return replace(state, read=read, segment=(*state.segment, token), recent=state.recent + last)

        # the new token is the last target of the segment
        inputs, targets = torch.tensor(state.segment), torch.tensor((*state.segment[1:], token))
        before = None if state.before is None else map_state(torch.from_numpy, state.before)
        with state.version.successor_network() as (network, version):
            learner = Learner(network, self.network, self.adaptation, in_place=True)
            log_probs, part, after = learner.predict(inputs, targets, before)
            learner.learn(log_probs)

        # continue from the core's state of that pass, as a stream does
        core, cache = map_state(torch.Tensor.numpy, after), self.adaptation.cache
        memory = () if cache is None else cache.remember(state.memory, part)
        return LearningState(version.step(token, core), version, core, (token,), memory)


def _loss_gradients(log_probs: torch.Tensor, parameters: Sequence[torch.Tensor]) -> Sequence[torch.Tensor | None]:
    """Return the gradients of the mean loss of a segment; None for a parameter that took no part."""
    weights = torch.full_like(log_probs, -1 / len(log_probs))  # of each log-probability in the mean loss
    return torch.autograd.grad(log_probs, parameters, weights, allow_unused=True)


def measure_rms(network: Network, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the root mean square of each weight's gradient over segments of a training text, (tokens,).

    Each gradient is that of the mean loss of a segment, as in `Learner.learn`.
    """
    network.eval()
    squares = {name: torch.zeros_like(parameter) for name, parameter in network.named_parameters()}
    run_up = max(min(RMS_RUN_UP, len(ids) - SEGMENT - 1), 1)  # of a short text, less is read before
    last = max(len(ids) - run_up - SEGMENT - 1, 0)
    for start in np.linspace(0, last, RMS_SEGMENTS).astype(int).tolist():
        # the state before the segment, and its loss
        with torch.no_grad():
            _, state = network(ids[None, start : start + run_up], None)
        inputs, targets = (ids[None, start + run_up + shift :][:, :SEGMENT] for shift in (0, 1))
        if not targets.shape[1]:
            break
        log_probs, _ = network.target_log_probs(inputs[:, : targets.shape[1]], targets, state)
        gradients = _loss_gradients(log_probs[0], list(network.parameters()))
        for total, gradient in zip(squares.values(), gradients, strict=True):
            if gradient is not None:
                total += gradient.square()
    return {name: (total / RMS_SEGMENTS).sqrt() for name, total in squares.items()}


@dataclass
class AdaptationFit:
    """The search for the values of an adaptation that need the fewest bits for a validation text, (tokens,).

    The rate is searched first, then the decay, in steps from a usual value as long as the loss falls; then the cache.
    """

    network: Network
    prefix: Ids
    validation: Ids
    context: TrainContext
    losses: dict[tuple[int, float, float], float] = field(init=False, default_factory=dict)  # of all trials

    def fit(self, adaptation: Adaptation, fitted: Collection[str], seconds: float | None) -> Adaptation:
        """Return an adaptation with the best values of those that are to be fitted; `seconds` limit the text read.

        `fitted` has some of "rate", "decay", "share" and "scale"; the last two are those of the neural cache.
        """
        ids = self.validation[: self._tokens(adaptation, seconds)]
        if not fitted or len(ids) < MIN_FIT_TOKENS:
            return adaptation
        cache, adaptation = adaptation.cache, replace(adaptation, cache=None)
        if "rate" in fitted:
            choices = [replace(adaptation, rate=value) for value in RATES]
            adaptation = self._search(ids, choices, RATES.index(DEFAULT_RATE))

            # not to learn at all, if that is better
            adaptation = self._search(ids, [replace(adaptation, rate=0.0), adaptation], 1)
        if "decay" in fitted and adaptation.rate:
            choices = [replace(adaptation, decay=value) for value in DECAYS]
            adaptation = self._search(ids, choices, DECAYS.index(DEFAULT_DECAY))
        if cache is not None:
            cache = self._fit_cache(ids, adaptation, cache, fitted)
        return replace(adaptation, cache=cache)

    def _fit_cache(self, ids: Ids, adaptation: Adaptation, cache: NeuralCache, fitted: Collection[str]) -> NeuralCache:
        """Return a cache with the best share and scale, if they are to be fitted."""
        reader = LearningReader(self.network, self.prefix, adaptation)
        log_probs, parts = zip(*reader.read(torch.from_numpy(np.concatenate([self.prefix, ids]))), strict=True)
        return fit_cache(cache, list(parts), np.concatenate(log_probs), "share" in fitted, "scale" in fitted)

    def _tokens(self, adaptation: Adaptation, seconds: float | None) -> int:
        """Return how many tokens of validation text the time allows to read in all trials."""
        if seconds is None:
            return FIT_TOKENS
        started = self.context.clock()
        self._nats(adaptation, self.validation[:TIMED_TOKENS])
        pace = (self.context.clock() - started) / TIMED_TOKENS
        return max(0, min(FIT_TOKENS, int(seconds / max(pace, 1e-9) / EXPECTED_TRIALS) - TIMED_TOKENS))

    def _search(self, ids: Ids, choices: Sequence[Adaptation], start: int) -> Adaptation:
        """Return the choice with the lowest loss that is reached from `start` by steps that lower the loss."""
        best = start
        for step in (1, -1):
            while 0 <= best + step < len(choices):
                if self._nats(choices[best + step], ids) >= self._nats(choices[best], ids):
                    break
                best += step
        return choices[best]

    def _nats(self, adaptation: Adaptation, ids: Ids) -> float:
        """Return the loss of a text that is read with dynamic evaluation, in nats; known ones are kept."""
        key = len(ids), adaptation.rate, adaptation.decay
        if key not in self.losses:
            share = min((len(self.losses) + 1) / EXPECTED_TRIALS, 1.0)
            self.context.report(Progress(0.9 + 0.1 * share, note="fitting how fast to adapt"))
            log_probs = LearningReader(self.network, self.prefix, adaptation).token_log_probs(ids)
            self.losses[key] = -float(log_probs.sum())
        return self.losses[key]
