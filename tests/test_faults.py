"""Careless generators, killed processes, full disks, Ctrl-C: the others stand, and nothing is half there."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import started, toy, until, workers

import genbench
from genbench.errors import UserError
from genbench.experiments import plan
from genbench.experiments.job import Job
from genbench.sampling.loop import Sampling
from genbench.storage import files as store
from genbench.storage import models, runs

CARELESS = {
    "loops in fit": ("fit", "while True: pass", "not done after"),
    "loops in predict": ("predict", "while True: pass", "not done after"),
    "exits": ("fit", "sys.exit(3)", "exit code 3"),
    "exits in silence": ("fit", "os._exit(0)", "exit code 0"),
    "sums to 1.3": ("predict", "return self.table + np.log(1.3)", "sum to 1.3"),
    "gives nan": ("predict", "return self.table * np.nan", "one finite number for each token"),
    "eats memory": ("fit", "held = [np.ones(1 << 27) for _ in range(10_000)]", "not enough memory after"),
    "asks for too much": ("fit", "np.ones((1 << 30, 1 << 20))", "Unable to allocate 8.00 PiB"),
    "kills itself": ("fit", "os.kill(os.getpid(), 9)", "was killed (signal 9)"),
    "fills standard error": ("fit", "[sys.stderr.write('x' * 9999) for _ in range(9999)]; 1 / 0", "division"),
}
HARMLESS = {
    "prints": ("fit", "[print('x' * 9999) for _ in range(2000)]"),
    "leaves a thread": ("fit", "threading.Thread(target=time.sleep, args=(10_000,)).start()"),
    "leaves a process": ("fit", "self.facts = {'left': subprocess.Popen(['sleep', '10000']).pid}"),
    "draws from everybody's numbers": ("fit", "random.seed(1); np.random.seed(1)"),
    "reads standard input": ("fit", "sys.stdin.read()"),
    "writes beside": ("fit", "open('beside.txt', 'w').write('x')"),
    "moves away": ("fit", "os.chdir('/')"),
}


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("what", CARELESS)
def test_a_careless_generator_costs_its_own_row(what: str, tmp_path: Path) -> None:
    where, code, reason = CARELESS[what]
    limited = what == "eats memory"
    with limit_data(3 << 30) if limited else contextlib.nullcontext():
        found = genbench.compare(
            ["pell"],
            ["markov-char:order=2", toy(tmp_path, where, code), "markov-char:order=3"],
            deadline=10,
            samplings=[],
        )
    assert [row["status"] for row in found.results] == ["ok", "failed", "ok"]
    assert reason in found.results[1]["error"], found.results[1]["error"]


@contextlib.contextmanager
def limit_data(size: int) -> Iterator[None]:
    """What this process starts may hold so many bytes."""
    resource = pytest.importorskip("resource", reason="this system sets no limits to memory")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.slow
@pytest.mark.parametrize("what", HARMLESS)
def test_what_a_generator_does_beside_changes_no_row(what: str, tmp_path: Path) -> None:
    alone = genbench.compare(["pell"], ["markov-char:order=2"], keep=False)
    spec = toy(tmp_path, *HARMLESS[what])
    found = genbench.compare(["pell"], [spec, "markov-char:order=2"], jobs=1, keep=False, deadline=60)
    assert [row["status"] for row in found.results] == ["ok", "ok"], found.results[0].get("error")
    assert found.results[1]["block_bits"] == alone.results[0]["block_bits"]
    assert found.results[1]["samples"] == alone.results[0]["samples"]
    left = found.results[0]["facts"].get("left")
    if left:
        with pytest.raises(ProcessLookupError):
            gone(left)


def gone(process: int) -> None:
    """Raises ProcessLookupError as soon as there is no such process, or only its remains."""
    for _ in range(50):
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")
        if stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.1)


def test_the_deadline_is_three_budgets_a_minute_and_time_to_score() -> None:
    job = Job("a", "", "", "x" * 5000, "markov-char", budget=30.0, others={"b": "y" * 1000})
    assert plan.deadline(job, None) == 90 + 60 + 6
    assert plan.deadline(job, 5.0) == 5.0
    assert plan.deadline(Job("a", "", "", "x", "markov-char", steps=5), None) is None
    with pytest.raises(UserError, match="deadline is 0"):
        genbench.compare(["pell"], ["markov-char"], deadline=0)


LONG = ("compare", "pell", "-g", "markov-char:order=2", "-g", "lstm-char:hidden=64", "--steps", "100000", "--jobs", "1")


@pytest.mark.slow
def test_ctrl_c_shows_and_keeps_what_is_done(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    until(lambda: models.kept(models.home()) and workers(process.pid))
    time.sleep(3)  # the network trains
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, complaint = process.communicate(timeout=60)
    took = time.monotonic() - began
    assert process.returncode == 130, complaint
    assert "markov-char" in out
    assert "lstm-char failed: stopped before it was done" in out.replace("\n", " ")
    assert "stopped; the same command goes on from here" in complaint
    assert took < 10  # two seconds are promised; a busy machine gets more here
    (kept,) = runs.kept()
    assert kept.comparison["stopped"]
    assert until(lambda: not workers(process.pid)) is not None


@pytest.mark.slow
def test_a_worker_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    (worker, *_) = until(lambda: workers(process.pid))
    process.kill()
    process.communicate()
    with pytest.raises(ProcessLookupError):
        gone(worker)


@pytest.mark.slow
def test_a_killed_worker_costs_its_row(tmp_path: Path) -> None:
    process = started(tmp_path, *LONG)
    until(lambda: models.kept(models.home()))
    time.sleep(2)
    os.kill(until(lambda: workers(process.pid))[0], signal.SIGKILL)
    out, complaint = process.communicate(timeout=60)
    assert process.returncode == 0, complaint
    assert "lstm-char failed: its process was killed (signal 9)" in out.replace("\n", " ")


def limited(words: list[str], **limits: int) -> subprocess.CompletedProcess[str]:
    """A genbench command whose files may not grow beyond so many bytes, as on a disk that is full."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limits['file']}, {limits['file']}));"
        f"sys.argv = ['genbench', *{words!r}]; from genbench.cli.main import main; main()"
    )
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
def test_a_full_disk_costs_the_model_and_the_file_but_not_the_results(tmp_path: Path) -> None:
    old = tmp_path / "out.json"
    old.write_text("what was there before", encoding="utf-8")
    found = limited(["compare", "pell", "-g", "markov-char", "--json", str(old)], file=4096)
    assert found.returncode == 2
    assert "bits" in found.stdout
    assert "could not be kept" in found.stdout
    assert "genbench: File too large" in found.stderr
    assert "Traceback" not in found.stderr
    assert old.read_text(encoding="utf-8") == "what was there before"
    left = [path.name for folder in (tmp_path, models.home(), runs.home()) for path in folder.iterdir()]
    assert left == ["out.json"]


def test_a_rename_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def lies(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", lies)
    with pytest.raises(OSError, match="cross-device"):
        store.write_whole(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.slow
def test_many_at_once_share_one_store(tmp_path: Path) -> None:
    reference = genbench.compare(["pell"], ["markov-char:order=3", "markov-word"], keep=False)
    words = ("compare", "pell", "-g", "markov-char:order=3", "-g", "markov-word", "--jobs", "1", "--fresh")
    processes = [started(tmp_path, *words) for _ in range(5)]
    for process in processes:
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, complaint
        assert "could not be kept" not in complaint
    assert len(runs.kept()) == 5
    for run in runs.kept():
        for row, expected in zip(run.comparison["results"], reference.results, strict=True):
            assert (row["status"], row["block_bits"]) == ("ok", expected["block_bits"])
            assert not any("could not be kept" in note for note in row["notes"])
    assert len(models.kept(models.home())) == 2
    for model in models.kept(models.home()):
        assert genbench.generate(model.generator(), "", Sampling(10))


def test_a_text_larger_than_the_machine_is_refused_before_it_is_read(
    prose_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genbench.experiments.environment.memory", lambda: 20_000)
    for author in (prose_file, prose_file.parent):
        with pytest.raises(UserError, match=r"MB of text, and this machine 0 MB of memory"):
            genbench.compare([author], ["markov-char"])
    assert genbench.corpus("pell").characters > 20_000  # a catalogue author is small enough for any machine


def test_leftovers_of_killed_processes_are_swept(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".genbench.old", ".genbench.new", ".other"))
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "half").write_text("half", encoding="utf-8")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    os.utime(other, (two_days_ago, two_days_ago))
    store.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".genbench.new", ".other"]
