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

from genbench.neural import RecurrentGenerator

SLOWER = 0.1  # of the other weights' steps: at full speed what is learned of a memory upsets the gates
Pair = tuple[torch.Tensor, torch.Tensor]


class Steps(torch.autograd.Function):
    """All steps of one layer, with the gradients written out: far fewer small operations than autograd's own.

    Takes `read` (time, batch, 4 hidden), what the gates i, f, g, o have of the input; h and c before, (batch, hidden);
    `recurrent` (4 hidden, hidden); `peeps` of i, f and o, (3 hidden, hidden) or (3, hidden). Gives h of each step,
    (time, batch, hidden), and the last c. No c goes beyond `limit` or below its negative.
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
    ) -> Pair:
        n, looks, gates = h.shape[1], _looks(peeps), read.clone()
        hs, cs = (torch.cat([first[None], first.new_empty(len(read), *h.shape)]) for first in (h, c))
        tanhs = torch.empty_like(hs[1:])
        across, i_f = recurrent.t().contiguous(), gates[..., : 2 * n].unbind()
        i, f, g, o = (gate.unbind() for gate in gates.chunk(4, dim=2))
        h_at, c_at = hs.unbind(), cs.unbind()  # views made once: made in the loop they cost as much as the arithmetic
        for t, (sums, tanh) in enumerate(zip(gates.unbind(), tanhs.unbind(), strict=True)):
            sums.addmm_(h_at[t], across)
            looks.add_before(i_f[t], c_at[t])
            i_f[t].sigmoid_()
            g[t].tanh_()
            torch.mul(f[t], c_at[t], out=c_at[t + 1]).addcmul_(i[t], g[t]).clamp_(-limit, limit)
            looks.add_after(o[t], c_at[t + 1])
            o[t].sigmoid_()
            torch.mul(o[t], torch.tanh(c_at[t + 1], out=tanh), out=h_at[t + 1])
        ctx.save_for_backward(gates, hs, cs, tanhs, recurrent, peeps)
        ctx.limit = limit
        return hs[1:].clone(), cs[-1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, into_h: torch.Tensor, into_c: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gates, hs, cs, tanhs, recurrent, peeps = ctx.saved_tensors
        n, looks, (i, f, g, o) = hs.shape[2], _looks(peeps), gates.chunk(4, dim=2)
        found = torch.empty_like(gates)  # the gradient of each gate's sum
        by_o = (o * (1 - o) * tanhs).unbind()  # the slope of h by the sum inside o; below, of h and c by theirs
        by_c = (o * (1 - tanhs * tanhs)).unbind()
        by_ifg = torch.stack([i * (1 - i) * g, f * (1 - f) * cs[:-1], (1 - g * g) * i], dim=2)
        at_ifg = found[..., : 3 * n].view(*by_ifg.shape).unbind()
        at, at_if, at_o = found.unbind(), found[..., : 2 * n].unbind(), found[..., 3 * n :].unbind()
        from_above, of_ifg, f_at = into_h.unbind(), by_ifg.unbind(), f.unbind()
        within = (cs[1:].abs() < ctx.limit).to(cs.dtype).unbind()
        dh, dc = from_above[-1], into_c.clone()
        for t in range(len(gates) - 1, -1, -1):
            dc.addcmul_(dh, by_c[t])
            torch.mul(dh, by_o[t], out=at_o[t])
            looks.back_after(dc, at_o[t])
            dc.mul_(within[t])
            torch.mul(of_ifg[t], dc[:, None], out=at_ifg[t])
            dc.mul_(f_at[t])
            looks.back_before(dc, at_if[t])
            dh = torch.addmm(from_above[t - 1], at[t], recurrent) if t else at[t] @ recurrent
        return found, dh, dc, found.flatten(0, 1).t() @ hs[:-1].flatten(0, 1), looks.gradient(found, cs), None


class Full:
    """The whole memory joined to the input of each gate: `weights` (3 hidden, hidden), of i, f and o."""

    def __init__(self, weights: torch.Tensor) -> None:
        n = weights.shape[1]
        self.before, self.after = weights[: 2 * n], weights[2 * n :]
        self.before_across, self.after_across = self.before.t().contiguous(), self.after.t().contiguous()

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sums of i and f, (batch, 2 hidden), what they see of the memory before."""
        sums.addmm_(c, self.before_across)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sum of o, (batch, hidden), what it sees of the memory after."""
        sums.addmm_(c, self.after_across)

    def back_before(self, dc: torch.Tensor, found: torch.Tensor) -> None:
        """To the gradient of the memory before, what comes back from i and f."""
        dc.addmm_(found, self.before)

    def back_after(self, dc: torch.Tensor, found: torch.Tensor) -> None:
        """To the gradient of the memory after, what comes back from o."""
        dc.addmm_(found, self.after)

    def gradient(self, found: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Of the weights, over all steps."""
        n = cs.shape[2]
        before = found[..., : 2 * n].flatten(0, 1).t() @ cs[:-1].flatten(0, 1)
        return torch.cat([before, found[..., 3 * n :].flatten(0, 1).t() @ cs[1:].flatten(0, 1)])


class Diagonal(Full):
    """Each unit's own memory alone: `weights` (3, hidden)."""

    def __init__(self, weights: torch.Tensor) -> None:
        self.of_i, self.of_f, self.of_o = weights
        self.of_if = weights[:2]

    def add_before(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sums of i and f, what each unit sees of its own memory before."""
        sums.view(len(c), 2, -1).addcmul_(c[:, None], self.of_if)

    def add_after(self, sums: torch.Tensor, c: torch.Tensor) -> None:
        """To the sum of o, what each unit sees of its own memory after."""
        sums.addcmul_(c, self.of_o)

    def back_before(self, dc: torch.Tensor, found: torch.Tensor) -> None:
        """To the gradient of the memory before."""
        n = dc.shape[1]
        dc.addcmul_(found[:, :n], self.of_i).addcmul_(found[:, n:], self.of_f)

    def back_after(self, dc: torch.Tensor, found: torch.Tensor) -> None:
        """To the gradient of the memory after."""
        dc.addcmul_(found, self.of_o)

    def gradient(self, found: torch.Tensor, cs: torch.Tensor) -> torch.Tensor:
        """Of the weights, over all steps."""
        i, f, _, o = found.chunk(4, dim=2)
        return torch.stack([(i * cs[:-1]).sum((0, 1)), (f * cs[:-1]).sum((0, 1)), (o * cs[1:]).sum((0, 1))])


def _looks(peeps: torch.Tensor) -> Full:
    return Diagonal(peeps) if len(peeps) == 3 and peeps.shape[1] > 1 else Full(peeps)


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
        zeros = x.new_zeros(len(self.reads), len(x), self.hidden)
        h, c = state if state is not None else (zeros, zeros)
        ends = []
        for layer, read in enumerate(self.reads):
            with torch.autocast(x.device.type, enabled=False):  # the steps are too small to gain by bf16
                sums = read(values).float() if x.dtype is torch.bfloat16 else read(values)
                weights = self.recurrent[layer], SLOWER * self.peeps[layer]
                values, memory = Steps.apply(sums, h[layer], c[layer], *weights, self.cell_clip)  # type: ignore[no-untyped-call]
            ends.append((values[-1], memory))
        last = torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends])
        return values.transpose(0, 1), last


@dataclass
class PeepholeLSTMChar(RecurrentGenerator):
    """A character-level LSTM with peepholes."""

    peepholes: Literal["full", "diagonal"] = field(
        default="diagonal", metadata={"help": "what a gate sees of the memory: all of it, or its own unit's"}
    )
    cell_clip: float = field(default=3.0, metadata={"help": "no memory grows beyond this, or falls below its negative"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return PeepholeLSTM(inputs, hidden, self.layers, full=self.peepholes == "full", cell_clip=self.cell_clip)
