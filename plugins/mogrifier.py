"""mogrifier-lstm-char and mogrifier-lstm-word: the Mogrifier LSTM (Melis et al. 2020).

Differs from the LSTM in that, before each step, input x and last output h scale each other in turn, in `rounds` rounds,
so that a step sees its input in the light of what was read before:

    x = 2 sigmoid(Q_1 h) * x        h = 2 sigmoid(R_2 x) * h        x = 2 sigmoid(Q_3 h) * x        ...
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench_plugins.blocks import widened
from torch import Tensor, nn
from torch.nn import functional

from genbench.capabilities import LayerActivations
from genbench.neural import RecurrentGenerator, WordNetwork

Pair = tuple[Tensor, Tensor]


class MogrifierLayer(nn.Module):
    """One layer; `recurrent` has the weights of h, `projection` those of x, for the gates i, f, g and o."""

    def __init__(self, inputs: int, hidden: int, rounds: int) -> None:
        super().__init__()
        # odd rounds scale x by h, even rounds h by x
        shapes = [(inputs, hidden) if number % 2 else (hidden, inputs) for number in range(1, rounds + 1)]
        self.rounds = nn.ParameterList(torch.zeros(shape) for shape in shapes)  # initially a plain LSTM
        self.projection = nn.Linear(inputs, 4 * hidden)
        self.recurrent = nn.Parameter(torch.empty(4 * hidden, hidden))
        with torch.no_grad():
            self.projection.bias.zero_()[hidden : 2 * hidden] = 1
            for gate in self.recurrent.chunk(4):
                nn.init.orthogonal_(gate)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Return h, c and the gates i, f and o after one step, (batch, hidden), for x (batch, inputs)."""
        # the rounds
        for number, weights in enumerate(self.rounds, 1):
            if number % 2:
                x = 2 * functional.linear(h, weights).sigmoid() * x
            else:
                h = 2 * functional.linear(x, weights).sigmoid() * h

        # an LSTM
        sums = self.projection(x) + functional.linear(h, self.recurrent)
        i, f, g, o = sums.chunk(4, dim=1)
        i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
        c = torch.addcmul(f * c, i, g.tanh())
        return o * c.tanh(), c, (i, f, o)


class MogrifierLSTM(nn.Module):
    """Layers of Mogrifier LSTMs, called like `nn.LSTM(batch_first=True)`."""

    def __init__(self, inputs: int, hidden: int, layers: int, rounds: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.layers = nn.ModuleList(MogrifierLayer(hidden if at else inputs, hidden, rounds) for at in range(layers))

    def forward(self, x: Tensor, state: Pair | None) -> tuple[Tensor, Pair]:
        """Return the outputs, (batch, time, hidden), for x (batch, time, inputs), and the state (h, c).

        Both tensors of the state are (layers, batch, hidden).
        """
        # without a state, start from zeros
        zeros = x.new_zeros(len(self.layers), len(x), self.hidden)
        hs, cs = state if state is not None else (zeros, zeros)

        # the outputs of a layer are the inputs of the next; in fp32, because casts cost more than small products gain
        steps, last = list(widened(x).unbind(1)), []
        with torch.autocast(x.device.type, enabled=False):
            for layer, h, c in zip(self.layers, hs, cs, strict=True):
                for time, step in enumerate(steps):
                    h, c, _ = layer(step, h, c)
                    steps[time] = h
                last.append((h, c))
        return torch.stack(steps, dim=1), (torch.stack([h for h, _ in last]), torch.stack([c for _, c in last]))

    def layer_activations(self, x: Tensor) -> list[LayerActivations]:
        """Return gates and memory of all layers at all steps of x, (1, time, inputs), for the probe."""
        activations, steps = [], list(x.unbind(1))
        for layer in self.layers:
            h = c = x.new_zeros(1, self.hidden)
            rows = []
            for time, step in enumerate(steps):
                h, c, (i, f, o) = layer(step, h, c)
                steps[time] = h
                rows.append(torch.cat([f, i, o, c]))
            forget, input_gate, output, memory = torch.stack(rows, dim=1).double().numpy()  # (time, hidden) each
            activations.append(LayerActivations(memory, {"forget": forget, "input": input_gate, "output": output}))
        return activations


@dataclass
class MogrifierLSTMChar(RecurrentGenerator):
    """A character-level Mogrifier LSTM: input and output scale each other."""

    rounds: int = field(default=5, metadata={"help": "times that input or last output are scaled before a step"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return MogrifierLSTM(inputs, hidden, self.layers, self.rounds)


@dataclass
class MogrifierLSTMWord(WordNetwork):
    """A word-level Mogrifier LSTM; rare words are spelled."""

    rounds: int = field(default=5, metadata={"help": "times that input or last output are scaled before a step"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return MogrifierLSTM(inputs, hidden, self.layers, self.rounds)
