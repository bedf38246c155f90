"""slstm-char and slstm-word: the sLSTM, with exponential input gates (xLSTM, Beck et al. 2024).

Unlike in an LSTM, the input gate is an exponential, so that a later input can outweigh all that is stored; n counts how
much is stored, and the output is a weighted mean of what was written. Units see those of their head only:

    i = exp(W_i x + R_i h)          f = sigmoid(W_f x + R_f h)      c' = f c + i tanh(W_z x + R_z h)
    o = sigmoid(W_o x + R_o h)      n' = f n + i                    h' = o c' / n'

The exponent of i is capped softly at 15 (Beck et al. 2025): sums then stay within fp32 without a running maximum.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench_plugins.blocks import MUON_LR, Cell, Convolution, Stack, State, join_heads, split_heads, widened
from torch import Tensor, nn

from genbench.neural import RecurrentGenerator, WordNetwork

CAP = 15.0  # of the exponent of the input gate
FORGET_BIAS = 2.0


class SLSTMCell(Cell):
    """The cell of an sLSTM; input and forget gates see a convolution over the last four inputs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.convolution = Convolution(width)
        self.input_forget, self.candidate_output = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.recurrent = nn.Parameter(torch.empty(4 * width, width // heads))  # of i, f, z, o, head by head
        self.norm = nn.LayerNorm(width // heads, elementwise_affine=False)
        self.out = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            self.input_forget.bias[width:] = FORGET_BIAS
            for block in self.recurrent.chunk(4 * heads):
                nn.init.orthogonal_(block)
        self.state_shapes = [self.convolution.state_shape, (width,), (width,), (width,)]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        sums, inputs = self._project(x, state[0])
        with torch.autocast(x.device.type, enabled=False):
            steps = self._steps(sums, state[1:])
        hs, cs, ns, _ = (list(parts) for parts in zip(*steps, strict=True))
        h = torch.stack(hs, dim=1)
        normalized = join_heads(self.norm(split_heads(h, self.heads)))
        return self.out(normalized), (inputs, hs[-1], cs[-1], ns[-1])

    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        # the input gate is shown as the share of the new value in the weighted mean
        sums, _ = self._project(x, state[0])
        _, cs, ns, gates = zip(*self._steps(sums, state[1:]), strict=True)
        n = torch.cat(ns)
        i, f, o = (torch.cat(parts) for parts in zip(*gates, strict=True))
        return torch.cat(cs) / n, {"forget": f, "input": i / n, "output": o}

    def _project(self, x: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the products with the inputs, (time, batch, 4 width) for i, f, z and o, and the last inputs."""
        convolved, inputs = self.convolution(x, inputs)
        sums = torch.cat([self.input_forget(convolved), self.candidate_output(x)], dim=2)
        return widened(sums).transpose(0, 1), inputs

    def _steps(self, sums: Tensor, state: State) -> list[tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]]:
        """Return h, c, n and the gates i, f and o, (batch, width), after each step."""
        h, c, n = state
        batch, width = h.shape
        d = width // self.heads
        recurrent = self.recurrent.view(4, self.heads, d, d).permute(1, 3, 0, 2).reshape(self.heads, d, 4 * d)

        steps: list[tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]] = []
        for projected in sums.unbind():
            # products with h, head by head: (heads, batch, 4 d) to (batch, 4, heads, d)
            products = torch.bmm(h.view(batch, self.heads, d).transpose(0, 1), recurrent)
            products = products.view(self.heads, batch, 4, d).permute(1, 2, 0, 3).reshape(batch, 4 * width)
            i, f, z, o = (projected + products).chunk(4, dim=1)

            # one step, by the equations above
            i, f, o = (CAP * (i / CAP).tanh()).exp(), f.sigmoid(), o.sigmoid()
            c, n = torch.addcmul(f * c, i, z.tanh()), torch.addcmul(i, f, n)
            h = o * c / n
            steps.append((h, c, n, (i, f, o)))
        return steps


@dataclass
class SLSTMChar(RecurrentGenerator):
    """A character-level sLSTM: exponential gates."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "groups of units that see each other"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: SLSTMCell(width, self.heads))


@dataclass
class SLSTMWord(WordNetwork):
    """A word-level sLSTM; rare words are spelled."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "groups of units that see each other"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: SLSTMCell(width, self.heads))
