"""Activations and gradients of a trained network: the values behind the commands `gates` and `memory`.

torch's own cores do not return their gates, so their steps are computed again here, one layer at a time. Another core
may have a method `layer_activations(x)`, from (1, time, inputs) to a list of `LayerActivations`; of a core without one,
only the output is known.
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

MAX_PLACES = 64  # at which gradients are computed
RECURRENT_NAMES = ("weight_hh", "recurrent")  # parts of the names of recurrent weights: torch's own, and genbench's

CellStep = tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]  # output, memory and gates, (hidden,) each


class NetworkProbe:
    """The probe of a `RecurrentGenerator`.

    `build_untrained` returns a new network of the same size, `prefix` is read before a text, and `reach` is how many
    tokens a prediction sees, if not all.
    """

    def __init__(
        self, network: Network, build_untrained: Callable[[], Network], prefix: Ids, reach: int | None = None
    ) -> None:
        self.network, self.build_untrained, self.prefix, self.reach = network, build_untrained, prefix, reach

    @torch.inference_mode()
    def layers(self, ids: Ids) -> Sequence[LayerActivations]:
        """Return the activations of each layer after each token, read from `start()`, the lowest layer first."""
        stream = torch.from_numpy(np.concatenate([self.prefix, ids]))
        core, embedding = self.network.core, self.network.embedding
        if self.reach is None:
            activations = core_activations(core, embedding(stream[None]))
            return [_slice_rows(layer, slice(len(self.prefix), None)) for layer in activations]

        # a network that sees a window: the last step of each window
        windows = (stream[max(0, end - self.reach) : end] for end in range(len(self.prefix) + 1, len(stream) + 1))
        last_steps = [
            [_slice_rows(layer, slice(-1, None)) for layer in core_activations(core, embedding(window[None]))]
            for window in windows
        ]
        return [_concatenate(steps) for steps in zip(*last_steps, strict=True)]

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        """Return the norm of the gradient of -ln p of a token at the inputs before it, (places, lags), lag 1 first.

        With `scale`, an untrained network is used whose recurrent weights are multiplied by it. A text of fewer than
        `lags + 1` tokens has no place.
        """
        places = min(MAX_PLACES, len(ids) // (lags + 1))
        if not places:
            return np.empty((0, lags))
        network = self.network if scale is None else self._scaled_untrained(scale)

        # stretches of lags + 1 tokens at equal distances
        step = len(ids) // places
        rows = torch.from_numpy(np.stack([ids[at : at + lags + 1] for at in range(0, places * step, step)]))
        visible = lags if self.reach is None else min(lags, self.reach)

        # gradient of the last token's log-probability at each input
        with torch.enable_grad():
            inputs = network.embedding(rows[:, lags - visible : -1]).detach().requires_grad_()
            hidden, _ = network.core(inputs, None)
            log_prob = network.head.target_log_probs(hidden[:, -1], rows[:, -1]).sum()
            (gradient,) = torch.autograd.grad(log_prob, inputs)  # (places, visible, inputs)
        norms = np.zeros((places, lags))
        norms[:, :visible] = gradient.norm(dim=-1).flip(1).double().numpy()
        return norms

    def _scaled_untrained(self, scale: float) -> Network:
        """Return an untrained network, with the same initial weights for every scale."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return scale_recurrent_weights(self.build_untrained(), scale)


def scale_recurrent_weights(network: Network, scale: float) -> Network:
    """Multiply the recurrent weights of a network, and return it; of a core that names none, all matrices."""
    matrices = {name: value for name, value in network.core.named_parameters() if value.ndim > 1}
    recurrent = [value for name, value in matrices.items() if any(part in name for part in RECURRENT_NAMES)]
    with torch.no_grad():
        for value in recurrent or matrices.values():
            value.mul_(scale)
    return network


@torch.inference_mode()
def core_activations(core: nn.Module, x: torch.Tensor) -> Sequence[LayerActivations]:
    """Return the activations of each layer of a core while it reads x, (1, time, inputs), from a zero state."""
    layer_activations: Callable[[torch.Tensor], Sequence[LayerActivations]] | None = getattr(
        core, "layer_activations", None
    )
    if layer_activations is not None:
        return layer_activations(x)
    if isinstance(core, nn.RNNBase):
        return list(_torch_activations(core, x[0]))
    return [LayerActivations(core(x, None)[0][0].double().numpy(), {})]


def _torch_activations(core: nn.RNNBase, x: torch.Tensor) -> Iterator[LayerActivations]:
    """Yield the activations of each layer of torch's LSTM, GRU or RNN, for x (time, inputs)."""
    step = {"LSTM": lstm_step, "GRU": gru_step}.get(core.mode, rnn_step)
    for w, u, b, d in core.all_weights:
        h = memory = x.new_zeros(core.hidden_size)
        outputs, memories = [], []
        gates: dict[str, list[torch.Tensor]] = {}
        for from_input in functional.linear(x, w, b):
            h, memory, open_gates = step(from_input, torch.addmv(d, u, h), memory)
            outputs.append(h)
            memories.append(memory)
            for name, value in open_gates.items():
                gates.setdefault(name, []).append(value)
        x = torch.stack(outputs)  # the input of the next layer
        yield LayerActivations(_to_array(memories), {name: _to_array(values) for name, values in gates.items()})


def lstm_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Return one step of an LSTM, from the products with the input and with the last output, and the memory."""
    i, f, g, o = (from_input + from_output).chunk(4)
    i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
    memory = f * memory + i * g.tanh()
    return o * memory.tanh(), memory, {"forget": f, "input": i, "output": o}


def gru_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Return one step of a GRU; as in torch, an open update gate keeps the memory."""
    (input_r, input_z, input_n), (output_r, output_z, output_n) = from_input.chunk(3), from_output.chunk(3)
    r, z = (input_r + output_r).sigmoid(), (input_z + output_z).sigmoid()
    memory = (1 - z) * (input_n + r * output_n).tanh() + z * memory
    return memory, memory, {"reset": r, "update": z}


def rnn_step(from_input: torch.Tensor, from_output: torch.Tensor, memory: torch.Tensor) -> CellStep:
    """Return one step of a plain RNN with tanh, which has no gates and overwrites its memory."""
    memory = (from_input + from_output).tanh()
    return memory, memory, {}


def _slice_rows(layer: LayerActivations, rows: slice) -> LayerActivations:
    return LayerActivations(layer.memory[rows], {name: gate[rows] for name, gate in layer.gates.items()})


def _concatenate(parts: Sequence[LayerActivations]) -> LayerActivations:
    gates = {name: np.concatenate([part.gates[name] for part in parts]) for name in parts[0].gates}
    return LayerActivations(np.concatenate([part.memory for part in parts]), gates)


def _to_array(values: list[torch.Tensor]) -> LogProbs:
    array: LogProbs = torch.stack(values).double().numpy()
    return array
