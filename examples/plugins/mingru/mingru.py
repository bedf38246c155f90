"""mingru: the minimal gated recurrent unit (Feng et al. 2024, "Were RNNs All We Needed?").

Unlike in a GRU, gate and candidate depend only on the input, not on the state:

    z = sigmoid(V x)      h' = (1 - z) h + z g(W x)      g(a) = a + 1/2 where a >= 0, else sigmoid(a)

So h is a weighted sum, and training needs no loop over time: a parallel scan computes all steps of a window at once. It
uses logarithms (Heinsen 2023), because the weights of distant steps are tiny. Sampling computes single steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench.neural import RecurrentGenerator
from torch import Tensor, nn
from torch.nn import functional


def scan(log_keep: Tensor, log_add: Tensor, log_before: Tensor) -> Tensor:
    """Return h[t] = keep[t] h[t-1] + add[t] for all t, (batch, time, hidden), from the logarithms of its arguments.

    >>> keep, add = torch.tensor([[[0.5], [0.5]]]), torch.tensor([[[1.0], [2.0]]])
    >>> scan(keep.log(), add.log(), torch.tensor([[[4.0]]]).log()).flatten().round(decimals=4).tolist()
    [3.0, 3.5]
    """
    log_kept = functional.pad(log_keep.cumsum(1), (0, 0, 1, 0))
    parts = torch.cat([log_before, log_add], dim=1) - log_kept
    return (log_kept + parts.logcumsumexp(1))[:, 1:].exp()


class Layer(nn.Module):
    """One minGRU layer with a residual connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.both = nn.Linear(width, 2 * width)  # V and W

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs, (batch, time, width), and the last h, (batch, 1, width), from inputs and the previous h."""
        gate, new = self.both(self.norm(x)).chunk(2, dim=2)
        with torch.autocast(x.device.type, enabled=False):  # logarithms need fp32
            gate, new = gate.float(), new.float()
            log_new = torch.where(new >= 0, (new.relu() + 0.5).log(), -functional.softplus(-new))
            log_add = log_new - functional.softplus(-gate)
            h = scan(-functional.softplus(gate), log_add, before.clamp_min(1e-30).log())
        return x + h.to(x.dtype), h[:, -1:]


class MinGRUCore(nn.Module):
    """A stack of minGRU layers, called like nn.LSTM(batch_first=True)."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.widen = nn.Linear(inputs, hidden)
        self.layers = nn.ModuleList(Layer(hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map inputs (batch, time, inputs) to outputs (batch, time, hidden) and a state (layers, batch, hidden)."""
        values, after = self.widen(x), []
        for place, layer in enumerate(self.layers):
            before = values.new_zeros(len(x), values.shape[2]) if state is None else state[place]
            values, h = layer(values, before[:, None].float())
            after.append(h[:, 0])
        return self.norm(values), torch.stack(after)


@dataclass
class MinGRU(RecurrentGenerator):
    """A character-level minGRU, trained by a parallel scan."""

    contract = 2

    layers: int = field(default=3, metadata={"help": "minGRU layers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        """Return the stack of layers."""
        return MinGRUCore(inputs, hidden, self.layers)
