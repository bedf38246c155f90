"""The one training loop: truncated backpropagation through time with carried state (Williams & Peng 1990).

A `Reading` says what is read side by side and which predictions count; AdamW (Loshchilov & Hutter 2019) with a warm-up
and a cosine sized to the run, gradients clipped, and at the end the weights that validated best.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from genbench.generator import Progress, Run
from genbench.neural.batches import Batch, Reading
from genbench.neural.network import Network
from genbench.neural.states import CoreState, detached

WARM_UP, FINAL = 0.03, 0.02  # shares: of the run, of the learning rate
VALIDATIONS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]  # at these shares of the run, and at its end
VALID_TOKENS = 16_384
REPORT_EVERY = 0.2  # seconds
PASSES = 20  # over the text, where neither budget nor steps are given


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of the loop."""

    reading: Reading
    learning_rate: float
    weight_decay: float
    keep_best: bool = True  # of the weights, those that validated best; else the last
    clip: float = 1.0


@dataclass
class Clock:
    """How far the run is: by steps where they are given, by seconds where a budget is."""

    run: Run
    steps: int | None
    started: float = field(default_factory=time.perf_counter)
    reserved: float = 0.0  # seconds kept for the last validation

    @property
    def seconds(self) -> float:
        """Since the start of training."""
        return time.perf_counter() - self.started

    def fraction(self, step: int) -> float:
        """Of the run, 0 to 1."""
        shares = [step / self.steps] if self.steps else []
        if self.run.budget is not None:
            shares.append(self.seconds / max(self.run.budget - self.reserved, 1e-9))
        return min(max(shares), 1.0)


def rate(fraction: float) -> float:
    """The learning rate at this share of the run, as a share of the highest: warm-up, then a cosine.

    >>> rate(0.015), rate(0.03), round(rate(1.0), 4)
    (0.5, 1.0, 0.02)
    """
    if fraction < WARM_UP:
        return fraction / WARM_UP
    return FINAL + (1 - FINAL) * (1 + math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP))) / 2


@dataclass
class Trainer:
    """One run of the loop over a network that it changes in place."""

    network: Network
    recipe: Recipe
    run: Run
    characters_per_token: float
    bf16: bool = False
    began: float = field(default_factory=time.perf_counter)  # cutting the text into tokens is part of the budget
    clock: Clock = field(init=False)
    best: tuple[float, dict[str, Any]] = field(init=False, default=(math.inf, {}))

    def train(self, train: torch.Tensor, valid: torch.Tensor) -> dict[str, Any]:
        """Train on one stream of ids, choose the weights on another; returns what there is to say of the run."""
        recipe, network = self.recipe, self.network
        per_pass = recipe.reading.per_pass(len(train))
        self.clock = Clock(self.run, self._steps(per_pass), self.began)
        optimiser = torch.optim.AdamW(
            network.parameters(),
            lr=recipe.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        due, step, fraction, told, losses = list(VALIDATIONS), 0, 0.0, 0.0, []
        state: CoreState = None
        network.train()
        for batch in recipe.reading.train(train, torch.Generator().manual_seed(self.run.seed)):
            fraction = self.clock.fraction(step)
            if fraction >= 1:
                break
            if due and fraction >= due[0]:
                due = [share for share in due if share > fraction]
                self.validate(valid)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * rate(fraction)
            loss, state = self.step(optimiser, batch, None if batch.fresh else detached(state))
            losses.append(loss)
            step += 1
            if self.clock.seconds - told > REPORT_EVERY:
                told = self.clock.seconds
                self.tell(fraction, step, step * batch.inputs.numel() / told, losses)
                losses = losses[-20:]
        self.validate(valid)
        network.load_state_dict(self.best[1])
        passes = round(step / per_pass, 2)
        return {"steps": step, "passes": passes, "valid_bits_per_token": round(self.best[0], 4)}

    def step(self, optimiser: torch.optim.Optimizer, batch: Batch, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """One batch: loss in nats a token, and the state to carry."""
        with torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=self.bf16):
            values, state = self.network(batch.inputs, state)
        counted = slice(-batch.counted, None)  # the head in fp32: bf16 is too coarse for log-probabilities
        picked = self.network.head.picked(values[:, counted].float().flatten(0, 1), batch.targets[:, counted].flatten())
        loss = -picked.mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        optimiser.step()
        return loss.detach(), state

    @torch.no_grad()
    def validate(self, valid: torch.Tensor) -> None:
        """Bits a token on the beginning of the valid text; the best weights are kept."""
        began = self.clock.seconds
        self.network.eval()
        total, count, state = 0.0, 0, None
        for batch in self.recipe.reading.valid(valid[:VALID_TOKENS]):
            state = None if batch.fresh else state
            log_probs, state = self.network.picked(batch.inputs, batch.targets, state, batch.counted)
            total -= float(log_probs.sum())
            count += log_probs.numel()
        bits = total / max(count, 1) / math.log(2)
        last = not self.best[1] or not count or not self.recipe.keep_best  # with nothing to choose by, the last weights
        if last or bits < self.best[0]:
            self.best = (bits, {name: value.clone() for name, value in self.network.state_dict().items()})
        self.network.train()
        self.clock.reserved = self.clock.seconds - began

    def tell(self, fraction: float, step: int, tokens_per_second: float, losses: list[torch.Tensor]) -> None:
        """Report progress, loss in bits a token over the last steps."""
        loss = float(torch.stack(losses[-20:]).mean()) / math.log(2)
        self.run.report(Progress(fraction, step, loss, tokens_per_second * self.characters_per_token))

    def _steps(self, per_pass: int) -> int | None:
        return PASSES * per_pass if self.run.steps is None and self.run.budget is None else self.run.steps
