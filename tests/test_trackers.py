"""Trainings are logged to a tracker with wandb's API: a double of it, and trackio where it is installed."""

import warnings
from typing import Any

import pytest

import genbench
from genbench.generator import Progress
from genbench.integrations.trackers import TrackerListener
from genbench.training import ProgressListener


class Run:
    """A run of the double."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options, self.logged, self.finished = options, list[dict[str, float]](), 0

    def log(self, metrics: dict[str, float]) -> None:
        assert not self.finished
        self.logged.append(metrics)

    def finish(self) -> None:
        self.finished += 1


class Double:
    """A tracker with the API of wandb that keeps its runs."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def init(self, **options: Any) -> Run:
        self.runs.append(Run(options))
        return self.runs[-1]


def test_each_training_is_a_run_with_what_was_measured() -> None:
    tracker = Double()
    with TrackerListener(tracker, "pell", group="first") as listener:
        listener.job_progress(0, "pell lstm-char", Progress(0.5, 10, 2.0, 1000.0))
        listener.job_progress(1, "pell gru-char", Progress(0.25, valid=2.5))
        listener.job_done(0, "pell lstm-char", "2.1 bits")
    first, second = tracker.runs
    assert first.options == {"project": "pell", "name": "pell lstm-char", "group": "first"}
    assert first.logged == [{"share": 0.5, "steps": 10, "loss": 2.0, "characters_per_second": 1000.0}]
    assert second.logged == [{"share": 0.25, "validation_bits_per_character": 2.5}]
    assert [run.finished for run in tracker.runs] == [1, 1]


class OneRun(Double):
    """A tracker that ends its run when it begins another, unless it is told otherwise, as wandb does."""

    def init(self, reinit: str = "default", **options: Any) -> Run:
        if reinit != "create_new" and self.runs:
            self.runs[-1].finish()
        return super().init(**options)


def test_trainings_side_by_side_are_runs_of_their_own_with_wandb() -> None:
    tracker = OneRun()
    with TrackerListener(tracker) as listener:
        for job in (0, 1, 0, 1):
            listener.job_progress(job, f"row {job}", Progress(0.5))
    assert [len(run.logged) for run in tracker.runs] == [2, 2]
    assert TrackerListener(tracker, reinit="default").options == {"reinit": "default"}


@pytest.mark.parametrize("method", ["init", "log", "finish"])
def test_a_tracker_that_fails_is_one_warning_and_what_is_shown_goes_on(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise ConnectionError("no network")

    received: list[int] = []

    class Shown(ProgressListener):
        def job_progress(self, job: int, name: str, progress: Progress) -> None:
            received.append(job)

    tracker = Double()
    monkeypatch.setattr(tracker if method == "init" else Run, method, fail)
    with warnings.catch_warnings(record=True) as warned, TrackerListener(tracker, shown=Shown()) as listener:
        warnings.simplefilter("always")
        for job in (0, 1, 0, 1):
            listener.job_progress(job, f"row {job}", Progress(0.5))
        listener.job_done(0, "row 0", "2.1 bits")
    (warning,) = warned
    assert str(warning.message) == "the tracker failed, and nothing more is logged: ConnectionError: no network"
    assert received == [0, 1, 0, 1]
    assert all(run.finished for run in tracker.runs) == (method != "finish")


def test_the_run_of_a_training_that_failed_ends_with_the_context() -> None:
    tracker = Double()
    with TrackerListener(tracker) as listener:
        listener.job_progress(0, "pell lstm-char", Progress(0.5))
    assert tracker.runs[0].finished == 1


def test_everything_is_passed_on() -> None:
    received: list[Any] = []

    class Shown(ProgressListener):
        def __getattribute__(self, name: str) -> Any:
            return lambda *arguments: received.append((name, *arguments))

    listener = TrackerListener(Double(), shown=Shown())
    progress = Progress(0.5)
    listener.message("a")
    listener.download("b", 0.1)
    listener.task("c")
    listener.job_progress(0, "d", progress)
    listener.job_done(0, "d", "e")
    assert received == [
        ("message", "a"),
        ("download", "b", 0.1),
        ("task", "c"),
        ("job_progress", 0, "d", progress),
        ("job_done", 0, "d", "e"),
    ]


@pytest.mark.slow
def test_a_training_is_logged_to_the_end() -> None:
    tracker = Double()
    with TrackerListener(tracker) as listener:
        genbench.train("pell", "lstm-char:hidden=8,embedding=8,batch=4", steps=3, keep=False, listener=listener)
    (run,) = tracker.runs
    assert run.options["name"].startswith("pell lstm-char")
    assert max(metrics.get("steps", 0) for metrics in run.logged) == 3
    assert run.finished == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of trackio's own dependencies
def test_trackio_keeps_what_is_logged(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path_factory.mktemp("trackio")))
    trackio = pytest.importorskip("trackio", reason="trackio is an extra: pip install trackio")
    with TrackerListener(trackio, "pell", embed=False) as listener:
        listener.job_progress(0, "pell lstm-char", Progress(0.5, 10, 2.0))
        listener.job_done(0, "pell lstm-char", "2.1 bits")
    (run,) = trackio.Api().runs("pell")
    assert run.name == "pell lstm-char"
