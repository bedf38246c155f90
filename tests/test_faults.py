"""Faults: careless generators, killed processes, full disks, Ctrl-C. Other rows are not affected; files are whole."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from processes import DAEMON, StartGenbench, read_until, wait_for, wait_for_end, workers_of, write_plugin

from genbench.corpus import loading, text_files
from genbench.errors import UserError
from genbench.experiments import plan
from genbench.experiments.compare import compare
from genbench.experiments.job import Job
from genbench.experiments.plan import job_timeout
from genbench.model import Model
from genbench.processes.descendants import descendants
from genbench.processes.tree import kill_tree
from genbench.spec import Spec
from genbench.storage import files
from genbench.storage.models import list_models, models_folder
from genbench.storage.runs import list_runs, runs_folder

LOOPS = {  # method, code, reason that the row shows
    "loops in fit": ("fit", "while True: pass", "not done after"),
    "loops in log_probs": ("log_probs", "while True: pass", "not done after"),
}
CARELESS = {
    "exits": ("fit", "sys.exit(3)", "exit code 3"),
    "exits without a message": ("fit", "os._exit(0)", "exit code 0"),
    "sums to 1.3": ("log_probs", "return self.table + np.log(1.3)", "sum to 1.3"),
    "returns nan": ("log_probs", "return self.table * np.nan", "one finite number for each token"),
    "allocates too much": ("fit", "np.ones((1 << 30, 1 << 20))", "Unable to allocate 8.00 PiB"),
    "kills itself": ("fit", "os.kill(os.getpid(), 9)", "was killed (signal 9)"),
    "fills standard error": ("fit", "[sys.stderr.write('x' * 9999) for _ in range(9999)]; 1 / 0", "division"),
}
HARMLESS = {  # method, code
    "prints": ("fit", "[print('x' * 9999) for _ in range(2000)]"),
    "leaves a thread": ("fit", "threading.Thread(target=time.sleep, args=(10_000,)).start()"),
    "leaves a process": ("fit", "context.record(child=subprocess.Popen(['sleep', '10000']).pid)"),
    "leaves a daemon": ("fit", f"context.record(child=int(subprocess.check_output(['sh', '-c', {DAEMON!r}])))"),
    "seeds the global generators": ("fit", "random.seed(1); np.random.seed(1)"),
    "reads standard input": ("fit", "sys.stdin.read()"),
    "writes a file": ("fit", "open('extra.txt', 'w').write('x')"),
    "changes the folder": ("fit", "os.chdir('/')"),
}


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_plugins(folder: Path, faults: Mapping[str, Sequence[str]]) -> list[str]:
    """Write a plugin for each fault; return their paths."""
    return [
        write_plugin(folder, method, code, f"toy{number}.py")
        for number, (method, code, *_) in enumerate(faults.values())
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("faults", "timeout"), [(LOOPS, 2), (CARELESS, 60)], ids=["endless", "careless"])
def test_a_careless_generator_costs_its_own_row(
    faults: dict[str, tuple[str, str, str]], timeout: int, prose_file: Path, tmp_path: Path
) -> None:
    plugins = write_plugins(tmp_path, faults)
    good = [f"markov-char:order={order}" for order in (2, 3)] if faults is CARELESS else []  # each in its time
    rows = compare(prose_file, [*good[:1], *plugins, *good[1:]], timeout=timeout, length=0).results
    broken = rows[1:-1] if good else rows
    assert [row.error for row in rows if row not in broken] == [None for _ in good]
    for row, (fault, (_, _, reason)) in zip(broken, faults.items(), strict=True):
        assert row.status == "failed", fault
        assert reason in (row.error or ""), fault


@pytest.mark.slow
def test_a_generator_that_fills_the_memory_costs_its_own_row(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "fit", "arrays = [np.ones(1 << 25) for _ in range(10_000)]")
    with limit_data(data_size() + (1 << 30)):
        broken, after = compare("pell", [plugin, "markov-char:order=3"], timeout=60, length=0).results
    assert "not enough memory after" in (broken.error or "")
    assert after.error is None


def data_size() -> int:
    """Return the memory of this process that the limit counts, in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    found = re.search(r"VmData:\s*(\d+) kB", status.read_text(encoding="utf-8")) if status.exists() else None
    return int(found[1]) << 10 if found else 0


@contextlib.contextmanager
def limit_data(size: int) -> Iterator[None]:
    """Limit the memory of processes that are started in this context, in bytes."""
    resource = pytest.importorskip("resource", reason="this system has no memory limits")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.slow
def test_side_effects_of_a_generator_change_no_other_row(tmp_path: Path) -> None:
    (expected,) = compare("pell", "markov-char:order=2", keep=False).results
    plugins = write_plugins(tmp_path, HARMLESS)
    *rows, last = compare("pell", [*plugins, "markov-char:order=2"], jobs=1, keep=False, timeout=60).results
    for habit, row in zip(HARMLESS, rows, strict=True):
        assert row.error is None, habit
        if child := row.details.get("child"):
            wait_for_end(child)

    # nor what the other ones draw and score
    assert last.block_bits == expected.block_bits
    assert last.samples == expected.samples
    assert len({tuple(row.block_bits) for row in rows}) == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_a_process_ends_with_everything_that_it_started() -> None:
    code = (
        "import subprocess, time; from genbench.processes.tree import become_subreaper;"
        f"become_subreaper(); print(subprocess.check_output(['sh', '-c', {DAEMON!r}]).decode(), flush=True);"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        daemon = int(process.stdout.readline())
        assert daemon in descendants(process.pid)
        kill_tree(process.pid)
        assert process.wait(60) == -signal.SIGKILL
    wait_for_end(daemon)


def test_the_default_timeout_is_three_budgets_a_minute_and_time_to_score() -> None:
    chain = Spec.parse("markov-char")
    job = Job("a", "", "", "x" * 5000, chain, budget=30.0, other_tests={"b": "y" * 1000})
    assert job_timeout(job, None) == 90 + 60 + 6
    assert job_timeout(job, 5.0) == 5.0
    assert job_timeout(Job("a", "", "", "x", chain, steps=5), None) is None
    with pytest.raises(UserError, match="timeout is 0"):
        compare("pell", "markov-char", timeout=0)


LONG = ("compare", "pell", "-g", "markov-char:order=2", "-g", "lstm-char:hidden=64", "--steps", "100000", "--jobs", "1")
TRAINS = r"lstm-char\S*: (?!starting)"  # a line of progress once the network trains


@pytest.mark.slow
def test_ctrl_c_shows_and_stores_the_finished_rows(tmp_path: Path, start_genbench: StartGenbench) -> None:
    process = start_genbench(tmp_path, *LONG)
    read_until(process.stderr, TRAINS)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    seconds = time.monotonic() - start
    assert process.returncode == 130, err
    assert "markov-char" in out
    assert "lstm-char stopped: not finished" in out.replace("\n", " ")
    assert "the same command continues from there" in err
    assert seconds < 10  # docs/guarantees.md promises two seconds; a busy machine gets more here
    (run,) = list_runs()
    assert run.comparison["stopped"]
    wait_for(lambda: not workers_of(process.pid))


@pytest.mark.slow
def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path, start_genbench: StartGenbench) -> None:
    process = start_genbench(tmp_path, *LONG)
    (worker, *_) = wait_for(lambda: workers_of(process.pid))
    process.kill()
    process.communicate()
    wait_for_end(worker)


@pytest.mark.slow
def test_a_killed_worker_costs_its_row(prose_file: Path, tmp_path: Path, start_genbench: StartGenbench) -> None:
    started = tmp_path / "started"
    plugin = write_plugin(tmp_path, "fit", f"open({str(started)!r}, 'w').close(); time.sleep(10_000)")
    process = start_genbench(tmp_path, "compare", prose_file.name, "-g", plugin, "-g", "markov-char", "--jobs", "1")
    wait_for(started.exists)
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "failed: its process was killed (signal 9)" in out.replace("\n", " ")
    assert list_runs()[0].comparison["results"][1]["status"] == "ok"


def run_with_small_files(arguments: list[str], limit: int) -> subprocess.CompletedProcess[str]:
    """Run a genbench command whose files cannot grow beyond `limit` bytes, as on a full disk."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        f"sys.argv = ['genbench', *{arguments!r}]; from genbench.cli.main import main; main()"
    )
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
def test_a_full_disk_costs_the_model_and_the_file_but_not_the_results(tmp_path: Path) -> None:
    existing = tmp_path / "out.json"
    existing.write_text("earlier content", encoding="utf-8")
    result = run_with_small_files(["compare", "pell", "-g", "markov-char", "--json", str(existing)], limit=4096)
    assert result.returncode == 2
    assert "bits" in result.stdout
    assert "could not be stored" in result.stdout
    assert "genbench: File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert existing.read_text(encoding="utf-8") == "earlier content"
    names = [path.name for folder in (tmp_path, models_folder(), runs_folder()) for path in folder.iterdir()]
    assert names == ["out.json"]


def test_a_failed_rename_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def fail(*_: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="cross-device"):
        files.write_atomic(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.slow
def test_concurrent_commands_share_one_store(prose_file: Path, tmp_path: Path, start_genbench: StartGenbench) -> None:
    expected = compare(prose_file, ["markov-char:order=3", "markov-char:order=2"], length=0, keep=False)
    command = ("compare", prose_file.name, "-g", "markov-char:order=3", "-g", "markov-char:order=2", "--retrain")
    command += ("--length", "0")
    processes = [start_genbench(tmp_path, *command) for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert "could not be stored" not in err
    assert len(list_runs()) == 2
    for run in list_runs():
        for row, expected_row in zip(run.comparison["results"], expected.results, strict=True):
            assert (row["error"], row["block_bits"]) == (None, expected_row.block_bits)
            assert not any("could not be stored" in note for note in row["notes"])
    stored = list_models(models_folder())
    assert len(stored) == 2
    for model in stored:
        assert Model.from_stored(model).generate()


@pytest.mark.slow
def test_a_text_larger_than_the_memory_is_refused_before_it_is_read(
    prose_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (text_files, plan):
        monkeypatch.setattr(module, "total_memory", lambda: 20_000)
        for author in (prose_file, prose_file.parent):
            with pytest.raises(UserError, match=r"MB of text, and this machine 0 MB of memory"):
                compare(author, "markov-char")
        monkeypatch.undo()
    monkeypatch.setattr(text_files, "total_memory", lambda: 20_000)
    assert loading.load_corpus("pell").characters > 20_000  # a catalogue author is small enough for any machine


def test_old_leftovers_of_killed_processes_are_removed(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (".genbench.old", ".genbench.new", ".other"))
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "half").write_text("half", encoding="utf-8")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    os.utime(other, (two_days_ago, two_days_ago))
    files.remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".genbench.new", ".other"]
