"""The one training loop: truncated backpropagation through time with carried state (Williams & Peng 1990).

The stream is cut into `batch` rows read side by side, `window` tokens at a time; AdamW (Loshchilov & Hutter 2019) with
a warm-up and a cosine sized to the run, gradients clipped, and at the end the weights that validated best.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from genbench.generator import Progress, Run
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

    learning_rate: float
    batch: int
    window: int
    weight_decay: float
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


def windows(
    ids: torch.Tensor, batch: int, window: int, random: torch.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor, bool]]:
    """Inputs and targets, (batch, window) each, without end, and whether a new pass begins.

    Each pass starts at another place of the first window, so that windows do not always cut at the same tokens.
    """
    length = (len(ids) - 1) // batch
    window = min(window, length)
    while True:
        offset = int(torch.randint(0, max(min(window, length - window), 1), (1,), generator=random))
        usable = (len(ids) - 1 - offset) // batch
        inputs = ids[offset : offset + usable * batch].view(batch, usable)
        targets = ids[offset + 1 : offset + 1 + usable * batch].view(batch, usable)
        for start in range(0, usable - window + 1, window):
            part = slice(start, start + window)
            yield inputs[:, part], targets[:, part], start == 0


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
        batch = max(1, min(recipe.batch, (len(train) - 1) // recipe.window))
        self.clock = Clock(self.run, self._steps(len(train), batch), self.began)
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
        for inputs, targets, fresh in windows(
            train, batch, recipe.window, torch.Generator().manual_seed(self.run.seed)
        ):
            fraction = self.clock.fraction(step)
            if fraction >= 1:
                break
            if due and fraction >= due[0]:
                due = [share for share in due if share > fraction]
                self.validate(valid, batch)
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * rate(fraction)
            loss, state = self.step(optimiser, inputs, targets, None if fresh else detached(state))
            losses.append(loss)
            step += 1
            if self.clock.seconds - told > REPORT_EVERY:
                told = self.clock.seconds
                self.tell(fraction, step, step * inputs.numel() / told, losses)
                losses = losses[-20:]
        self.validate(valid, batch)
        network.load_state_dict(self.best[1])
        passes = step * batch * min(recipe.window, len(train)) / max(len(train), 1)
        return {
            "steps": step,
            "batch": batch,
            "passes": round(passes, 2),
            "valid_bits_per_token": round(self.best[0], 4),
        }

    def step(
        self, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, targets: torch.Tensor, state: CoreState
    ) -> tuple[torch.Tensor, CoreState]:
        """One window: loss in nats a token, and the state to carry."""
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self.bf16):
            values, state = self.network(inputs, state)
        loss = -self.network.head.picked(values.float().flatten(0, 1), targets.flatten()).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        optimiser.step()
        return loss.detach(), state

    @torch.no_grad()
    def validate(self, valid: torch.Tensor, batch: int) -> None:
        """Bits a token on the beginning of the valid text; the best weights are kept."""
        began = self.clock.seconds
        self.network.eval()
        ids = valid[:VALID_TOKENS]
        rows = max(1, min(batch, (len(ids) - 1) // 64))
        length = (len(ids) - 1) // rows
        total, state = 0.0, None
        for start in range(0, length, 256):
            part = slice(start, min(start + 256, length))
            inputs, targets = (t[: rows * length].view(rows, length)[:, part] for t in (ids[:-1], ids[1:]))
            log_probs, state = self.network.picked(inputs, targets, state)
            total -= float(log_probs.sum())
        bits = total / max(rows * length, 1) / math.log(2)
        if bits < self.best[0] or not self.best[1] or not length:  # with nothing to choose by, the last weights
            self.best = (bits, {name: value.clone() for name, value in self.network.state_dict().items()})
        self.network.train()
        self.clock.reserved = self.clock.seconds - began

    def tell(self, fraction: float, step: int, tokens_per_second: float, losses: list[torch.Tensor]) -> None:
        """Report progress, loss in bits a token over the last steps."""
        loss = float(torch.stack(losses[-20:]).mean()) / math.log(2)
        self.run.report(Progress(fraction, step, loss, tokens_per_second * self.characters_per_token))

    def _steps(self, tokens: int, batch: int) -> int | None:
        if self.run.steps is None and self.run.budget is None:
            return max(1, PASSES * tokens // (batch * self.recipe.window))
        return self.run.steps
