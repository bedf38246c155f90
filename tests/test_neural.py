"""The training loop, the heads, and scoring in parallel rows."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PROSE
from genbench_plugins.lstm import LSTMChar, lstm
from torch import nn

from genbench import Tokenizer, TrainContext, registry, score
from genbench.neural import RecurrentGenerator
from genbench.neural import parallel_scoring as streams
from genbench.neural.batches import Alone, Carried
from genbench.neural.heads import Softmax
from genbench.neural.network import Network
from genbench.neural.schedule import FINAL, WARM_UP, rate
from genbench.testing import CHECKS, Subject


class Sum(nn.Module):
    """A memory that never fades: the mean of all inputs so far, scaled down."""

    def forward(self, x: torch.Tensor, state: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        start = torch.zeros(1, x.shape[0], x.shape[2]) if state is None else state
        y = start.transpose(0, 1) + 0.01 * x.cumsum(1)
        return y, y[:, -1:].transpose(0, 1)


CORES: dict[str, Any] = {
    "lstm": lambda: nn.LSTM(8, 12, batch_first=True),
    "gru": lambda: nn.GRU(8, 12, batch_first=True),
    "sum": Sum,
}
NETWORKS = [name for name in registry.found() if issubclass(registry.load(name), RecurrentGenerator)]


def network(core: str) -> Network:
    torch.manual_seed(0)
    hidden = 8 if core == "sum" else 12
    return Network(nn.Embedding(20, 8), CORES[core](), Softmax(hidden, 20), (0.5, 0.5))


@pytest.mark.parametrize("length", [1, 2, 511, 513, 1024, 2_345])
@pytest.mark.parametrize("core", CORES)
def test_parallel_rows_score_as_one_reading(core: str, length: int) -> None:
    net = network(core).eval()
    stream = torch.randint(0, 20, (length,), generator=torch.Generator().manual_seed(1))
    found = streams.stream_log_probs(net, stream)
    assert found.shape == (length - 1,)
    if length > 1:
        with torch.inference_mode():
            at_once, _ = net.picked(stream[None, :-1], stream[None, 1:], None)
        assert found == pytest.approx(at_once[0].numpy(), abs=1e-4)


def test_dropout_is_off_when_scoring() -> None:
    net, stream = network("lstm").train(), torch.arange(20)
    assert np.array_equal(streams.stream_log_probs(net, stream), streams.stream_log_probs(net, stream))


def test_the_learning_rate_warms_up_and_falls() -> None:
    assert rate(0) == 0
    assert rate(WARM_UP) == 1
    assert rate(1) == pytest.approx(FINAL)
    falling = [rate(share) for share in np.linspace(WARM_UP, 1, 50)]
    assert falling == sorted(falling, reverse=True)


def test_windows_are_shifted_by_one_and_carry_on() -> None:
    ids = torch.arange(103)
    made = Carried(2, 10).train(ids, torch.Generator().manual_seed(0))
    before = None
    for _ in range(12):
        batch = next(made)
        assert batch.inputs.shape == batch.targets.shape == (2, 10)
        assert batch.counted == 10
        assert torch.equal(batch.inputs + 1, batch.targets)
        if not batch.fresh:
            assert torch.equal(batch.inputs[:, 0], before[:, -1] + 1)
        before = batch.inputs


def test_windows_longer_than_the_text_are_cut_to_it() -> None:
    batch = next(Carried(1, 64).train(torch.arange(5), torch.Generator().manual_seed(0)))
    assert batch.inputs.shape == (1, 4)
    assert batch.fresh


def test_validation_reads_each_row_once_to_its_end() -> None:
    ids = torch.arange(2 * 300 + 1)
    batches = list(Carried(2, 10).valid(ids))
    assert [batch.fresh for batch in batches] == [True, False]
    assert torch.cat([batch.targets for batch in batches], dim=1).tolist() == ids[1:].view(2, 300).tolist()


def test_windows_that_stand_alone_begin_every_step_and_count_their_last_target() -> None:
    reading, random = Alone(batch=4, window=5, step=3, counted=1), torch.Generator().manual_seed(0)
    ids = torch.arange(30)
    made = reading.train(ids, random)
    batches = [next(made) for _ in range(reading.per_pass(len(ids)) + 1)]
    assert all(batch.fresh and batch.counted == 1 for batch in batches)
    starts = sorted(start for batch in batches for start in batch.inputs[:, 0].tolist())
    assert set(starts) <= set(range(0, 25, 3))
    assert len(set(starts)) >= 8
    assert all(torch.equal(batch.inputs + 1, batch.targets) for batch in batches)


def test_an_lstm_begins_with_open_forget_gates_and_orthogonal_memory() -> None:
    made = lstm(4, 6, 2)
    for layer in (0, 1):
        bias = getattr(made, f"bias_ih_l{layer}") + getattr(made, f"bias_hh_l{layer}")
        assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12  # input, forget, cell, output
        for gate in getattr(made, f"weight_hh_l{layer}").chunk(4):
            assert (gate @ gate.T).flatten().tolist() == pytest.approx(torch.eye(6).flatten().tolist(), abs=1e-5)


def small(**more: Any) -> LSTMChar:
    return LSTMChar(hidden=24, embedding=8, batch=4, dropout=0.0, **more)


@pytest.mark.slow
def test_training_learns_a_text_that_repeats() -> None:
    generator = small()
    told = []
    run = TrainContext(steps=300, on_progress=told.append)
    generator.fit("abcdefgh" * 500, "abcdefgh" * 50, run)
    assert score(generator, "abcdefgh" * 20).bits_per_character < 0.1
    assert generator.facts["steps"] == 300
    assert all(0 <= progress.fraction <= 1 for progress in told)


@pytest.mark.slow
def test_the_best_weights_by_validation_are_kept() -> None:
    generator = small(learning_rate=0.05)  # far too high at the end of so short a text: later weights are worse
    valid = PROSE[:300]
    generator.fit(PROSE * 3, valid, TrainContext(steps=120))
    bits = -generator.token_log_probs(generator.tokenizer.encode(valid)).mean() / math.log(2)
    assert generator.facts["valid_bits_per_token"] == pytest.approx(bits, abs=0.25)  # the same text, cut in rows


@pytest.mark.slow
def test_seeds_reproduce_and_differ() -> None:
    def bits(seed: int) -> float:
        generator = small()
        generator.fit(PROSE * 3, PROSE, TrainContext(seed=seed, steps=15))
        return score(generator, PROSE).bits

    assert bits(1) == bits(1)
    assert bits(1) != bits(2)


@pytest.mark.slow
def test_training_in_bf16_learns_and_scores_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.neural.recurrent.native_bf16", lambda device: True)
    generator = small()
    generator.fit("abcdefgh" * 500, "abcdefgh" * 50, TrainContext(steps=200))
    assert generator.facts["precision"] == "bf16"
    assert score(generator, "abcdefgh" * 20).bits_per_character < 0.3
    assert {weights.dtype for weights in generator.dump()["weights"].values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains_in_either_precision(name: str, bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.neural.recurrent.native_bf16", lambda device: bf16)
    generator = registry.load(name)()
    generator.fit(PROSE * 3, PROSE, TrainContext(steps=2))
    assert generator.facts["precision"] == ("bf16" if bf16 else "fp32")
    assert np.isfinite(score(generator, PROSE).bits)


@pytest.mark.slow
def test_a_budget_is_kept() -> None:
    import time

    began = time.perf_counter()
    small().fit(PROSE * 20, PROSE, TrainContext(budget=2.0))
    assert 1.5 < time.perf_counter() - began < 4  # loose: the machine is shared


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}, {"learning_rate": 0.0}, {"window": 0}])
def test_impossible_sizes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LSTMChar(**wrong)


@dataclass
class Elman(RecurrentGenerator):
    """A stranger's core: written in a few lines, its state a single tensor."""

    hidden: int = 16

    def cut(self, train: str) -> Tokenizer:
        return Tokenizer.characters(train)

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return nn.RNN(inputs, hidden, self.layers, batch_first=True)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_a_core_of_ones_own_conforms(check: str) -> None:
    CHECKS[check](Subject(Elman, characters=4_000))
