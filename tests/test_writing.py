"""Run every block of docs/writing-a-generator.md, in order, in a new folder."""

import re
import shlex
from pathlib import Path

import pytest
from test_cli import run

from genbench.testing import CHECKS, Subject, run_checks

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

PAGE = (Path(__file__).parent.parent / "docs" / "writing-a-generator.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line[2:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the files of the page."""
    monkeypatch.chdir(tmp_path)
    for kind, text in BLOCKS:
        name = re.match(r"# (\w+\.py)\n", text)
        if kind == "python" and name:
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_has_the_tested_blocks() -> None:
    assert [kind for kind, _ in BLOCKS].count("python") == 5
    assert all(command.split()[0] in ("genbench", "pip") for command in COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if "your-idea" not in c and "network.py" not in c])
def test_commands_on_the_page_work(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not command.startswith("genbench generators new"):
        run(monkeypatch, "generators", "new", "my-idea")
    assert run(monkeypatch, *shlex.split(command)[1:]) == 0, capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if "network.py" in c])
def test_commands_for_a_network_work(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, *shlex.split(command)[1:]) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_failing_check_prints_the_output_on_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (folder / "unigram.py").read_text(encoding="utf-8")
    (folder / "broken.py").write_text(source.replace(" + self.smoothing", ""), encoding="utf-8")
    assert run(monkeypatch, "generators", "check", "./broken.py") == 1
    output = re.sub(r"\t(\w+)\t", r" \1: ", capsys.readouterr().out).replace("\t", "")
    (expected,) = (text for kind, text in BLOCKS if kind == "text")
    assert expected in output


def test_the_test_on_the_page_runs_every_check(folder: Path) -> None:
    namespace: dict[str, object] = {"__file__": str(folder / "test_ngram.py")}
    exec((folder / "test_ngram.py").read_text(encoding="utf-8"), namespace)
    (mark,) = namespace["test_conforms"].pytestmark  # type: ignore[attr-defined]
    assert [parameter.values[1] for parameter in mark.args[1]] == list(CHECKS.values())


def test_the_expected_failure_on_the_page_is_expected(folder: Path) -> None:
    (declared,) = (text for kind, text in BLOCKS if kind == "python" and text.startswith("expected_failures"))
    source = (
        (folder / "unigram.py").read_text(encoding="utf-8").replace("contract = 2\n", f"contract = 2\n    {declared}")
    )
    source = source.replace("counts = np.bincount", "np.random.seed(0)\n        counts = np.bincount")
    (folder / "shaky.py").write_text(source, encoding="utf-8")
    outcomes = {result.check: result.outcome for result in run_checks(Subject.of("./shaky.py"))}
    assert outcomes.pop("fit_is_reproducible") == "expected"
    assert set(outcomes.values()) == {"holds"}
