"""lstm-char and lstm-word: long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from genbench.neural import RecurrentGenerator, WordNetwork


def lstm(inputs: int, hidden: int, layers: int, dropout: float = 0.0) -> nn.LSTM:
    """torch's LSTM, its forget gates open at first (bias 1: Jozefowicz et al. 2015), recurrent weights orthogonal."""
    made = nn.LSTM(inputs, hidden, layers, batch_first=True, dropout=dropout)
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
