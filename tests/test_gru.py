"""The steps of the GRU on the CPU: values and gradients agree with torch's own."""

import pytest
import torch
from genbench_plugins.gru import GRU
from torch import nn


@pytest.mark.parametrize("layers", [1, 2])
def test_values_and_gradients_agree_with_torch(layers: int) -> None:
    torch.manual_seed(2)
    gru = GRU(3, 5, layers).double()
    nn.init.normal_(gru.bias_hh_l0)
    torch_gru = nn.GRU(3, 5, layers, batch_first=True).double()
    torch_gru.load_state_dict(gru.state_dict())
    inputs, states = torch.randn(2, 6, 3).double(), torch.randn(layers, 2, 5).double()
    weights = torch.randn(2, 6, 5).double()
    results = []
    for network in (gru, torch_gru):
        x, h = inputs.clone().requires_grad_(), states.clone().requires_grad_()
        outputs, last = network(x, h)
        ((outputs * weights).sum() + last.sum()).backward()
        results.append([outputs, last, x.grad, h.grad, *(p.grad for p in network.parameters())])
    for actual, expected in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected)


def test_inference_agrees_with_training() -> None:
    gru = GRU(3, 5, 1)
    x = torch.randn(2, 6, 3)
    with torch.inference_mode():
        by_torch = gru(x)[0]
    torch.testing.assert_close(by_torch, gru(x)[0])
