"""Dynamic evaluation: steps equal streams, states stay values, one update by hand, values from files."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from genbench_plugins.blocks import Stack
from genbench_plugins.lstm import LSTM
from genbench_plugins.minimal import MinLSTMCell
from genbench_plugins.mogrifier import MogrifierLSTM
from genbench_plugins.transformer import Attention
from torch import nn

from genbench.capabilities import step_through
from genbench.generator import LogProbs, Text, TrainContext
from genbench.neural import RecurrentGenerator
from genbench.neural.dynamic_evaluation import (
    DECAYS,
    MAX_QUOTIENT,
    RATES,
    RMS_FLOOR,
    SEGMENT,
    Adaptation,
    AdaptationFit,
    Learner,
    LearningReader,
    measure_rms,
)
from genbench.neural.heads import SoftmaxHead
from genbench.neural.inference import NetworkStepper, RNNState
from genbench.neural.network import Network, map_state
from genbench.registry import create

TRAIN = "The old ferry went over at six, and again at seven, if the tide would let it. Nobody hurried.\n" * 40
OTHER = "Quartz, jackdaws and sphinxes: vexing boxes! " * 8
SPECS = ["lstm-char:hidden=16,adaptive=true", "gru-word:hidden=16,adaptive=true,min_count=1"]


@cache
def trained(spec: str) -> RecurrentGenerator:
    network = create(spec)
    network.fit(Text(TRAIN), Text(OTHER), TrainContext(steps=30))
    assert isinstance(network, RecurrentGenerator)
    return network


def tiny_network() -> Network:
    torch.manual_seed(0)
    return Network(nn.Embedding(7, 4), nn.RNN(4, 5, batch_first=True), SoftmaxHead(5, 7), (0.0, 0.0)).eval()


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_steps_equal_the_stream(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(OTHER)[: 5 * SEGMENT + 3]
    assert step_through(generator, ids) == pytest.approx(generator.token_log_probs(ids), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_a_state_is_not_changed_by_what_is_read_after_it(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(OTHER).tolist()
    state = generator.start()
    for token in ids[: SEGMENT + 3]:
        state = generator.advance(state, token)
    before, weights = generator.log_probs(state), [w.clone() for w in generator._network.parameters()]

    # two branches, each over the end of the segment
    for branch in (ids[20:60], ids[30:80]):
        other = state
        for token in branch:
            other = generator.advance(other, token)
    assert np.array_equal(generator.log_probs(state), before)
    assert all(torch.equal(a, b) for a, b in zip(weights, generator._network.parameters(), strict=True))


def states_by_copies(reader: LearningReader, ids: list[int]) -> list[LogProbs]:
    """Return the distributions after each token, with a copy of the whole network for every segment."""
    network, before, segment, results = reader.network, None, [int(reader.prefix[0])], []
    stepper = NetworkStepper(network)
    hidden, core = stepper.step(segment, None)
    for token in ids:
        if len(segment) == SEGMENT:
            learner = Learner(network, reader.network, reader.adaptation)
            state = None if before is None else map_state(torch.from_numpy, before)
            inputs, targets = torch.tensor(segment), torch.tensor([*segment[1:], token])
            log_probs, _, after = learner.predict(inputs, targets, state)
            learner.learn(log_probs)
            network, before, segment = learner.network, map_state(torch.Tensor.numpy, after), []
            core, stepper = before, NetworkStepper(network)
        hidden, core = stepper.step([token], core)
        segment.append(token)
        results.append(stepper.log_probs(RNNState(hidden, core))[0])
    return results


@pytest.mark.parametrize("core", ["rnn", "lstm", "minlstm", "attention", "mogrifier"])
def test_versions_of_one_network_predict_what_copies_of_it_do(core: str) -> None:
    torch.manual_seed(0)
    cores: dict[str, Callable[[], nn.Module]] = {
        "rnn": lambda: nn.RNN(8, 8, batch_first=True),  # called as in training
        "lstm": lambda: LSTM(8, 8, batch_first=True),  # steps in numpy, from weights that it copies
        "minlstm": lambda: Stack(8, 8, 1, lambda _: MinLSTMCell(8)),
        "attention": lambda: Stack(8, 8, 1, lambda _: Attention(8, 2, 5)),
        "mogrifier": lambda: MogrifierLSTM(8, 8, 1, 2),
    }
    network = Network(nn.Embedding(7, 8), cores[core](), SoftmaxHead(8, 7), (0.0, 0.0)).eval()
    text = np.random.default_rng(0).integers(0, 7, 3 * SEGMENT + 5).tolist()
    reader = LearningReader(network, np.array([3]), Adaptation(0.05, 0.01, measure_rms(network, torch.tensor(text))))

    # two texts that differ from the middle of the second segment, read token by token in turn
    texts = [text, [*text[:24], *(6 - token for token in text[24:])]]
    expected = [states_by_copies(reader, ids) for ids in texts]
    states = [reader.start(), reader.start()]
    for place, tokens in enumerate(zip(*texts, strict=True)):
        states = reader.advance_batch(states, tokens)
        for state, log_probs in zip(states, expected, strict=True):
            np.testing.assert_allclose(
                reader.log_probs_batch([state])[0], log_probs[place], rtol=0, atol=1e-9, equal_nan=False
            )
    assert not np.allclose(expected[0][20], states_by_copies(reader, text[16:21])[-1], atol=1e-4)  # it did learn


@pytest.mark.parametrize("spec", SPECS)
def test_a_text_that_was_read_costs_less_the_second_time(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(OTHER)
    first, second = np.split(generator.token_log_probs(np.concatenate([ids, ids])), 2)
    static = create(spec.replace("adaptive=true", "adaptive=false"))
    static.restore({**generator.dump(), "adaptation": None})
    unchanged = np.split(static.token_log_probs(np.concatenate([ids, ids])), 2)
    assert second.sum() > 0.97 * first.sum() > 0.97 * unchanged[0].sum()
    assert unchanged[1].sum() == pytest.approx(unchanged[0].sum(), rel=0.02)


@pytest.mark.slow
def test_one_update_by_hand() -> None:
    network = tiny_network()
    ids = torch.arange(200) % 7
    adaptation = Adaptation(0.01, 0.25, measure_rms(network, ids))
    learner = Learner(network, network, adaptation)

    # the loss of one segment, by torch alone
    inputs, targets = torch.tensor([1, 2, 5]), torch.tensor([2, 5, 6])
    hidden = network.core(network.embedding(inputs[None]))[0][0]
    loss = nn.functional.cross_entropy(network.head.linear(hidden), targets)  # type: ignore[operator, union-attr]
    gradients = torch.autograd.grad(loss, list(network.parameters()))

    log_probs, _, _ = learner.predict(inputs, targets, None)
    assert -log_probs.mean().item() == pytest.approx(loss.item())
    learner.learn(log_probs)
    mean = torch.cat([rms.flatten() for rms in adaptation.rms.values()]).mean()
    for (name, old), new, gradient in zip(network.named_parameters(), learner.parameters, gradients, strict=True):
        stepped = old - 0.01 * gradient / (adaptation.rms[name] + RMS_FLOOR * mean)
        torch.testing.assert_close(new, stepped + 0.25 * (old - stepped))


def test_a_weight_without_gradients_in_training_moves_by_a_bounded_step() -> None:
    # gradients of about 1e-2, where the training text had 1e-9: their quotients are 1e7 and more
    network = tiny_network()
    rms = {name: torch.full_like(weights, 1e-9) for name, weights in network.named_parameters()}
    learner = Learner(network, network, Adaptation(1e-3, 0.0, rms))
    log_probs, _, _ = learner.predict(torch.tensor([1, 2, 5]), torch.tensor([2, 5, 6]), None)
    gradients = torch.autograd.grad(-log_probs.mean(), learner.parameters, retain_graph=True)
    learner.learn(log_probs)
    for old, new, gradient in zip(network.parameters(), learner.parameters, gradients, strict=True):
        large = gradient.abs() > 1e-6
        torch.testing.assert_close(new[large], (old - 1e-3 * MAX_QUOTIENT * gradient.sign())[large])


def test_rms_of_a_text_without_segments_is_zero() -> None:
    assert all((rms == 0).all() for rms in measure_rms(tiny_network(), torch.tensor([1, 2])).values())


def test_rms_of_a_text_of_one_segment_is_that_of_its_gradient() -> None:
    network, ids = tiny_network(), torch.arange(SEGMENT + 2) % 7
    rms = measure_rms(network, ids)
    state = network(ids[None, :1], None)[1].detach()
    log_probs, _ = network.target_log_probs(ids[None, 1:-1], ids[None, 2:], state)
    gradients = torch.autograd.grad(-log_probs.mean(), list(network.parameters()))
    for measured, gradient in zip(rms.values(), gradients, strict=True):
        torch.testing.assert_close(measured, gradient.abs())


def test_a_network_of_a_text_without_segments_learns_nothing() -> None:
    network = tiny_network()
    adaptation = Adaptation(RATES[-1], DECAYS[1], measure_rms(network, torch.tensor([1, 2])))
    learner = Learner(network, network, adaptation)
    learner.learn(learner.predict(torch.tensor([1, 2, 5]), torch.tensor([2, 5, 6]), None)[0])
    for old, new in zip(network.parameters(), learner.parameters, strict=True):
        torch.testing.assert_close(new, old)


@pytest.mark.slow
def test_rate_and_decay_are_the_best_of_their_neighbors() -> None:
    network, ids = tiny_network(), np.arange(600) % 7
    rms = measure_rms(network, torch.from_numpy(ids))
    start = Adaptation(RATES[5], DECAYS[3], rms)
    fitted = AdaptationFit(network, np.array([0]), ids, TrainContext()).fit(start, ["rate", "decay"], None)

    def loss(rate: float) -> float:
        return -float(
            LearningReader(network, np.array([0]), Adaptation(rate, DECAYS[3], rms)).token_log_probs(ids).sum()
        )

    index = RATES.index(fitted.rate)
    assert all(loss(fitted.rate) <= loss(rate) for rate in RATES[max(index - 1, 0) : index + 2])
    assert fitted.decay in DECAYS


def test_where_learning_hurts_the_rate_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    network, ids = tiny_network(), torch.randint(0, 7, (200,)).numpy()
    start = Adaptation(4e-4, 0.0, measure_rms(network, torch.from_numpy(ids)))

    # each rate is worse than no learning, and the usual one is the best of its neighbors
    def nats(fit: AdaptationFit, adaptation: Adaptation, ids: object) -> float:
        return abs(np.log(adaptation.rate / 4e-4)) + 1 if adaptation.rate else 0.5

    monkeypatch.setattr(AdaptationFit, "_nats", nats)
    fitted = AdaptationFit(network, np.array([0]), ids, TrainContext()).fit(start, ["rate", "decay"], None)
    assert (fitted.rate, fitted.decay) == (0.0, 0.0)


def test_with_a_rate_of_zero_predictions_are_those_of_the_network() -> None:
    network, ids = tiny_network(), torch.randint(0, 7, (100,))
    adaptation = Adaptation(0.0, 0.002, measure_rms(network, ids))
    adapted = LearningReader(network, np.array([0]), adaptation).token_log_probs(ids.numpy())
    static, _ = network.target_log_probs(torch.cat([torch.tensor([0]), ids[:-1]])[None], ids[None], None)
    assert adapted == pytest.approx(static[0].detach().numpy(), abs=1e-5)


def test_without_time_or_text_nothing_is_fitted() -> None:
    network, ids = tiny_network(), np.arange(600) % 7
    start = Adaptation(RATES[5], DECAYS[3], measure_rms(network, torch.from_numpy(ids)))
    for text, seconds in ((ids, 0.0), (ids, -1.0), (ids[:5], None)):
        assert AdaptationFit(network, np.array([0]), text, TrainContext()).fit(start, ["rate"], seconds) is start


@pytest.mark.slow
def test_recorded_rates_repeat_the_training() -> None:
    spec = "lstm-char:hidden=8,adaptive=true"
    first, context = create(spec), TrainContext(steps=10)
    first.fit(Text(TRAIN), Text(OTHER), context)
    chosen = context.stats.chosen
    options = ",".join(f"{name}={value}" for name, value in chosen.items() if name != "hidden")
    again = create(f"{spec},{options}")
    again.fit(Text(TRAIN), Text(OTHER), TrainContext())
    ids = first.tokenizer.encode(OTHER)
    assert np.array_equal(first.token_log_probs(ids), again.token_log_probs(ids))  # type: ignore[attr-defined]


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "rate": lambda saved: saved.update(rate=float("nan")),
    "decay": lambda saved: saved.update(decay=2.0),
    "shape": lambda saved: saved["rms"].update({next(iter(saved["rms"])): np.zeros(3, np.float32)}),
    "sign": lambda saved: saved["rms"].update({name: -1 - value for name, value in saved["rms"].items()}),
    "name": lambda saved: saved["rms"].update(other=np.zeros(3, np.float32)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_values_that_do_not_belong_to_the_network_are_refused(damage: str) -> None:
    generator = trained(SPECS[0])
    saved = generator.dump()
    adaptation = {**saved["adaptation"], "rms": dict(saved["adaptation"]["rms"])}
    DAMAGE[damage](adaptation)
    with pytest.raises(ValueError, match="another network"):
        create(SPECS[0]).restore({**saved, "adaptation": adaptation})
