"""What changes the weights: Muon for the matrices of the core, AdamW for all else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from genbench.neural.muon import Muon
from genbench.neural.network import Network

NARROWEST = 8  # rows and columns: what is narrower is no matrix to make orthogonal
BETAS = (0.9, 0.99)  # AdamW's, of gradient and square


@dataclass(frozen=True)
class Rates:
    """The highest learning rates, and what pulls weights towards zero.

    `learning_rate` is AdamW's (Loshchilov & Hutter 2019), `matrix_rate` Muon's; where that is 0, AdamW has all weights.
    `hidden` is how many rows of a matrix belong to one gate.
    """

    learning_rate: float
    matrix_rate: float
    weight_decay: float
    hidden: int


def optimisers(network: Network, rates: Rates) -> list[torch.optim.Optimizer]:
    """New optimisers over all weights of a network, their learning rates at the highest."""
    matrices, others = split(network) if rates.matrix_rate else ([], list(network.parameters()))
    decay = rates.weight_decay
    made: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(others, lr=rates.learning_rate, betas=BETAS, weight_decay=decay, fused=True)
    ]
    if matrices:
        made.append(Muon(matrices, rates.hidden, rates.matrix_rate, decay))
    return made


def split(network: Network) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The matrices of the core, and all other weights."""
    matrices = [p for p in network.core.parameters() if p.ndim == 2 and min(p.shape) >= NARROWEST]
    chosen = {id(p) for p in matrices}
    return matrices, [p for p in network.parameters() if id(p) not in chosen]


def scale(made: Sequence[torch.optim.Optimizer], highest: Iterable[float], share: float) -> None:
    """Set every learning rate to this share of its highest."""
    for optimiser, rate in zip(made, highest, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * share
