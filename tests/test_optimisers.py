"""Muon against torch's own, what it does to a matrix, and who has which weights."""

import pytest
import torch
from genbench_plugins.lstm import lstm
from torch import nn

from genbench.neural.heads import Softmax
from genbench.neural.muon import Muon, orthogonal
from genbench.neural.network import Network
from genbench.neural.optimizers import Rates, optimisers, scale


@pytest.mark.parametrize("shape", [(16, 16), (48, 16), (16, 40)])
def test_as_one_gate_it_is_torchs(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    one, other = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.zeros(shape))
    other.data.copy_(one)
    ours = Muon([one], hidden=shape[0], lr=0.02, weight_decay=0.1, rounds=5)
    theirs = torch.optim.Muon([other], lr=0.02, weight_decay=0.1, momentum=0.95)
    for _ in range(4):
        one.grad = torch.randn(shape)
        other.grad = one.grad.clone()
        ours.step()
        theirs.step()
    torch.testing.assert_close(one, other, atol=2e-3, rtol=0.02)


def test_each_gate_takes_a_step_of_its_own() -> None:
    """A gate whose gradient is a thousand times smaller moves as far."""
    torch.manual_seed(0)
    weights = nn.Parameter(torch.zeros(32, 16))
    weights.grad = torch.cat([torch.randn(16, 16), torch.randn(16, 16) / 1000])
    Muon([weights], hidden=16, lr=0.1, weight_decay=0.0).step()
    first, second = weights.detach().chunk(2)
    assert second.norm() == pytest.approx(float(first.norm()), rel=0.2)


@pytest.mark.parametrize("shape", [(1, 24, 24), (3, 32, 8), (2, 8, 32)])
def test_singular_values_become_about_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(shape[0], shape[1], min(shape[1:])))
    right, _ = torch.linalg.qr(torch.randn(shape[0], shape[2], min(shape[1:])))
    spectrum = torch.linspace(0.5, 1.0, min(shape[1:]))
    found = torch.linalg.svdvals(orthogonal(left * spectrum @ right.transpose(1, 2), 5))
    assert float(found.min()) > 0.6
    assert float(found.max()) < 1.3


def test_the_core_has_muon_and_the_rest_adamw() -> None:
    network = Network(nn.Embedding(20, 12), lstm(12, 16, 1), Softmax(16, 20), (0.0, 0.0))
    adamw, muon = optimisers(network, Rates(0.01, 0.02, 0.0, 16))
    shapes = [tuple(p.shape) for p in muon.param_groups[0]["params"]]
    assert shapes == [(64, 12), (64, 16)]
    assert len(adamw.param_groups[0]["params"]) == 5  # vectors, two biases of the core, weights and bias of the head
    scale([adamw, muon], [0.01, 0.02], 0.5)
    assert [o.param_groups[0]["lr"] for o in (adamw, muon)] == [0.005, 0.01]
    (alone,) = optimisers(network, Rates(0.01, 0.0, 0.0, 16))
    assert len(alone.param_groups[0]["params"]) == 7
