"""peephole-lstm-char: an LSTM whose gates also read the memory (Gers & Schmidhuber 2000).

Differs from lstm-char in the inputs of the gates: the input and forget gates also read the memory before the step, the
output gate also reads the memory after it. With `full` peepholes a gate reads the whole memory; with `diagonal`
peepholes, the gates of a unit read only the memory of this unit.

    i = sigmoid(W_i x + U_i h + P_i c + b_i)        f = sigmoid(W_f x + U_f h + P_f c + b_f)
    g = tanh(W_g x + U_g h + b_g)                   c' = f c + i g
    o = sigmoid(W_o x + U_o h + P_o c' + b_o)       h' = o tanh(c')

The memory c' is clipped to `cell_clip` (Sak et al. 2014). Units that count characters make it grow by one per step; a
tanh hides this growth from the gates of a plain LSTM, but not from peepholes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from genbench.capabilities import LayerActivations
from genbench.neural import RecurrentGenerator, RecurrentMatmul, clamp_backward, sigmoid_backward, tanh_backward

PEEPHOLE_SCALE = 0.1  # of peephole weights and their updates: at full scale, training is unstable
Pair = tuple[torch.Tensor, torch.Tensor]


class PeepholeSteps(torch.autograd.Function):
    """Forward and backward pass of one layer over all steps, with far fewer small operations than autograd needs.

    Element-wise operations run step by step, because one step fits in the processor's cache and a whole window does
    not.
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: torch.Tensor,
        h: torch.Tensor,
        c: torch.Tensor,
        recurrent: torch.Tensor,
        peephole_weights: torch.Tensor,
        limit: float,
        bf16: bool,
    ) -> Pair:
        """Return h after every step, (time, batch, hidden), and the last c, (batch, hidden).

        `projected` has the products with the input for i, f, g and o, (time, batch, 4 hidden); `h` and `c` are the
        initial state, (batch, hidden); `recurrent` is (4 hidden, hidden); `peephole_weights`, of i, f and o, is
        (3 hidden, hidden) or (3, hidden).
        """
        # allocate gates, states, tanh of the memory, and the states as inputs of the products
        n, matmul, peepholes = h.shape[1], RecurrentMatmul(recurrent, bf16), _peepholes(peephole_weights, len(h), bf16)
        gates, (hs, cs) = h.new_empty(projected.shape), h.new_empty(2, len(projected) + 1, *h.shape)
        hs[0], cs[0] = h, c
        inputs, tanhs = matmul.empty_input(hs), torch.empty_like(hs[1:])

        # create the views of all steps once, because creating them in the loop costs time
        i_f, (i, f, g, o) = gates[..., : 2 * n].unbind(), (gate.unbind() for gate in gates.chunk(4, dim=2))
        h_at, c_at, input_at = hs.unbind(), cs.unbind(), inputs.unbind()

        # forward through time, by the equations above
        for t, (bias, sums, tanh) in enumerate(zip(projected.unbind(), gates.unbind(), tanhs.unbind(), strict=True)):
            matmul.forward(bias, input_at[t].copy_(h_at[t]), sums)
            peepholes.add_before(i_f[t], c_at[t])
            i_f[t].sigmoid_()
            g[t].tanh_()
            torch.mul(f[t], c_at[t], out=c_at[t + 1]).addcmul_(i[t], g[t]).clamp_(-limit, limit)
            peepholes.add_after(o[t], c_at[t + 1])
            o[t].sigmoid_()
            torch.mul(o[t], torch.tanh(c_at[t + 1], out=tanh), out=h_at[t + 1])

        # store what the backward pass needs
        ctx.save_for_backward(gates, cs, tanhs, inputs, recurrent, peephole_weights)
        ctx.limit, ctx.bf16, ctx.dtype = limit, bf16, projected.dtype
        return hs[1:].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hs: torch.Tensor, grad_last_c: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of `projected`, `h`, `c`, `recurrent` and `peephole_weights`."""
        gates, cs, tanhs, inputs, recurrent, peephole_weights = ctx.saved_tensors
        matmul = RecurrentMatmul(recurrent, ctx.bf16)
        peepholes = _peepholes(peephole_weights, grad_last_c.shape[0], ctx.bf16)

        # allocate the gradients of the gates' inputs, for all steps and for one step
        grad_sums = torch.empty_like(gates, dtype=inputs.dtype)
        grad_step, buffer = torch.empty_like(gates[0]), torch.empty_like(cs[0])

        # views of all steps
        i, f, g, o = (gate.unbind() for gate in gates.chunk(4, dim=2))
        grad_i, grad_f, grad_g, grad_o = grad_step.chunk(4, dim=1)
        grad_if = grad_step[:, : 2 * buffer.shape[1]]
        c_at, tanh_at, sums_at = cs.unbind(), tanhs.unbind(), grad_sums.unbind()
        grad_output = torch.zeros_like(buffer), *grad_hs.unbind()

        # backward through time
        grad_h, grad_c = grad_output[-1].clone(), grad_last_c.clone()
        for t in range(len(gates) - 1, -1, -1):
            # through h' = o tanh(c')
            grad_c.add_(tanh_backward(torch.mul(grad_h, o[t], out=buffer), tanh_at[t], buffer))
            sigmoid_backward(torch.mul(grad_h, tanh_at[t], out=buffer), o[t], grad_o)
            peepholes.backward_after(grad_c, grad_o, c_at[t + 1])

            # through c' = clip(f c + i g)
            clamp_backward(grad_c, c_at[t + 1], ctx.limit, grad_c)
            sigmoid_backward(torch.mul(grad_c, g[t], out=buffer), i[t], grad_i)
            sigmoid_backward(torch.mul(grad_c, c_at[t], out=buffer), f[t], grad_f)
            tanh_backward(torch.mul(grad_c, i[t], out=buffer), g[t], grad_g)
            peepholes.backward_before(grad_c.mul_(f[t]), grad_if, c_at[t])

            # through the products with h, to the previous step
            matmul.backward(grad_output[t], sums_at[t].copy_(grad_step), grad_h)

        # the gradients of the weights, in one product over all steps
        grad_recurrent = matmul.weight_gradient(grad_sums, inputs[:-1])
        grad_peepholes = peepholes.weight_gradient(grad_sums, cs)
        return grad_sums.to(ctx.dtype), grad_h, grad_c, grad_recurrent, grad_peepholes, None, None


class FullPeepholes:
    """Peepholes from the whole memory to a gate: `weights` are those of i, f and o, (3 hidden, hidden)."""

    def __init__(self, weights: torch.Tensor, bf16: bool) -> None:
        n = weights.shape[1]
        self.before, self.after = RecurrentMatmul(weights[: 2 * n], bf16), RecurrentMatmul(weights[2 * n :], bf16)

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the peephole products of i and f with the memory before the step to `sums`, (batch, 2 hidden)."""
        self.before.forward(sums, c, sums)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the peephole product of o with the memory after the step to `sums`, (batch, hidden)."""
        self.after.forward(sums, c, sums)

    def backward_before(self, grad_c: torch.Tensor, grad_sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the gradients that pass through i and f to `grad_c`, that of the memory before the step."""
        self.before.backward(grad_c, grad_sums, grad_c)

    def backward_after(self, grad_c: torch.Tensor, grad_sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the gradient that passes through o to `grad_c`, that of the memory after the step."""
        self.after.backward(grad_c, grad_sums, grad_c)

    def weight_gradient(self, grad_sums: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the weights over all steps."""
        n, memory = cs.shape[2], cs.to(grad_sums.dtype)
        before = self.before.weight_gradient(grad_sums[..., : 2 * n], memory[:-1])
        return torch.cat([before, self.after.weight_gradient(grad_sums[..., 3 * n :], memory[1:])])


class DiagonalPeepholes(FullPeepholes):
    """Peepholes from a unit's memory to its own gates: `weights` are those of i, f and o, (3, hidden), not in bf16.

    Differs from FullPeepholes in that the products are element-wise, and the gradients of the weights are accumulated.
    """

    def __init__(self, weights: torch.Tensor, batch: int) -> None:
        self.of_i, self.of_f, self.of_o = weights
        self.of_if = weights[:2]
        self.grad_i, self.grad_f, self.grad_o = weights.new_zeros(3, batch, weights.shape[1])

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the peephole products of i and f with the memory before the step to `sums`."""
        sums.view(len(c), 2, -1).addcmul_(c[:, None], self.of_if)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the peephole product of o with the memory after the step to `sums`."""
        sums.addcmul_(c, self.of_o)

    def backward_before(self, grad_c: torch.Tensor, grad_sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the gradients that pass through i and f to `grad_c`, and to the gradients of their weights."""
        grad_i, grad_f = grad_sums.chunk(2, dim=1)
        grad_c.addcmul_(grad_i, self.of_i).addcmul_(grad_f, self.of_f)
        self.grad_i.addcmul_(grad_i, c)
        self.grad_f.addcmul_(grad_f, c)

    def backward_after(self, grad_c: torch.Tensor, grad_sums: torch.Tensor, c: torch.Tensor) -> None:
        """Add the gradient that passes through o to `grad_c`, and to the gradient of its weights."""
        grad_c.addcmul_(grad_sums, self.of_o)
        self.grad_o.addcmul_(grad_sums, c)

    def weight_gradient(self, grad_sums: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the weights over all steps."""
        return torch.stack([self.grad_i, self.grad_f, self.grad_o]).sum(1)


def _peepholes(weights: torch.Tensor, batch: int, bf16: bool) -> FullPeepholes:
    """Return the peepholes with these weights; (3, hidden) is diagonal."""
    is_diagonal = len(weights) == 3 and weights.shape[1] > 1
    return DiagonalPeepholes(weights, batch) if is_diagonal else FullPeepholes(weights, bf16)


class PeepholeLSTM(nn.Module):
    """Layers of LSTM cells with peepholes, called like `nn.LSTM(batch_first=True)`."""

    def __init__(self, inputs: int, hidden: int, layers: int, *, full: bool, cell_clip: float) -> None:
        super().__init__()
        self.hidden, self.cell_clip = hidden, cell_clip
        self.projections = nn.ModuleList(_projection(hidden if layer else inputs, hidden) for layer in range(layers))

        # peephole weights are a matrix per gate, or a vector if they are diagonal
        shape = (3 * hidden, hidden) if full else (3, hidden)
        self.recurrent = nn.ParameterList(torch.empty(4 * hidden, hidden) for _ in range(layers))
        self.peepholes = nn.ParameterList(torch.zeros(shape) for _ in range(layers))  # initially a plain LSTM

        # orthogonal recurrent weights, gate by gate
        with torch.no_grad():
            for recurrent in self.recurrent:
                for gate in recurrent.chunk(4):
                    nn.init.orthogonal_(gate)

    def forward(self, x: torch.Tensor, state: Pair | None) -> tuple[torch.Tensor, Pair]:
        """Return the outputs, (batch, time, hidden), for x (batch, time, inputs), and the state (h, c).

        Both tensors of the state are (layers, batch, hidden).
        """
        # without a state, start from zeros
        hs = x.transpose(0, 1)  # (time, batch, inputs)
        zeros = self.recurrent[0].new_zeros(len(self.projections), len(x), self.hidden)
        h, c = state if state is not None else (zeros, zeros)

        # the output of a layer is the input of the next
        last, bf16 = [], torch.is_autocast_enabled(x.device.type)
        for layer, projection in enumerate(self.projections):
            projected, weights = projection(hs), (self.recurrent[layer], PEEPHOLE_SCALE * self.peepholes[layer])
            with torch.autocast(x.device.type, enabled=False):  # only the products are in bf16
                hs, memory = PeepholeSteps.apply(projected, h[layer], c[layer], *weights, self.cell_clip, bf16)  # type: ignore[no-untyped-call]
            last.append((hs[-1], memory))
        return hs.transpose(0, 1), (torch.stack([h for h, _ in last]), torch.stack([c for _, c in last]))

    def layer_activations(self, x: torch.Tensor) -> list[LayerActivations]:
        """Return gates and memory of all layers at all steps of x, (1, time, inputs), for the probe."""
        hs, activations, n = x[0], [], self.hidden  # hs: (time, inputs)
        for recurrent, weights, projection in zip(self.recurrent, self.peepholes, self.projections, strict=True):
            h, c = x.new_zeros(2, 1, n)
            peepholes, steps = _peepholes(PEEPHOLE_SCALE * weights, 1, False), []
            for projected in projection(hs)[:, None]:
                # one step, by the equations above
                sums = projected + h @ recurrent.t()
                peepholes.add_before(sums[:, : 2 * n], c)
                i, f = sums[:, : 2 * n].sigmoid().chunk(2, dim=1)
                c = (f * c + i * sums[:, 2 * n : 3 * n].tanh()).clamp(-self.cell_clip, self.cell_clip)
                peepholes.add_after(sums[:, 3 * n :], c)
                o = sums[:, 3 * n :].sigmoid()
                h = o * c.tanh()
                steps.append(torch.cat([f, i, o, c, h]))

            forget_gate, input_gate, output_gate, memory, hs = torch.stack(steps, dim=1)  # (time, hidden) each
            gates = {"forget": forget_gate, "input": input_gate, "output": output_gate}
            arrays = {name: gate.double().numpy() for name, gate in gates.items()}
            activations.append(LayerActivations(memory.double().numpy(), arrays))
        return activations


def _projection(inputs: int, hidden: int) -> nn.Linear:
    """Return a new linear layer from the input to all gates; the forget gates are initially open (bias 1)."""
    linear = nn.Linear(inputs, 4 * hidden)
    with torch.no_grad():
        linear.bias.zero_()[hidden : 2 * hidden] = 1
    return linear


@dataclass
class PeepholeLSTMChar(RecurrentGenerator):
    """A character-level LSTM with peepholes."""

    peepholes: Literal["full", "diagonal"] = field(
        default="diagonal", metadata={"help": "what a gate sees of the memory: all of it, or only that of its own unit"}
    )
    cell_clip: float = field(default=3.0, metadata={"help": "largest absolute value of the memory"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return PeepholeLSTM(inputs, hidden, self.layers, full=self.peepholes == "full", cell_clip=self.cell_clip)
