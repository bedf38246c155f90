"""gru-char and gru-word: gated recurrent units (Cho et al. 2014), in PyTorch's reset-after form.

Differs from the LSTM in that memory and output are one, and one gate decides what is kept and what is written:

    r = sigmoid(W_r x + U_r h)      n = tanh(W_n x + r (U_n h))
    z = sigmoid(W_z x + U_z h)      h' = (1 - z) n + z h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from genbench.neural import RecurrentGenerator, WordNetwork


class Steps(torch.autograd.Function):
    """All steps of one layer on the CPU, with the gradients written out: torch's own take nearly twice the time.

    Takes `read` (time, batch, 3 hidden), what r, z and n have of the input; h before, (batch, hidden); `recurrent`
    (3 hidden, hidden) and its bias. Gives h of each step, (time, batch, hidden).
    """

    @staticmethod
    def forward(
        ctx: Any, read: torch.Tensor, h: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        n, across = h.shape[1], recurrent.t().contiguous()  # a product with a transposed view takes half as long again
        b_rz, b_n = bias[: 2 * n], bias[2 * n :]
        gates, sums = torch.cat([read[..., : 2 * n] + b_rz, read[..., 2 * n :]], 2), torch.empty_like(read)
        hs = torch.cat([h[None], h.new_empty(len(read), *h.shape)])
        h_at, sum_at, rz, (r, z, new) = hs.unbind(), sums.unbind(), gates[..., : 2 * n].unbind(), _thirds(gates)
        sum_rz, (_, _, sum_n) = sums[..., : 2 * n].unbind(), _thirds(sums)
        for t in range(len(read)):
            torch.mm(h_at[t], across, out=sum_at[t])
            rz[t].add_(sum_rz[t]).sigmoid_()
            new[t].addcmul_(r[t], sum_n[t].add_(b_n)).tanh_()
            torch.lerp(new[t], h_at[t], z[t], out=h_at[t + 1])
        ctx.save_for_backward(gates, sums, hs, recurrent)
        return hs[1:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, into_h: torch.Tensor) -> tuple[torch.Tensor, ...]:
        gates, sums, hs, recurrent = ctx.saved_tensors
        r, z, new = gates.chunk(3, dim=2)
        by_new = (1 - z) * (1 - new * new)  # the slope of h by the sum inside n; below, by those of r, z and U_n h
        slopes = torch.stack(
            [by_new * sums.chunk(3, dim=2)[2] * r * (1 - r), (hs[:-1] - new) * z * (1 - z), by_new * r], 2
        )
        found, dhs = torch.empty_like(slopes), into_h.clone()
        at, flat, dh_at, slope_at, z_at = found.unbind(), found.flatten(2).unbind(), dhs.unbind(), slopes.unbind(), z
        first = torch.zeros_like(hs[0])
        for t in range(len(gates) - 1, -1, -1):
            torch.mul(slope_at[t], dh_at[t][:, None], out=at[t])
            (dh_at[t - 1] if t else first).addcmul_(dh_at[t], z_at[t]).addmm_(flat[t], recurrent)
        of_read = torch.cat([found[:, :, :2].flatten(2), dhs * by_new], dim=2)
        across = found.flatten(2).flatten(0, 1)
        return of_read, first, across.t() @ hs[:-1].flatten(0, 1), across.sum(0)


def _thirds(gates: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Views of r, z and n at each step, made once: made in the loop they cost as much as the arithmetic."""
    return [gate.unbind() for gate in gates.chunk(3, dim=2)]


class GRU(nn.GRU):
    """torch's GRU, recurrent weights orthogonal, its memory short at first, trained on the CPU by the steps above."""

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__(inputs, hidden, layers, batch_first=True)
        with torch.no_grad():
            for name, weights in self.named_parameters():
                if name.startswith("bias"):
                    nn.init.zeros_(weights)
                if name.startswith("bias_ih"):
                    weights[hidden : 2 * hidden] = -1  # z: at first a short memory, which learns sooner
                if name.startswith("weight_hh"):
                    for gate in weights.chunk(3):
                        nn.init.orthogonal_(gate)

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """(batch, time, inputs) to (batch, time, hidden); a state is (layers, batch, hidden)."""
        if not torch.is_grad_enabled() or x.device.type != "cpu" or x.dtype is torch.bfloat16:
            found: tuple[torch.Tensor, torch.Tensor] = super().forward(x, state)
            return found
        before = x.new_zeros(self.num_layers, len(x), self.hidden_size) if state is None else state
        values, ends = x.transpose(0, 1), []
        for layer, h in enumerate(before):
            w, u, b, c = (
                getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            read = functional.linear(values, w, b)
            with torch.autocast("cpu", enabled=False):  # the steps are too small to gain by bf16
                values = Steps.apply(read.to(h.dtype), h, u, c)  # type: ignore[no-untyped-call]
            ends.append(values[-1])
        return values.transpose(0, 1), torch.stack(ends)


@dataclass
class GRUChar(RecurrentGenerator):
    """A character-level GRU."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return GRU(inputs, hidden, self.layers)


@dataclass
class GRUWord(WordNetwork):
    """A word-level GRU; rare words are spelled."""

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return GRU(inputs, hidden, self.layers)
