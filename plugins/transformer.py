"""transformer-char and transformer-word: a small causal Transformer (Vaswani et al. 2017) with a state.

Unlike in a recurrent network, whose state is a summary, the state is the keys and values of the last tokens
(Transformer-XL, Dai et al. 2019), so that text can be read at once or token by token with the same result. Positions
are encoded by a penalty that grows with the distance, with another slope for each head (ALiBi, Press et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from genbench_plugins.blocks import MUON_LR, Cell, Stack, State, join_heads, split_heads, widened
from torch import Tensor, nn
from torch.nn import functional

from genbench.neural import RecurrentGenerator, WordNetwork


def attention_bias(time: int, context: int, heads: int, filled: Tensor) -> Tensor:
    """Return the bias of the attention scores, (batch, heads, time, context + time); -inf masks a token.

    A token attends to itself and the `context` - 1 tokens before it. `filled`, (batch,), is the number of tokens in the
    memory; the rest of it is empty.

    >>> (0 - 256 * attention_bias(2, 2, 1, torch.tensor([1.0])))[0, 0].tolist()
    [[inf, 1.0, 0.0, inf], [inf, inf, 1.0, 0.0]]
    """
    # a penalty that is proportional to the distance
    device = filled.device
    places = torch.arange(context + time, device=device)
    distance = places[context:, None] - places  # (time, context + time)
    slopes = 2.0 ** (-8 * torch.arange(1, heads + 1, device=device) / heads)
    penalty = -slopes[:, None, None] * distance.float()

    # mask later tokens, tokens too far back, and the empty part of the memory
    penalty = penalty.masked_fill((distance < 0) | (distance >= context), -torch.inf)
    empty = places < context - filled[:, None]  # (batch, context + time)
    return penalty.masked_fill(empty[:, None, None], -torch.inf)


class Attention(Cell):
    """Self-attention to the last `context` tokens, as a cell of a block."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads, self.context = heads, context
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.state_shapes = [(context, 2 * width), (1,)]  # keys and values, and how many there are

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mixed, state = self._attend(x, state)
        return self.out(mixed), state

    def activations(self, x: Tensor, state: State) -> tuple[Tensor, dict[str, Tensor]]:
        return self._attend(x, state)[0][0], {}  # there are no gates

    def _attend(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Return the mean values that the heads attend to, (batch, time, width), and the state."""
        # keys and values of the memory and of the new tokens
        memory, filled = state
        (_, time, width), context = x.shape, self.context
        query, keys_values = self.query_key_value(x).split([width, 2 * width], dim=2)
        keys_values = torch.cat([memory.to(keys_values.dtype), keys_values], dim=1)
        q, k, v = (split_heads(part, self.heads) for part in (query, *keys_values.chunk(2, dim=2)))

        bias = attention_bias(time, context, self.heads, filled[:, 0]).to(q.dtype)
        attended = functional.scaled_dot_product_attention(q, k, v, bias)  # (batch, heads, time, width / heads)
        state = widened(keys_values[:, -context:]), (filled + time).clamp_max(context)
        return join_heads(attended), state


@dataclass
class TransformerChar(RecurrentGenerator):
    """A character-level causal Transformer."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "attention heads in each block; they share its width"})
    context: int = field(default=64, metadata={"help": "tokens that attention covers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: Attention(width, self.heads, self.context), 4)


@dataclass
class TransformerWord(WordNetwork):
    """A word-level causal Transformer; rare words are spelled."""

    muon_lr: float = field(default=MUON_LR, metadata={"help": "peak learning rate of Muon; 0: AdamW for all weights"})
    heads: int = field(default=4, metadata={"help": "attention heads in each block; they share its width"})
    context: int = field(default=64, metadata={"help": "tokens that attention covers"})

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return Stack(inputs, hidden, self.layers, lambda width: Attention(width, self.heads, self.context), 4)
