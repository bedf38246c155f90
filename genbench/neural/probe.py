"""A look inside a network: what its gates and its memory did, and how far back its gradients reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from genbench.capabilities import LayerActivations
from genbench.generator import LogProbs
from genbench.neural.gate_trace import layers
from genbench.neural.network import Network
from genbench.tokenization.tokenizer import Ids

ROWS = 64  # places that gradients are taken at
RECURRENT = ("weight_hh", "recurrent")  # what the names of recurrent weights hold; torch's own, and ours


class NetworkProbe:
    """The probe of a `RecurrentGenerator`; `anew` makes an untrained network, `before` is read before a text.

    `reach` is how many tokens a prediction sees, where that is not all of them.
    """

    def __init__(self, network: Network, anew: Callable[[], Network], before: Ids, reach: int | None = None) -> None:
        self.network, self.anew, self.before, self.reach = network, anew, before, reach

    @torch.inference_mode()
    def layers(self, ids: Ids) -> Sequence[LayerActivations]:
        """What each layer held after each token, read from `start()`, the lowest layer first."""
        stream = torch.from_numpy(np.concatenate([self.before, ids]))
        if self.reach is None:
            held = layers(self.network.core, self.network.embedding(stream[None]))
            return [_rows(layer, slice(len(self.before), None)) for layer in held]
        windows = (stream[max(0, end - self.reach) : end] for end in range(len(self.before) + 1, len(stream) + 1))
        read = (layers(self.network.core, self.network.embedding(window[None])) for window in windows)
        last = [[_rows(layer, slice(-1, None)) for layer in each] for each in read]
        return [_joined(parts) for parts in zip(*last, strict=True)]

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        """The norm of the gradient of a token's minus ln p at the inputs before it, (places, lags), lag 1 first.

        A text of fewer than `lags + 1` tokens has no place.
        """
        places = min(ROWS, len(ids) // (lags + 1))
        if not places:
            return np.empty((0, lags))
        network = self.network if scale is None else self._untrained(scale)
        step = len(ids) // places
        rows = torch.from_numpy(np.stack([ids[at : at + lags + 1] for at in range(0, places * step, step)]))
        seen = lags if self.reach is None else min(lags, self.reach)
        with torch.enable_grad():
            inputs = network.embedding(rows[:, lags - seen : -1]).detach().requires_grad_()
            values, _ = network.core(inputs, None)
            picked = network.head.picked(values[:, -1], rows[:, -1]).sum()
            (gradient,) = torch.autograd.grad(picked, inputs)
        found = np.zeros((places, lags))
        found[:, :seen] = gradient.norm(dim=-1).flip(1).double().numpy()
        return found

    def _untrained(self, scale: float) -> Network:
        """The same first weights for every scale."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return scaled(self.anew(), scale)


def scaled(network: Network, scale: float) -> Network:
    """The same network, its recurrent weights multiplied; of a core that names none so, all its matrices."""
    matrices = {name: value for name, value in network.core.named_parameters() if value.ndim > 1}
    named = [value for name, value in matrices.items() if any(part in name for part in RECURRENT)]
    with torch.no_grad():
        for value in named or matrices.values():
            value.mul_(scale)
    return network


def _rows(layer: LayerActivations, rows: slice) -> LayerActivations:
    return LayerActivations(layer.memory[rows], {name: gate[rows] for name, gate in layer.gates.items()})


def _joined(parts: Sequence[LayerActivations]) -> LayerActivations:
    names = parts[0].gates
    gates = {name: np.concatenate([part.gates[name] for part in parts]) for name in names}
    return LayerActivations(np.concatenate([part.memory for part in parts]), gates)
