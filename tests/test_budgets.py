"""Budgets: what the training clock counts, notes about a training's time, and rows that take part in no verdict."""

import subprocess
import sys
import time
from dataclasses import dataclass, replace

import pytest
from doubles import Unigram
from rows import scored_row

from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.job import add_training
from genbench.experiments.row import Row
from genbench.generator import Progress, Text, TrainContext
from genbench.processes import clock
from genbench.processes.clock import TrainingClock
from genbench.spec import Spec
from genbench.storage.cards import ModelCard, TrainingRecord
from genbench.training import TrainingText, TrainSettings, train_model
from genbench.training.budget_notes import budget_notes

TEXT = TrainingText("cats", "the cat sat on the mat.\n" * 40, "the cat sat.\n" * 5)
CARD = ModelCard("a", "", "", [], "join", "g", "g", "", {}, 0, 10.0, None, "cpu")


class Time:
    """Two clocks that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = self.cpu = 0.0
        monkeypatch.setattr(clock.time, "perf_counter", lambda: self.wall)
        monkeypatch.setattr(clock.time, "process_time", lambda: self.cpu)

    def passes(self, wall: float, cpu: float) -> None:
        self.wall, self.cpu = self.wall + wall, self.cpu + cpu


@pytest.mark.parametrize(
    ("device", "wall", "cpu", "counted"),
    [("cpu", 10.0, 10.0, 10.0), ("cpu", 10.0, 4.0, 4.0), ("cpu", 10.0, 35.0, 10.0), ("cuda", 10.0, 4.0, 10.0)],
)
def test_a_budget_counts_cpu_seconds_and_at_most_one_per_second(
    device: str, wall: float, cpu: float, counted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Time(monkeypatch)
    seconds = TrainingClock(device)
    now.passes(wall, cpu)
    assert (seconds(), seconds.wall_seconds) == (counted, wall)


@pytest.mark.slow
def test_the_cpu_time_of_a_child_counts_while_it_runs_and_after_it_has_ended() -> None:
    seconds, burn = TrainingClock(), "import time\nwhile time.process_time() < {}: pass\n"
    subprocess.run([sys.executable, "-c", burn.format(0.4)], check=True)
    assert seconds.cpu_seconds >= 0.35
    if sys.platform == "linux":
        script = burn.format(0.4) + "print(1, flush=True)\ntime.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert child.stdout is not None
        with child.stdout:
            child.stdout.readline()
            assert seconds.cpu_seconds >= 0.7
            child.kill()
            child.wait()


def record(used: float, core: float, **figures: float) -> TrainingRecord:
    """Return the record of a training that used so many seconds of its budget with this share of a core."""
    return TrainingRecord(seconds=used / core, cpu_seconds=used, budget_seconds=used, **figures)


def test_an_overrun_is_a_note_that_says_how_far() -> None:
    assert budget_notes(replace(CARD, training=record(25.5, 1.0), budget=5.0)) == [
        "trained for 25.5 s on a budget of 5s, 20.5 s too long"
    ]
    assert budget_notes(replace(CARD, training=record(40.0, 1.0, steps=1), budget=5.0)) == [
        "1 step and the validation of them took 40.0 s of a budget of 5s: the network is too large for it; choose a "
        "smaller one, or a longer budget"
    ]
    assert budget_notes(replace(CARD, training=record(10.9, 1.0))) == []
    assert budget_notes(replace(CARD, training=record(25.5, 1.0), budget=5.0, steps=3)) == []


def test_a_chain_fits_every_budget_that_it_needs_less_time_than() -> None:
    chain = replace(CARD, training=record(0.3, 1.0))
    assert all(chain.fits({"budget": budget}) for budget in (10.0, 5.0, 60.0, None))
    assert not chain.fits({"budget": 0.2})
    assert chain.fits({"steps": 100, "flops": None})  # it has no steps that could be limited

    # a network, a generator that used its whole budget, and one whose steps were limited
    for other in (
        replace(CARD, training=record(0.3, 1.0, steps=12)),
        replace(CARD, training=record(10.0, 1.0)),
        replace(chain, steps=7),
    ):
        assert not other.fits({"budget": 5.0})
        assert not other.fits({"budget": 10.0, "steps": 3})
        assert other.fits({"budget": other.budget, "steps": other.steps})


def test_the_time_that_is_left_is_at_most_the_rest_of_the_budget() -> None:
    reports: list[Progress] = []

    class Reports(Unigram):
        def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
            super().fit(train, valid, context)
            context.report(Progress(0.001))

    for settings in (TrainSettings(budget=5.0), TrainSettings(steps=5)):
        train_model(Reports(), Spec.parse("unigram"), TEXT, settings, on_progress=reports.append)
    left = [report.remaining for report in reports if report.fraction == 0.001]
    assert left[0] is not None
    assert 4 < left[0] <= 5
    assert left[1] is None


def test_a_share_of_a_core_below_85_percent_is_a_note() -> None:
    (note,) = budget_notes(replace(CARD, training=record(10.0, 0.62)))
    assert note.startswith("had 62 % of a core: its budget is not comparable")
    assert budget_notes(replace(CARD, training=record(10.0, 0.86))) == []

    # a chain that ended before its budget, and trainings without one
    assert budget_notes(replace(CARD, training=record(2.0, 0.3))) == []
    assert budget_notes(replace(CARD, training=record(10.0, 0.3), steps=100)) == []
    assert budget_notes(replace(CARD, training=record(10.0, 0.3, flops=1e9), flops=1e9)) == []


def test_a_generator_that_does_not_count_operations_says_so() -> None:
    (note,) = budget_notes(replace(CARD, budget=None, flops=1e9, training=record(1.0, 1.0)))
    assert note.startswith("--flops does not limit it")


def test_a_row_that_had_too_little_of_a_core_takes_part_in_no_verdict() -> None:
    rows = [
        scored_row("chain", 2.0, core_share=0.3),  # it ended before its budget
        scored_row("lstm", 1.9, core_share=0.99, time_budget=10.0),
        scored_row("rnn", 1.8, core_share=0.62, time_budget=10.0),
        scored_row("steps", 1.7, core_share=0.3),
        scored_row("old", 1.6, time_budget=10.0),  # not measured
    ]
    info = CorpusInfo("", 0, 0, 0, 0, [], "join")
    verdicts = Comparison("", {"a": info}, rows).verdicts("a")
    named = {label for verdict in verdicts for label in (verdict.better, verdict.worse)}
    assert named == {"chain", "lstm", "steps", "old"}


def test_the_seed_that_had_least_of_a_core_counts_for_all_seeds() -> None:
    rows = [
        replace(scored_row("lstm", 1.9, core_share=share, time_budget=10.0), seed=int(100 * share))
        for share in (1, 0.5)
    ]
    (line,) = Comparison("", {"a": CorpusInfo("", 0, 0, 0, 0, [], "join")}, rows).lines("a")
    assert line.core_share == 0.5
    assert not line.comparable


@dataclass
class Waiting(Unigram):
    """A generator that burns CPU time, then waits: half of a core."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        started = context.clock()
        while context.clock() - started < 0.2:
            pass
        time.sleep(0.2)


def test_a_training_records_its_cpu_seconds_and_share() -> None:
    model = train_model(Waiting(), Spec.parse("unigram"), TEXT, TrainSettings(budget=0.2))
    assert model.card is not None
    training = model.card.training
    assert training.cpu_seconds == pytest.approx(0.2, abs=0.1)
    assert training.seconds is not None
    assert training.seconds >= 0.4
    result = add_training(Row("cats", "unigram"), model)
    assert (result.cpu_seconds, result.core_share, result.time_budget) == (
        training.cpu_seconds,
        training.core_share,
        0.2,
    )
    assert any(note.startswith("had ") for note in result.notes)
