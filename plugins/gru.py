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

from genbench.neural import Products, RecurrentGenerator, WordNetwork, through_sigmoid, through_tanh


class Steps(torch.autograd.Function):
    """All steps of one layer on the CPU, with the gradients written out: torch's own take several times as long.

    Takes `read` (time, batch, 3 hidden), what r, z and n have of the input; h before, (batch, hidden); `recurrent`
    (3 hidden, hidden) and its bias; whether products are in bf16. Gives h of each step, (time, batch, hidden).
    What can be done step by step is: a step fits the processor's cache, a window does not.
    """

    @staticmethod
    def forward(
        ctx: Any, read: torch.Tensor, h: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, half: bool
    ) -> torch.Tensor:
        n, products = h.shape[1], Products(recurrent, half)
        gates, seen = h.new_empty(read.shape), h.new_empty(len(read), *h.shape)  # r, z and n; U_n h
        hs = h.new_empty(len(read) + 1, *h.shape)
        hs[0] = h
        kept = products.room(hs)
        sums = h.new_empty(len(h), 3 * n)
        sum_rz, sum_n = sums[:, : 2 * n], sums[:, 2 * n :]
        read_rz, read_n = read[..., : 2 * n].unbind(), read[..., 2 * n :].unbind()
        rz, (r, z, new) = gates[..., : 2 * n].unbind(), (gate.unbind() for gate in gates.chunk(3, dim=2))
        h_at, kept_at, seen_at = hs.unbind(), kept.unbind(), seen.unbind()  # made in the loop, views cost their time
        for t in range(len(read)):
            products.add(bias, kept_at[t].copy_(h_at[t]), sums)
            torch.add(read_rz[t], sum_rz, out=rz[t]).sigmoid_()
            torch.addcmul(read_n[t], r[t], seen_at[t].copy_(sum_n), out=new[t]).tanh_()
            torch.lerp(new[t], h_at[t], z[t], out=h_at[t + 1])
        ctx.save_for_backward(gates, seen, hs, kept, recurrent)
        ctx.half, ctx.read = half, read.dtype
        return hs[1:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, into_h: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gates, seen, hs, kept, recurrent = ctx.saved_tensors
        products = Products(recurrent, ctx.half)
        r, z, new = (gate.unbind() for gate in gates.chunk(3, dim=2))
        of_read, found = torch.empty_like(gates, dtype=ctx.read), torch.empty_like(gates, dtype=kept.dtype)
        read_at, found_at, seen_at, h_at = of_read.unbind(), found.unbind(), seen.unbind(), hs.unbind()
        at, of_bias = torch.empty_like(gates[0]), torch.zeros_like(gates[0])  # at: the gradient of a step's sums
        at_r, at_z, at_n = at.chunk(3, dim=1)
        above, by = (torch.zeros_like(hs[0]), *into_h.unbind()), torch.empty_like(hs[0])
        dh = above[-1].clone()
        for t in range(len(gates) - 1, -1, -1):
            through_tanh(torch.addcmul(dh, dh, z[t], value=-1, out=by), new[t], at_n)
            through_sigmoid(torch.mul(at_n, seen_at[t], out=by), r[t], at_r)
            through_sigmoid(torch.sub(h_at[t], new[t], out=by).mul_(dh), z[t], at_z)
            read_at[t].copy_(at)
            at_n.mul_(r[t])
            of_bias.add_(at)
            products.back(torch.addcmul(above[t], dh, z[t], out=by), found_at[t].copy_(at), dh)
        return of_read, dh, products.gradient(found, kept[:-1]), of_bias.sum(0), None


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
        values, ends, half = x.transpose(0, 1), [], torch.is_autocast_enabled("cpu")
        for layer, h in enumerate(before):
            w, u, b, c = (
                getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            read = functional.linear(values, w, b)
            with torch.autocast("cpu", enabled=False):  # but for its products a step is in fp32
                values = Steps.apply(read, h, u, c, half)  # type: ignore[no-untyped-call]
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
