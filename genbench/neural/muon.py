"""Muon (Jordan et al. 2024): momentum, and steps along the nearest orthogonal matrix, gate by gate.

Differs from torch.optim.Muon in that a matrix which holds the weights of several gates is as many matrices: as one, the
gates share the length of a step (1.6305 against 1.6085 bits a character on valid after 60 seconds on Austen).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's coefficients: fast to about one, not exact
SMALLEST = 1e-7


def orthogonal(matrices: torch.Tensor, rounds: int) -> torch.Tensor:
    """The nearest orthogonal matrices, roughly, by Newton-Schulz rounds: (gates, rows, columns) to the same in fp32.

    Singular values end between 0.7 and 1.2 where they were not tiny.
    """
    a, b, c = QUINTIC
    tall = matrices.shape[1] > matrices.shape[2]
    found = matrices / (matrices.flatten(1).norm(dim=1)[:, None, None] + SMALLEST)
    found = (found.transpose(1, 2) if tall else found).bfloat16()
    for _ in range(rounds):
        gram = found @ found.transpose(1, 2)
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    upright: torch.Tensor = found.transpose(1, 2) if tall else found
    return upright.float()


class Muon(torch.optim.Optimizer):
    """For matrices of (gates x hidden, columns); `weight_decay` is decoupled, as AdamW's."""

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        hidden: int,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        rounds: int = 3,
    ) -> None:
        given = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "rounds": rounds, "hidden": hidden}
        super().__init__(matrices, given)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along what the gradients and their momentum say."""
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is not None:
                    self._step(weights, group)

    def _step(self, weights: torch.Tensor, group: dict[str, Any]) -> None:
        state, grad = self.state[weights], weights.grad
        assert grad is not None
        average = state.setdefault("momentum", torch.zeros_like(weights)).lerp_(grad, 1 - group["momentum"])
        ahead = torch.lerp(grad, average, group["momentum"])  # Nesterov's
        rows, columns = weights.shape
        gate = group["hidden"] if rows % group["hidden"] == 0 else rows
        along = orthogonal(ahead.view(-1, gate, columns), group["rounds"]).reshape(rows, columns)
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        weights.sub_(along, alpha=group["lr"] * max(1, gate / columns) ** 0.5)
