"""Muon and AdamW against torch's own, the effect of Muon on a matrix, and which weights each optimizer has."""

import copy

import pytest
import torch
from genbench_plugins.lstm import lstm
from torch import nn

from genbench.neural.heads import SoftmaxHead
from genbench.neural.network import Network
from genbench.neural.optimizers import (
    AdamW,
    Muon,
    OptimizerConfig,
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


def random_parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.randn(shape)) for shape in ((40, 9), (9,), (3, 5), ())]


def random_gradients(parameters: list[nn.Parameter], seed: int) -> None:
    """Set gradients of different sizes; the third parameter gets none at two steps of three."""
    generator = torch.Generator().manual_seed(seed)
    for index, weights in enumerate(parameters):
        weights.grad = torch.randn(weights.shape, generator=generator) * 10**index / 100
    if seed % 3 != 1:
        parameters[2].grad = None


@pytest.mark.parametrize("fused", [True, False])
def test_adamw_is_bit_identical_to_torchs(fused: bool) -> None:
    torch.manual_seed(0)
    parameters = random_parameters()
    others = copy.deepcopy(parameters)
    adamw = AdamW(parameters, 0.01, 0.1, (0.9, 0.99), fused=fused)
    torch_adamw = torch.optim.AdamW(others, 0.01, (0.9, 0.99), weight_decay=0.1, fused=fused, foreach=False)
    for step in range(20):
        adamw.lr = torch_adamw.param_groups[0]["lr"] = 0.01 * (1 - step / 20)
        for optimizer, updated in ((adamw, parameters), (torch_adamw, others)):
            random_gradients(updated, step)
            optimizer.step()
            optimizer.zero_grad()
        assert all(weights.grad is None for weights in parameters)
    assert all(torch.equal(weights, other) for weights, other in zip(parameters, others, strict=True))

    # the moments in checkpoints have torch's names and indices
    torch_state = torch_adamw.state_dict()["state"]
    assert adamw.state_dict().keys() == torch_state.keys()
    for index, moments in adamw.state_dict().items():
        assert moments.keys() == torch_state[index].keys()
        assert all(torch.equal(value, torch_state[index][name]) for name, value in moments.items())


def test_adamw_without_any_gradient_changes_nothing() -> None:
    weights = nn.Parameter(torch.ones(3))
    adamw = AdamW([weights], 0.1, 0.1, (0.9, 0.99), fused=True)
    adamw.step()
    assert weights.tolist() == [1, 1, 1]
    assert adamw.state_dict() == {}


def test_restored_moments_give_the_same_steps() -> None:
    torch.manual_seed(0)
    weights = nn.Parameter(torch.randn(16, 16))
    for optimizer in (AdamW([weights], 0.1, 0.1, (0.9, 0.99), fused=True), Muon([weights], 16, 0.1, 0.1)):
        weights.grad = torch.randn(16, 16)
        optimizer.step()
        before, state = weights.detach().clone(), copy.deepcopy(optimizer.state_dict())
        optimizer.step()
        expected = weights.detach().clone()
        with torch.no_grad():
            weights.copy_(before)
        optimizer.load_state_dict(state)
        optimizer.step()
        assert torch.equal(weights, expected)
        assert not torch.equal(weights, before)
        with pytest.raises(ValueError, match="moments without a parameter"):
            optimizer.load_state_dict({-1: state[0]})


def test_muon_has_the_matrices_of_the_core_and_adamw_the_rest() -> None:
    network = Network(nn.Embedding(20, 12), lstm(12, 16, 1), SoftmaxHead(16, 20), (0.0, 0.0))
    adamw, muon = create_optimizers(network, OptimizerConfig(0.01, 0.02, 0.0, 16))
    shapes = [tuple(p.shape) for p in muon.parameters]
    assert shapes == [(64, 12), (64, 16)]
    assert len(adamw.parameters) == 5  # vectors, two biases of the core, weights and bias of the head
    scale_learning_rates([adamw, muon], [0.01, 0.02], 0.5)
    assert [optimizer.lr for optimizer in (adamw, muon)] == [0.005, 0.01]
    (adamw_alone,) = create_optimizers(network, OptimizerConfig(0.01, 0.0, 0.0, 16))
    assert len(adamw_alone.parameters) == 7
