"""small-transformer: a causal Transformer (Vaswani et al. 2017) as a generator with a state.

Unlike in a recurrent network, whose state is a summary, the state is the keys and values of the last tokens
(Transformer-XL, Dai et al. 2019), so that text can be read at once or token by token with the same result. Positions
are encoded by a penalty that grows with the distance (ALiBi, Press et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench.neural import RecurrentGenerator
from torch import Tensor, nn
from torch.nn import functional

Memory = tuple[Tensor, Tensor]


def bias(time: int, context: int, heads: int, filled: Tensor) -> Tensor:
    """Return the bias of the attention scores, (batch, heads, time, context + time); -inf masks a token.

    A token attends to itself and the `context` - 1 tokens before it. `filled`, (batch,), is the number of tokens in the
    memory; the rest of it is empty.

    >>> (0 - 256 * bias(2, 2, 1, torch.tensor([1.0])))[0, 0].tolist()
    [[inf, 1.0, 0.0, inf], [inf, inf, 1.0, 0.0]]
    """
    # a penalty that is proportional to the distance, with a different slope for each head
    distance = torch.arange(context, context + time)[:, None] - torch.arange(context + time)  # (time, context + time)
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)
    penalty = -slopes[:, None, None] * distance.float()

    # mask later tokens, tokens too far back, and the empty part of the memory
    penalty = penalty.masked_fill((distance < 0) | (distance >= context), -torch.inf)
    empty = torch.arange(context + time) < context - filled.cpu()[:, None]  # (batch, context + time)
    return penalty.masked_fill(empty[:, None, None], -torch.inf).to(filled.device)


class Block(nn.Module):
    """Self-attention and a feed-forward network, each with a residual connection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, memory: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs, (batch, time, width), and the last keys and values, (batch, context, 2 width).

        `memory` contains the keys and values of the tokens before; `seen` is the result of `bias`.
        """
        # attention to the memory and to the new tokens
        query, keys_values = self.qkv(self.norms[0](x)).split([x.shape[2], 2 * x.shape[2]], dim=2)
        keys_values = torch.cat([memory.to(keys_values.dtype), keys_values], dim=1)
        q, k, v = (self._split(part) for part in (query, *keys_values.chunk(2, dim=2)))

        # residual connections around attention and feed-forward network
        attended = functional.scaled_dot_product_attention(q, k, v, seen.to(q.dtype))
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        x = x + self.narrow(functional.gelu(self.wide(self.norms[1](x))))
        return x, keys_values[:, -memory.shape[1] :].float()

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)  # (batch, heads, time, width / heads)


class Transformer(nn.Module):
    """A stack of blocks, called like nn.LSTM(batch_first=True)."""

    def __init__(self, inputs: int, width: int, layers: int, heads: int, context: int) -> None:
        super().__init__()
        self.width, self.heads, self.context = width, heads, context
        self.widen = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, state: Memory | None = None) -> tuple[Tensor, Memory]:
        """Return outputs, (batch, time, width), and the state after them, from inputs, (batch, time, inputs).

        A state consists of the keys and values of the last tokens, (layers, batch, context, 2 width), padded with
        zeros, and their number, (1, batch, 1).
        """
        # an empty memory at the start
        batch, time = x.shape[:2]
        if state is None:
            shape = (len(self.blocks), batch, self.context, 2 * self.width)
            state = torch.zeros(shape, device=x.device), torch.zeros(1, batch, 1, device=x.device)

        # one block after the other
        memory, filled = state
        seen, values, after = bias(time, self.context, self.heads, filled[0, :, 0]), self.widen(x), []
        for block, before in zip(self.blocks, memory, strict=True):
            values, keys_values = block(values, before, seen)
            after.append(keys_values)
        return self.norm(values), (torch.stack(after), (filled + time).clamp_max(self.context))


@dataclass
class SmallTransformer(RecurrentGenerator):
    """A character-level causal Transformer."""

    contract = 2

    hidden: int | None = field(default=128, metadata={"help": "width of each block"})
    layers: int = field(default=2, metadata={"help": "blocks"})
    heads: int = field(default=4, metadata={"help": "attention heads in each block; they share its width"})
    context: int = field(default=64, metadata={"help": "tokens that attention covers"})
    bptt: int = field(default=64, metadata={"help": "length of truncated backpropagation through time, in tokens"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        """Return the stack of blocks."""
        if hidden % self.heads:
            raise ValueError(f"heads is {self.heads}, and must divide hidden, {hidden}")
        return Transformer(inputs, hidden, self.layers, self.heads, self.context)
