"""lstm, lstm-char, lstm-word, lstm-subword: long short-term memory (Hochreiter & Schmidhuber 1997, Gers et al. 2000).

Differs from the GRU in that memory c and output h are separate, and that keeping and writing have separate gates:

    i = sigmoid(W_i x + U_i h + b_i)        f = sigmoid(W_f x + U_f h + b_f)
    g = tanh(W_g x + U_g h + b_g)           c' = f c + i g
    o = sigmoid(W_o x + U_o h + b_o)        h' = o tanh(c')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.neural import RecurrentGenerator, SubwordNetwork, WordNetwork

Array = npt.NDArray[np.float32]


class LSTM(nn.LSTM):
    """torch's LSTM, with fast numpy steps for generation, because torch copies all weights at every call."""

    def project_inputs(self, x: torch.Tensor) -> torch.Tensor:
        """Return the products of the first layer's gates with inputs, (n, 4 hidden); x is (n, inputs)."""
        w, _, b, d = self.all_weights[0]
        return _reorder_gates(functional.linear(x, w, b + d).t()).t()

    def numpy_step(self) -> NumpyLSTMStep:
        """Return a function that computes one step in numpy."""
        return NumpyLSTMStep(self.all_weights)


class NumpyLSTMStep:
    """One step of n streams, from the first layer's products with the input, (n, 4 hidden), to (n, hidden).

    A state is (h, c), both (layers, n, hidden). One tanh computes all gates, since sigmoid(x) = (1 + tanh(x / 2)) / 2.
    w and u are the weights of input and state, b and d the biases (torch's weight_ih, weight_hh, bias_ih, bias_hh).
    """

    def __init__(self, weights: Sequence[Sequence[torch.Tensor]]) -> None:
        # weights of a layer: input, state, bias; transposed, with the gates reordered
        self.layers = [
            [_reorder_gates(matrix.detach()).t().contiguous().numpy() for matrix in (w, u, b + d)]
            for w, u, b, d in weights
        ]
        self.shape = len(self.layers), self.layers[0][1].shape[0]  # layers and hidden

    def __call__(self, projected: Array, state: tuple[Array, Array] | None) -> tuple[Array, tuple[Array, Array]]:
        """Return the output of the last layer, (n, hidden), and the new state."""
        layers, n = self.shape
        h, c = state if state is not None else np.zeros((2, layers, len(projected), n), np.float32)
        hs, cs = np.empty_like(h), np.empty_like(c)
        for layer, (w, u, bias) in enumerate(self.layers):
            # the inputs of all gates, (n, 4 hidden)
            sums = h[layer] @ u
            sums += projected if layer == 0 else hs[layer - 1] @ w + bias

            # gates i, f, o and candidate g
            np.tanh(sums, out=sums)
            sums[:, : 3 * n] += 1
            sums[:, : 3 * n] *= 0.5
            i, f, o, g = (sums[:, gate * n : (gate + 1) * n] for gate in range(4))

            # c' = f c + i g, h' = o tanh(c')
            np.add(np.multiply(f, c[layer], out=f), np.multiply(i, g, out=i), out=cs[layer])
            np.multiply(o, np.tanh(cs[layer]), out=hs[layer])
        return hs[-1], (hs, cs)


def _reorder_gates(weights: torch.Tensor) -> torch.Tensor:
    """Reorder the rows of torch's gates i, f, g, o for `NumpyLSTMStep`: i, f and o halved, then g."""
    i, f, g, o = weights.chunk(4)
    return torch.cat([i / 2, f / 2, o / 2, g])


def lstm(inputs: int, hidden: int, layers: int, layer_dropout: float = 0.0) -> LSTM:
    """Return a new LSTM with open forget gates (bias 1, Jozefowicz et al. 2015) and orthogonal recurrent weights.

    The recurrent matrices are orthogonal by gate (Saxe et al. 2014).
    """
    core = LSTM(inputs, hidden, layers, batch_first=True, dropout=layer_dropout)

    # initial weights, by name and gate
    with torch.no_grad():
        for name, weights in core.named_parameters():
            if name.startswith("bias"):
                weights.zero_()
            if name.startswith("bias_ih"):
                weights[hidden : 2 * hidden] = 1  # torch's order of gates: input, forget, cell, output
            if name.startswith("weight_hh"):
                for gate in weights.chunk(4):
                    nn.init.orthogonal_(gate)
    return core


@dataclass
class LSTMChar(RecurrentGenerator):
    """A character-level LSTM."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)


@dataclass
class LSTMWord(WordNetwork):
    """A word-level LSTM; it differs from lstm-char in its tokens and sizes. Rare words are spelled."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)


@dataclass
class LSTMSubword(SubwordNetwork):
    """An LSTM over parts of words (byte-pair encoding, Sennrich et al. 2016)."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)


@dataclass
class LSTMWithChain(LSTMWord):
    """A word-level LSTM, interpolated with a word chain inside its output layer."""

    base: str | None = field(
        default="markov-word:spelling=characters",
        metadata={"help": "a chain over words whose predictions are interpolated with the network's", "names": "specs"},
    )
