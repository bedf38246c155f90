"""The steps of the GRU on the CPU: values and gradients are those of torch's own."""

import pytest
import torch
from genbench_plugins.gru import GRU
from torch import nn


@pytest.mark.parametrize("layers", [1, 2])
def test_values_and_gradients_are_torchs(layers: int) -> None:
    torch.manual_seed(2)
    mine = GRU(3, 5, layers).double()
    nn.init.normal_(mine.bias_hh_l0)
    other = nn.GRU(3, 5, layers, batch_first=True).double()
    other.load_state_dict(mine.state_dict())
    inputs, states = torch.randn(2, 6, 3).double(), torch.randn(layers, 2, 5).double()
    weights = torch.randn(2, 6, 5).double()
    found = []
    for network in (mine, other):
        x, h = inputs.clone().requires_grad_(), states.clone().requires_grad_()
        values, last = network(x, h)
        ((values * weights).sum() + last.sum()).backward()
        found.append([values, last, x.grad, h.grad, *(p.grad for p in network.parameters())])
    for one, same in zip(*found, strict=True):
        torch.testing.assert_close(one, same)


def test_without_gradients_it_is_torchs_own_code() -> None:
    mine = GRU(3, 5, 1)
    x = torch.randn(2, 6, 3)
    with torch.inference_mode():
        quick = mine(x)[0]
    torch.testing.assert_close(quick, mine(x)[0])
