"""Faults again and again, for as long as there is time: kills at random moments, a disk that fills, long runs."""

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import StartGenbench, workers_of, write_plugin
from servers import book, serve

import genbench
from genbench import Sampling
from genbench.cli.main import INTERRUPTED
from genbench.experiments.compare import compare, load_run
from genbench.model import Model
from genbench.storage import files
from genbench.storage.checkpoints import FOLDER
from genbench.storage.models import list_models, models_folder
from genbench.storage.runs import list_runs, run_names

pytestmark = pytest.mark.stress

Report = Callable[[str], None]

SPECS = ["markov-char:order=3", "lstm-char:hidden=16"]
STEPS = 600  # of a network
MIN_KILLS = 50
MAX_LOST_SECONDS = 10.0  # of training, by a kill
SAMPLES = 10_000


def check_files(folder: Path) -> int:
    """Check that every file that genbench stores is complete; return the number of models and runs."""
    stored = list_models(models_folder())
    for model in stored:
        assert Model.from_stored(model).generate(sampling=Sampling(5)) != [""]
    for name in run_names():
        assert load_run(name).name == name
    out = folder / "out.json"
    assert not out.exists() or out.read_text(encoding="utf-8").endswith("}\n")
    for path in (models_folder() / FOLDER).glob("*.safetensors"):
        files.unpack(path.read_bytes())
    return len(stored) + len(run_names())


def lost_seconds(start: float) -> float:
    """Return the seconds of training that a kill now would lose: the age of the checkpoint, or of the training."""
    times = [path.stat().st_mtime for path in (models_folder() / FOLDER).glob("*.safetensors")]
    return time.time() - max(times, default=start)


@pytest.mark.parametrize("target", ["all processes", "a worker", "the command, with Ctrl-C"])
def test_kills_at_random_moments_lose_nothing(
    target: str, tmp_path: Path, share: float, tally: Report, start_genbench: StartGenbench
) -> None:
    expected = compare("pell", SPECS, steps=STEPS, keep=False)
    rng, end = random.Random(7), time.monotonic() + share
    kills, complete_files, most_lost = 0, 0, 0.0
    command = ["compare", "pell", "-g", SPECS[0], "-g", SPECS[1], "--steps", str(STEPS), "--json", "out.json"]

    # kill the command again and again
    while kills < MIN_KILLS // 3 + 1 or time.monotonic() < end:
        retrain = ["--retrain"] if rng.random() < 0.3 else []
        process, start = start_genbench(tmp_path, *command, *retrain), time.time()
        time.sleep(rng.uniform(0.2, 9))
        most_lost = max(most_lost, lost_seconds(start))
        kill(process, target)
        process.communicate()
        kills += 1
        complete_files += check_files(tmp_path)

    # then let it finish
    process = start_genbench(tmp_path, *command)
    out, err = process.communicate()
    assert process.returncode == 0, err
    rows = load_run("last").results
    assert [row.block_bits for row in rows] == [row.block_bits for row in expected.results], out
    assert most_lost < MAX_LOST_SECONDS + 5  # Python and torch need time to start
    tally(
        f"{kills} kills of {target}: {complete_files} models and runs checked, all complete; the same bits at the end"
    )


def kill(process: "subprocess.Popen[str]", target: str) -> None:
    """Kill a command with everything it started, one of its workers, or interrupt the command."""
    if target == "all processes":
        os.killpg(process.pid, signal.SIGKILL)
    elif target == "a worker":
        for worker in workers_of(process.pid)[:1]:
            os.kill(worker, signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGINT)


NETWORK = ("-g", "lstm-char:hidden=64", "--steps", "99999")
LONG_COMMANDS = [
    ("compare", "pell", "-g", SPECS[0], *NETWORK, "--retrain"),
    ("train", "pell", *NETWORK, "--retrain"),
    ("generate", "pell", *NETWORK, "--length", "100000"),
    ("memory", "pell", *NETWORK, "--longest", "64"),
    ("confusion", "pell", "thorne", *NETWORK),
]


def test_ctrl_c_ends_every_command_at_once(
    tmp_path: Path, share: float, tally: Report, start_genbench: StartGenbench
) -> None:
    rng, end, seconds = random.Random(8), time.monotonic() + share, list[float]()
    while len(seconds) < 2 * len(LONG_COMMANDS) or time.monotonic() < end:
        process = start_genbench(tmp_path, *LONG_COMMANDS[len(seconds) % len(LONG_COMMANDS)])
        time.sleep(rng.uniform(1.5, 6))
        start = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate()
        seconds.append(time.monotonic() - start)
        # inside an import, Python ends itself by the signal, which a shell shows as 130 too
        assert process.returncode in (INTERRUPTED, -signal.SIGINT), err
        assert "Traceback" not in err
    median = sorted(seconds)[len(seconds) // 2]
    tally(
        f"{len(seconds)} times Ctrl-C in {len(LONG_COMMANDS)} commands: {median:.1f} s until the end (median), "
        f"{max(seconds):.1f} s at most"
    )
    assert median < 2


def test_ten_commands_at_once_share_one_store(
    tmp_path: Path, share: float, tally: Report, start_genbench: StartGenbench
) -> None:
    expected = compare("pell", ["markov-char:order=3", "markov-word"], keep=False)
    comparing = ("compare", "pell", "-g", "markov-char:order=3", "-g", "markov-word", "--jobs", "1", "--retrain")
    generating = ("generate", "pell", "-g", "markov-char:order=3", "--length", "50", "--seed", "1")
    scoring = ("score", "pell", "page.txt", "-g", "markov-word")
    commands = [comparing] * 5 + [generating, ("models", "list"), ("runs", "list"), scoring, generating]
    (tmp_path / "page.txt").write_text("I was for one-and-forty years the only apothecary.", encoding="utf-8")

    end, count, texts = time.monotonic() + share, 0, set[str]()
    while not count or time.monotonic() < end:
        processes = [(command, start_genbench(tmp_path, *command)) for command in commands]
        for command, process in processes:
            out, err = process.communicate()
            assert process.returncode == 0, err
            texts |= {out} if command is generating else set()
            count += 1
    assert len(texts) == 1
    for run in list_runs():
        for row, expected_row in zip(run.comparison["results"], expected.results, strict=True):
            assert (row["status"], row["block_bits"]) == ("ok", expected_row.block_bits)
    tally(f"{count} commands, ten at a time on one store: {len(run_names())} runs stored, all with the same bits")
    check_files(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_costs_no_results(
    small_disk: Path, share: float, tally: Report, monkeypatch: pytest.MonkeyPatch, start_genbench: StartGenbench
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(small_disk / "home"))
    end, comparisons, not_stored = time.monotonic() + share, 0, 0
    (small_disk / "out.json").write_text("before", encoding="utf-8")
    while comparisons < 12 or (time.monotonic() < end and comparisons < 60):
        order = 2 + comparisons % 7
        (row,) = compare("pell", f"markov-char:order={order}", retrain=True).results
        assert row.status == "ok"
        not_stored += any("could not be stored" in note for note in row.notes)
        for model in list_models(models_folder()):
            assert model.load()
        comparisons += 1

    command = ("compare", "pell", "-g", "lstm-char:hidden=64", "--steps", "5", "--json", "out.json")
    out, err = start_genbench(small_disk, *command).communicate()
    assert "lstm-char" in out, err
    assert "Traceback" not in err
    assert (small_disk / "out.json").read_text(encoding="utf-8")[-2:] in ("re", "}\n")
    tally(f"{comparisons} comparisons on a disk of 4 MB, {not_stored} models without room there, no result lost")
    assert not_stored


def test_ten_thousand_samples_neither_slow_down_nor_grow(tally: Report) -> None:
    model, times, sizes = genbench.train("pell", "markov-char:order=5"), list[float](), list[int]()
    for batch in range(SAMPLES // 500):
        start = time.process_time()
        genbench.generate(model, "", Sampling(80), count=500, seed=500 * batch)
        times.append(time.process_time() - start)
        sizes.append(resident_memory())
    tally(
        f"{SAMPLES:,} samples: the first 2,500 in {sum(times[:5]):.1f} s, the last in {sum(times[-5:]):.1f} s; "
        f"memory {sizes[2] >> 20} MB after 1,500, {sizes[-1] >> 20} MB at the end"
    )
    assert sum(times[-5:]) < 1.5 * sum(times[:5])
    assert sizes[-1] < 1.1 * sizes[2]


def resident_memory() -> int:
    """Return the resident memory of this process in bytes."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("this system does not tell how much memory a process has")
    return int(pages.read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


def test_hours_of_progress_take_no_memory(tmp_path: Path, tally: Report) -> None:
    code = "[context.report(Progress(step / 100_000, step, 2.0, 1e4)) for step in range(100_000)]"
    plugin, sizes = write_plugin(tmp_path, "fit", code), []
    for _ in range(3):
        comparison = compare("pell", plugin, timeout=600, keep=False)
        assert comparison.any_ok, comparison.results[0]
        sizes.append(resident_memory() >> 20)
    tally(f"3 x 100,000 progress reports, those of five hours each: {sizes} MB of memory after each")
    assert sizes[-1] < 1.1 * sizes[0]


def slow_answer(body: bytes, seconds: float) -> Callable[[Any], None]:
    """Return a server's answer that takes `seconds`."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), 4096):
            handler.wfile.write(body[start : start + 4096])
            time.sleep(seconds * 4096 / len(body))

    return answer


def test_kills_during_downloads_leave_no_incomplete_book(
    tmp_path: Path, share: float, tally: Report, monkeypatch: pytest.MonkeyPatch, start_genbench: StartGenbench
) -> None:
    complete_book, rng, end, kills = book(size=4000), random.Random(9), time.monotonic() + share, 0
    texts = files.home() / "texts"
    with serve(slow_answer(complete_book, 1.0)) as (address, requests):
        monkeypatch.setenv("GENBENCH_GUTENBERG", address)
        while kills < 12 or time.monotonic() < end:
            process = start_genbench(tmp_path, "corpora", "fetch", "gutenberg:1342")
            time.sleep(rng.uniform(0.2, 2.0))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            for path in texts.glob("*.txt"):
                assert path.read_bytes() == complete_book
                path.unlink()
        assert genbench.corpus("gutenberg:1342").books == ("Pride and Prejudice by Jane Austen",)
    tally(f"{kills} kills of a download: {len(requests)} books requested, no incomplete file")
