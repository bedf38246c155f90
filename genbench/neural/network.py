"""The network around a recurrent core (embedding, core and output head), and functions on the states of cores.

A core is called like `nn.LSTM(batch_first=True)`. Its state is a tensor or a tuple of tensors of shape
(layers, batch, ...), as for torch's own cores. The state before the first token, zeros, is passed as None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import nn

from genbench.neural.heads import Head

CoreState: TypeAlias = Any  # a tensor, or a tuple of such states; None before the first token


class Network(nn.Module):
    """Embedding, core and head, with dropout before and after the core during training."""

    head: Head

    def __init__(self, embedding: nn.Module, core: nn.Module, head: Head, dropout: tuple[float, float]) -> None:
        super().__init__()
        self.embedding = embedding  # (batch, time) -> (batch, time, inputs)
        self.core = core  # (batch, time, inputs) -> (batch, time, hidden)
        self.head = head
        self.input_dropout, self.output_dropout = nn.Dropout(dropout[0]), nn.Dropout(dropout[1])

    def forward(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Return the hidden values, (batch, time, hidden), and the state after the last of the `ids`, (batch, time)."""
        return self.run_core(ids, state)

    def run_core(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Return the hidden values, (batch, time, hidden), and the state of the core after the last of the `ids`."""
        hidden, state = self.core(self.input_dropout(self.embedding(ids)), state)
        return self.output_dropout(hidden), state

    def target_log_probs(
        self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState, scored: int | None = None
    ) -> tuple[torch.Tensor, CoreState]:
        """Return the natural log-probabilities of the targets, (batch, scored), and the state after the last token.

        `scored` is the number of targets at the end of a row to score; None: all.
        """
        log_probs, _, after = self.read_targets(ids, targets, state, scored)
        return log_probs, after

    def read_targets(
        self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState, scored: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, CoreState]:
        """Return what `target_log_probs` does, and between both the hidden values, (batch, scored, hidden)."""
        hidden, after = self.run_core(ids, state)

        # the head runs in fp32, over all scored tokens at once
        columns = slice(None) if scored is None else slice(-scored, None)
        hidden, targets = hidden[:, columns].float(), targets[:, columns]
        log_probs = self.head.target_log_probs(hidden.flatten(0, 1), targets.flatten())
        return log_probs.view(targets.shape), hidden, after

    def fold_weights(self) -> None:
        """Replace parts that only training needs (tied weights, subword sums) by plain weights of equal value."""
        for name in ("head", "embedding"):  # in this order: a tied head reads the embedding
            fold = getattr(getattr(self, name), "folded", None)
            if fold is not None:
                setattr(self, name, fold())


def map_state(function: Callable[..., Any], state: CoreState, *others: CoreState) -> CoreState:
    """Apply a function to the tensors of one or several states; return a state of the same structure.

    `function` receives one tensor from `state` and the tensors at the same position in the other states.
    """
    if not isinstance(state, tuple):
        return function(state, *others)
    return tuple(map_state(function, *parts) for parts in zip(state, *others, strict=True))


def detach_state(state: CoreState) -> CoreState:
    """Return the state detached from its computation graph: this truncates backpropagation through time."""
    return map_state(torch.Tensor.detach, state)


def shift_rows(state: CoreState) -> CoreState:
    """Return a state in which every row has the state of the previous row, and the first row is zero."""
    return map_state(lambda t: torch.cat([torch.zeros_like(t[:, :1]), t[:, :-1]], dim=1), state)


def max_difference(state: CoreState, other: CoreState) -> float:
    """Return the largest difference |a - b| / (1 + |b|) between the values of two states."""
    # map_state visits the pairs of tensors, at any depth
    largest = 0.0

    def compare(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Update the largest difference; the returned tensor is not used."""
        nonlocal largest
        if not a.is_floating_point() and not torch.equal(a, b):
            largest = math.inf
        largest = max(largest, float(((a - b).abs() / (1 + b.abs())).max()))
        return a

    map_state(compare, state, other)
    return largest
