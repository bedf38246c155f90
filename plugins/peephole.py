"""peephole-lstm-char: an LSTM whose gates see the memory, its own cell.

Differs from lstm-char in what the gates read: the input and forget gates also the memory before, the output gate also
the memory after. `full` joins the whole memory to the input of a gate, `diagonal` lets each unit see its own alone
(Gers & Schmidhuber 2000).

    i = sigmoid(W_i x + U_i h + P_i c + b_i)        f = sigmoid(W_f x + U_f h + P_f c + b_f)
    g = tanh(W_g x + U_g h + b_g)                   c' = f c + i g
    o = sigmoid(W_o x + U_o h + P_o c' + b_o)       h' = o tanh(c')

and c' is cut off at `cell_clip` (Sak et al. 2014): units that count let it grow by one a character, which a tanh hides
from an LSTM's gates, but not from these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from genbench import Layer
from genbench.neural import Products, RecurrentGenerator, through_limit, through_sigmoid, through_tanh

SLOWER = 0.1  # of the other weights' steps: at full speed what is learned of a memory upsets the gates
Pair = tuple[torch.Tensor, torch.Tensor]


class Steps(torch.autograd.Function):
    """All steps of one layer, with the gradients written out: far fewer small operations than autograd's own.

    Takes `read` (time, batch, 4 hidden), what the gates i, f, g, o have of the input; h and c before, (batch, hidden);
    `recurrent` (4 hidden, hidden); `peeps` of i, f and o, (3 hidden, hidden) or (3, hidden). Gives h of each step,
    (time, batch, hidden), and the last c. No c goes beyond `limit` or below its negative. `half`: products in bf16.
    What can be done step by step is: a step fits the processor's cache, a window does not.
    """

    @staticmethod
    def forward(
        ctx: Any,
        read: torch.Tensor,
        h: torch.Tensor,
        c: torch.Tensor,
        recurrent: torch.Tensor,
        peeps: torch.Tensor,
        limit: float,
        half: bool,
    ) -> Pair:
        n, products, looks = h.shape[1], Products(recurrent, half), _looks(peeps, len(h), half)
        gates, (hs, cs) = h.new_empty(read.shape), h.new_empty(2, len(read) + 1, *h.shape)
        hs[0], cs[0] = h, c
        kept, tanhs = products.room(hs), torch.empty_like(hs[1:])
        i_f, (i, f, g, o) = gates[..., : 2 * n].unbind(), (gate.unbind() for gate in gates.chunk(4, dim=2))
        h_at, c_at, kept_at = hs.unbind(), cs.unbind(), kept.unbind()  # views made in the loop cost their time
        for t, (given, sums, tanh) in enumerate(zip(read.unbind(), gates.unbind(), tanhs.unbind(), strict=True)):
            products.add(given, kept_at[t].copy_(h_at[t]), sums)
            looks.add_before(i_f[t], c_at[t])
            i_f[t].sigmoid_()
            g[t].tanh_()
            torch.mul(f[t], c_at[t], out=c_at[t + 1]).addcmul_(i[t], g[t]).clamp_(-limit, limit)
            looks.add_after(o[t], c_at[t + 1])
            o[t].sigmoid_()
            torch.mul(o[t], torch.tanh(c_at[t + 1], out=tanh), out=h_at[t + 1])
        ctx.save_for_backward(gates, cs, tanhs, kept, recurrent, peeps)
        ctx.limit, ctx.half, ctx.read = limit, half, read.dtype
        return hs[1:].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, into_h: torch.Tensor, into_c: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gates, cs, tanhs, kept, recurrent, peeps = ctx.saved_tensors
        products, looks = Products(recurrent, ctx.half), _looks(peeps, into_c.shape[0], ctx.half)
        i, f, g, o = (gate.unbind() for gate in gates.chunk(4, dim=2))
        found = torch.empty_like(gates, dtype=kept.dtype)  # the gradient of each gate's sum; `at`, that of one step
        at, by = torch.empty_like(gates[0]), torch.empty_like(cs[0])
        at_i, at_f, at_g, at_o = at.chunk(4, dim=1)
        at_if, c_at, tanh_at, found_at = at[:, : 2 * by.shape[1]], cs.unbind(), tanhs.unbind(), found.unbind()
        above = torch.zeros_like(by), *into_h.unbind()
        dh, dc = above[-1].clone(), into_c.clone()
        for t in range(len(gates) - 1, -1, -1):
            dc.add_(through_tanh(torch.mul(dh, o[t], out=by), tanh_at[t], by))
            through_sigmoid(torch.mul(dh, tanh_at[t], out=by), o[t], at_o)
            looks.back_after(dc, at_o, c_at[t + 1])
            through_limit(dc, c_at[t + 1], ctx.limit, dc)
            through_sigmoid(torch.mul(dc, g[t], out=by), i[t], at_i)
            through_sigmoid(torch.mul(dc, c_at[t], out=by), f[t], at_f)
            through_tanh(torch.mul(dc, i[t], out=by), g[t], at_g)
            looks.back_before(dc.mul_(f[t]), at_if, c_at[t])
            products.back(above[t], found_at[t].copy_(at), dh)
        return found.to(ctx.read), dh, dc, products.gradient(found, kept[:-1]), looks.gradient(found, cs), None, None


class Full:
    """The whole memory joined to the input of each gate: `weights` (3 hidden, hidden), of i, f and o."""

    def __init__(self, weights: torch.Tensor, half: bool) -> None:
        n = weights.shape[1]
        self.before, self.after = Products(weights[: 2 * n], half), Products(weights[2 * n :], half)

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sums of i and f, (batch, 2 hidden), what they see of the memory before."""
        self.before.add(sums, c, sums)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sum of o, (batch, hidden), what it sees of the memory after."""
        self.after.add(sums, c, sums)

    def back_before(self, dc: torch.Tensor, found: torch.Tensor, c: torch.Tensor) -> None:
        """To the gradient of the memory before, what comes back from i and f."""
        self.before.back(dc, found, dc)

    def back_after(self, dc: torch.Tensor, found: torch.Tensor, c: torch.Tensor) -> None:
        """To the gradient of the memory after, what comes back from o."""
        self.after.back(dc, found, dc)

    def gradient(self, found: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Of the weights, over all steps."""
        n, seen = cs.shape[2], cs.to(found.dtype)
        before = self.before.gradient(found[..., : 2 * n], seen[:-1])
        return torch.cat([before, self.after.gradient(found[..., 3 * n :], seen[1:])])


class Diagonal(Full):
    """Each unit's own memory alone: `weights` (3, hidden); its products are of numbers, always in the type of these."""

    def __init__(self, weights: torch.Tensor, batch: int) -> None:
        self.of_i, self.of_f, self.of_o = weights
        self.of_if = weights[:2]
        self.by_i, self.by_f, self.by_o = weights.new_zeros(3, batch, weights.shape[1])

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sums of i and f, what each unit sees of its own memory before."""
        sums.view(len(c), 2, -1).addcmul_(c[:, None], self.of_if)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sum of o, what each unit sees of its own memory after."""
        sums.addcmul_(c, self.of_o)

    def back_before(self, dc: torch.Tensor, found: torch.Tensor, c: torch.Tensor) -> None:
        """To the gradient of the memory before; the weights' is gathered."""
        i, f = found.chunk(2, dim=1)
        dc.addcmul_(i, self.of_i).addcmul_(f, self.of_f)
        self.by_i.addcmul_(i, c)
        self.by_f.addcmul_(f, c)

    def back_after(self, dc: torch.Tensor, found: torch.Tensor, c: torch.Tensor) -> None:
        """To the gradient of the memory after; the weights' is gathered."""
        dc.addcmul_(found, self.of_o)
        self.by_o.addcmul_(found, c)

    def gradient(self, found: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Of the weights, over all steps."""
        return torch.stack([self.by_i, self.by_f, self.by_o]).sum(1)


def _looks(peeps: torch.Tensor, batch: int, half: bool) -> Full:
    return Diagonal(peeps, batch) if len(peeps) == 3 and peeps.shape[1] > 1 else Full(peeps, half)


def _read(inputs: int, hidden: int) -> nn.Linear:
    """What the gates have of the input; forget gates open at first."""
    made = nn.Linear(inputs, 4 * hidden)
    with torch.no_grad():
        made.bias.zero_()[hidden : 2 * hidden] = 1
    return made


class PeepholeLSTM(nn.Module):
    """Layers of such cells, called like `nn.LSTM(batch_first=True)`."""

    def __init__(self, inputs: int, hidden: int, layers: int, *, full: bool, cell_clip: float) -> None:
        super().__init__()
        self.hidden, self.cell_clip = hidden, cell_clip
        self.reads = nn.ModuleList(_read(hidden if layer else inputs, hidden) for layer in range(layers))
        shape = (3 * hidden, hidden) if full else (3, hidden)
        self.recurrent = nn.ParameterList(torch.empty(4 * hidden, hidden) for _ in range(layers))
        self.peeps = nn.ParameterList(torch.zeros(shape) for _ in range(layers))  # at first an LSTM like any other
        with torch.no_grad():
            for recurrent in self.recurrent:
                for gate in recurrent.chunk(4):
                    nn.init.orthogonal_(gate)

    def forward(self, x: torch.Tensor, state: Pair | None) -> tuple[torch.Tensor, Pair]:
        """(batch, time, inputs) to (batch, time, hidden); a state is (h, c), (layers, batch, hidden) each."""
        values = x.transpose(0, 1)
        zeros = self.recurrent[0].new_zeros(len(self.reads), len(x), self.hidden)
        h, c = state if state is not None else (zeros, zeros)
        ends, half = [], torch.is_autocast_enabled(x.device.type)
        for layer, read in enumerate(self.reads):
            sums, weights = read(values), (self.recurrent[layer], SLOWER * self.peeps[layer])
            with torch.autocast(x.device.type, enabled=False):  # but for its products a step is in fp32
                values, memory = Steps.apply(sums, h[layer], c[layer], *weights, self.cell_clip, half)  # type: ignore[no-untyped-call]
            ends.append((values[-1], memory))
        last = torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends])
        return values.transpose(0, 1), last

    def inside(self, x: torch.Tensor) -> list[Layer]:
        """Gates and memory of each layer at each step of x, (1, time, inputs), for the probe."""
        values, found, n = x[0], [], self.hidden
        for recurrent, weights, read in zip(self.recurrent, self.peeps, self.reads, strict=True):
            h, c = x.new_zeros(2, 1, n)
            looks, held = _looks(SLOWER * weights, 1, False), []
            for sums in read(values)[:, None]:
                sums = sums + h @ recurrent.t()
                looks.add_before(sums[:, : 2 * n], c)
                i, f = sums[:, : 2 * n].sigmoid().chunk(2, dim=1)
                c = (f * c + i * sums[:, 2 * n : 3 * n].tanh()).clamp(-self.cell_clip, self.cell_clip)
                looks.add_after(sums[:, 3 * n :], c)
                o = sums[:, 3 * n :].sigmoid()
                h = o * c.tanh()
                held.append(torch.cat([f, i, o, c, h]))
            forget, put, let, memory, values = torch.stack(held, dim=1)
            gates = {"forget": forget, "input": put, "output": let}
            found.append(Layer(memory.double().numpy(), {name: g.double().numpy() for name, g in gates.items()}))
        return found


@dataclass
class PeepholeLSTMChar(RecurrentGenerator):
    """A character-level LSTM with peepholes."""

    peepholes: Literal["full", "diagonal"] = field(
        default="diagonal", metadata={"help": "what a gate sees of the memory: all of it, or its own unit's"}
    )
    cell_clip: float = field(default=3.0, metadata={"help": "no memory grows beyond this, or falls below its negative"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return PeepholeLSTM(inputs, hidden, self.layers, full=self.peepholes == "full", cell_clip=self.cell_clip)
