"""Fixtures that several test files share."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from doubles import InProcessExecutor
from processes import StartGenbench, genbench_process

from genbench.corpus.sources import has_nltk_corpus

PROSE = (
    "The old ferry went over at six, and again at seven, if the tide would let it. Nobody hurried the ferryman.\n\n"
    '"You are late," said the widow, who was always early; "the eggs were promised for six." He looked at the eggs.\n\n'
    "He had been over the water nine thousand times, he said, and the eggs had never once been the reason.\n\n"
)


@pytest.fixture(scope="session")
def gutenberg() -> None:
    """Skip the test if NLTK's gutenberg corpus is not on NLTK's search path; fail if GENBENCH_REQUIRE_CORPUS is set."""
    if not has_nltk_corpus():
        if os.environ.get("GENBENCH_REQUIRE_CORPUS"):
            pytest.fail("GENBENCH_REQUIRE_CORPUS is set and NLTK's gutenberg corpus is not on its search path")
        pytest.skip("NLTK's gutenberg corpus is not on its search path (NLTK_DATA)")


# a shell starts background jobs with SIGINT ignored, which the processes started by the tests would inherit
with contextlib.suppress(ValueError):
    signal.signal(signal.SIGINT, signal.default_int_handler)

TALLIES = pytest.StashKey[list[str]]()


@pytest.fixture
def share(request: pytest.FixtureRequest) -> float:
    """Return the seconds for one stress test: its part of GENBENCH_STRESS_SECONDS."""
    stress = [item for item in request.session.items if item.get_closest_marker("stress")]
    return float(os.environ.get("GENBENCH_STRESS_SECONDS", "600")) / len(stress)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that records a line, which is printed at the end of pytest's output."""
    return request.config.stash.setdefault(TALLIES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the lines that the stress tests recorded."""
    for line in config.stash.get(TALLIES, []):
        terminalreporter.write_line(line)


@pytest.fixture
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print no lines of progress on standard error: whether a quick command has one depends on the machine."""
    monkeypatch.setattr("genbench.report.terminal.plain_progress.PlainProgress.print_due", lambda self: None)


@pytest.fixture(autouse=True)
def one_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one row at a time where a test asks for no number: to measure the idle cores takes half a second."""
    monkeypatch.setattr("genbench.experiments.executors.create.idle_cores", lambda: 1)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the rows of comparisons in this process, where a test is not about processes: a row takes 1 to 2 s less."""
    monkeypatch.setattr("genbench.experiments.compare.create_executor", lambda *_: InProcessExecutor())


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a new random generator with a fixed seed."""
    return np.random.default_rng(7)


@pytest.fixture
def prose_file(tmp_path: Path) -> Path:
    """Return a file with a varied text of about 6,000 characters."""
    path = tmp_path / "ferry.txt"
    path.write_text("".join(PROSE.replace("six", f"{n} o'clock") for n in range(20)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own GENBENCH_HOME, and no server of Project Gutenberg."""
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("GENBENCH_GUTENBERG", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def start_genbench() -> Iterator[StartGenbench]:
    """Return a function that starts a genbench command in a folder; the processes are killed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda folder, *arguments: stack.enter_context(genbench_process(folder, *arguments))
