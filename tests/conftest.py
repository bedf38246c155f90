"""Fixtures that several test files share."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from genbench.corpus.sources import has_nltk_corpus

PROSE = (
    "The old ferry went over at six, and again at seven, if the tide would let it. Nobody hurried the ferryman.\n\n"
    '"You are late," said the widow, who was always early; "the eggs were promised for six." He looked at the eggs.\n\n'
    "He had been over the water nine thousand times, he said, and the eggs had never once been the reason.\n\n"
)


@pytest.fixture(scope="session")
def gutenberg() -> None:
    """Skips where NLTK's gutenberg corpus is not on NLTK's search path; fails there if it has to be."""
    if not has_nltk_corpus():
        if os.environ.get("GENBENCH_REQUIRE_CORPUS"):
            pytest.fail("GENBENCH_REQUIRE_CORPUS is set and NLTK's gutenberg corpus is not on its search path")
        pytest.skip("NLTK's gutenberg corpus is not on its search path (NLTK_DATA)")


with contextlib.suppress(
    ValueError
):  # where Ctrl-C is ignored, as in the background of a shell, so it is by all started here
    signal.signal(signal.SIGINT, signal.default_int_handler)

TALLIES = pytest.StashKey[list[str]]()


@pytest.fixture
def share(request: pytest.FixtureRequest) -> float:
    """The seconds that a stress test has: its part of GENBENCH_STRESS_SECONDS."""
    stress = [item for item in request.session.items if item.get_closest_marker("stress")]
    return float(os.environ.get("GENBENCH_STRESS_SECONDS", "600")) / len(stress)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Whom a stress test tells what it has counted; it stands at the end of what pytest prints."""
    return request.config.stash.setdefault(TALLIES, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What the stress tests have counted."""
    for said in config.stash.get(TALLIES, []):
        terminalreporter.write_line(said)


@pytest.fixture
def rng() -> np.random.Generator:
    """A new random generator with a fixed seed."""
    return np.random.default_rng(7)


@pytest.fixture
def prose_file(tmp_path: Path) -> Path:
    """A small text of about 6,000 characters that differ enough to learn from."""
    path = tmp_path / "ferry.txt"
    path.write_text("".join(PROSE.replace("six", f"{n} o'clock") for n in range(20)), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test keeps its models in a folder of its own, and none asks a server of Project Gutenberg."""
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("GENBENCH_GUTENBERG", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
