"""The training loop: truncated backpropagation through time (truncated BPTT) with carried state (Williams & Peng 1990).

A `BatchSampler` yields the batches, a `Schedule` sets learning rates and the length of the run. Gradients are clipped.
Between the parts of the schedule the averaged weights are validated; the best ones remain at the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import nn

from genbench.generator import Progress, TrainContext
from genbench.neural.batches import Batch, BatchSampler
from genbench.neural.checkpoint import TrainingState, blame_checkpoint, capture, restore
from genbench.neural.distributed import SINGLE_PROCESS, ProcessGroup
from genbench.neural.heads import AdaptiveSoftmaxHead
from genbench.neural.network import CoreState, Network, detach_state
from genbench.neural.optimizers import OptimizerConfig, WeightAverage, create_optimizers, scale_learning_rates
from genbench.neural.schedule import KNOTS, Schedule, learning_rate_share

FIRST_VALIDATION = 0.1  # fraction of the run
MAX_VALIDATION_TOKENS = 16_384
REPORT_EVERY = 0.2  # seconds
SAVE_EVERY = 5.0  # seconds
LOSSES_SHOWN = 20  # steps over which the reported loss is averaged
TIMED_BATCHES = 3  # that measure the speed before the first step


@dataclass(frozen=True)
class TrainConfig:
    """The hyper-parameters of the training loop."""

    sampler: BatchSampler
    optimizer: OptimizerConfig
    keep_best: bool = True  # of all validated weights; else the last ones
    max_gradient_norm: float = 1.0
    bf16: bool = False


@dataclass(frozen=True)
class TrainResult:
    """The statistics of a training run."""

    steps: int
    passes: float  # over the training text
    validation_bits_per_token: float
    resumed_at: int | None  # the step of the checkpoint, if there was one


@dataclass
class Trainer:
    """One run of the training loop over a network, which it changes in place."""

    network: Network
    config: TrainConfig
    context: TrainContext
    schedule: Schedule
    characters_per_token: float
    validation_characters_per_token: float = 1.0
    group: ProcessGroup = SINGLE_PROCESS
    state: TrainingState = field(init=False)
    losses: list[torch.Tensor] = field(init=False, default_factory=list)  # of the last steps, nats per token

    def __post_init__(self) -> None:
        optimizers = create_optimizers(self.network, self.config.optimizer)
        self.state = TrainingState(self.network, optimizers, WeightAverage(self.network.parameters()), self.schedule)
        self.peak_rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]

        # rare tokens may be missing in a batch, and their cluster then has no gradient
        adaptive = isinstance(self.network.head, AdaptiveSoftmaxHead)
        self.loss = self.group.wrap(_Loss(self.network), find_unused_parameters=adaptive)

    def train(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> TrainResult:
        """Train on one stream of token ids, choose the weights on another, and return the statistics of the run."""
        saved = self.context.resume()
        try:
            with blame_checkpoint(saved):
                if saved:
                    restore(self.state, saved)
                    if self.group.size > 1:  # the saved state belongs to other rows than those of this process
                        self.state.core_state = None
                self._run(train_ids, validation_ids)
        finally:  # an interrupt, too, leaves the best weights so far
            self.network.load_state_dict(self.state.best_weights or self.network.state_dict())

        passes = round(self.schedule.step / self.config.sampler.batches_per_pass(len(train_ids)), 2)
        bits = round(self.state.best_bits, 4)
        return TrainResult(self.schedule.step, passes, bits, saved["step"] if saved else None)

    def _run(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> None:
        """Take all steps from the current one to the end of the schedule."""
        schedule = self.schedule
        reported = saved = schedule.seconds
        self.network.train()
        for batch in islice(self._training_batches(train_ids), schedule.step, None):
            # between two parts of the schedule: validate and plan
            if schedule.at_part_boundary:
                self._start_part(train_ids, validation_ids)
            if schedule.done:
                break

            # one update
            self.step(batch)
            schedule.step += 1
            self.state.average.update(schedule.step)

            # checkpoint and progress, now and then
            if schedule.seconds - saved > SAVE_EVERY:
                saved = schedule.seconds
                self.context.save(capture(self.state))
            if schedule.seconds - reported > REPORT_EVERY:
                reported = schedule.seconds
                self._report_progress(batch.inputs.numel())
        self.validate(validation_ids)

    def _training_batches(self, train_ids: torch.Tensor) -> Iterator[Batch]:
        return self.config.sampler.training_batches(train_ids, torch.Generator().manual_seed(self.context.seed))

    def step(self, batch: Batch) -> None:
        """Update the weights from one batch: one step of truncated BPTT."""
        optimizers = self.state.optimizers
        scale_learning_rates(optimizers, self.peak_rates, learning_rate_share(self.schedule.fraction))

        # forward from the state of the last batch, whose graph is cut off
        before = None if batch.reset_state else self.state.core_state
        nats, after = self.loss(self.group.shard(batch), before, self.config.bf16)
        self.state.core_state = detach_state(after)

        # backward, clip, update
        nats.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient_norm)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.losses.append(nats.detach())

    def _start_part(self, train_ids: torch.Tensor, validation_ids: torch.Tensor) -> None:
        """Validate where a part of the schedule ends, and plan the next part."""
        schedule = self.schedule
        if schedule.step or schedule.budget is None:
            pace = schedule.seconds_per_step()
        else:
            pace = self._measure_pace(train_ids)
        if FIRST_VALIDATION <= schedule.fraction < 1:
            self.validate(validation_ids)

        # reserve time for the validations to come; all processes follow the plan of the first
        validations = sum(knot > schedule.fraction and knot >= FIRST_VALIDATION for knot in KNOTS)
        schedule.plan_part(pace, validations * self.state.validation_seconds)
        schedule.planned = self.group.broadcast(schedule.planned)

    def _measure_pace(self, train_ids: torch.Tensor) -> float:
        """Return the seconds per step, measured before the first one."""
        pace = seconds_per_step(self.network, self.config.sampler, train_ids, self.config.bf16, self.group)
        for optimizer in self.state.optimizers:
            optimizer.zero_grad()
        return pace

    @torch.no_grad()
    def validate(self, validation_ids: torch.Tensor) -> None:
        """Measure the averaged weights on the beginning of the validation text, and keep them if they are the best."""
        started = self.schedule.seconds
        self.network.eval()
        with self.state.average.applied():
            bits = self._validation_bits(validation_ids)
            self.state.curve.append([round(started, 2), bits])
            self._keep_weights(bits)

        bits_per_character = bits / self.validation_characters_per_token
        self.context.report(Progress(self.schedule.fraction, self.schedule.step, valid=bits_per_character))
        self.network.train()
        self.state.validation_seconds = self.schedule.seconds - started

    def _validation_bits(self, validation_ids: torch.Tensor) -> float:
        """Return bits per token; 0 for an empty text."""
        nats, count, state = 0.0, 0.0, None
        for batch in self.config.sampler.validation_batches(validation_ids[:MAX_VALIDATION_TOKENS]):
            state = None if batch.reset_state else state

            # rows that cannot be divided evenly are read by every process, and count for a part in each
            divides = len(batch.inputs) % self.group.size == 0
            batch_nats, state = token_loss(
                self.network, self.group.shard(batch) if divides else batch, state, self.config.bf16
            )
            scored = len(batch.inputs) * batch.scored / self.group.size
            nats, count = nats + float(batch_nats) * scored, count + scored
        nats, count = self.group.sum(nats, count)
        return nats / max(count, 1) / math.log(2)

    def _keep_weights(self, bits: float) -> None:
        """Keep the current weights if they are the best, or if there is nothing to choose by."""
        state = self.state
        choose = state.best_weights and bits and self.config.keep_best
        if not choose or bits < state.best_bits:
            state.best_bits = bits
            state.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}

    def _report_progress(self, tokens_per_step: int) -> None:
        """Report the loss over the last steps, in bits per token, and the speed."""
        schedule = self.schedule
        bits = float(torch.stack(self.losses[-LOSSES_SHOWN:]).mean()) / math.log(2)
        speed = schedule.step * tokens_per_step * self.characters_per_token / schedule.seconds
        self.context.report(Progress(schedule.fraction, schedule.step, bits, speed))
        self.losses = self.losses[-LOSSES_SHOWN:]


class _Loss(nn.Module):
    """A network and its loss as one module, as DistributedDataParallel needs it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
        return token_loss(self.network, batch, state, bf16)


def token_loss(network: Network, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
    """Return the mean negative log-probability of the scored targets, in nats per token, and the state afterwards."""
    with torch.autocast(batch.inputs.device.type, torch.bfloat16) if bf16 else nullcontext():
        hidden, state = network(batch.inputs, state)  # (batch, time, hidden)

    # the head in fp32: bf16 is too coarse for log-probabilities
    scored = slice(-batch.scored, None)
    log_probs = network.head.target_log_probs(
        hidden[:, scored].float().flatten(0, 1), batch.targets[:, scored].flatten()
    )
    return -log_probs.mean(), state


def seconds_per_step(
    network: Network,
    sampler: BatchSampler,
    train_ids: torch.Tensor,
    bf16: bool,
    group: ProcessGroup = SINGLE_PROCESS,
) -> float:
    """Measure how long a training step takes on this machine, without an update; the first batch does not count."""
    times = []
    with torch.random.fork_rng(devices=[train_ids.device] if train_ids.device.type == "cuda" else []):
        for batch in islice(sampler.training_batches(train_ids, torch.Generator()), TIMED_BATCHES):
            started = time.perf_counter()
            token_loss(network, group.shard(batch), None, bf16)[0].backward()  # type: ignore[no-untyped-call]
            times.append(time.perf_counter() - started)
    return min(times[1:] or times)
