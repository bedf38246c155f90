"""Residual blocks around recurrent cells, and the two operations that several cells share: convolution and scan.

A block adds to the stream what its cell reads from it, then what a feed-forward network computes (Vaswani et al. 2017,
with the normalization before the parts, Xiong et al. 2020):

    x = x + cell(norm(x))        x = x + W_2 gelu(W_1 norm(x))

A cell differs from a core in that its state has no dimension of layers: the tensors are (batch, ...).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from genbench.capabilities import LayerActivations

MUON_LR = 4e-2  # twice as much as for cores without residual connections and normalization
CONVOLVED = 4  # inputs that a convolution sees, as in the published blocks
State = tuple[Tensor, ...]


def widened(x: Tensor) -> Tensor:
    """Return x, in fp32 if it is in bf16: what is summed over many steps needs it."""
    return x.float() if x.dtype is torch.bfloat16 else x


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return x, (batch, time, width), as (batch, heads, time, width / heads)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """Return x, (batch, heads, time, width / heads), as (batch, time, width)."""
    return x.transpose(1, 2).flatten(2)


def chunks(size: int, *parts: Tensor) -> Iterator[list[Tensor]]:
    """Yield the parts, (batch, heads, time, ...), `size` steps at a time."""
    for start in range(0, parts[0].shape[2], size):
        yield [part[:, :, start : start + size] for part in parts]


class Cell(nn.Module):
    """What mixes the steps of a text in a block. A subclass sets `state_shapes`, without the dimension of the batch."""

    state_shapes: list[tuple[int, ...]]

    @abstractmethod
    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the outputs, (batch, time, width), for x of the same shape, and the state after the last step."""

    @abstractmethod
    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the memory and the gates by name, (time, width) each, for x (1, time, width)."""

    def start(self, x: Tensor) -> State:
        """Return the state before the rows of x: zeros."""
        return tuple(x.new_zeros(len(x), *shape) for shape in self.state_shapes)


class Block(nn.Module):
    """A cell and a feed-forward network, each with a residual connection."""

    def __init__(self, width: int, cell: Cell, widening: int) -> None:
        super().__init__()
        self.cell = cell
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.wide, self.narrow = nn.Linear(width, widening * width), nn.Linear(widening * width, width)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the outputs, (batch, time, width), and the state of the cell."""
        mixed, state = self.cell(self.norms[0](x), state)
        x = x + mixed
        return x + self.narrow(functional.gelu(self.wide(self.norms[1](x)))), state


class Stack(nn.Module):
    """Blocks one after the other, called like `nn.LSTM(batch_first=True)`; `cell` creates the cell of a block."""

    def __init__(self, inputs: int, width: int, layers: int, cell: Callable[[int], Cell], widening: int = 2) -> None:
        super().__init__()
        self.widen = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, cell(width), widening) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the outputs, (batch, time, width), for x (batch, time, inputs), and the state.

        The tensors of a state are (layers, batch, ...).
        """
        values, after = widened(self.widen(x)), []
        for layer, block in enumerate(self._blocks):
            before = block.cell.start(values) if state is None else tuple(part[layer] for part in state)
            values, last = block(values, before)
            after.append([widened(part) for part in last])
        return self.norm(values), tuple(torch.stack(parts) for parts in zip(*after, strict=True))

    @property
    def _blocks(self) -> Iterable[Block]:
        return cast("Iterable[Block]", self.blocks)

    def layer_activations(self, x: Tensor) -> list[LayerActivations]:
        """Return gates and memory of all layers at all steps of x, (1, time, inputs), for the probe."""
        values, activations = self.widen(x), []
        for block in self._blocks:
            state = block.cell.start(values)
            memory, gates = block.cell.activations(block.norms[0](values), state)
            arrays = {name: gate.double().numpy() for name, gate in gates.items()}
            activations.append(LayerActivations(memory.double().numpy(), arrays))
            values, _ = block(values, state)
        return activations


class CausalConvolution(torch.autograd.Function):
    """The weighted sum of each input and those before it, then silu, in few passes over the memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor) -> Tensor:
        """Return the outputs, (batch, time, width), of inputs x that begin CONVOLVED - 1 steps earlier."""
        time = x.shape[1] - CONVOLVED + 1
        sums = x[:, CONVOLVED - 1 :] * weights[-1]
        for start, weight in enumerate(weights[:-1]):
            sums.addcmul_(x[:, start : start + time], weight)
        ctx.save_for_backward(x, weights, sums)
        return functional.silu(sums)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of `x` and `weights`."""
        x, weights, sums = ctx.saved_tensors
        grad = torch.ops.aten.silu_backward(grad, sums)
        grad_x, grad_weights, time = torch.zeros_like(x), torch.empty_like(weights), grad.shape[1]
        for start, weight in enumerate(weights):
            grad_x[:, start : start + time].addcmul_(grad, weight)
            grad_weights[start] = (grad * x[:, start : start + time]).sum((0, 1))
        return grad_x, grad_weights


class Convolution(nn.Module):
    """A causal convolution of each unit over its last inputs, with silu; the weights begin as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(CONVOLVED, width))
        with torch.no_grad():
            self.weights[-1] = 1
        self.state_shape = (CONVOLVED - 1, width)  # the inputs before the next one

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Return the convolved x, (batch, time, width), and the last inputs; `before` has those before x."""
        x = torch.cat([before, widened(x)], dim=1)
        convolved: Tensor = CausalConvolution.apply(x, self.weights)  # type: ignore[no-untyped-call]
        return convolved, x[:, -(CONVOLVED - 1) :]
