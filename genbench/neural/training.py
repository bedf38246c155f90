"""The one training loop: truncated backpropagation through time with carried state (Williams & Peng 1990).

A `Reading` says what is read side by side and which predictions count, a `Schedule` how fast and how long; gradients
are clipped, and at the end stand the weights that validated best.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import nn

from genbench.generator import Progress, TrainContext
from genbench.neural.batches import Batch, Reading
from genbench.neural.checkpoint import captured, restore
from genbench.neural.distributed import ALONE, Team
from genbench.neural.network import Network
from genbench.neural.optimizers import Rates, optimisers, scale
from genbench.neural.schedule import KNOTS, Schedule, rate
from genbench.neural.size_guard import going_on
from genbench.neural.states import CoreState, detached
from genbench.neural.weight_averaging import Average

FIRST_VALIDATION = 0.1  # share of the run
VALID_TOKENS = 16_384
REPORT_EVERY = 0.2  # seconds
SAVE_EVERY = 5.0  # seconds
TIMED = 3  # batches that tell the speed before the first step


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of the loop."""

    reading: Reading
    rates: Rates
    keep_best: bool = True  # of the weights, those that validated best; else the last
    clip: float = 1.0


@dataclass
class Trainer:
    """One run of the loop over a network that it changes in place."""

    network: Network
    recipe: Recipe
    context: TrainContext
    schedule: Schedule
    characters_per_token: float
    bf16: bool = False
    team: Team = ALONE
    valid_characters_per_token: float = 1.0
    best: tuple[float, dict[str, Any]] = field(init=False, default=(math.inf, {}))
    optimisers: list[torch.optim.Optimizer] = field(init=False)
    average: Average = field(init=False)
    state: CoreState = field(init=False, default=None)  # carried from batch to batch
    losses: list[torch.Tensor] = field(init=False, default_factory=list)  # since they were told last
    aside: float = field(init=False, default=0.0)  # seconds that the last validation took
    curve: list[list[float]] = field(init=False, default_factory=list)  # seconds, valid bits a token

    def __post_init__(self) -> None:
        self.objective = self.team.objective(self.network, loss)
        self.optimisers = optimisers(self.network, self.recipe.rates)
        self.average = Average(self.network.parameters())
        self.highest = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]

    def train(self, train: torch.Tensor, valid: torch.Tensor) -> dict[str, Any]:
        """Train on one stream of ids, choose the weights on another; returns what there is to say of the run."""
        schedule, saved = self.schedule, self.context.resume()
        try:
            with going_on(saved):
                if saved:
                    restore(self, saved)
                    self.state = self.state if self.team.size == 1 else None  # of other rows than those of this process
                self._learn(train, valid)
        finally:  # an interrupt, too, leaves the best weights so far
            self.network.load_state_dict(self.best[1] or self.network.state_dict())
        passes = round(schedule.step / self.recipe.reading.per_pass(len(train)), 2)
        said = {"steps": schedule.step, "passes": passes, "valid_bits_per_token": round(self.best[0], 4)}
        return said | ({"notes": [f"resumed at step {saved['step']:,}"]} if saved else {})

    def _learn(self, train: torch.Tensor, valid: torch.Tensor) -> None:
        schedule = self.schedule
        told = kept = schedule.seconds
        self.network.train()
        for batch in islice(self._batches(train), schedule.step, None):
            if schedule.turning:
                self.turn(train, valid)
            if schedule.done:
                break
            self.step(batch)
            schedule.step += 1
            self.average.update(schedule.step)
            if schedule.seconds - kept > SAVE_EVERY:
                kept = schedule.seconds
                self.context.save(captured(self))
            if schedule.seconds - told > REPORT_EVERY:
                told = schedule.seconds
                self.tell(batch.inputs.numel())
        self.validate(valid)

    def turn(self, train: torch.Tensor, valid: torch.Tensor) -> None:
        """Between two parts of the run: validate, and plan the next part."""
        schedule = self.schedule
        pace = schedule.pace() if schedule.step or schedule.budget is None else self._first_pace(train)
        if FIRST_VALIDATION <= schedule.fraction < 1:
            self.validate(valid)
        left = sum(knot > schedule.fraction and knot >= FIRST_VALIDATION for knot in KNOTS)  # validations to come
        schedule.plan(pace, left * self.aside)
        schedule.planned = self.team.agreed(schedule.planned)

    def step(self, batch: Batch) -> None:
        """Learn from one batch."""
        scale(self.optimisers, self.highest, rate(self.schedule.fraction))
        nats, state = self.objective(self.team.share(batch), None if batch.fresh else self.state, self.bf16)
        self.state = detached(state)
        nats.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        self.losses.append(nats.detach())

    @torch.no_grad()
    def validate(self, valid: torch.Tensor) -> None:
        """Bits a token on the beginning of the valid text, of the mean weights; the best are kept."""
        began = self.schedule.seconds
        self.network.eval()
        with self.average.applied():
            bits = self._bits(valid)
            self.curve.append([round(began, 2), bits])
            self._choose(bits)
        said = bits / self.valid_characters_per_token
        self.context.report(Progress(self.schedule.fraction, self.schedule.step, valid=said))
        self.network.train()
        self.aside = self.schedule.seconds - began

    def _bits(self, valid: torch.Tensor) -> float:
        """Bits a token; 0 where there is nothing to read."""
        total, count, state = 0.0, 0.0, None
        for batch in self.recipe.reading.valid(valid[:VALID_TOKENS]):
            state = None if batch.fresh else state
            even = len(batch.inputs) % self.team.size == 0  # else each reads all rows, for a part of them
            mine = self.team.share(batch) if even else batch
            nats, state = loss(self.network, mine, state, self.bf16)
            counted = len(batch.inputs) * batch.counted / self.team.size
            total, count = total + float(nats) * counted, count + counted
        total, count = self.team.summed(total, count)
        return total / max(count, 1) / math.log(2)

    def _choose(self, bits: float) -> None:
        last = not self.best[1] or not bits or not self.recipe.keep_best  # with nothing to choose by, the last weights
        if last or bits < self.best[0]:
            self.best = (bits, {name: value.clone() for name, value in self.network.state_dict().items()})

    def tell(self, tokens_a_step: int) -> None:
        """Report progress, loss in bits a token over the last steps."""
        schedule = self.schedule
        bits = float(torch.stack(self.losses[-20:]).mean()) / math.log(2)
        speed = schedule.step * tokens_a_step * self.characters_per_token / schedule.seconds
        self.context.report(Progress(schedule.fraction, schedule.step, bits, speed))
        self.losses = self.losses[-20:]

    def _batches(self, train: torch.Tensor) -> Iterator[Batch]:
        return self.recipe.reading.train(train, torch.Generator().manual_seed(self.context.seed))

    def _first_pace(self, train: torch.Tensor) -> float:
        """Seconds a step, before any was taken."""
        pace = seconds_a_step(self.network, self.recipe.reading, train, self.bf16, self.team)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        return pace


def loss(network: Network, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
    """Nats a token, and the state after."""
    with torch.autocast(batch.inputs.device.type, torch.bfloat16) if bf16 else nullcontext():
        values, state = network(batch.inputs, state)
    counted = slice(-batch.counted, None)  # the head in fp32: bf16 is too coarse for log-probabilities
    picked = network.head.picked(values[:, counted].float().flatten(0, 1), batch.targets[:, counted].flatten())
    return -picked.mean(), state


def seconds_a_step(network: Network, reading: Reading, train: torch.Tensor, bf16: bool, team: Team = ALONE) -> float:
    """How fast a network would train here: from batches that nothing is learned from, the first one left out."""
    times = []
    with torch.random.fork_rng(devices=[train.device] if train.device.type == "cuda" else []):
        for batch in islice(reading.train(train, torch.Generator()), TIMED):
            began = time.perf_counter()
            loss(network, team.share(batch), None, bf16)[0].backward()  # type: ignore[no-untyped-call]
            times.append(time.perf_counter() - began)
    return min(times[1:] or times)
