"""The mean of the weights along a run."""

import pytest
import torch
from torch import nn

from genbench.neural.weight_averaging import EVERY, SHARE, Average


def parameter(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor([value]))


def test_the_mean_follows_the_weights_over_a_share_of_the_steps() -> None:
    weight = parameter(0.0)
    average, expected = Average([weight]), 0.0
    for step in range(1, 2001):
        with torch.no_grad():
            weight += 1
        average.update(step)
        if step % EVERY == 0:
            expected += (step - expected) / max(1, SHARE * step / EVERY)
    assert float(average.means[0]) == pytest.approx(expected, rel=1e-5)
    assert 0.93 * 2000 < expected < 2000  # SHARE of 2,000 steps behind, which is the mean age of what it holds


def test_while_applied_the_mean_stands_in_for_the_weights_and_then_they_are_back() -> None:
    weight = parameter(1.0)
    average = Average([weight])
    with torch.no_grad():
        weight.fill_(5.0)
    with average.applied():
        assert weight.item() == 1
    assert weight.item() == 5
