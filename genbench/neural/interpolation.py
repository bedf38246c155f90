"""Log-linear interpolation of a network with a counting model (Klakow 1998), inside the output head (option `base`).

With W h the scores of the network and b the log-probabilities of the counting model, the prediction is

    p(w | h) = softmax(u W h + v b)(w)

The weights u and v depend on the hidden values h, on the length of the model's context, and on how often and by how
many tokens this context was followed. With u = v = 1, the network learns the residual of the model (Li et al. 2022);
learned weights let it use what both know. The network is also trained for its own prediction, softmax(W h), because the
residual alone teaches it too little.

A text on which the network trains for long may teach it to exclude what never occurs there. So a small share of the
prediction is that of the model, whatever the weights: no token needs more than log2(1 / CHAIN_SHARE) bits more than it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from genbench.tokenization.tokenizer import Ids

LENGTHS = 16  # context lengths with weights of their own; longer ones share the last
LOGARITHM_SCALE = 2.0  # the logarithm of a count is divided by this number
INITIAL_WEIGHTS = (0.3, 0.9)  # of the network and of the counting model
CHAIN_SHARE = 1 / 32  # of the counting model in every prediction
OWN_SHARE = 0.1  # of the network's own prediction in the loss
OWN_SPACING = 4  # it is computed for one in so many tokens


class Prediction(NamedTuple):
    """What a counting model predicts at n places, in the form of a head, and what it knows of their contexts."""

    top: torch.Tensor  # (n, outputs) log-probabilities of the head's first softmax
    evidence: torch.Tensor  # (n, 3) length, followers and occurrences of the context
    tails: tuple[torch.Tensor, ...] = ()  # (rows, tokens) of each cluster: the rows whose targets it has, or all rows

    def select(self, rows: Ids, tail_rows: Sequence[Ids]) -> Prediction:
        """Return some places, (rows,), and some rows of each cluster, in this order."""
        top, evidence = self.top[torch.from_numpy(rows)], self.evidence[torch.from_numpy(rows)]
        tails = (tail[torch.from_numpy(own)] for tail, own in zip(self.tails, tail_rows, strict=True))
        return Prediction(top, evidence, tuple(tails))

    def to(self, device: torch.device) -> Prediction:
        """Return the prediction on a device."""
        return Prediction(self.top.to(device), self.evidence.to(device), tuple(tail.to(device) for tail in self.tails))


class Interpolation(nn.Module):
    """The weights of a network and a counting model, for hidden values (n, hidden)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden + 2, 2)
        self.by_length = nn.Embedding(LENGTHS, 2)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.by_length.weight)
        with torch.no_grad():
            self.linear.bias.copy_(torch.tensor(INITIAL_WEIGHTS))

    def forward(self, hidden: torch.Tensor, evidence: torch.Tensor) -> torch.Tensor:
        """Return the weights of the network and of the counting model, (n, 2)."""
        counts = evidence[:, 1:].float().add(1).log() / LOGARITHM_SCALE
        weights: torch.Tensor = self.linear(torch.cat([hidden, counts], dim=1))
        weights += self.by_length(evidence[:, 0].clamp(max=LENGTHS - 1))
        return weights


def interpolate(weights: torch.Tensor | None, scores: torch.Tensor, log_probs: torch.Tensor | None) -> torch.Tensor:
    """Return weighted sums of scores and log-probabilities, (n, tokens); without weights, (n, 2), the scores."""
    if weights is None or log_probs is None:
        return scores
    return weights[:, :1] * scores + weights[:, 1:] * log_probs


def add_chain(log_probs: torch.Tensor, base: torch.Tensor | None) -> torch.Tensor:
    """Return log-probabilities with the share of the counting model, of which `base` has those of the same tokens."""
    if base is None:
        return log_probs
    return torch.logaddexp(log_probs + math.log1p(-CHAIN_SHARE), base + math.log(CHAIN_SHARE))
