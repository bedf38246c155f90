"""The network around a core: embedding, core, head; dropout on the way in and out while training."""

from __future__ import annotations

import torch
from torch import nn

from genbench.neural.heads import Head
from genbench.neural.states import CoreState


class Network(nn.Module):
    """(batch, time) token ids to hidden values, one state to the next."""

    head: Head

    def __init__(self, embedding: nn.Module, core: nn.Module, head: Head, dropout: tuple[float, float]) -> None:
        super().__init__()
        self.embedding = embedding  # (batch, time) to (batch, time, inputs)
        self.core = core
        self.head = head
        self.drop_in, self.drop_out = nn.Dropout(dropout[0]), nn.Dropout(dropout[1])

    def forward(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        """Hidden values (batch, time, hidden) and the state after the last of them."""
        values, state = self.core(self.drop_in(self.embedding(ids)), state)
        return self.drop_out(values), state

    def settle(self) -> None:
        """Training is over: what only training needs is folded into plain weights."""
        for name in ("head", "embedding"):  # in this order: a tied head asks the embedding
            settled = getattr(getattr(self, name), "settled", None)
            if settled is not None:
                setattr(self, name, settled())

    def picked(
        self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState, counted: int | None = None
    ) -> tuple[torch.Tensor, CoreState]:
        """Natural log-probabilities of the last `counted` targets of each row (all: None), and the state after."""
        values, state = self(ids, state)
        wanted = slice(None) if counted is None else slice(-counted, None)
        values, targets = values[:, wanted].float(), targets[:, wanted]
        return self.head.picked(values.flatten(0, 1), targets.flatten()).view(targets.shape), state
