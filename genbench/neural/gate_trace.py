"""Gates and memory of recurrent layers, step by step: torch's own cores do not show theirs, so they are reckoned again.

Another core may have a method `inside`, (1, time, inputs) to a list of `LayerActivations`; of one without, what it gives out is
all that is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from genbench.capabilities import LayerActivations

Stepped = tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]  # output, memory and gates, (hidden,) each


@torch.inference_mode()
def layers(core: nn.Module, x: torch.Tensor) -> Sequence[LayerActivations]:
    """What each layer of a core held while it read x, (1, time, inputs), from a zero state."""
    inside: Any = getattr(core, "inside", None)
    if inside is not None:
        found: Sequence[LayerActivations] = inside(x)
        return found
    if isinstance(core, nn.RNNBase):
        return list(_walked(core, x[0]))
    return [LayerActivations(core(x, None)[0][0].double().numpy(), {})]


def _walked(core: nn.RNNBase, x: torch.Tensor) -> Iterator[LayerActivations]:
    """LayerActivations by layer, x (time, inputs)."""
    step = {"LSTM": lstm, "GRU": gru}.get(core.mode, rnn)
    for w, u, b, d in core.all_weights:
        h = memory = x.new_zeros(core.hidden_size)
        out, kept = [], []
        gates: dict[str, list[torch.Tensor]] = {}
        for read in functional.linear(x, w, b):
            h, memory, opened = step(read, torch.addmv(d, u, h), memory)
            out.append(h)
            kept.append(memory)
            for name, value in opened.items():
                gates.setdefault(name, []).append(value)
        x = torch.stack(out)
        yield LayerActivations(_array(kept), {name: _array(values) for name, values in gates.items()})


def lstm(read: torch.Tensor, said: torch.Tensor, memory: torch.Tensor) -> Stepped:
    """One step, from what was read of the input, what the last output says, and the memory."""
    i, f, g, o = (read + said).chunk(4)
    i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
    memory = f * memory + i * g.tanh()
    return o * memory.tanh(), memory, {"forget": f, "input": i, "output": o}


def gru(read: torch.Tensor, said: torch.Tensor, memory: torch.Tensor) -> Stepped:
    """The same of a GRU; an update gate that is open keeps the memory, as torch has it."""
    (r, z, n), (of_r, of_z, of_n) = read.chunk(3), said.chunk(3)
    r, z = (r + of_r).sigmoid(), (z + of_z).sigmoid()
    memory = (1 - z) * (n + r * of_n).tanh() + z * memory
    return memory, memory, {"reset": r, "update": z}


def rnn(read: torch.Tensor, said: torch.Tensor, memory: torch.Tensor) -> Stepped:
    """The same of a plain RNN with tanh, which has no gates."""
    memory = (read + said).tanh()
    return memory, memory, {}


def _array(values: list[torch.Tensor]) -> Any:
    return torch.stack(values).double().numpy()
