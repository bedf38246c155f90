"""stacked-lstm-char and stacked-lstm-word: several LSTM layers (Graves 2013).

Differs from lstm-char and lstm-word in that a layer reads the output of the layer below, with dropout between them
(Zaremba et al. 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from genbench_plugins.lstm import lstm
from torch import nn

from genbench.neural import RecurrentGenerator, WordNetwork


@dataclass
class StackedLSTMChar(RecurrentGenerator):
    """A character-level stack of LSTM layers."""

    layers: int = field(default=2, metadata={"help": "number of recurrent layers"})
    layer_dropout: float = field(default=0.1, metadata={"help": "dropout between the layers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers, self.layer_dropout if self.layers > 1 else 0.0)


@dataclass
class StackedLSTMWord(WordNetwork):
    """A word-level stack of LSTM layers; rare words are spelled."""

    layers: int = field(default=2, metadata={"help": "number of recurrent layers"})
    layer_dropout: float = field(default=0.2, metadata={"help": "dropout between the layers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers, self.layer_dropout if self.layers > 1 else 0.0)
