"""gru-char and gru-word: gated recurrent units (Cho et al. 2014), in PyTorch's reset-after form.

Differs from the LSTM in that memory and output are one, and one gate decides what is kept and what is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from genbench.neural import RecurrentGenerator, WordNetwork


def gru(inputs: int, hidden: int, layers: int) -> nn.GRU:
    """torch's GRU, recurrent weights orthogonal; its reset gate is applied after the product, not before."""
    made = nn.GRU(inputs, hidden, layers, batch_first=True)
    for name, weights in made.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(weights)
        if name.startswith("weight_hh"):
            for gate in weights.data.chunk(3):
                nn.init.orthogonal_(gate)
    return made


@dataclass
class GRUChar(RecurrentGenerator):
    """A character-level GRU."""

    def core(self, inputs: int) -> nn.Module:
        return gru(inputs, self.hidden, self.layers)


@dataclass
class GRUWord(WordNetwork):
    """A word-level GRU; rare words are spelled."""

    def core(self, inputs: int) -> nn.Module:
        return gru(inputs, self.hidden, self.layers)
