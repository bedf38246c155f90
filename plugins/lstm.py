"""lstm-char and lstm-word: long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from genbench.neural import RecurrentGenerator, WordNetwork

Pair = tuple[torch.Tensor, torch.Tensor]


class LSTM(nn.LSTM):
    """torch's LSTM, with a quick step for one stream: torch's own lays out all weights anew at each call."""

    def step(self, x: torch.Tensor, state: Pair | None) -> tuple[torch.Tensor, Pair]:
        """One token: (inputs,) to (hidden,); a state is (h, c), (layers, 1, hidden) each."""
        zeros = x.new_zeros(self.num_layers, 1, self.hidden_size)
        (h, c), ends = state if state is not None else (zeros, zeros), []
        for layer in range(self.num_layers):
            w, u, b, d = self.all_weights[layer]
            sums = torch.addmv(torch.addmv(b + d, w, x), u, h[layer, 0])
            i, f, g, o = sums.chunk(4)
            memory = f.sigmoid_() * c[layer, 0] + i.sigmoid_() * g.tanh_()
            x = o.sigmoid_() * memory.tanh()
            ends.append((x, memory))
        hs, cs = (torch.stack(values)[:, None] for values in zip(*ends, strict=True))
        return x, (hs, cs)


def lstm(inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> LSTM:
    """Its forget gates open at first (bias 1: Jozefowicz et al. 2015), recurrent weights orthogonal."""
    made = LSTM(inputs, hidden, layers, batch_first=True, dropout=dropout)
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if name.startswith("bias"):
                weights.zero_()
            if name.startswith("bias_ih"):
                weights[hidden : 2 * hidden] = 1  # torch's order of gates: input, forget, cell, output
            if name.startswith("weight_hh"):
                for gate in weights.chunk(4):
                    nn.init.orthogonal_(gate)
    return made


@dataclass
class LSTMChar(RecurrentGenerator):
    """A character-level LSTM."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)


@dataclass
class LSTMWord(WordNetwork):
    """A word-level LSTM: differs from lstm-char in its tokens and sizes; rare words are spelled."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)
