"""Floating-point operations of a training: 6 N for each token, with N the weights that take part (Kaplan et al. 2020).

The forward pass multiplies and adds with each weight once, 2 N; the backward pass does so twice, for the gradients of
the values and of the weights, 4 N. N is the weights of the core, for each token that is read, and those of the head,
for each token that is predicted. Looking up an embedding multiplies nothing, so its table does not count; neither do
element-wise operations, the optimizer, validation, and the timing of a time budget.
"""

from __future__ import annotations

from itertools import islice

import torch

from genbench.neural.batches import Batch, BatchSampler
from genbench.neural.network import Network

PER_WEIGHT = 6  # 2 forward, 4 backward


def operations_per_step(network: Network, sampler: BatchSampler, ids: torch.Tensor, counts: torch.Tensor) -> float:
    """Return the floating-point operations of one training step on a stream of token ids, (tokens,).

    `counts` has the counts of all tokens in the stream, (vocabulary,): rare clusters of an adaptive softmax take part
    in few predictions.
    """
    batch = next(islice(sampler.training_batches(ids, torch.Generator()), 1))
    return operations_of_batch(network, batch, counts)


def operations_of_batch(network: Network, batch: Batch, counts: torch.Tensor) -> float:
    """Return the floating-point operations of a forward and backward pass over a batch."""
    # the core reads every token; in a window, only the last tokens are predicted
    read, predicted = batch.inputs.numel(), len(batch.inputs) * batch.scored
    core = sum(parameter.numel() for parameter in network.core.parameters())
    head = network.head.weights_per_token(counts)
    return PER_WEIGHT * (core * read + head * predicted + network.head.weights_per_step())
