"""lstm-char and lstm-word: long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from genbench import Tokenizer
from genbench.neural import RecurrentGenerator


def lstm(inputs: int, hidden: int, layers: int) -> nn.LSTM:
    """torch's LSTM, its forget gates open at first (bias 1: Jozefowicz et al. 2015), recurrent weights orthogonal."""
    made = nn.LSTM(inputs, hidden, layers, batch_first=True)
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

    def cut(self, train: str) -> Tokenizer:
        return Tokenizer.characters(train)

    def core(self, inputs: int) -> nn.Module:
        return lstm(inputs, self.hidden, self.layers)


@dataclass
class LSTMWord(RecurrentGenerator):
    """A word-level LSTM: differs from lstm-char in its tokens and sizes; rare words are spelled."""

    auto_dropout: ClassVar[tuple[float, float]] = (0.5, 0.2)

    embedding: int = field(default=128, metadata={"help": "width of a token's vector"})
    hidden: int = field(default=128, metadata={"help": "units in each recurrent layer"})
    learning_rate: float = field(default=1.2e-2, metadata={"help": "AdamW's highest"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    def cut(self, train: str) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)

    def core(self, inputs: int) -> nn.Module:
        return lstm(inputs, self.hidden, self.layers)
