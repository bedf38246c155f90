"""Gates, memory and gradients of networks, against the network itself and against cells computed by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from genbench import capabilities
from genbench.generator import Generator, TrainContext
from genbench.neural.probe import core_activations, scale_recurrent_weights
from genbench.registry import create

TRAIN = "the cat sat on the mat. the dog sat on the log.\n" * 30
NETWORKS = ("rnn-char", "lstm-char", "gru-char", "peephole-lstm-char", "stacked-lstm-char", "lstm-window", "lstm-word")


def trained(spec: str) -> Generator:
    generator = create(f"{spec}:hidden=6")
    generator.fit(TRAIN, TRAIN[:200], TrainContext(steps=3))
    return generator


@pytest.mark.slow
@pytest.mark.parametrize("spec", NETWORKS)
def test_the_memory_of_the_probe_gives_the_predictions_of_the_network(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode("the cat sat on the log")
    probe = capabilities.probe(generator)
    assert probe is not None
    activations = probe.layers(ids)
    assert {layer.memory.shape for layer in activations} == {(len(ids), 6)}
    for layer in activations:
        for gate in layer.gates.values():
            assert gate.shape == layer.memory.shape
            assert ((gate > 0) & (gate < 1)).all()

    # the head, applied to the output of the top layer, gives the prediction of the network
    top = activations[-1]
    output = top.gates["output"] * np.tanh(top.memory) if "output" in top.gates else top.memory
    network = generator._network
    with torch.inference_mode():
        last = network.head.log_probs(torch.from_numpy(output[-1:]).float())[0].double().numpy()
    state = generator.start()
    for token in ids.tolist():
        state = generator.advance(state, token)
    assert last == pytest.approx(generator.log_probs(state), abs=1e-4)


def test_an_lstm_of_one_unit_agrees_with_hand_computation() -> None:
    core = nn.LSTM(1, 1, batch_first=True)
    with torch.no_grad():
        for value in core.parameters():
            value.zero_()
        core.weight_ih_l0[:, 0] = torch.tensor([1.0, 2.0, 3.0, 4.0])  # input, forget, cell, output
    (layer,) = core_activations(core, torch.tensor([[[1.0], [-1.0]]]))
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    first = sigmoid(1) * math.tanh(3)
    second = sigmoid(-2) * first + sigmoid(-1) * math.tanh(-3)
    assert layer.memory[:, 0] == pytest.approx([first, second], abs=1e-6)
    assert layer.gates["forget"][:, 0] == pytest.approx([sigmoid(2), sigmoid(-2)], abs=1e-6)
    assert layer.gates["input"][:, 0] == pytest.approx([sigmoid(1), sigmoid(-1)], abs=1e-6)
    assert layer.gates["output"][:, 0] == pytest.approx([sigmoid(4), sigmoid(-4)], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["rnn-char", "gru-char", "peephole-lstm-char", "lstm-window"])
def test_gradients_agree_with_finite_differences(spec: str) -> None:
    generator = trained(spec)
    probe = capabilities.probe(generator)
    assert probe is not None
    ids = generator.tokenizer.encode("the cat sat")
    (norms,) = probe.gradients(ids[:5], 4)
    network = generator._network
    rows = torch.from_numpy(ids[:5])[None]
    with torch.inference_mode():
        inputs = network.embedding(rows[:, :-1])

        def nats(x: torch.Tensor) -> float:
            return float(-network.head.target_log_probs(network.core(x, None)[0][:, -1], rows[:, -1]))

        for lag in (1, 3):
            slopes = []
            for width in range(inputs.shape[2]):
                moved = torch.zeros_like(inputs)
                moved[0, -lag, width] = 0.05
                slopes.append((nats(inputs + moved) - nats(inputs - moved)) / 0.1)
            assert norms[lag - 1] == pytest.approx(np.linalg.norm(slopes), rel=0.02)


@pytest.mark.slow
def test_gradients_vanish_and_explode_with_the_recurrent_weights() -> None:
    generator = trained("rnn-char")
    probe = capabilities.probe(generator)
    assert probe is not None
    ids = generator.tokenizer.encode(TRAIN)
    small, large = (np.median(probe.gradients(ids, 16, scale), axis=0) for scale in (0.3, 1.0))
    assert small[15] / small[0] < 1e-6 < large[15] / large[0]
    assert probe.gradients(ids[:10], 16).shape == (0, 16)


@pytest.mark.slow
def test_a_window_network_sees_nothing_beyond_its_window() -> None:
    generator = create("lstm-window:hidden=6,window=8")
    generator.fit(TRAIN, TRAIN[:200], TrainContext(steps=3))
    probe = capabilities.probe(generator)
    assert probe is not None
    norms = probe.gradients(generator.tokenizer.encode(TRAIN), 20)
    assert (norms[:, :8] > 0).all()
    assert (norms[:, 8:] == 0).all()


def test_only_recurrent_weights_are_scaled() -> None:
    network = nn.Module()
    network.core = nn.RNN(2, 3, batch_first=True)
    before = {name: value.clone() for name, value in network.core.named_parameters()}
    scale_recurrent_weights(network, 2.0)  # type: ignore[arg-type]
    for name, value in network.core.named_parameters():
        assert torch.equal(value, before[name] * (2 if name == "weight_hh_l0" else 1))


def test_a_chain_has_no_probe() -> None:
    assert capabilities.probe(create("markov-char")) is None
