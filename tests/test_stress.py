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
from processes import started, toy, workers
from servers import book, serving

import genbench
from genbench.cli.main import STOPPED
from genbench.sampling.loop import Sampling
from genbench.storage import files as store
from genbench.storage import models, runs
from genbench.storage.checkpoints import FOLDER

pytestmark = pytest.mark.stress
Tell = Callable[[str], None]
SPECS = ["markov-char:order=3", "lstm-char:hidden=16"]
STEPS, KILLS, LOST = 600, 50, 10.0  # steps of a network, kills at least, seconds of training that may be lost
SAMPLES = 10_000


def whole(folder: Path) -> int:
    """How many files of genbench's own stand here, each whole."""
    for model in models.kept(models.home()):
        assert genbench.generate(model.generator(), "", Sampling(5)) != [""]
    for name in runs.names():
        assert genbench.run(name).name == name
    out = folder / "out.json"
    assert not out.exists() or out.read_text(encoding="utf-8").endswith("}\n")
    for path in (models.home() / FOLDER).glob("*.safetensors"):
        store.unpacked(path.read_bytes())
    return len(models.kept(models.home())) + len(runs.names())


def oldest(since: float) -> float:
    """Seconds of training that a kill now would cost: the age of the checkpoint, or all of it without one."""
    written = [path.stat().st_mtime for path in (models.home() / FOLDER).glob("*.safetensors")]
    return time.time() - max(written, default=since)


@pytest.mark.parametrize("whom", ["all", "worker", "asked"])
def test_kills_at_random_moments_lose_nothing(whom: str, tmp_path: Path, share: float, tally: Tell) -> None:
    expected = genbench.compare(["pell"], SPECS, steps=STEPS, keep=False)
    rng, end, kills, found, worst = random.Random(7), time.monotonic() + share, 0, 0, 0.0
    words = ["compare", "pell", "-g", SPECS[0], "-g", SPECS[1], "--steps", str(STEPS), "--json", "out.json"]
    while kills < KILLS // 3 + 1 or time.monotonic() < end:
        process, began = started(tmp_path, *words, *(["--fresh"] if rng.random() < 0.3 else [])), time.time()
        time.sleep(rng.uniform(0.2, 9))
        worst = max(worst, oldest(began))
        kill(process, whom, rng)
        process.communicate()
        kills, found = kills + 1, found + whole(tmp_path)
    process = started(tmp_path, *words)
    out, complaint = process.communicate()
    assert process.returncode == 0, complaint
    rows = genbench.run("last").results
    assert [row["block_bits"] for row in rows] == [row["block_bits"] for row in expected.results], out
    assert worst < LOST + 5  # beside the training there is the start of Python and of torch
    tally(f"{kills} kills of {whom}: {found} models and runs looked at after them, all whole; the same bits in the end")


def kill(process: "subprocess.Popen[str]", whom: str, rng: random.Random) -> None:
    """Kill the command with all it started, one worker, or ask the command to stop."""
    if whom == "all":
        os.killpg(process.pid, signal.SIGKILL)
    elif whom == "asked":
        os.kill(process.pid, signal.SIGINT)
    for worker in workers(process.pid)[:1] if whom == "worker" else []:
        os.kill(worker, signal.SIGKILL)


NETWORK = ("-g", "lstm-char:hidden=64", "--steps", "99999")
LONG = [
    ("compare", "pell", "-g", SPECS[0], *NETWORK, "--fresh"),
    ("train", "pell", *NETWORK, "--fresh"),
    ("generate", "pell", *NETWORK, "--length", "100000"),
    ("memory", "pell", *NETWORK, "--longest", "64"),
    ("authors", "pell", "thorne", *NETWORK),
]


def test_ctrl_c_is_answered_at_once(tmp_path: Path, share: float, tally: Tell) -> None:
    rng, end, took = random.Random(8), time.monotonic() + share, list[float]()
    while len(took) < 2 * len(LONG) or time.monotonic() < end:
        process = started(tmp_path, *LONG[len(took) % len(LONG)])
        time.sleep(rng.uniform(1.5, 6))
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        _, complaint = process.communicate()
        took.append(time.monotonic() - began)
        # inside an import Python ends itself by the signal, which a shell shows as 130 too
        assert process.returncode in (STOPPED, -signal.SIGINT), complaint
        assert "Traceback" not in complaint
    middle = sorted(took)[len(took) // 2]
    tally(
        f"{len(took)} times Ctrl-C in {len(LONG)} commands: {middle:.1f} s until the end in the middle, "
        f"{max(took):.1f} s at most"
    )
    assert middle < 2


def test_ten_at_once_share_one_store(tmp_path: Path, share: float, tally: Tell) -> None:
    expected = genbench.compare(["pell"], ["markov-char:order=3", "markov-word"], keep=False)
    compare = ("compare", "pell", "-g", "markov-char:order=3", "-g", "markov-word", "--jobs", "1", "--fresh")
    generate = ("generate", "pell", "-g", "markov-char:order=3", "--length", "50", "--seed", "1")
    others = [generate, ("models", "list"), ("runs", "list"), ("score", "pell", "page.txt", "-g", "markov-word")]
    (tmp_path / "page.txt").write_text("I was for one-and-forty years the only apothecary.", encoding="utf-8")
    end, count, said = time.monotonic() + share, 0, set[str]()
    while not count or time.monotonic() < end:
        asked = [compare] * 5 + [*others, generate]
        processes = [(words, started(tmp_path, *words)) for words in asked]
        for words, process in processes:
            out, complaint = process.communicate()
            assert process.returncode == 0, complaint
            said |= {out} if words is generate else set()
            count += 1
    assert len(said) == 1
    for run in runs.kept():
        for row, other in zip(run.comparison["results"], expected.results, strict=True):
            assert (row["status"], row["block_bits"]) == ("ok", other["block_bits"])
    tally(f"{count} commands, ten at a time on one store: {len(runs.names())} runs kept, all the same bits")
    whole(tmp_path)


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
    small_disk: Path, share: float, tally: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(small_disk / "home"))
    end, tried, refused = time.monotonic() + share, 0, 0
    (small_disk / "out.json").write_text("before", encoding="utf-8")
    while tried < 12 or (time.monotonic() < end and tried < 60):
        order = 2 + tried % 7
        found = genbench.compare(["pell"], [f"markov-char:order={order}"], fresh=True)
        assert [row["status"] for row in found.results] == ["ok"]
        refused += any("could not be kept" in note for note in found.results[0]["notes"])
        for model in models.kept(models.home()):
            assert model.generator()
        tried += 1
    process = started(small_disk, "compare", "pell", "-g", "lstm-char:hidden=64", "--steps", "5", "--json", "out.json")
    out, complaint = process.communicate()
    assert "lstm-char" in out, complaint
    assert "Traceback" not in complaint
    assert (small_disk / "out.json").read_text(encoding="utf-8")[-2:] in ("re", "}\n")
    tally(f"{tried} comparisons on a disk of 4 MB, {refused} models without room there, no result lost")
    assert refused


def test_ten_thousand_samples_neither_slow_down_nor_grow(tally: Tell) -> None:
    model, times, sizes = genbench.train("pell", "markov-char:order=5"), list[float](), list[int]()
    for batch in range(SAMPLES // 500):
        began = time.process_time()
        genbench.generate(model, "", Sampling(80), count=500, seed=500 * batch)
        times.append(time.process_time() - began)
        sizes.append(resident())
    tally(
        f"{SAMPLES:,} samples: the first 2,500 in {sum(times[:5]):.1f} s, the last in {sum(times[-5:]):.1f} s; "
        f"memory {sizes[2] >> 20} MB after 1,500, {sizes[-1] >> 20} MB in the end"
    )
    assert sum(times[-5:]) < 1.5 * sum(times[:5])
    assert sizes[-1] < 1.1 * sizes[2]


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("this system does not say how much memory a process holds")
    return int(pages.read_text(encoding="utf-8").split()[1]) * resource.getpagesize()


def test_an_hour_of_progress_takes_no_memory(tmp_path: Path, tally: Tell) -> None:
    spec = toy(tmp_path, "fit", "[context.report(Progress(at / 100_000, at, 2.0, 1e4)) for at in range(100_000)]")
    sizes = []
    for _ in range(3):
        found = genbench.compare(["pell"], [spec], deadline=600, keep=False)
        assert found.any_ok, found.results[0]
        sizes.append(resident() >> 20)
    tally(f"3 x 100,000 reports of progress, those of five hours each: {sizes} MB held after each")
    assert sizes[-1] < 1.1 * sizes[0]


def slowly(body: bytes, seconds: float) -> Callable[[Any], None]:
    """A server's answer that takes so long."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for start in range(0, len(body), 4096):
            handler.wfile.write(body[start : start + 4096])
            time.sleep(seconds * 4096 / len(body))

    return answer


def test_kills_during_downloads_leave_no_half_book(
    tmp_path: Path, share: float, tally: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_book, rng, end, kills = book(size=4000), random.Random(9), time.monotonic() + share, 0
    texts = store.home() / "texts"
    with serving(slowly(whole_book, 1.0)) as (address, asked):
        monkeypatch.setenv("GENBENCH_GUTENBERG", address)
        while kills < 12 or time.monotonic() < end:
            process = started(tmp_path, "corpora", "fetch", "gutenberg:1342")
            time.sleep(rng.uniform(0.2, 2.0))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            kills += 1
            for path in texts.glob("*.txt"):
                assert path.read_bytes() == whole_book
                path.unlink()
        assert genbench.corpus("gutenberg:1342").books == ("Pride and Prejudice by Jane Austen",)
    tally(f"{kills} kills of a download: {len(asked)} books asked for, none half there")
