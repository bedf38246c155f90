"""Muon against torch's own and its effect on a matrix, which weights each optimizer has, and the weight average."""

import pytest
import torch
from genbench_plugins.lstm import lstm
from torch import nn

from genbench.neural.heads import SoftmaxHead
from genbench.neural.network import Network
from genbench.neural.optimizers import (
    AVERAGE_EVERY,
    AVERAGE_SHARE,
    Muon,
    OptimizerConfig,
    WeightAverage,
    create_optimizers,
    orthogonalize,
    scale_learning_rates,
)


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 40)])
def test_muon_with_one_gate_agrees_with_torch(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    weights, other_weights = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.zeros(shape))
    other_weights.data.copy_(weights)
    muon = Muon([weights], gate_rows=shape[0], lr=0.02, weight_decay=0.1, iterations=5)
    torch_muon = torch.optim.Muon([other_weights], lr=0.02, weight_decay=0.1, momentum=0.95)
    for _ in range(4):
        weights.grad = torch.randn(shape)
        other_weights.grad = weights.grad.clone()
        muon.step()
        torch_muon.step()
    torch.testing.assert_close(weights, other_weights, atol=2e-3, rtol=0.02)


def test_the_step_of_a_gate_does_not_depend_on_the_others() -> None:
    """A gate whose gradient is a thousand times smaller moves as far."""
    torch.manual_seed(0)
    weights = nn.Parameter(torch.zeros(32, 16))
    weights.grad = torch.cat([torch.randn(16, 16), torch.randn(16, 16) / 1000])
    Muon([weights], gate_rows=16, lr=0.1, weight_decay=0.0).step()
    first, second = weights.detach().chunk(2)
    assert second.norm() == pytest.approx(float(first.norm()), rel=0.2)


@pytest.mark.parametrize("shape", [(1, 24, 24), (3, 32, 8), (2, 8, 32)])
def test_singular_values_become_about_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(shape[0], shape[1], min(shape[1:])))
    right, _ = torch.linalg.qr(torch.randn(shape[0], shape[2], min(shape[1:])))
    spectrum = torch.linspace(0.5, 1.0, min(shape[1:]))
    singular_values = torch.linalg.svdvals(orthogonalize(left * spectrum @ right.transpose(1, 2), 5))
    assert float(singular_values.min()) > 0.6
    assert float(singular_values.max()) < 1.3


def test_muon_has_the_matrices_of_the_core_and_adamw_the_rest() -> None:
    network = Network(nn.Embedding(20, 12), lstm(12, 16, 1), SoftmaxHead(16, 20), (0.0, 0.0))
    adamw, muon = create_optimizers(network, OptimizerConfig(0.01, 0.02, 0.0, 16))
    shapes = [tuple(p.shape) for p in muon.param_groups[0]["params"]]
    assert shapes == [(64, 12), (64, 16)]
    assert len(adamw.param_groups[0]["params"]) == 5  # vectors, two biases of the core, weights and bias of the head
    scale_learning_rates([adamw, muon], [0.01, 0.02], 0.5)
    assert [optimizer.param_groups[0]["lr"] for optimizer in (adamw, muon)] == [0.005, 0.01]
    (adamw_alone,) = create_optimizers(network, OptimizerConfig(0.01, 0.0, 0.0, 16))
    assert len(adamw_alone.param_groups[0]["params"]) == 7


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
