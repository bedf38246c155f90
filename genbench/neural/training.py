"""The training loop: truncated backpropagation through time (truncated BPTT, Williams & Peng 1990) with carried state.

A `BatchSampler` yields the batches; a `Schedule` sets the learning rates and the length of the run. A step is forward,
backward, gradient clipping (Pascanu et al. 2013) and an update. Between the parts of the schedule, the averaged weights
are validated; the network ends with the best of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import nn

from genbench.generator import Generator, Progress, TrainContext
from genbench.neural.batches import Batch, BatchSampler
from genbench.neural.checkpoint import TrainingState, blame_checkpoint, capture, restore
from genbench.neural.distributed import SINGLE_PROCESS, ProcessGroup
from genbench.neural.heads import AdaptiveSoftmaxHead
from genbench.neural.interpolation import OWN_SHARE, OWN_SPACING
from genbench.neural.network import CoreState, Network, detach_state
from genbench.neural.optimizers import OptimizerConfig, create_optimizers, scale_learning_rates
from genbench.neural.schedule import KNOTS, WARM_UP, Schedule, learning_rate_share
from genbench.neural.weight_average import AVERAGE_EVERY, WeightAverage

FIRST_VALIDATION = 0.1  # fraction of the run
ALWAYS_VALIDATED = (0.3, 0.6, 0.9)  # fractions of the run
MAX_VALIDATION_TOKENS = 16_384
VALIDATION_SPACING = 4  # tokens that are trained on for each one that is validated, at least
MIN_EARLY, MAX_EARLY = 256, 2_048  # tokens of the validation text for a point before the first validation
EARLY_SPACING = 4  # tokens that a step trains on for each one of them
REPORT_EVERY = 0.2  # seconds
SAVE_EVERY = 5.0  # seconds
LOSSES_SHOWN = 20  # steps over which the reported loss is averaged
TIMED_BATCHES = 3  # batches that measure the speed before the first step
MEASURED_SHARE = 0.1  # of the budget, after which no further batch measures it


@dataclass(frozen=True)
class TrainConfig:
    """The hyper-parameters of the training loop."""

    sampler: BatchSampler
    optimizer: OptimizerConfig
    keep_best: bool = True  # whether the best validated weights are kept, or else the last ones
    max_gradient_norm: float = 1.0  # a longer gradient is scaled down to this norm
    bf16: bool = False
    warm_up: float = WARM_UP  # fraction of the run in which the learning rates rise to their peak
    validate_first: bool = False  # whether the weights before the first step may be kept too


@dataclass(frozen=True)
class TrainResult:
    """The statistics of a training run."""

    steps: int
    passes: float  # over the training text
    validation_bits_per_token: float
    resumed_at: int | None  # step of the checkpoint; None without one


@dataclass
class Trainer:
    """One run of the training loop; it changes the network in place."""

    network: Network
    config: TrainConfig
    context: TrainContext
    schedule: Schedule
    characters_per_token: float
    validation_characters_per_token: float = 1.0
    group: ProcessGroup = SINGLE_PROCESS
    make_copy: Callable[[], Generator] | None = None  # returns the generator with the weights of this moment
    state: TrainingState = field(init=False)
    losses: list[torch.Tensor] = field(init=False, default_factory=list)  # of the last steps, nats per token
    resumed_at: int | None = field(init=False, default=None)  # step of the checkpoint
    early_tokens: int = field(init=False, default=0)  # of the validation text, for a point before the first validation

    def __post_init__(self) -> None:
        """Create the optimizers, the training state and the loss module."""
        optimizers = create_optimizers(self.network, self.config.optimizer)
        self.state = TrainingState(self.network, optimizers, WeightAverage(self.network.parameters()), self.schedule)
        self.peak_rates = [optimizer.lr for optimizer in optimizers]

        # a batch without rare tokens gives their cluster no gradient
        adaptive = isinstance(self.network.head, AdaptiveSoftmaxHead)
        self.loss = self.group.wrap(_Loss(self.network), find_unused_parameters=adaptive)

    def train(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> None:
        """Train on one stream of token ids, (tokens,), and choose weights on another."""
        # resume from the checkpoint, if there is one, and take the remaining steps
        saved = self.context.resume()
        try:
            with blame_checkpoint(saved):
                if saved:
                    self.resumed_at = int(saved["step"])  # ValueError for a damaged one
                    restore(self.state, saved)
                    if self.group.size > 1:  # the saved core state belongs to the rows of the first process
                        self.state.core_state = None
                self._run(train_ids, validation_ids)
        finally:  # also after an interrupt, the network has the best weights so far
            self.network.load_state_dict(self.state.best_weights or self.network.state_dict())

    def result(self, tokens: int) -> TrainResult:
        """Return the statistics of the run so far; `tokens` is the length of the training stream."""
        passes = round(self.schedule.step / self.config.sampler.batches_per_pass(tokens), 2)
        return TrainResult(self.schedule.step, passes, round(self.state.best_bits, 4), self.resumed_at)

    def _run(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> None:
        """Take the steps from the current one to the end of the schedule, then validate."""
        schedule = self.schedule
        reported = saved = schedule.seconds
        batches = self.config.sampler.batches_per_pass(len(train_ids))
        self.early_tokens = min(MAX_EARLY, max(MIN_EARLY, len(train_ids) // batches // EARLY_SPACING))
        self.network.train()
        if self.config.validate_first and not self.state.best_weights:
            self.validate(validation_ids)
        self._announce("first steps")  # of a large network, a step or a validation takes a minute

        # a resumed run skips the batches of its earlier steps
        for batch in islice(self._training_batches(train_ids), schedule.step, None):
            # between two parts of the schedule: validate, and plan the next part
            if schedule.at_part_boundary:
                self._start_part(train_ids, validation_ids)
            if schedule.done:
                break
            self._add_early_point(validation_ids)

            # one update of the weights, and of their running mean
            self.step(batch)
            schedule.step += 1
            self.state.average.update(schedule.step)

            # checkpoint and progress, every few seconds
            if schedule.seconds - saved > SAVE_EVERY:
                saved = schedule.seconds
                self.context.save(capture(self.state))
            if schedule.seconds - reported > REPORT_EVERY:
                reported = schedule.seconds
                self._report_progress(batch.inputs.numel(), schedule.step / batches)
        self.validate(validation_ids)

    def _training_batches(self, train_ids: torch.Tensor) -> Iterator[Batch]:
        """Yield the batches of this run; the same seed yields the same batches."""
        return self.config.sampler.training_batches(train_ids, torch.Generator().manual_seed(self.context.seed))

    def step(self, batch: Batch) -> None:
        """Update the weights from one batch: one step of truncated BPTT."""
        # learning rates of this fraction of the schedule
        optimizers = self.state.optimizers
        scale_learning_rates(
            optimizers, self.peak_rates, learning_rate_share(self.schedule.fraction, self.config.warm_up)
        )

        # forward, from the state after the last batch; detaching the new state truncates backpropagation
        before = None if batch.reset_state else self.state.core_state
        nats, after = self.loss(self.group.shard(batch), before, self.config.bf16)
        self.state.core_state = detach_state(after)

        # backward, gradient clipping, update
        nats.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.losses.append(nats.detach())

    def _start_part(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> None:
        """Validate at the end of a part of the schedule, and plan the next part."""
        schedule = self.schedule
        if self.group.broadcast(schedule.exhausted):  # steps or validations that are slow for the budget
            schedule.end()
            return

        # speed of the last part, or of a few timed batches before the first step
        if schedule.step or schedule.budget is None:
            pace = schedule.seconds_per_step()
        else:
            pace = self._measure_pace(train_ids)
        spacing = self._steps_between_validations(len(train_ids), len(validation_ids))
        if schedule.fraction < 1 and schedule.step in validation_steps(schedule.planned, spacing):
            self.validate(validation_ids)

        # reserve time for the remaining validations; all processes follow the plan of the first
        validations: float = sum(knot > schedule.fraction and knot >= FIRST_VALIDATION for knot in KNOTS)
        if schedule.budget is not None:
            spaced = len(ALWAYS_VALIDATED) + (schedule.budget - schedule.seconds) / pace / spacing
            validations = min(validations, 1 + spaced)
        schedule.plan_part(pace, validations * self.state.validation_seconds)
        schedule.planned = self.group.broadcast(schedule.planned)

    def _steps_between_validations(self, tokens: int, validation_tokens: int) -> int:
        """Return how many steps must lie between two validations, so that these take a small part of the time."""
        tokens_per_step = tokens / self.config.sampler.batches_per_pass(tokens)
        return math.ceil(VALIDATION_SPACING * min(validation_tokens, MAX_VALIDATION_TOKENS) / tokens_per_step)

    def _measure_pace(self, train_ids: torch.Tensor) -> float:
        """Return the seconds per step, measured before the first one."""
        self._announce("measuring the speed")
        schedule, config = self.schedule, self.config
        pace = seconds_per_step(
            *(self.network, config.sampler, train_ids, schedule.clock, config.bf16, self.group),
            budget=schedule.budget,
        )
        for optimizer in self.state.optimizers:
            optimizer.zero_grad()
        return pace

    @torch.no_grad()
    def validate(self, validation_ids: torch.Tensor) -> None:
        """Score the averaged weights on the beginning of the validation text, and keep them if they are the best."""
        started = self.schedule.seconds
        self._announce("validating")

        # score the running mean of the weights, without dropout
        self.network.eval()
        with self.state.average.applied():
            bits = self._validation_bits(validation_ids)
            if not self.state.best_weights:
                self._shift_early_points(bits, validation_ids)
            self.state.curve.append([round(started, 2), bits])
            self._keep_weights(bits)

        # report the result; the next plan reserves the time that this validation took
        bits_per_character = bits / self.validation_characters_per_token
        self.context.report(Progress(self.schedule.fraction, self.schedule.step, valid=bits_per_character))
        self.network.train()
        self.state.validation_seconds = self.schedule.seconds - started

    @torch.no_grad()
    def _add_early_point(self, validation_ids: torch.Tensor) -> None:
        """Add a point to the curve before the steps 1, 2, 3, 5, 9 ..., until the first validation.

        A network learns most in its first steps. Such a point reads a small part of the validation text and chooses no
        weights; all of them take about a hundredth of the training.
        """
        step, average = self.schedule.step, self.state.average
        if step & (step - 1) or self.state.best_weights:
            return
        seconds = round(self.schedule.seconds, 2)
        with average.applied() if step >= AVERAGE_EVERY else nullcontext():
            self.network.eval()
            self.state.curve.append([seconds, self._validation_bits(validation_ids[: self.early_tokens])])
            self.network.train()

    def _shift_early_points(self, bits: float, validation_ids: torch.Tensor) -> None:
        """Shift the early points by how much harder the whole validation text is than their part (control variate)."""
        if self.state.curve:
            shift = bits - self._validation_bits(validation_ids[: self.early_tokens])
            self.state.curve = [[seconds, early + shift] for seconds, early in self.state.curve]

    def _announce(self, stage: str) -> None:
        """Report what begins, before the time that it takes."""
        self.context.report(Progress(self.schedule.fraction, self.schedule.step, note=stage))

    def _validation_bits(self, validation_ids: torch.Tensor) -> float:
        """Return the bits per token of a validation text, (tokens,); 0 for an empty text."""
        nats, count, state = 0.0, 0.0, None
        for batch in self.config.sampler.validation_batches(validation_ids[:MAX_VALIDATION_TOKENS]):
            state = None if batch.reset_state else state

            # rows that cannot be divided evenly are read by every process, with a weight of one over the processes
            divides = len(batch.inputs) % self.group.size == 0
            batch_nats, state = token_loss(
                self.network, self.group.shard(batch) if divides else batch, state, self.config.bf16
            )
            scored = len(batch.inputs) * batch.scored / self.group.size
            nats, count = nats + float(batch_nats) * scored, count + scored

        # one division, after summing over all batches and processes
        nats, count = self.group.sum(nats, count)
        return nats / max(count, 1) / math.log(2)

    def _keep_weights(self, bits: float) -> None:
        """Keep the current weights if they are the best so far, or if there is no earlier result to compare with."""
        # without earlier weights, without a result, or with keep="last", the current weights replace the others
        state = self.state
        choose = state.best_weights and bits and self.config.keep_best
        if not choose or bits < state.best_bits:
            state.best_bits = bits
            state.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}

    def _report_progress(self, tokens_per_step: int, passes: float) -> None:
        """Report the loss over the last steps, in bits per token, and the speed; offer the network to be sampled."""
        # the mean over the last steps, because the loss of a single batch is noisy
        schedule = self.schedule
        bits = float(torch.stack(self.losses[-LOSSES_SHOWN:]).mean()) / math.log(2)
        speed = schedule.step * tokens_per_step * self.characters_per_token / schedule.seconds
        progress = Progress(schedule.fraction, schedule.step, bits, speed, passes=passes)
        self.context.report(progress)
        self.losses = self.losses[-LOSSES_SHOWN:]
        if self.make_copy is not None:
            self.context.snapshot(self.make_copy, progress)


def validation_steps(planned: Sequence[int], spacing: int) -> list[int]:
    """Return after which steps a run with these parts is validated, in ascending order.

    A part is validated at its end if it is one of those that always are, or, from FIRST_VALIDATION on, if `spacing`
    steps were taken since the last validation.

    >>> validation_steps([30, 70, 100, 100, 100], 250), validation_steps([30, 70, 100, 100, 100], 1)
    ([300], [100, 200, 300, 400])
    """
    ends = list[int]()
    step = 0
    for steps, knot in zip(planned, KNOTS[1:], strict=False):
        step += steps
        spaced = step - (ends[-1] if ends else 0) >= spacing
        if knot in ALWAYS_VALIDATED or (knot >= FIRST_VALIDATION and spaced):
            ends.append(step)
    return ends


class _Loss(nn.Module):
    """A network and its loss as one module, which DistributedDataParallel can wrap."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
        return token_loss(self.network, batch, state, bf16)


def token_loss(network: Network, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
    """Return the mean negative log-probability of the scored targets, in nats per token, and the new core state."""
    # forward through embedding and core, in bf16 where the device supports it
    with torch.autocast(batch.inputs.device.type, torch.bfloat16) if bf16 else nullcontext():
        hidden, state = network.run_core(batch.inputs, state)  # (batch, time, hidden)

    # the head runs in fp32, because bf16 is too coarse for log-probabilities
    scored = slice(-batch.scored, None)
    hidden, targets = hidden[:, scored].float().flatten(0, 1), batch.targets[:, scored].flatten()
    base = batch.base()
    nats = -network.head.target_log_probs(hidden, targets, base).mean()
    if base is not None and network.training:
        some = slice(None, None, OWN_SPACING)
        own = -network.head.target_log_probs(hidden[some], targets[some]).mean()
        nats = (1 - OWN_SHARE) * nats + OWN_SHARE * own
    return nats, state


def seconds_per_step(
    network: Network,
    sampler: BatchSampler,
    train_ids: torch.Tensor,
    clock: Callable[[], float],
    bf16: bool,
    group: ProcessGroup = SINGLE_PROCESS,
    *,
    budget: float | None = None,
) -> float:
    """Measure the seconds of a forward and backward pass on this machine by a clock; the first batch is a warm-up.

    No weight is updated, and torch's random state is restored. One batch is enough where it takes a large share of the
    budget.
    """
    times = list[float]()
    with torch.random.fork_rng(devices=[train_ids.device] if train_ids.device.type == "cuda" else []):
        for batch in islice(sampler.training_batches(train_ids, torch.Generator()), TIMED_BATCHES):
            if budget is not None and sum(times) > MEASURED_SHARE * budget:
                break
            started = clock()
            token_loss(network, group.shard(batch), None, bf16)[0].backward()  # type: ignore[no-untyped-call]
            times.append(clock() - started)

    # the fastest: other load on the machine only adds time
    return min(times[1:] or times)
