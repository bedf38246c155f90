"""indrnn: the independently recurrent network (Li et al. 2018).

Unlike in a plain RNN, a unit sees only its own last value, with one weight u; the layer above mixes the units:

    h' = relu(W x + u h + b)
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench.neural import RecurrentGenerator
from torch import Tensor, nn


class IndRNNCore(nn.Module):
    """Layers of independent units, called like nn.LSTM(batch_first=True)."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.mix = nn.ModuleList(nn.Linear(hidden if layer else inputs, hidden) for layer in range(layers))
        self.recurrent = nn.Parameter(torch.linspace(0, 1, hidden).repeat(layers, 1))  # from no memory to a long one

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map inputs (batch, time, inputs) to outputs (batch, time, hidden) and a state (layers, batch, hidden)."""
        after = []
        for layer, mix in enumerate(self.mix):
            # all products with the inputs at once, then step by step
            sums = mix(x).float()
            h = torch.zeros_like(sums[:, 0]) if state is None else state[layer]
            u, steps = self.recurrent[layer].clamp(-1, 1), []  # a larger weight would grow without bound
            for step in sums.unbind(1):
                h = (step + u * h).relu()
                steps.append(h)
            x = torch.stack(steps, dim=1)
            after.append(h)
        return x, torch.stack(after)


@dataclass
class IndRNN(RecurrentGenerator):
    """A character-level network of independent units."""

    contract = 2

    layers: int = field(default=2, metadata={"help": "layers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        """Return the stack of layers."""
        return IndRNNCore(inputs, hidden, self.layers)
