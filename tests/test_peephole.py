"""The peephole cell: a scalar reference, torch's LSTM where the peepholes are zero, and its gradients."""

import math

import pytest
import torch
from genbench_plugins.peephole import PEEPHOLE_SCALE, PeepholeLSTM
from torch import nn

CLIP = 0.6  # so low that some memories reach it, and some do not


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def reference(
    cell: PeepholeLSTM, x: list[list[float]], h: list[float], c: list[float]
) -> tuple[list[list[float]], list[float]]:
    """Return h of each step and the last c of one layer for one row, number by number, from the equations."""
    n, (projection,) = cell.hidden, cell.projections
    w, b, u = projection.weight.tolist(), projection.bias.tolist(), cell.recurrent[0].tolist()
    p = (PEEPHOLE_SCALE * cell.peepholes[0]).tolist()

    def peephole(gate: int, unit: int, memory: list[float]) -> float:
        if len(p) == 3:
            return p[gate][unit] * memory[unit]
        return sum(p[gate * n + unit][j] * memory[j] for j in range(n))

    outputs = []
    for inputs in x:

        def products(gate: int, unit: int, inputs: list[float] = inputs, h: list[float] = h) -> float:
            row = gate * n + unit
            return b[row] + sum(w[row][j] * v for j, v in enumerate(inputs)) + sum(u[row][j] * h[j] for j in range(n))

        i = [sigmoid(products(0, k) + peephole(0, k, c)) for k in range(n)]
        f = [sigmoid(products(1, k) + peephole(1, k, c)) for k in range(n)]
        g = [math.tanh(products(2, k)) for k in range(n)]
        c = [min(max(f[k] * c[k] + i[k] * g[k], -CLIP), CLIP) for k in range(n)]
        o = [sigmoid(products(3, k) + peephole(2, k, c)) for k in range(n)]
        h = [o[k] * math.tanh(c[k]) for k in range(n)]
        outputs.append(h)
    return outputs, c


def random_cell(inputs: int, hidden: int, layers: int, full: bool) -> PeepholeLSTM:
    torch.manual_seed(3)
    cell = PeepholeLSTM(inputs, hidden, layers, full=full, cell_clip=CLIP).double()
    for weights in cell.peepholes:
        nn.init.normal_(weights)
    return cell


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("hidden", [1, 4])
def test_forward_agrees_with_the_equations(full: bool, hidden: int) -> None:
    cell = random_cell(3, hidden, 1, full)
    x, h, c = torch.randn(2, 6, 3).double(), torch.randn(1, 2, hidden).double(), torch.randn(1, 2, hidden).double()
    values, (last_h, last_c) = cell(x, (h, c))
    assert last_c.abs().max() <= CLIP
    for row in range(2):
        outputs, memory = reference(cell, x[row].tolist(), h[0, row].tolist(), c[0, row].tolist())
        assert values[row].flatten().tolist() == pytest.approx([v for step in outputs for v in step], abs=1e-12)
        assert last_h[0, row].tolist() == pytest.approx(outputs[-1], abs=1e-12)
        assert last_c[0, row].tolist() == pytest.approx(memory, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_agree_with_finite_differences(full: bool, layers: int) -> None:
    cell = random_cell(2, 3, layers, full)
    x = torch.randn(2, 4, 2).double().requires_grad_()
    h, c = (torch.randn(layers, 2, 3).double().requires_grad_() for _ in range(2))
    named = dict(cell.named_parameters())

    def outputs(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parameters = dict(zip(named, weights, strict=True))
        values, state = torch.func.functional_call(cell, parameters, (x, (h, c)))
        return values, *state

    assert torch.autograd.gradcheck(outputs, (x, h, c, *named.values()))


@pytest.mark.parametrize("full", [True, False])
def test_with_zero_peepholes_it_agrees_with_torch_lstm(full: bool) -> None:
    cell, torch_lstm = PeepholeLSTM(3, 5, 2, full=full, cell_clip=9.0), nn.LSTM(3, 5, 2, batch_first=True)
    with torch.no_grad():
        for layer, projection in enumerate(cell.projections):
            getattr(torch_lstm, f"weight_ih_l{layer}").copy_(projection.weight)
            getattr(torch_lstm, f"weight_hh_l{layer}").copy_(cell.recurrent[layer])
            getattr(torch_lstm, f"bias_ih_l{layer}").copy_(projection.bias)
            getattr(torch_lstm, f"bias_hh_l{layer}").zero_()
    x = torch.randn(2, 7, 3)
    values, state = cell(x, None)
    expected, expected_state = torch_lstm(x, None)
    torch.testing.assert_close(values, expected)
    torch.testing.assert_close(state, expected_state)


def test_the_initial_state_is_not_changed() -> None:
    cell = random_cell(2, 3, 1, True)
    state = torch.randn(1, 1, 3).double(), torch.randn(1, 1, 3).double()
    before = [part.clone() for part in state]
    cell(torch.randn(1, 2, 2).double(), state)
    assert all(torch.equal(part, copy) for part, copy in zip(state, before, strict=True))
