"""mlstm-char and mlstm-word: the mLSTM, a memory of matrices (xLSTM, Beck et al. 2024).

A head's memory C is a matrix that stores values v under keys k, and n says how much is stored along each direction.
Gates depend on the input alone, so a chunk of steps is computed at once, as attention is:

    f = sigmoid(w_f x)      C' = f C + i v k^T      h = o * norm(C' q / max(|n' q|, 1))
    i = exp(w_i x)          n' = f n + i k          o = sigmoid(W_o x)

The exponent of i is capped softly at 15 (Beck et al. 2025): sums then stay within fp32 without a running maximum.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench_plugins.blocks import MUON_LR, Cell, Convolution, Stack, State, chunks, join_heads, split_heads, widened
from torch import Tensor, nn
from torch.nn import functional

from genbench.neural import RecurrentGenerator, WordNetwork

CHUNK = 64  # steps that are computed at once
CAP = 15.0  # of the exponent of the input gate
FORGET_BIASES = (3.0, 6.0)  # of the first and the last head: memories of 20 to 400 steps


def read_chunk(chunk: list[Tensor], memory: Tensor, stored: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return C q / max(|n q|, 1) after each step, (batch, heads, time, d), and the last C and n.

    The chunk is q, k and v, (batch, heads, time, d), and the logarithms of f and i, (batch, heads, time). `memory` is C
    transposed, (batch, heads, d of k, d of v), and `stored` is n, (batch, heads, d).
    """
    q, k, v, log_f, log_i = chunk

    # what is left of step s at step t: its input gate, and the forget gates after it
    kept = log_f.cumsum(2)
    log_weights = kept[..., :, None] - kept[..., None, :] + log_i[..., None, :]
    later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=q.device).triu(1)
    scores = (q @ k.transpose(2, 3)) * log_weights.masked_fill(later, -torch.inf).exp()

    # the steps of the chunk, and the memory before it
    old = q * kept[..., None].exp()
    total = scores.sum(3) + (old @ stored[..., None]).squeeze(3)
    h = (scores @ v + old @ memory) / total.abs().clamp_min(1)[..., None]

    # the memory after it
    fading = kept[..., -1:].exp()[..., None]
    new = k * (kept[..., -1:] - kept + log_i).exp()[..., None]
    return h, fading * memory + new.transpose(2, 3) @ v, fading[..., 0] * stored + new.sum(2)


class MLSTMCell(Cell):
    """The cell of an mLSTM; keys and queries are read after a convolution over the last four inputs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.convolution = Convolution(width)
        self.query_key, self.value_output = nn.Linear(width, 2 * width), nn.Linear(width, 2 * width)
        self.input_forget = nn.Linear(width, 2 * heads)
        self.norm = nn.LayerNorm(width // heads, elementwise_affine=False)
        self.out = nn.Linear(width, width, bias=False)
        with torch.no_grad():
            nn.init.zeros_(self.input_forget.weight)
            self.input_forget.bias.copy_(torch.cat([torch.zeros(heads), torch.linspace(*FORGET_BIASES, heads)]))
        d = width // heads
        self.state_shapes = [self.convolution.state_shape, (heads, d, d), (heads, d)]

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, output_gate, _, state = self._read(x, state)
        return self.out(join_heads(self.norm(h)) * output_gate), state

    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        # gates of a head stand at each of its units; that of the input as its share of all that is stored
        h, output_gate, (log_i, log_f), _ = self._read(x, state)
        total, shares = torch.zeros_like(log_i[..., 0]), []
        for i, f in zip(log_i.exp().unbind(2), log_f.exp().unbind(2), strict=True):
            total = f * total + i
            shares.append(i / total)
        forget, share = log_f.exp()[0].t(), torch.stack(shares, dim=2)[0].t()  # (time, heads)
        by_unit = {"forget": forget, "input": share}
        gates = {name: gate.repeat_interleave(h.shape[3], dim=1) for name, gate in by_unit.items()}
        return join_heads(h)[0], {**gates, "output": output_gate[0]}

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor], State]:
        """Return what is read from the memory, (batch, heads, time, d), the gates, and the state."""
        # keys, values and gates
        inputs, memory, stored = state
        convolved, inputs = self.convolution(x, inputs)
        q, k = widened(self.query_key(convolved)).chunk(2, dim=2)
        v, output_gate = widened(self.value_output(x)).chunk(2, dim=2)
        q, k, v = (split_heads(part, self.heads) for part in (q, k, v))
        i, f = widened(self.input_forget(convolved)).transpose(1, 2).chunk(2, dim=1)  # (batch, heads, time)
        log_i, log_f = CAP * (i / CAP).tanh(), functional.logsigmoid(f)

        # chunk by chunk
        parts, k = [], k / k.shape[3] ** 0.5
        with torch.autocast(x.device.type, enabled=False):
            for chunk in chunks(CHUNK, q, k, v, log_f, log_i):
                h, memory, stored = read_chunk(chunk, memory, stored)
                parts.append(h)
        return torch.cat(parts, dim=2), output_gate.sigmoid(), (log_i, log_f), (inputs, memory, stored)


@dataclass
class MLSTMChar(RecurrentGenerator):
    """A character-level mLSTM: its memory is a matrix."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "matrices of memory in each block; they share its width"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: MLSTMCell(width, self.heads))


@dataclass
class MLSTMWord(WordNetwork):
    """A word-level mLSTM; rare words are spelled."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "matrices of memory in each block; they share its width"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: MLSTMCell(width, self.heads))
