"""The peephole cell: a scalar reference, torch's LSTM where the peepholes are shut, and its gradients."""

import math
from typing import Any

import pytest
import torch
from genbench_plugins.peephole import SLOWER, PeepholeLSTM
from torch import nn

CLIP = 0.6  # so low that some memories reach it, and some do not


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def reference(cell: PeepholeLSTM, x: list[list[float]], h: list[float], c: list[float]) -> tuple[list[float], Any]:
    """One layer over one row, number by number, from the equations of the lecture."""
    n, (read,) = cell.hidden, cell.reads
    w, b, u, p = read.weight.tolist(), read.bias.tolist(), cell.recurrent[0].tolist(), (SLOWER * cell.peeps[0]).tolist()

    def seen(gate: int, unit: int, memory: list[float]) -> float:
        if len(p) == 3:
            return p[gate][unit] * memory[unit]
        return sum(p[gate * n + unit][j] * memory[j] for j in range(n))

    said = []
    for given in x:

        def inner(gate: int, unit: int, given: list[float] = given, h: list[float] = h) -> float:
            row = gate * n + unit
            return b[row] + sum(w[row][j] * v for j, v in enumerate(given)) + sum(u[row][j] * h[j] for j in range(n))

        i = [sigmoid(inner(0, k) + seen(0, k, c)) for k in range(n)]
        f = [sigmoid(inner(1, k) + seen(1, k, c)) for k in range(n)]
        g = [math.tanh(inner(2, k)) for k in range(n)]
        c = [min(max(f[k] * c[k] + i[k] * g[k], -CLIP), CLIP) for k in range(n)]
        o = [sigmoid(inner(3, k) + seen(2, k, c)) for k in range(n)]
        h = [o[k] * math.tanh(c[k]) for k in range(n)]
        said.append(h)
    return said, c


def made(inputs: int, hidden: int, layers: int, full: bool) -> PeepholeLSTM:
    torch.manual_seed(3)
    cell = PeepholeLSTM(inputs, hidden, layers, full=full, cell_clip=CLIP).double()
    for peeps in cell.peeps:
        nn.init.normal_(peeps)
    return cell


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("hidden", [1, 4])
def test_forward_is_that_of_the_equations(full: bool, hidden: int) -> None:
    cell = made(3, hidden, 1, full)
    x, h, c = torch.randn(2, 6, 3).double(), torch.randn(1, 2, hidden).double(), torch.randn(1, 2, hidden).double()
    values, (last_h, last_c) = cell(x, (h, c))
    assert last_c.abs().max() <= CLIP
    for row in range(2):
        said, memory = reference(cell, x[row].tolist(), h[0, row].tolist(), c[0, row].tolist())
        assert values[row].flatten().tolist() == pytest.approx([v for step in said for v in step], abs=1e-12)
        assert last_h[0, row].tolist() == pytest.approx(said[-1], abs=1e-12)
        assert last_c[0, row].tolist() == pytest.approx(memory, abs=1e-12)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_are_those_of_finite_differences(full: bool, layers: int) -> None:
    cell = made(2, 3, layers, full)
    x = torch.randn(2, 4, 2).double().requires_grad_()
    h, c = (torch.randn(layers, 2, 3).double().requires_grad_() for _ in range(2))
    named = dict(cell.named_parameters())

    def outputs(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = dict(zip(named, weights, strict=True))
        values, state = torch.func.functional_call(cell, given, (x, (h, c)))
        return values, *state

    assert torch.autograd.gradcheck(outputs, (x, h, c, *named.values()))


@pytest.mark.parametrize("full", [True, False])
def test_with_its_peepholes_shut_it_is_torchs_lstm(full: bool) -> None:
    cell, other = PeepholeLSTM(3, 5, 2, full=full, cell_clip=9.0), nn.LSTM(3, 5, 2, batch_first=True)
    with torch.no_grad():
        for layer, read in enumerate(cell.reads):
            getattr(other, f"weight_ih_l{layer}").copy_(read.weight)
            getattr(other, f"weight_hh_l{layer}").copy_(cell.recurrent[layer])
            getattr(other, f"bias_ih_l{layer}").copy_(read.bias)
            getattr(other, f"bias_hh_l{layer}").zero_()
    x = torch.randn(2, 7, 3)
    values, state = cell(x, None)
    wanted, wanted_state = other(x, None)
    torch.testing.assert_close(values, wanted)
    torch.testing.assert_close(state, wanted_state)


def test_a_state_given_is_left_as_it_was() -> None:
    cell = made(2, 3, 1, True)
    state = torch.randn(1, 1, 3).double(), torch.randn(1, 1, 3).double()
    before = [part.clone() for part in state]
    cell(torch.randn(1, 2, 2).double(), state)
    assert all(torch.equal(one, other) for one, other in zip(state, before, strict=True))
