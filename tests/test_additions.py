"""What the comparing process adds to the rows may fail or be interrupted, and so may the display: no row is lost."""

import errno
import io
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import run_job
from rich.console import Console
from test_cli import run

from genbench import Comparison, UserError
from genbench.cli.streams import BestEffortStream
from genbench.experiments import additions
from genbench.experiments.additions import interruptible
from genbench.experiments.compare import STOPPED, _job_names, compare, load_run
from genbench.experiments.executors.base import NOT_STARTED, Event
from genbench.experiments.executors.job_bundle import has_progress, job_checkpoint
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.experiments.run_record import RunRecord
from genbench.experiments.safe_listener import SafeListener
from genbench.generator import Progress
from genbench.report.html import comparison_page
from genbench.report.terminal.comparison import show_comparison
from genbench.report.terminal.live import Live
from genbench.spec import Spec
from genbench.storage import runs
from genbench.training import ProgressListener

SPECS = ["markov-char:order=2", "markov-char:order=3"]


class Here:
    """An executor without processes; it may be interrupted before or in a job."""

    local = True

    def __init__(self, interrupted_before: int = 9, interrupted_in: int = 9) -> None:
        self.interrupted_before, self.interrupted_in = interrupted_before, interrupted_in

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
        for index, job in enumerate(jobs):
            if index == self.interrupted_before:
                raise KeyboardInterrupt
            yield index, Progress(0.5)
            if index == self.interrupted_in:
                raise KeyboardInterrupt
            yield index, run_job(job, lambda progress: None)

    def stop(self, index: int) -> None: ...


@pytest.fixture(autouse=True)
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: Here())


def raise_error(error: BaseException) -> Any:
    def fail(*_: Any) -> Any:
        raise error

    return fail


def shown(comparison: Comparison) -> str:
    """Return what a terminal shows of a comparison, as one line."""
    out = io.StringIO()
    show_comparison(comparison, Console(file=out, width=200))
    return " ".join(out.getvalue().split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "reason"), [(MemoryError(), "not enough memory"), (ZeroDivisionError("no"), "ZeroDivisionError: no")]
)
def test_a_baseline_that_fails_costs_that_figure_only(
    error: Exception, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(additions, "xz_baseline", raise_error(error))
    comparison = compare("pell", SPECS, length=20)
    assert comparison.omitted == [f"xz baseline of pell: {reason}"]
    assert set(comparison.baselines["pell"]) == {"uniform", "unigram"}
    assert all(row.ok and row.novelty for row in comparison.results)
    assert f"Not measured: xz baseline of pell: {reason}" in shown(comparison)
    assert load_run(comparison.name) == comparison


@pytest.mark.slow
def test_an_index_that_does_not_fit_into_memory_costs_the_copies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.experiments.measurements.TrainingIndex", raise_error(MemoryError()))
    comparison = compare("pell", SPECS, length=20)
    assert [row.status for row in comparison.results] == ["ok", "ok"]
    assert [row.novelty for row in comparison.results] == [[], []]
    assert comparison.omitted == ["copies of pell: not enough memory"]
    assert "xz" in comparison.baselines["pell"]
    assert "longest copy" not in shown(comparison)
    assert "Not measured: copies of pell: not enough memory" in comparison_page(comparison)


@pytest.mark.slow
def test_ctrl_c_after_the_last_row_keeps_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(additions, "character_baselines", raise_error(KeyboardInterrupt()))
    comparison = compare("pell", SPECS, length=20)
    assert comparison.stopped
    assert comparison.omitted == [additions.STOPPED]
    assert [row.ok for row in comparison.results] == [True, True]
    assert comparison.results[0].novelty  # measured before
    assert "stopped before all was measured" in shown(comparison)
    assert load_run("last") == comparison


def test_bits_across_authors_need_two_authors(capsys: pytest.CaptureFixture[str]) -> None:
    class Messages(ProgressListener):
        def message(self, text: str) -> None:
            print(text)

    comparison = compare("pell", SPECS[0], cross_author=True, length=0, listener=Messages())
    assert [row.cross_scores for row in comparison.results] == [{}]
    assert "bits across authors need two authors or more: they are left out" in capsys.readouterr().out


def test_progress_names_the_seed_where_there_are_several() -> None:
    jobs = [Job("pell", "", "", "", Spec.parse("markov-char"), seed=seed) for seed in (0, 1)]
    assert _job_names(jobs) == ["pell markov-char seed=0", "pell markov-char seed=1"]
    assert _job_names(jobs[1:]) == ["pell markov-char"]


def test_ctrl_c_between_two_rows_measures_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: Here(interrupted_before=1))
    monkeypatch.setattr("genbench.experiments.compare.add_figures", raise_error(AssertionError()))
    comparison = compare("pell", SPECS, length=20)
    assert comparison.stopped
    assert [row.status for row in comparison.results] == ["ok", "not started"]
    assert comparison.results[1].error == NOT_STARTED
    assert "not started: markov-char order=3; the same command runs it" in shown(comparison)
    assert "markov-char order=3 not started" not in shown(comparison)


def test_ctrl_c_in_a_row_without_a_checkpoint_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: Here(interrupted_in=0))
    comparison = compare("pell", [*SPECS, "markov-char:order=4"], length=20)
    assert [row.status for row in comparison.results] == ["stopped", "not started", "not started"]
    assert comparison.results[0].error == STOPPED
    assert f"markov-char order=2 stopped: {STOPPED}" in shown(comparison)
    assert "failed" not in shown(comparison)
    assert "the same command runs them" in shown(comparison)


@pytest.mark.slow
def test_ctrl_c_promises_only_what_is_stored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: Here(interrupted_in=0))
    command = ("compare", "pell", "-g", "markov-char:order=2", "--length", "0")

    # nothing yet; then the checkpoint of a training
    assert run(monkeypatch, *command) == 130
    assert "the same command" not in capsys.readouterr().err
    monkeypatch.setattr("genbench.experiments.compare.has_progress", lambda job: True)
    assert run(monkeypatch, *command) == 130
    out, err = capsys.readouterr()
    assert "stopped: not finished; the same command resumes the training" in out.replace("\n", " ")
    assert "the same command continues from there" in err


def test_progress_is_a_checkpoint_or_a_model(tmp_path: Path) -> None:
    job = Job("pell", "the cat", "the cat", "", Spec.parse("markov-char"), models=str(tmp_path))
    assert not has_progress(job)
    checkpoint = job_checkpoint(job)
    assert checkpoint is not None
    checkpoint.save({"step": 1})
    assert has_progress(job)


def test_the_command_writes_table_and_json_after_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(additions, "character_baselines", raise_error(KeyboardInterrupt()))
    path = tmp_path / "out.json"
    assert run(monkeypatch, "compare", "pell", "-g", SPECS[0], "--json", str(path)) == 130
    out, err = capsys.readouterr()
    assert "markov-char" in out
    assert "the same command continues from there: genbench compare pell" in err
    assert err.endswith("genbench: stopped\n")
    assert json.loads(path.read_text(encoding="utf-8"))["results"][0]["status"] == "ok"


@pytest.mark.slow
def test_rows_are_stored_as_they_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored when the second row begins survives whatever happens then."""
    stored: list[Comparison] = []

    class Watching(Here):
        def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
            for index, event in super().run(jobs):
                yield index, event
                if isinstance(event, Row):
                    stored.append(load_run("last"))

    monkeypatch.setattr("genbench.experiments.run_record.PAUSE", 0)
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: Watching())
    comparison = compare("pell", SPECS, length=20, name="mine")
    assert [[row.status for row in version.results] for version in stored] == [["ok", "not started"], ["ok", "ok"]]
    assert [(version.name, version.stopped) for version in stored] == [("mine", True), ("mine", False)]
    assert load_run("mine") == comparison
    assert runs.run_names() == ["mine"]


def test_a_run_is_stored_at_intervals_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare("pell", SPECS[0], length=0, keep=False)
    monkeypatch.setattr("genbench.experiments.run_record.PAUSE", 10**9)
    record = RunRecord("mine", ProgressListener())
    assert [record.update(comparison), record.update(comparison)] == [True, False]

    # a run that was removed meanwhile is stored anew
    runs.remove_runs(["mine"])
    assert record.finish(comparison).name == "mine"


def test_a_disk_that_is_full_for_a_while_costs_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare("pell", SPECS[0], length=0, keep=False)
    record = RunRecord("", ProgressListener())
    with monkeypatch.context() as full_disk:
        full_disk.setattr("genbench.storage.files.write_atomic", raise_error(OSError(errno.ENOSPC, "full")))
        record.update(comparison)
        assert record.finish(comparison).name == ""
    assert runs.run_names() == []
    assert record.finish(comparison).name == "pell-1"


@pytest.mark.slow
def test_a_listener_that_fails_costs_no_row() -> None:
    class Failing(ProgressListener):
        calls = 0

        def job_progress(self, job: int, name: str, progress: Progress) -> None:
            self.calls += 1
            raise TypeError("no float")

    listener = Failing()
    with pytest.warns(RuntimeWarning, match="progress is not shown any more: TypeError: no float"):
        comparison = compare("pell", SPECS, length=0, listener=listener)
    assert [row.ok for row in comparison.results] == [True, True]
    assert listener.calls == 1


def test_a_listener_whose_task_fails_is_not_called_again() -> None:
    class Failing(ProgressListener):
        task = raise_error(ValueError("no task"))
        message = raise_error(AssertionError())

    listener = SafeListener(Failing())
    with pytest.warns(RuntimeWarning, match="no task"):
        report = listener.task("a task")
    report(0.5)
    listener.message("a sentence")


def test_progress_that_cannot_be_written_is_dropped() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        flush = raise_error(BrokenPipeError())

    for stream in (Full(), None):
        with Live(Console(file=BestEffortStream(stream))) as live:  # type: ignore[arg-type]
            live.job_progress(0, "pell markov-char", Progress(0.5))
            live.message("a sentence")


def test_ctrl_c_does_not_wait_for_a_computation() -> None:
    may_end = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def compute() -> bool:
        signal.pthread_kill(main, signal.SIGINT)
        return may_end.wait(60)

    with pytest.raises(KeyboardInterrupt):
        interruptible(compute)
    may_end.set()
    assert interruptible(lambda: 5) == 5
    with pytest.raises(UserError, match="no"):
        interruptible(raise_error(UserError("no")))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_files_are_written_where_nothing_can_be_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "genbench.cli.main", "compare", "pell", "-g", SPECS[0], "--json", "out.json"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=full, check=False)
    assert result.returncode == 2
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"][0]["status"] == "ok"
