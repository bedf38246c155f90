"""gru-char and gru-word: gated recurrent units (Cho et al. 2014), in PyTorch's reset-after form.

Differs from the LSTM in that memory and output are the same vector, and one gate z controls both keeping and writing:

    r = sigmoid(W_r x + U_r h)      n = tanh(W_n x + r (U_n h))
    z = sigmoid(W_z x + U_z h)      h' = (1 - z) n + z h
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from genbench.neural import RecurrentGenerator, RecurrentMatmul, WordNetwork, sigmoid_backward, tanh_backward


class GRUSteps(torch.autograd.Function):
    """Forward and backward pass of one layer over all steps on the CPU, several times as fast as torch's.

    Element-wise operations run step by step, because one step fits in the processor's cache and a whole window does
    not.
    """

    @staticmethod
    def forward(
        ctx: Any, projected: torch.Tensor, h: torch.Tensor, recurrent: torch.Tensor, bias: torch.Tensor, bf16: bool
    ) -> torch.Tensor:
        """Return h after every step, (time, batch, hidden).

        `projected` has the products with the input for r, z and n, (time, batch, 3 hidden); `h` is the initial state,
        (batch, hidden); `recurrent`, (3 hidden, hidden), and `bias`, (3 hidden,), are the recurrent weights.
        """
        # allocate gates, U_n h, states, and the states as inputs of the products
        n, matmul = h.shape[1], RecurrentMatmul(recurrent, bf16)
        gates, recurrent_n = h.new_empty(projected.shape), h.new_empty(len(projected), *h.shape)
        hs = h.new_empty(len(projected) + 1, *h.shape)
        hs[0] = h
        inputs = matmul.empty_input(hs)
        sums = h.new_empty(len(h), 3 * n)

        # create the views of all steps once, because creating them in the loop costs time
        sum_rz, sum_n = sums[:, : 2 * n], sums[:, 2 * n :]
        projected_rz, projected_n = projected[..., : 2 * n].unbind(), projected[..., 2 * n :].unbind()
        rz, (r, z, new) = gates[..., : 2 * n].unbind(), (gate.unbind() for gate in gates.chunk(3, dim=2))
        h_at, input_at, recurrent_n_at = hs.unbind(), inputs.unbind(), recurrent_n.unbind()

        # forward through time
        for t in range(len(projected)):
            matmul.forward(bias, input_at[t].copy_(h_at[t]), sums)
            torch.add(projected_rz[t], sum_rz, out=rz[t]).sigmoid_()
            torch.addcmul(projected_n[t], r[t], recurrent_n_at[t].copy_(sum_n), out=new[t]).tanh_()
            torch.lerp(new[t], h_at[t], z[t], out=h_at[t + 1])

        # store what the backward pass needs
        ctx.save_for_backward(gates, recurrent_n, hs, inputs, recurrent)
        ctx.bf16, ctx.dtype = bf16, projected.dtype
        return hs[1:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of `projected`, `h`, `recurrent` and `bias`."""
        gates, recurrent_n, hs, inputs, recurrent = ctx.saved_tensors
        matmul = RecurrentMatmul(recurrent, ctx.bf16)

        # allocate the gradients of the products with the input, and of those with h
        grad_projected = torch.empty_like(gates, dtype=ctx.dtype)
        grad_recurrent = torch.empty_like(gates, dtype=inputs.dtype)
        grad_sums, grad_bias, buffer = torch.empty_like(gates[0]), torch.zeros_like(gates[0]), torch.empty_like(hs[0])

        # views of all steps
        r, z, new = (gate.unbind() for gate in gates.chunk(3, dim=2))
        projected_at, recurrent_at = grad_projected.unbind(), grad_recurrent.unbind()
        recurrent_n_at, h_at = recurrent_n.unbind(), hs.unbind()
        grad_r, grad_z, grad_n = grad_sums.chunk(3, dim=1)
        grad_output = (torch.zeros_like(hs[0]), *grad_hs.unbind())

        # backward through time
        grad_h = grad_output[-1].clone()
        for t in range(len(gates) - 1, -1, -1):
            # through the tanh of n and the sigmoids of r and z
            tanh_backward(torch.addcmul(grad_h, grad_h, z[t], value=-1, out=buffer), new[t], grad_n)
            sigmoid_backward(torch.mul(grad_n, recurrent_n_at[t], out=buffer), r[t], grad_r)
            sigmoid_backward(torch.sub(h_at[t], new[t], out=buffer).mul_(grad_h), z[t], grad_z)
            projected_at[t].copy_(grad_sums)

            # through the products with h, to the previous step
            grad_n.mul_(r[t])
            grad_bias.add_(grad_sums)
            torch.addcmul(grad_output[t], grad_h, z[t], out=buffer)
            matmul.backward(buffer, recurrent_at[t].copy_(grad_sums), grad_h)

        # the gradient of the recurrent weights, in one product over all steps
        grad_weights = matmul.weight_gradient(grad_recurrent, inputs[:-1])
        return grad_projected, grad_h, grad_weights, grad_bias.sum(0), None


class GRU(nn.GRU):
    """torch's GRU, trained on the CPU by `GRUSteps`, with orthogonal recurrent weights and a short initial memory.

    w and u are the weights of input and state, b and d the biases (torch's weight_ih, weight_hh, bias_ih, bias_hh).
    """

    def __init__(self, inputs: int, hidden: int, layers: int) -> None:
        super().__init__(inputs, hidden, layers, batch_first=True)

        # initial weights, by name and gate; torch's order of gates is r, z, n
        with torch.no_grad():
            for name, weights in self.named_parameters():
                if name.startswith("bias"):
                    nn.init.zeros_(weights)
                if name.startswith("bias_ih"):
                    weights[hidden : 2 * hidden] = -1  # z: a short initial memory learns faster
                if name.startswith("weight_hh"):
                    for gate in weights.chunk(3):
                        nn.init.orthogonal_(gate)

    def forward(self, x: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        """Return outputs, (batch, time, hidden), and state, (layers, batch, hidden), for x (batch, time, inputs)."""
        # PyTorch's own GRU is faster without gradients and on other devices
        if not torch.is_grad_enabled() or x.device.type != "cpu" or x.dtype is torch.bfloat16:
            output: tuple[torch.Tensor, torch.Tensor] = super().forward(x, state)
            return output

        # train on the CPU with the hand-written backward pass, layer by layer
        initial = x.new_zeros(self.num_layers, len(x), self.hidden_size) if state is None else state
        hs, last, bf16 = x.transpose(0, 1), [], torch.is_autocast_enabled("cpu")  # hs: (time, batch, inputs)
        for layer, h in enumerate(initial):
            w, u, b, d = (
                getattr(self, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            projected = functional.linear(hs, w, b)
            with torch.autocast("cpu", enabled=False):  # only the products are in bf16
                hs = GRUSteps.apply(projected, h, u, d, bf16)  # type: ignore[no-untyped-call]
            last.append(hs[-1])
        return hs.transpose(0, 1), torch.stack(last)


@dataclass
class GRUChar(RecurrentGenerator):
    """A character-level GRU."""

    gates: ClassVar[int] = 3

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return GRU(inputs, hidden, self.layers)


@dataclass
class GRUWord(WordNetwork):
    """A word-level GRU; rare words are spelled."""

    gates: ClassVar[int] = 3

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return GRU(inputs, hidden, self.layers)
