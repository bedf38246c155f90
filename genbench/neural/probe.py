"""Activations and gradients of a trained network, for the commands `gates` and `memory`.

torch's own cores do not return their gates, so this module computes their steps again, one layer at a time. Another
core can have a method `layer_activations(x)`, from (1, time, inputs) to a list of `LayerActivations`. Of a core without
that method, only the output is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from genbench.capabilities import LayerActivations
from genbench.generator import LogProbs
from genbench.neural.network import Network
from genbench.tokenization.tokenizer import Ids

MAX_POSITIONS = 64  # positions of a text at which gradients are computed
RECURRENT_NAMES = ("weight_hh", "recurrent")  # parts of the names of recurrent weights, in torch and in genbench

CellStep = tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]  # output, memory and gates, all (hidden,)


class NetworkProbe:
    """The probe of a `RecurrentGenerator`; it implements `capabilities.Probe`.

    `build_untrained` returns a new network of the same size, `prefix` is read before a text, and `reach` is the number
    of tokens that a prediction sees; None: all.
    """

    def __init__(
        self, network: Network, build_untrained: Callable[[], Network], prefix: Ids, reach: int | None = None
    ) -> None:
        self.network, self.build_untrained, self.prefix, self.reach = network, build_untrained, prefix, reach

    @torch.inference_mode()
    def layers(self, ids: Ids) -> Sequence[LayerActivations]:
        """Return the activations of every layer, lowest first, after every token, (tokens, hidden), from `start()`."""
        stream = torch.from_numpy(np.concatenate([self.prefix, ids]))
        core, embedding = self.network.core, self.network.embedding

        # a network that carries its state: read the stream once
        if self.reach is None:
            activations = core_activations(core, embedding(stream[None]))
            return [_slice_rows(layer, slice(len(self.prefix), None)) for layer in activations]

        # a network with a fixed window: the last step of every window
        windows = (stream[max(0, end - self.reach) : end] for end in range(len(self.prefix) + 1, len(stream) + 1))
        last_steps = [
            [_slice_rows(layer, slice(-1, None)) for layer in core_activations(core, embedding(window[None]))]
            for window in windows
        ]
        return [_concatenate(steps) for steps in zip(*last_steps, strict=True)]

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        """Return the gradient norm of a token's surprisal with respect to earlier inputs, (positions, lags).

        The first column is lag 1, in tokens. If `scale` is set, an untrained network is used, with its initial
        recurrent weights multiplied by `scale`. A text of fewer than `lags + 1` tokens has no positions.
        """
        positions = min(MAX_POSITIONS, len(ids) // (lags + 1))
        if not positions:
            return np.empty((0, lags))
        network = self.network if scale is None else self._scaled_untrained(scale)

        # pieces of lags + 1 tokens, evenly spaced
        step = len(ids) // positions
        rows = torch.from_numpy(np.stack([ids[at : at + lags + 1] for at in range(0, positions * step, step)]))
        visible = lags if self.reach is None else min(lags, self.reach)

        # forward, and backward from the log-probability of the last token to the inputs
        with torch.enable_grad():
            inputs = network.embedding(rows[:, lags - visible : -1]).detach().requires_grad_()
            hidden, _ = network.core(inputs, None)
            log_prob = network.head.target_log_probs(hidden[:, -1], rows[:, -1]).sum()
            (gradient,) = torch.autograd.grad(log_prob, inputs)  # (positions, visible, inputs)

        # norms, with lag 1 first; inputs outside the window have no influence
        norms = np.zeros((positions, lags))
        norms[:, :visible] = gradient.norm(dim=-1).flip(1).double().numpy()
        return norms

    def _scaled_untrained(self, scale: float) -> Network:
        """Return an untrained network with scaled recurrent weights; the initial weights are the same for any scale."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return scale_recurrent_weights(self.build_untrained(), scale)


def scale_recurrent_weights(network: Network, scale: float) -> Network:
    """Multiply the recurrent weights of a network in place, and return the network.

    If no weight of the core has a name of RECURRENT_NAMES, all its matrices are multiplied.
    """
    matrices = {name: value for name, value in network.core.named_parameters() if value.ndim > 1}
    recurrent = [value for name, value in matrices.items() if any(part in name for part in RECURRENT_NAMES)]
    with torch.no_grad():
        for value in recurrent or matrices.values():
            value.mul_(scale)
    return network


@torch.inference_mode()
def core_activations(core: nn.Module, x: torch.Tensor) -> Sequence[LayerActivations]:
    """Return the activations of every layer of a core that reads x, (1, time, inputs), from a zero state."""
    # the core's own method, torch's cells, or the output alone
    layer_activations: Callable[[torch.Tensor], Sequence[LayerActivations]] | None = getattr(
        core, "layer_activations", None
    )
    if layer_activations is not None:
        return layer_activations(x)
    if isinstance(core, nn.RNNBase):
        return list(_torch_activations(core, x[0]))
    return [LayerActivations(core(x, None)[0][0].double().numpy(), {})]


def _torch_activations(core: nn.RNNBase, x: torch.Tensor) -> Iterator[LayerActivations]:
    """Yield the activations of the layers of torch's LSTM, GRU or RNN, for x (time, inputs).

    w and u are the weights of input and state, b and d the biases (torch's weight_ih, weight_hh, bias_ih, bias_hh).
    """
    step = {"LSTM": lstm_step, "GRU": gru_step}.get(core.mode, rnn_step)
    for w, u, b, d in core.all_weights:
        h = memory = x.new_zeros(core.hidden_size)
        outputs, memories = [], []
        gates: dict[str, list[torch.Tensor]] = {}

        # one step per token
        for from_input in functional.linear(x, w, b):
            h, memory, open_gates = step(from_input, torch.addmv(d, u, h), memory)
            outputs.append(h)
            memories.append(memory)
            for name, value in open_gates.items():
                gates.setdefault(name, []).append(value)

        # the outputs are the inputs of the next layer
        x = torch.stack(outputs)  # (time, hidden)
        yield LayerActivations(_to_array(memories), {name: _to_array(values) for name, values in gates.items()})


def lstm_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Compute one step of an LSTM from the products with the input and the last output, (4 hidden,), and the memory."""
    i, f, g, o = (from_input + from_output).chunk(4)
    i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
    memory = f * memory + i * g.tanh()
    return o * memory.tanh(), memory, {"forget": f, "input": i, "output": o}


def gru_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Compute one step of a GRU; as in torch, an open update gate keeps the memory."""
    (input_r, input_z, input_n), (output_r, output_z, output_n) = from_input.chunk(3), from_output.chunk(3)
    r, z = (input_r + output_r).sigmoid(), (input_z + output_z).sigmoid()
    memory = (1 - z) * (input_n + r * output_n).tanh() + z * memory
    return memory, memory, {"reset": r, "update": z}


def rnn_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Compute one step of a plain RNN with tanh, which has no gates and overwrites its memory."""
    memory = (from_input + from_output).tanh()
    return memory, memory, {}


def _slice_rows(layer: LayerActivations, rows: slice) -> LayerActivations:
    """Return the activations of some tokens."""
    return LayerActivations(layer.memory[rows], {name: gate[rows] for name, gate in layer.gates.items()})


def _concatenate(parts: Sequence[LayerActivations]) -> LayerActivations:
    """Join activations of one layer along the tokens."""
    gates = {name: np.concatenate([part.gates[name] for part in parts]) for name in parts[0].gates}
    return LayerActivations(np.concatenate([part.memory for part in parts]), gates)


def _to_array(values: list[torch.Tensor]) -> LogProbs:
    """Stack vectors of equal length into an array, (vectors, length)."""
    array: LogProbs = torch.stack(values).double().numpy()
    return array
