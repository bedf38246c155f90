"""gated-deltanet-char and gated-deltanet-word: Gated DeltaNet (Yang et al. 2024), linear attention that is corrected.

A head's memory S is a matrix that returns values v for keys k. Unlike in linear attention and in the mLSTM, a step
first subtracts what S already returns for its key (the delta rule, Schlag et al. 2021), so new values replace old ones:

    S' = a S + b (v - a S k) k^T        o = norm(S' q) * silu(W_g x)        a = exp(-A softplus(w_a x))
                                                                            b = sigmoid(w_b x)

with keys and queries of length one, after a convolution over the last four inputs. Within a chunk, the corrections are
the solution of one triangular system of equations, so that all steps are computed at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from genbench_plugins.blocks import MUON_LR, Cell, Convolution, Stack, State, chunks, join_heads, split_heads, widened
from torch import Tensor, nn
from torch.nn import functional

from genbench.neural import RecurrentGenerator, WordNetwork

CHUNK = 32  # steps that are computed at once
HALF_LIVES = (4.0, 128.0)  # steps, of the memory of the first and the last head at the start


def read_chunk(chunk: list[Tensor], memory: Tensor) -> tuple[Tensor, Tensor]:
    """Return S q after each step, (batch, heads, time, d), and the last S.

    The chunk is q, k and v, (batch, heads, time, d), the logarithm of a, and b, (batch, heads, time). `memory` is S
    transposed, (batch, heads, d of k, d of v).
    """
    q, k, v, log_a, b = chunk

    # the share of step s that is left at step t
    kept = log_a.cumsum(2)
    earlier = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).tril()
    left = (kept[..., :, None] - kept[..., None, :]).masked_fill(~earlier, -torch.inf).exp()

    # corrections u of the steps: u[t] = b[t] (v[t] - what the memory before step t returns for k[t])
    fading = kept[..., None].exp()
    system = (b[..., None] * left * (k @ k.transpose(2, 3))).tril(-1)
    wanted = b[..., None] * (v - fading * (k @ memory))
    u = torch.linalg.solve_triangular(
        system + torch.eye(q.shape[2], dtype=q.dtype, device=q.device), wanted, upper=False, unitriangular=True
    )

    # what the queries read, and the memory after the chunk
    o = fading * (q @ memory) + (left * (q @ k.transpose(2, 3))) @ u
    return o, fading[:, :, -1:] * memory + (k * left[:, :, -1, :, None]).transpose(2, 3) @ u


class GatedDeltaCell(Cell):
    """The cell of a Gated DeltaNet."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value, self.output_gate = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.convolution = Convolution(3 * width)
        self.decay_write, self.log_scale = nn.Linear(width, 2 * heads), nn.Parameter(torch.zeros(heads, 1))  # log A
        self.norm = nn.RMSNorm(width // heads, eps=1e-5)
        self.out = nn.Linear(width, width, bias=False)

        # the decays begin with different half-lives
        first, last = (math.log2(steps) for steps in HALF_LIVES)
        rates = math.log(2) / torch.logspace(first, last, heads, base=2.0)
        with torch.no_grad():
            self.decay_write.bias.copy_(torch.cat([rates.expm1().log(), torch.zeros(heads)]))
        d = width // heads
        self.state_shapes = [self.convolution.state_shape, (heads, d, d)]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        o, _, state = self._read(x, state)
        return self.out(join_heads(self.norm(o)) * functional.silu(self.output_gate(x))), state

    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        # the gates of a head stand at each of its units
        o, gates, _ = self._read(x, state)
        by_unit = {name: gate[0].t().repeat_interleave(o.shape[3], dim=1) for name, gate in gates.items()}
        return join_heads(o)[0], by_unit

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor], State]:
        """Return what is read from the memory, (batch, heads, time, d), the gates, and the state."""
        # keys, values and gates
        inputs, memory = state
        convolved, inputs = self.convolution(widened(self.query_key_value(x)), inputs)
        q, k, v = (split_heads(part, self.heads) for part in convolved.chunk(3, dim=2))
        q, k = functional.normalize(q, dim=3), functional.normalize(k, dim=3)
        decay, write = widened(self.decay_write(x)).transpose(1, 2).chunk(2, dim=1)  # (batch, heads, time)
        log_a, b = -self.log_scale.exp() * functional.softplus(decay), write.sigmoid()

        # chunk by chunk
        parts = []
        with torch.autocast(x.device.type, enabled=False):
            for chunk in chunks(CHUNK, q, k, v, log_a, b):
                o, memory = read_chunk(chunk, memory)
                parts.append(o)
        return torch.cat(parts, dim=2), {"keep": log_a.exp(), "write": b}, (inputs, memory)


@dataclass
class GatedDeltaNetChar(RecurrentGenerator):
    """A character-level Gated DeltaNet: linear attention that corrects itself."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "matrices of memory in each block; they share its width"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: GatedDeltaCell(width, self.heads))


@dataclass
class GatedDeltaNetWord(WordNetwork):
    """A word-level Gated DeltaNet; rare words are spelled."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "matrices of memory in each block; they share its width"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: GatedDeltaCell(width, self.heads))
