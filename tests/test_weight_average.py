"""The running mean of the weights: its horizon, and when it replaces the weights."""

import pytest
import torch
from torch import nn

from genbench.neural.weight_average import AVERAGE_EVERY, AVERAGE_SHARE, WeightAverage


def parameter(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


def test_the_average_follows_the_weights_over_a_share_of_the_steps() -> None:
    weight = parameter(0.0)
    average, expected = WeightAverage([weight]), 0.0
    for step in range(1, 2001):
        with torch.no_grad():
            weight += 1
        average.update(step)
        if step % AVERAGE_EVERY == 0:
            expected += (step - expected) / max(1, AVERAGE_SHARE * step / AVERAGE_EVERY)
    assert float(average.means[0]) == pytest.approx(expected, rel=1e-5)
    assert 0.93 * 2000 < expected < 2000  # AVERAGE_SHARE of 2,000 steps behind, the mean age of what it contains


def test_the_average_replaces_the_weights_only_while_it_is_applied() -> None:
    weight = parameter(1.0)
    average = WeightAverage([weight])
    with torch.no_grad():
        weight.fill_(5.0)
    with average.applied():
        assert weight.item() == 1
    assert weight.item() == 5
