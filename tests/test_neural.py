"""The training loop, batches, scoring in parallel rows, and cores of plugins."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PROSE
from cores import one_per_core
from genbench_plugins.lstm import LSTMChar, lstm
from torch import nn

from genbench import Tokenizer, registry
from genbench.generator import Progress, TrainContext
from genbench.neural import RecurrentGenerator
from genbench.neural.batches import Batch, StatefulBatches, WindowBatches
from genbench.neural.heads import SoftmaxHead
from genbench.neural.network import Network
from genbench.neural.parallel_scoring import stream_log_probs
from genbench.neural.precision import native_bf16
from genbench.neural.schedule import FINAL_RATE, WARM_UP, learning_rate_share
from genbench.neural.training import Trainer, token_loss
from genbench.scoring import score
from genbench.testing import CHECKS, Subject


class RunningMean(nn.Module):
    """A memory that never fades: the mean of all inputs so far, scaled down."""

    def forward(self, x: torch.Tensor, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        start = torch.zeros(1, x.shape[0], x.shape[2]) if state is None else state
        y = start.transpose(0, 1) + 0.01 * x.cumsum(1)
        return y, y[:, -1:].transpose(0, 1)


CORES: dict[str, Any] = {
    "lstm": lambda: nn.LSTM(8, 12, batch_first=True),
    "gru": lambda: nn.GRU(8, 12, batch_first=True),
    "mean": RunningMean,
}
NETWORKS = [
    name
    for name in one_per_core(registry.registered())
    if issubclass(registry.load_registered(name), RecurrentGenerator)
]
FUSED = [name for name in NETWORKS if name.startswith(("lstm", "stacked-lstm"))]  # cores of torch.nn.LSTM


def random_network(core: str) -> Network:
    torch.manual_seed(0)
    hidden = 8 if core == "mean" else 12
    return Network(nn.Embedding(20, 8), CORES[core](), SoftmaxHead(hidden, 20), (0.5, 0.5))


# Scoring in parallel rows


@pytest.mark.parametrize("length", [1, 2, 511, 513, 1024, 2_345])
@pytest.mark.parametrize("core", CORES)
def test_parallel_rows_score_like_one_stream(core: str, length: int) -> None:
    network = random_network(core).eval()
    stream = torch.randint(0, 20, (length,), generator=torch.Generator().manual_seed(1))
    log_probs = stream_log_probs(network, stream)
    assert log_probs.shape == (length - 1,)
    if length > 1:
        with torch.inference_mode():
            expected, _ = network.target_log_probs(stream[None, :-1], stream[None, 1:], None)
        assert log_probs == pytest.approx(expected[0].numpy(), abs=1e-4)


def test_dropout_is_off_when_scoring() -> None:
    network, stream = random_network("lstm").train(), torch.arange(20)
    assert np.array_equal(stream_log_probs(network, stream), stream_log_probs(network, stream))


# Learning rate and batches


def test_the_learning_rate_warms_up_and_falls() -> None:
    assert learning_rate_share(0) == 0
    assert learning_rate_share(WARM_UP) == 1
    assert learning_rate_share(1) == pytest.approx(FINAL_RATE)
    falling = [learning_rate_share(fraction) for fraction in np.linspace(WARM_UP, 1, 50)]
    assert falling == sorted(falling, reverse=True)


def training_batches(sampler: StatefulBatches | WindowBatches, ids: torch.Tensor) -> Iterator[Batch]:
    return sampler.training_batches(ids, torch.Generator().manual_seed(0))


def test_stateful_batches_continue_where_the_last_one_ended() -> None:
    batches = training_batches(StatefulBatches(2, 10), torch.arange(103))
    previous = None
    for batch in itertools.islice(batches, 12):
        assert batch.inputs.shape == batch.targets.shape == (2, 10)
        assert batch.scored == 10
        assert torch.equal(batch.inputs + 1, batch.targets)
        if not batch.reset_state:
            assert previous is not None
            assert torch.equal(batch.inputs[:, 0], previous[:, -1] + 1)
        previous = batch.inputs


def test_a_bptt_longer_than_the_text_is_shortened_to_it() -> None:
    batch = next(training_batches(StatefulBatches(1, 64), torch.arange(5)))
    assert batch.inputs.shape == (1, 4)
    assert batch.reset_state


def test_validation_reads_each_row_once_to_its_end() -> None:
    ids = torch.arange(2 * 300 + 1)
    batches = list(StatefulBatches(2, 10).validation_batches(ids))
    assert [batch.reset_state for batch in batches] == [True, False]
    assert torch.cat([batch.targets for batch in batches], dim=1).tolist() == ids[1:].view(2, 300).tolist()


def test_window_batches_are_independent_and_score_the_last_target() -> None:
    sampler, ids = WindowBatches(batch_size=4, window=5, stride=3, scored=1), torch.arange(30)
    batches = list(itertools.islice(training_batches(sampler, ids), sampler.batches_per_pass(len(ids)) + 1))
    assert all(batch.reset_state and batch.scored == 1 for batch in batches)
    starts = sorted(start for batch in batches for start in batch.inputs[:, 0].tolist())
    assert set(starts) <= set(range(0, 25, 3))
    assert len(set(starts)) >= 8
    assert all(torch.equal(batch.inputs + 1, batch.targets) for batch in batches)


# Training


def test_an_lstm_starts_with_open_forget_gates_and_orthogonal_weights() -> None:
    core = lstm(4, 6, 2)
    for layer in (0, 1):
        bias = getattr(core, f"bias_ih_l{layer}") + getattr(core, f"bias_hh_l{layer}")
        assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12  # input, forget, cell, output
        for gate in getattr(core, f"weight_hh_l{layer}").chunk(4):
            assert (gate @ gate.T).flatten().tolist() == pytest.approx(torch.eye(6).flatten().tolist(), abs=1e-5)


def small_lstm(**options: Any) -> LSTMChar:
    return LSTMChar(hidden=24, embedding=8, batch=4, dropout=0.0, **options)


@pytest.mark.slow
def test_training_learns_a_repetitive_text() -> None:
    generator = small_lstm()
    reports: list[Progress] = []
    context = TrainContext(steps=300, on_progress=reports.append)
    generator.fit("abcdefgh" * 500, "abcdefgh" * 50, context)
    assert bits_per_character(generator, "abcdefgh" * 20) < 0.1
    assert context.stats.steps == 300
    assert all(0 <= progress.fraction <= 1 for progress in reports)


def bits_per_character(generator: RecurrentGenerator, text: str) -> float:
    return score(generator, text).bits_per_character


def validation_bits(generator: RecurrentGenerator, text: str) -> float:
    """Return bits per token of the trained network, read in the same rows as while training."""
    ids = torch.from_numpy(generator.tokenizer.encode_stream(text))
    (batch,) = generator.batch_sampler(1000).validation_batches(ids)
    with torch.no_grad():
        nats, _ = token_loss(generator._network, batch, None, False)
    return float(nats / np.log(2))


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_best_or_the_last_weights_are_kept(keep: str) -> None:
    generator = small_lstm(keep=keep)
    train_text, validation_text = PROSE[:150], PROSE[150:350]  # so short that the network overfits
    reports: list[Progress] = []
    context = TrainContext(steps=120, on_progress=reports.append)
    generator.fit(train_text, validation_text, context)
    measured = [progress.valid for progress in reports if progress.valid is not None]
    assert min(measured) < measured[-1]
    stored_bits = context.stats.details["validation_bits_per_token"]
    assert stored_bits == pytest.approx(min(measured) if keep == "best" else measured[-1], abs=1e-4)
    expected = validation_bits(generator, validation_text)  # in fp32; bf16 where the processor has it
    assert stored_bits == pytest.approx(expected, abs=0.01 if native_bf16("cpu") else 1e-3)


@pytest.mark.slow
def test_a_seed_determines_the_training() -> None:
    def bits(seed: int) -> float:
        generator = small_lstm()
        generator.fit(PROSE * 3, PROSE, TrainContext(seed=seed, steps=15))
        return score(generator, PROSE).bits

    assert bits(1) == bits(1)
    assert bits(1) != bits(2)


def test_a_curve_begins_with_the_first_steps_which_changes_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> tuple[TrainContext, dict[str, Any]]:
        generator, context = small_lstm(), TrainContext(steps=40)
        generator.fit(PROSE * 5, PROSE, context)
        return context, generator.dump()["weights"]

    context, weights = fit()
    monkeypatch.setattr(Trainer, "_add_early_point", lambda *_: None)
    without, same_weights = fit()
    curve, later = ([bits for _, bits in one.stats.curve] for one in (context, without))
    assert len(curve) > len(later) + 2
    assert curve[-len(later) :] == later
    assert curve[0] > later[0]
    for name, value in weights.items():
        np.testing.assert_array_equal(same_weights[name], value)


def require_bf16_lstm() -> None:
    """Skip the test on a processor for which PyTorch has no LSTM in bf16, such as one without AVX-512."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.nn.LSTM(8, 8, batch_first=True)(torch.zeros(1, 2, 8))
    except RuntimeError:
        pytest.skip("PyTorch has no LSTM in bf16 for this processor; genbench trains in fp32 there")


@pytest.mark.slow
def test_training_in_bf16_learns_and_scores_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    require_bf16_lstm()
    monkeypatch.setattr("genbench.neural.recurrent.native_bf16", lambda device: True)
    generator, context = small_lstm(), TrainContext(steps=200)
    generator.fit("abcdefgh" * 500, "abcdefgh" * 50, context)
    assert context.stats.details["precision"] == "bf16"
    assert bits_per_character(generator, "abcdefgh" * 20) < 0.3
    assert {weights.dtype for weights in generator.dump()["weights"].values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_in_either_precision(name: str, bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if bf16 and name in FUSED:
        require_bf16_lstm()
    monkeypatch.setattr("genbench.neural.recurrent.native_bf16", lambda device: bf16)
    generator, context = registry.create(name), TrainContext(steps=2)
    generator.fit(PROSE * 3, PROSE, context)
    assert context.stats.details["precision"] == ("bf16" if bf16 else "fp32")
    assert np.isfinite(score(generator, PROSE).bits)


@pytest.mark.slow
def test_a_budget_is_kept() -> None:
    ticks = itertools.count()
    clock = lambda: next(ticks) / 1000  # noqa: E731 - a clock that every look advances
    small_lstm().fit(PROSE * 20, PROSE, TrainContext(budget=0.5, clock=clock))
    assert next(ticks) / 1000 == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("option", [{"hidden": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"bptt": 0}])
def test_invalid_options_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        LSTMChar(**option)


@dataclass
class Elman(RecurrentGenerator):
    """A core as a plugin author writes it; its state is a single tensor."""

    hidden: int = 16

    def build_tokenizer(self, train: str) -> Tokenizer:
        return Tokenizer.characters(train)

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return nn.RNN(inputs, hidden, self.layers, batch_first=True)


ELMAN = Subject(Elman, characters=4_000, tokens=500)  # trained once


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_the_core_of_a_plugin_conforms(check: str) -> None:
    CHECKS[check](ELMAN)
