"""PackedNetwork: the weights of a recurrent network as they lie in the page, with 8 or 16 bits each.

A matrix of 8 bits has a scale for each row: its largest weight is 127 steps from zero (`i1` and `f4`). One of 16 bits
has half-precision numbers (`f2`). Biases keep single precision. The order of the arrays is that in which
`PackedNetwork.pack` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import BYTES, Ids
from genbench.web.byte_arrays import Array, compress_arrays, read_arrays
from genbench.web.forms import Cell, Floats, RecurrentLayer, RecurrentWeights

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
LARGEST = 127  # of a weight in 8 bits
Bits = Literal[8, 16]
State = tuple[Floats, ...]  # h of each layer, then c of each layer of an LSTM, (hidden,) each


@dataclass(frozen=True)
class PackedNetwork:
    """A network as the page has it, and its predictions; a state has the memory of all layers."""

    cell: Cell
    bits: Bits
    size: int  # of the vocabulary
    inputs: int  # width of the embedding
    hidden: int
    layers: int
    outputs: int
    data: str

    @classmethod
    def pack(cls, weights: RecurrentWeights, bits: Bits) -> PackedNetwork:
        """Return weights with 8 or 16 bits each."""
        arrays: list[Array] = [*_pack_matrix(weights.embedding, bits)]
        for layer in weights.layers:
            arrays += [*_pack_matrix(layer.weight_ih, bits), *_pack_matrix(layer.weight_hh, bits)]
            arrays += [layer.bias_ih, layer.bias_hh]
        arrays += [*_pack_matrix(weights.weight, bits), weights.bias]
        (size, inputs), (outputs, hidden) = weights.embedding.shape, weights.weight.shape
        data = compress_arrays(arrays)
        return cls(weights.cell, bits, size, inputs, hidden, len(weights.layers), outputs, data)

    @property
    def parameters(self) -> int:
        """The number of weights and biases."""
        return sum(int(np.prod(shape)) for kind, shape in self._shapes() if kind != "f4" or len(shape) == 1)

    def start(self) -> State:
        """Return the state before a text: zeros."""
        return (np.zeros(self.hidden),) * (self.layers * (2 if self.cell == "lstm" else 1))

    def advance(self, state: State, token: int) -> State:
        """Return the state after one more token."""
        weights, x = self._weights, np.asarray(self._weights.embedding[token])
        hs, cs = [], []
        for number, layer in enumerate(weights.layers):
            c = state[self.layers + number] if self.cell == "lstm" else None
            x, c = _step(self.cell, layer, x, state[number], c)
            hs.append(x)
            cs += [] if c is None else [c]
        return (*hs, *cs)

    def log_probs(self, state: State) -> LogProbs:
        """Return the natural log-probabilities of all tokens after a state, (vocabulary,)."""
        scores = self._weights.weight @ state[self.layers - 1] + self._weights.bias
        scores -= scores.max()
        scores -= np.log(np.exp(scores).sum())
        return np.concatenate([np.full(BYTES, scores[0] - np.log(BYTES)), scores[1:]])

    def token_log_probs(self, ids: Ids, state: State) -> LogProbs:
        """Return the natural log-probability of each token of a text that is read from a state, (tokens,)."""
        result = np.empty(len(ids))
        for position, token in enumerate(ids.tolist()):
            result[position] = self.log_probs(state)[token]
            state = self.advance(state, token)
        return result

    @cached_property
    def _weights(self) -> RecurrentWeights:
        """The weights with their rounded values."""
        arrays = read_arrays(self.data, self._shapes())
        embedding, layers = self._read_matrix(arrays), []
        for _ in range(self.layers):
            matrices = self._read_matrix(arrays), self._read_matrix(arrays)
            layers.append(RecurrentLayer(*matrices, next(arrays), next(arrays)))
        return RecurrentWeights(self.cell, embedding, layers, self._read_matrix(arrays), next(arrays))

    def _read_matrix(self, arrays: Iterator[Array]) -> Array:
        """Return the next matrix; its values are in single precision, and products are computed in double."""
        matrix = next(arrays).astype(np.float32)
        return np.asarray(matrix * next(arrays) if self.bits == 8 else matrix, np.float64)

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Yield the type and the shape of each array."""
        rows = GATES[self.cell] * self.hidden

        def matrix(height: int, width: int) -> list[tuple[str, tuple[int, ...]]]:
            return [("i1", (height, width)), ("f4", (height, 1))] if self.bits == 8 else [("f2", (height, width))]

        yield from matrix(self.size, self.inputs)
        for layer in range(self.layers):
            yield from matrix(rows, self.hidden if layer else self.inputs)
            yield from matrix(rows, self.hidden)
            yield from [("f4", (rows,)), ("f4", (rows,))]
        yield from matrix(self.outputs, self.hidden)
        yield "f4", (self.outputs,)


def _pack_matrix(matrix: Array, bits: Bits) -> list[Array]:
    """Return a matrix in 8 bits and the scales of its rows, or in 16 bits."""
    if bits == 16:
        return [matrix.astype(np.float16)]
    scales = np.maximum(np.abs(matrix).max(axis=1, keepdims=True), np.finfo(np.float32).tiny * LARGEST) / LARGEST
    return [np.rint(matrix / scales).astype(np.int8), scales.astype(np.float32)]


def _step(cell: Cell, layer: RecurrentLayer, x: Floats, h: Floats, c: Floats | None) -> tuple[Floats, Floats | None]:
    """Return the output of one layer, (hidden,), and the new memory c of an LSTM."""
    inputs, states = layer.weight_ih @ x + layer.bias_ih, layer.weight_hh @ h + layer.bias_hh
    if c is not None:  # gates i, f, o and candidate g of an LSTM
        i, f, g, o = np.split(inputs + states, 4)
        memory = np.asarray(_sigmoid(f) * c + _sigmoid(i) * np.tanh(g))
        return _sigmoid(o) * np.tanh(memory), memory
    if cell == "rnn":
        return np.tanh(inputs + states), None

    # gates r, z and candidate n of a GRU, as in torch
    r, z = np.split(_sigmoid((inputs + states)[: 2 * len(h)]), 2)
    n = np.tanh(inputs[2 * len(h) :] + r * states[2 * len(h) :])
    return (1 - z) * n + z * h, None


def _sigmoid(x: Floats) -> Floats:
    return np.asarray((1 + np.tanh(x / 2)) / 2)
