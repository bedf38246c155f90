"""Optimizers: Muon for the matrices of the core, AdamW for all other weights, and a running mean of the weights.

Muon            momentum, and steps along the nearest orthogonal matrix (Jordan et al. 2024)
AdamW           torch's own (Loshchilov & Hutter 2019)
WeightAverage   the running mean of the weights, which is validated and stored (Polyak & Juditsky 1992)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from genbench.neural.network import Network

MIN_MUON_SIZE = 8  # rows and columns of a matrix; smaller ones are left to AdamW
BETAS = (0.9, 0.99)  # AdamW's decay rates, of the mean gradient and the mean square
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of Jordan et al.: fast, but not exact, convergence to one
MIN_NORM = 1e-7  # added to the norm of a matrix, against division by zero
AVERAGE_SHARE = 0.04  # of the steps so far: the horizon of the running mean
AVERAGE_EVERY = 4  # steps between two updates of the running mean


@dataclass(frozen=True)
class OptimizerConfig:
    """Peak learning rates and weight decay. If `muon_lr` is 0, AdamW updates all weights."""

    learning_rate: float  # AdamW's
    muon_lr: float
    weight_decay: float
    gate_rows: int  # rows of a matrix per gate: the hidden units


def create_optimizers(network: Network, config: OptimizerConfig) -> list[torch.optim.Optimizer]:
    """Return new optimizers for all weights of a network, with learning rates at their peak."""
    matrices, others = split_parameters(network) if config.muon_lr else ([], list(network.parameters()))

    # AdamW comes first: its state is stored under this index in a checkpoint
    decay = config.weight_decay
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=config.learning_rate, betas=BETAS, weight_decay=decay, fused=True)
    ]
    if matrices:
        optimizers.append(Muon(matrices, config.gate_rows, config.muon_lr, decay))
    return optimizers


def split_parameters(network: Network) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the core's matrices, which Muon updates, and all other weights."""
    # vectors, such as biases, and very small matrices have no useful nearest orthogonal matrix
    matrices = [p for p in network.core.parameters() if p.ndim == 2 and min(p.shape) >= MIN_MUON_SIZE]
    ids = {id(p) for p in matrices}
    return matrices, [p for p in network.parameters() if id(p) not in ids]


def scale_learning_rates(
    optimizers: Sequence[torch.optim.Optimizer], peak_rates: Iterable[float], share: float
) -> None:
    """Set every learning rate to this share of its peak."""
    for optimizer, peak in zip(optimizers, peak_rates, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = peak * share


class Muon(torch.optim.Optimizer):
    """Momentum, and steps along the nearest orthogonal matrix, gate by gate (Jordan et al. 2024).

    The matrices are (gates x gate_rows, columns); `weight_decay` is decoupled, as in AdamW. Differs from
    torch.optim.Muon in that the weights of several gates in one matrix are treated as several matrices; treated as one
    matrix, the gates would share the length of a step (1.6305 instead of 1.6085 bits per character of validation text
    after 60 seconds on Austen).
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        gate_rows: int,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        iterations: int = 3,
    ) -> None:
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "iterations": iterations,
            "gate_rows": gate_rows,
        }
        super().__init__(matrices, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all weights that have a gradient."""
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    self._update(weights, group)

    def _update(self, weights: torch.Tensor, group: dict[str, Any]) -> None:
        """Update one matrix in place."""
        state, grad = self.state[weights], weights.grad
        assert grad is not None

        # Nesterov momentum
        momentum = state.setdefault("momentum", torch.zeros_like(weights)).lerp_(grad, 1 - group["momentum"])
        direction = torch.lerp(grad, momentum, group["momentum"])

        # orthogonalize the matrices of the gates separately
        rows, columns = weights.shape
        gate_rows = group["gate_rows"] if rows % group["gate_rows"] == 0 else rows
        update = orthogonalize(direction.view(-1, gate_rows, columns), group["iterations"]).reshape(rows, columns)

        # decoupled weight decay, then the step, scaled up for tall matrices
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        weights.sub_(update, alpha=group["lr"] * max(1, gate_rows / columns) ** 0.5)


def orthogonalize(matrices: torch.Tensor, iterations: int) -> torch.Tensor:
    """Approximate the nearest orthogonal matrices, (gates, rows, columns) in fp32, by Newton-Schulz iterations.

    An iteration with the coefficients a, b and c is x = a x + (b g + c g g) x with g = x x^T. Singular values that were
    not tiny end between 0.7 and 1.2.
    """
    a, b, c = NEWTON_SCHULZ

    # scale all singular values to at most one; wide matrices have the smaller product x x^T
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices / (matrices.flatten(1).norm(dim=1)[:, None, None] + MIN_NORM)
    x = (x.transpose(1, 2) if is_tall else x).bfloat16()

    # iterate in bf16, which is precise enough
    for _ in range(iterations):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)

    upright: torch.Tensor = x.transpose(1, 2) if is_tall else x
    return upright.float()


class WeightAverage:
    """The running mean of parameters during a training run (Polyak & Juditsky 1992).

    The horizon of the mean is a share of the steps so far, so that the influence of early weights fades (Karras et al.
    2024). On 115 thousand characters (Alice) the mean improves validation by 0.012 bits per character.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters: list[torch.Tensor] = list(parameters)
        self.means = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the weights after `step` steps to the mean, once every AVERAGE_EVERY steps."""
        if step % AVERAGE_EVERY == 0:
            weight = 1 / max(1.0, AVERAGE_SHARE * step / AVERAGE_EVERY)
            torch._foreach_lerp_(self.means, self.parameters, weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context manager in which the parameters have the values of their means."""
        # the training weights return at the end, also after an error
        current = [p.detach().clone() for p in self.parameters]
        self._assign(self.means)
        try:
            yield
        finally:
            self._assign(current)

    @torch.no_grad()
    def _assign(self, values: list[torch.Tensor]) -> None:
        for parameter, value in zip(self.parameters, values, strict=True):
            parameter.copy_(value)
