"""The network around a recurrent core: embedding, core and output head, and helpers for the states of cores.

A core is called like `nn.LSTM(batch_first=True)`. Its state is a tensor or a tuple of tensors, each
(layers, batch, ...), as torch's own cores have it; None stands for zeros, before the first token.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import nn

from genbench.neural.heads import Head

CoreState: TypeAlias = Any  # a tensor, or a tuple of such states; None before the first token


class Network(nn.Module):
    """Embedding, core and head; dropout before and after the core while training."""

    head: Head

    def __init__(self, embedding: nn.Module, core: nn.Module, head: Head, dropout: tuple[float, float]) -> None:
        super().__init__()
        self.embedding = embedding  # (batch, time) -> (batch, time, inputs)
        self.core = core  # (batch, time, inputs) -> (batch, time, hidden)
        self.head = head
        self.input_dropout, self.output_dropout = nn.Dropout(dropout[0]), nn.Dropout(dropout[1])

    def forward(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Return hidden values, (batch, time, hidden), and the state after the last token of `ids`, (batch, time)."""
        hidden, state = self.core(self.input_dropout(self.embedding(ids)), state)
        return self.output_dropout(hidden), state

    def target_log_probs(
        self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState, scored: int | None = None
    ) -> tuple[torch.Tensor, CoreState]:
        """Return natural log-probabilities of the last `scored` targets of each row (None: all), and the state."""
        hidden, state = self(ids, state)
        columns = slice(None) if scored is None else slice(-scored, None)
        hidden, targets = hidden[:, columns].float(), targets[:, columns]
        log_probs = self.head.target_log_probs(hidden.flatten(0, 1), targets.flatten())
        return log_probs.view(targets.shape), state

    def fold_weights(self) -> None:
        """Replace parts that only training needs (tied weights, subword sums) by plain weights with the same values."""
        for name in ("head", "embedding"):  # in this order: a tied head reads the embedding
            fold = getattr(getattr(self, name), "folded", None)
            if fold is not None:
                setattr(self, name, fold())


def map_state(function: Callable[..., Any], state: CoreState, *others: CoreState) -> CoreState:
    """Return a state of the same structure: `function` of each tensor, and of those at its position in the others."""
    if not isinstance(state, tuple):
        return function(state, *others)
    return tuple(map_state(function, *parts) for parts in zip(state, *others, strict=True))


def detach_state(state: CoreState) -> CoreState:
    """Return the same values without the graph that computed them: this truncates backpropagation through time."""
    return map_state(torch.Tensor.detach, state)


def shift_rows(state: CoreState) -> CoreState:
    """Return a state in which each row has the state of the row before it; the first row is zero."""
    return map_state(lambda t: torch.cat([torch.zeros_like(t[:, :1]), t[:, :-1]], dim=1), state)


def max_difference(state: CoreState, other: CoreState) -> float:
    """Return the largest difference between two states, relative for values above one."""
    largest = 0.0

    def compare(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        nonlocal largest
        largest = max(largest, float(((a - b).abs() / (1 + b.abs())).max()))
        return a

    map_state(compare, state, other)
    return largest
