"""The network around a core: embedding, core, head; dropout on the way in and out while training."""

from __future__ import annotations

import torch
from torch import nn

from genbench.neural.heads import Adaptive, Softmax
from genbench.neural.states import CoreState


class Network(nn.Module):
    """(batch, time) token ids to hidden values, one state to the next."""

    head: Softmax | Adaptive

    def __init__(
        self, size: int, embedding: int, core: nn.Module, head: Softmax | Adaptive, dropout: tuple[float, float]
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, embedding)
        self.core = core
        self.head = head
        self.drop_in, self.drop_out = nn.Dropout(dropout[0]), nn.Dropout(dropout[1])

    def forward(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Hidden values (batch, time, hidden) and the state after the last of them."""
        values, state = self.core(self.drop_in(self.embedding(ids)), state)
        return self.drop_out(values), state

    def picked(self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Natural log-probabilities of the targets, (batch, time), and the state after."""
        values, state = self(ids, state)
        return self.head.picked(values.flatten(0, 1), targets.flatten()).view(targets.shape), state
