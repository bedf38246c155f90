"""mingru-char, minlstm-char, and the same over words: minimal gated networks (Feng et al. 2024).

Unlike in a GRU or LSTM, gates and candidates depend on the input alone, so the new memory is linear in the last
one, and a parallel scan computes all steps of a window at once:

    minGRU    z = sigmoid(W_z x)                                h' = (1 - z) h + z g(W_h x)
    minLSTM   f = sigmoid(W_f x)        i = sigmoid(W_i x)      h' = f / (f + i) h + i / (f + i) g(W_h x)

with g(a) = a + 1/2 where a >= 0, else sigmoid(a). The cells stand in residual blocks, after a convolution over the last
four inputs, as in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from genbench_plugins.blocks import MUON_LR, Cell, Convolution, Stack, State, widened
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from genbench.neural import RecurrentGenerator, WordNetwork


def parallel_scan(keep: Tensor, add: Tensor) -> Tensor:
    """Return h[t] = keep[t] h[t-1] + add[t] for all t of (time, ...), with h = 0 before, in log2(time) operations.

    Steps are joined to pairs, which are twice as long each time (Hillis & Steele 1986).

    >>> parallel_scan(torch.tensor([0.5, 0.5, 2.0]), torch.tensor([3.0, 2.0, 1.0])).tolist()
    [3.0, 3.5, 8.0]
    """
    shift = 1
    while shift < len(keep):
        add = torch.cat([add[:shift], torch.addcmul(add[shift:], keep[shift:], add[:-shift])])
        keep = torch.cat([keep[:shift], keep[shift:] * keep[:-shift]])
        shift *= 2
    return add


def prefers_steps(x: Tensor) -> bool:
    """Return whether single steps are faster than a scan: on the CPU, where the values of a step fit in the cache."""
    return x.device.type == "cpu"


class RunningMean(torch.autograd.Function):
    """h[t] = (1 - write[t]) h[t-1] + write[t] new[t], by a parallel scan or step by step, with its gradient."""

    @staticmethod
    def forward(ctx: Any, write: Tensor, new: Tensor, first: Tensor) -> Tensor:
        """Return h before every step and after the last, (time + 1, batch, width); `first` is (batch, width)."""
        if prefers_steps(write):
            hs = new.new_empty(len(new) + 1, *first.shape)
            hs[0] = first
            steps = hs.unbind()
            for before, after, share, value in zip(steps[:-1], steps[1:], write.unbind(), new.unbind(), strict=True):
                torch.lerp(before, value, share, out=after)
        else:
            keep = torch.cat([torch.zeros_like(write[:1]), 1 - write])
            hs = parallel_scan(keep, torch.cat([first[None], write * new]))
        ctx.save_for_backward(write, new, hs)
        return hs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of `write`, `new` and `first`."""
        write, new, hs = ctx.saved_tensors
        if prefers_steps(write):
            grad = grad_hs.clone(memory_format=torch.contiguous_format)
            steps = grad.unbind()
            for before, after, share in zip(steps[-2::-1], steps[:0:-1], write.flip(0).unbind(), strict=True):
                before.add_(after).addcmul_(after, share, value=-1)
        else:
            keep = torch.cat([torch.zeros_like(write[:1]), 1 - write.flip(0)])
            grad = parallel_scan(keep, grad_hs.flip(0)).flip(0)
        return grad[1:] * (new - hs[:-1]), grad[1:] * write, grad[0]


def positive(a: Tensor) -> Tensor:
    """Return the candidate g(a): positive and continuous.

    >>> positive(torch.tensor([-1e9, 0.0, 2.0])).tolist()
    [0.0, 0.5, 2.5]
    """
    return a.relu() + a.clamp_max(0).sigmoid()


class MinGRUCell(Cell):
    """The cell of a minGRU: a convolution, one gate and a candidate."""

    gates = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = Convolution(width)
        self.gates_candidate = nn.Linear(width, (self.gates + 1) * width)
        self.out = nn.Linear(width, width, bias=False)
        self.state_shapes = [self.convolution.state_shape, (width,)]

    def share(self, sums: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the share of the candidate in the new memory, and the gates by name."""
        z = sums.sigmoid()
        return z, {"update": z}

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, inputs, _ = self._read(x, state)
        return self.out(h), (inputs, h[:, -1])

    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        h, _, gates = self._read(x, state)
        return h[0], {name: gate[:, 0] for name, gate in gates.items()}

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return h after every step, (batch, time, width), the last inputs, and the gates, (time, batch, width)."""
        x, inputs = self.convolution(x, state[0])
        sums = widened(self.gates_candidate(x)).transpose(0, 1)
        width = x.shape[2]
        write, gates = self.share(sums[..., :-width])
        hs = RunningMean.apply(write, positive(sums[..., -width:]), state[1])  # type: ignore[no-untyped-call]
        return hs[1:].transpose(0, 1), inputs, gates


class MinLSTMCell(MinGRUCell):
    """The cell of a minLSTM: a forget and an input gate, which are divided by their sum."""

    gates = 2

    def share(self, sums: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        log_f, log_i = functional.logsigmoid(sums).chunk(2, dim=2)
        write = (log_i - log_f).sigmoid()
        return write, {"forget": 1 - write, "input": write}


@dataclass
class MinGRUChar(RecurrentGenerator):
    """A character-level minGRU: gates that do not see the memory."""

    gates: ClassVar[int] = 1
    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, MinGRUCell)


@dataclass
class MinGRUWord(WordNetwork):
    """A word-level minGRU; rare words are spelled."""

    gates: ClassVar[int] = 1
    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, MinGRUCell)


@dataclass
class MinLSTMChar(RecurrentGenerator):
    """A character-level minLSTM: gates that do not see the memory."""

    gates: ClassVar[int] = 1
    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, MinLSTMCell)


@dataclass
class MinLSTMWord(WordNetwork):
    """A word-level minLSTM; rare words are spelled."""

    gates: ClassVar[int] = 1
    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, MinLSTMCell)
