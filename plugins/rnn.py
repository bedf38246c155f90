"""rnn-char and rnn-word: the vanilla recurrent network (Elman 1990).

Differs from gru-char and lstm-char in that it has no gates: every step overwrites the whole memory, h' = tanh(W x + U h
+ b), so the memory is short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from genbench.neural import RecurrentGenerator, WordNetwork


def rnn(inputs: int, hidden: int, layers: int) -> nn.RNN:
    """Return a new torch RNN with tanh and orthogonal recurrent weights (Saxe et al. 2014)."""
    core = nn.RNN(inputs, hidden, layers, batch_first=True)
    for name, weights in core.named_parameters():
        if name.startswith("weight_hh"):
            nn.init.orthogonal_(weights)
    return core


@dataclass
class RNNChar(RecurrentGenerator):
    """A character-level vanilla (Elman) RNN."""

    gates: ClassVar[int] = 1

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return rnn(inputs, hidden, self.layers)


@dataclass
class RNNWord(WordNetwork):
    """A word-level vanilla (Elman) RNN; rare words are spelled."""

    gates: ClassVar[int] = 1

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return rnn(inputs, hidden, self.layers)
