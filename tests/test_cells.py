"""The cells of the newer networks: equations step by step in numpy, whole texts, states, gradients and gates."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from genbench_plugins import minimal
from genbench_plugins.blocks import CausalConvolution, Cell, Stack
from genbench_plugins.gated_deltanet import GatedDeltaCell
from genbench_plugins.minimal import MinGRUCell, MinLSTMCell, RunningMean, parallel_scan
from genbench_plugins.mlstm import MLSTMCell
from genbench_plugins.mogrifier import MogrifierLSTM
from genbench_plugins.slstm import SLSTMCell
from genbench_plugins.transformer import Attention
from torch import nn

from genbench import capabilities, registry
from genbench.errors import UserError
from genbench.generator import TrainContext

Array = npt.NDArray[np.float64]
WIDTH, HEADS, CONTEXT = 8, 2, 5
CELLS: dict[str, Callable[[], Cell]] = {
    "mingru": lambda: MinGRUCell(WIDTH),
    "minlstm": lambda: MinLSTMCell(WIDTH),
    "slstm": lambda: SLSTMCell(WIDTH, HEADS),
    "mlstm": lambda: MLSTMCell(WIDTH, HEADS),
    "gated deltanet": lambda: GatedDeltaCell(WIDTH, HEADS),
    "attention": lambda: Attention(WIDTH, HEADS, CONTEXT),
}
CORES: dict[str, Callable[[], nn.Module]] = {
    **{name: lambda cell=cell: Stack(6, WIDTH, 2, lambda _: cell()) for name, cell in CELLS.items()},
    "mogrifier": lambda: MogrifierLSTM(6, WIDTH, 2, 5),
}


def randomized(module: Any, scale: float = 0.5) -> Any:
    """Return a module in float64 with random weights: some begin at zero."""
    torch.manual_seed(2)
    module = module.double().eval()
    with torch.no_grad():
        for weights in module.parameters():
            weights.add_(scale * torch.randn_like(weights))
    return module


def random_inputs(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


# The equations of the papers, for one row and step by step


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def linear(layer: Any, x: Array) -> Array:
    bias = 0.0 if layer.bias is None else layer.bias.detach().numpy()
    return np.asarray(layer.weight.detach().numpy() @ x + bias)


def convolved(cell: Any, xs: Array, time: int) -> Array:
    """Return the convolution of the inputs up to a step, with silu."""
    weights = cell.convolution.weights.detach().numpy()
    sums = sum(w * xs[time - lag] for lag, w in enumerate(weights[::-1]) if time >= lag)
    return np.asarray(sums * sigmoid(sums))


def normalized(x: Array) -> Array:
    return np.asarray((x - x.mean()) / np.sqrt(x.var() + 1e-5))


def minimal_steps(cell: Any, xs: Array) -> list[Array]:
    h, outputs = np.zeros(WIDTH), []
    for time in range(len(xs)):
        *gates, new = np.split(linear(cell.gates_candidate, convolved(cell, xs, time)), cell.gates + 1)
        new = np.where(new >= 0, new + 0.5, sigmoid(new))
        if len(gates) == 1:  # minGRU
            z = sigmoid(gates[0])
            h = (1 - z) * h + z * new
        else:
            f, i = sigmoid(gates[0]), sigmoid(gates[1])
            h = f / (f + i) * h + i / (f + i) * new
        outputs.append(linear(cell.out, h))
    return outputs


def slstm_steps(cell: Any, xs: Array) -> list[Array]:
    h, c, n, d, outputs = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), WIDTH // HEADS, []
    recurrent = cell.recurrent.detach().numpy()
    for time, x in enumerate(xs):
        products = np.concatenate([recurrent[at : at + d] @ h[at % WIDTH :][:d] for at in range(0, 4 * WIDTH, d)])
        sums = np.concatenate([linear(cell.input_forget, convolved(cell, xs, time)), linear(cell.candidate_output, x)])
        i, f, z, o = np.split(sums + products, 4)
        i, f = np.exp(15 * np.tanh(i / 15)), sigmoid(f)
        c, n = f * c + i * np.tanh(z), f * n + i
        h = sigmoid(o) * c / n
        outputs.append(linear(cell.out, np.concatenate([normalized(part) for part in np.split(h, HEADS)])))
    return outputs


def mlstm_steps(cell: Any, xs: Array) -> list[Array]:
    d, outputs = WIDTH // HEADS, []
    c, n = np.zeros((HEADS, d, d)), np.zeros((HEADS, d))
    for time, x in enumerate(xs):
        seen = convolved(cell, xs, time)
        q, k = np.split(linear(cell.query_key, seen), 2)
        v, o = np.split(linear(cell.value_output, x), 2)
        i, f = np.split(linear(cell.input_forget, seen), 2)
        i, f, heads = np.exp(15 * np.tanh(i / 15)), sigmoid(f), []
        for head in range(HEADS):
            part = slice(head * d, (head + 1) * d)
            key = k[part] / math.sqrt(d)
            c[head] = f[head] * c[head] + i[head] * np.outer(v[part], key)
            n[head] = f[head] * n[head] + i[head] * key
            heads.append(normalized(c[head] @ q[part] / max(abs(n[head] @ q[part]), 1)))
        outputs.append(linear(cell.out, sigmoid(o) * np.concatenate(heads)))
    return outputs


def gated_deltanet_steps(cell: Any, xs: Array) -> list[Array]:
    d, outputs = WIDTH // HEADS, []
    s = np.zeros((HEADS, d, d))
    projected = np.stack([linear(cell.query_key_value, x) for x in xs])
    scale, gain = np.exp(cell.log_scale.detach().numpy()[:, 0]), cell.norm.weight.detach().numpy()
    for time, x in enumerate(xs):
        q, k, v = np.split(convolved(cell, projected, time), 3)
        decay, write = np.split(linear(cell.decay_write, x), 2)
        a, b, gate, heads = np.exp(-scale * np.log1p(np.exp(decay))), sigmoid(write), linear(cell.output_gate, x), []
        for head in range(HEADS):
            part = slice(head * d, (head + 1) * d)
            query, key = (vector[part] / np.linalg.norm(vector[part]) for vector in (q, k))
            s[head] = a[head] * s[head] @ (np.eye(d) - b[head] * np.outer(key, key)) + b[head] * np.outer(v[part], key)
            o = s[head] @ query
            heads.append(gain * o / np.sqrt((o**2).mean() + 1e-5))
        outputs.append(linear(cell.out, gate * sigmoid(gate) * np.concatenate(heads)))
    return outputs


def attention_steps(cell: Any, xs: Array) -> list[Array]:
    d, outputs = WIDTH // HEADS, []
    queries, keys, values = np.split(np.stack([linear(cell.query_key_value, x) for x in xs]), 3, axis=1)
    for time in range(len(xs)):
        seen, heads = np.arange(max(0, time - CONTEXT + 1), time + 1), []
        for head in range(HEADS):
            part, slope = slice(head * d, (head + 1) * d), 2.0 ** (-8 * (head + 1) / HEADS)
            scores = keys[seen][:, part] @ queries[time, part] / math.sqrt(d) - slope * (time - seen)
            weights = np.exp(scores - scores.max())
            heads.append(weights / weights.sum() @ values[seen][:, part])
        outputs.append(linear(cell.out, np.concatenate(heads)))
    return outputs


REFERENCES: dict[str, Callable[[Any, Array], list[Array]]] = {
    "mingru": minimal_steps,
    "minlstm": minimal_steps,
    "slstm": slstm_steps,
    "mlstm": mlstm_steps,
    "gated deltanet": gated_deltanet_steps,
    "attention": attention_steps,
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_agrees_with_the_equations(name: str) -> None:
    cell, x = randomized(CELLS[name]()), random_inputs(1, 9, WIDTH)
    with torch.no_grad():
        outputs, _ = cell(x, cell.start(x))
    assert outputs[0].numpy() == pytest.approx(np.stack(REFERENCES[name](cell, x[0].numpy())), abs=1e-9)


def test_a_mogrifier_agrees_with_the_equations() -> None:
    core, x = randomized(MogrifierLSTM(6, WIDTH, 1, 5)), random_inputs(1, 7, 6)
    layer, h, c, outputs = core.layers[0], np.zeros(WIDTH), np.zeros(WIDTH), []
    q1, r2, q3, r4, q5 = (weights.detach().numpy() for weights in layer.rounds)
    for step in x[0].numpy():
        step = 2 * sigmoid(q1 @ h) * step
        h = 2 * sigmoid(r2 @ step) * h
        step = 2 * sigmoid(q3 @ h) * step
        h = 2 * sigmoid(r4 @ step) * h
        step = 2 * sigmoid(q5 @ h) * step
        i, f, g, o = np.split(linear(layer.projection, step) + layer.recurrent.detach().numpy() @ h, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    with torch.no_grad():
        assert core(x, None)[0][0].numpy() == pytest.approx(np.stack(outputs), abs=1e-12)


# States and gradients


@pytest.mark.parametrize("name", CORES)
def test_a_text_gives_the_same_in_one_pass_and_in_parts(name: str) -> None:
    core, x = randomized(CORES[name](), 0.2), random_inputs(3, 150, 6)  # longer than two chunks of any cell
    with torch.no_grad():
        expected, last = core(x, None)
        outputs, state = [], tuple(torch.zeros_like(part) for part in last)  # the state before a text
        for part in (*x[:, :20].split(1, dim=1), x[:, 20:103], x[:, 103:]):
            before = [tensor.clone() for tensor in state]
            output, after = core(part, state)
            assert all(torch.equal(tensor, copy) for tensor, copy in zip(state, before, strict=True))
            outputs.append(output)
            state = after
    torch.testing.assert_close(torch.cat(outputs, dim=1), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(state, last, rtol=1e-9, atol=1e-9)
    assert {tensor.shape[:2] for tensor in state} == {(2, 3)}


@pytest.mark.parametrize("length", [1, 2, 3, 8, 13])
def test_a_parallel_scan_agrees_with_steps(length: int) -> None:
    keep, add = random_inputs(2, length, 3)
    h, steps = torch.zeros(3, dtype=torch.float64), []
    for kept, added in zip(keep, add, strict=True):
        h = kept * h + added
        steps.append(h)
    torch.testing.assert_close(parallel_scan(keep, add), torch.stack(steps))


@pytest.mark.parametrize("steps", [True, False])
def test_gradients_of_the_hand_written_backward_passes_agree_with_finite_differences(
    steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimal, "prefers_steps", lambda x: steps)
    write, new = random_inputs(2, 5, 2, 3)
    arguments = [write.sigmoid().requires_grad_(), new.requires_grad_(), random_inputs(2, 3).requires_grad_()]
    assert torch.autograd.gradcheck(RunningMean.apply, arguments)
    assert torch.autograd.gradcheck(
        CausalConvolution.apply, [random_inputs(2, 6, 3).requires_grad_(), random_inputs(4, 3).requires_grad_()]
    )


# Gates, and options


@pytest.mark.parametrize("name", CORES)
def test_gates_lie_between_zero_and_one_and_the_memory_gives_the_output(name: str) -> None:
    core, x = randomized(CORES[name](), 0.2), random_inputs(1, 70, 6)
    with torch.no_grad():
        layers, (outputs, _) = core.layer_activations(x), core(x, None)
    expected = {
        "mingru": {"update"},
        "minlstm": {"forget", "input"},
        "attention": set(),
        "gated deltanet": {"keep", "write"},
    }
    for layer in layers:
        assert set(layer.gates) == expected.get(name, {"forget", "input", "output"})
        assert layer.memory.shape == (70, WIDTH)
        assert all(gate.shape == (70, WIDTH) and 0 < gate.min() <= gate.max() <= 1 for gate in layer.gates.values())

    # from the memory of the last layer to the output
    if name == "mogrifier":
        output = layers[-1].gates["output"] * np.tanh(layers[-1].memory)
        assert output == pytest.approx(outputs[0].numpy(), abs=1e-12)
        return
    if name in ("mingru", "attention"):
        cell = core.blocks[0].cell
        inputs = core.blocks[0].norms[0](core.widen(x))
        mixed, _ = cell(inputs, cell.start(inputs))
        memory = torch.from_numpy(layers[0].memory)
        torch.testing.assert_close(cell.out(memory), mixed[0])


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["mlstm-char:hidden=8,embedding=8", "mingru-word:hidden=8,embedding=8"])
def test_a_trained_network_shows_its_gates(spec: str) -> None:
    text = "the cat sat on the mat. the dog sat on the log.\n" * 30
    generator = registry.create(spec)
    generator.fit(text, text[:200], TrainContext(steps=3))
    ids = generator.tokenizer.encode("the cat sat")
    probe = capabilities.probe(generator)
    assert probe is not None
    assert [layer.memory.shape for layer in probe.layers(ids)] == [(len(ids), 8)] * generator.layers  # type: ignore[attr-defined]
    assert np.isfinite(probe.gradients(generator.tokenizer.encode(text), 4)).all()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("mlstm-char:heads=3,hidden=64", "heads is 3, but must divide hidden, 64"),
        ("transformer-word:heads=5", "heads is 5, but must divide hidden, a multiple of 64"),
        ("slstm-char:heads=0", "heads is 0, but must be 1 or more"),
        ("transformer-char:context=0", "context is 0, but must be 1 or more"),
        ("mogrifier-lstm-char:rounds=0", "rounds is 0, but must be 1 or more"),
    ],
)
def test_impossible_options_are_refused(spec: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        registry.create(spec)
