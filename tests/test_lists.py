"""Lists on narrow terminals: no line is too wide, and every word of the output in a pipe is complete."""

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from test_cli import run

from genbench.report.terminal.tables import print_list

WIDTHS = (40, 60, 80)
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COMMANDS = [
    "runs list",
    "runs diff here here",
    "models list",
    "corpora list",
    "corpora show pell",
    "generators list",
    "generators show lstm-char",
    "explain pell -g markov-char The",
    "confusion pell thorne --length 100 --passages 5",
    "attribute page.txt --among pell thorne",
]
FIRST_HEADINGS = {"run", "model", "author", "generator", "option", "followed", "by", "passages", "of"}
FIRST_HEADINGS |= {"continuation"}


def printed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of a command without styles and without the colons of paragraphs."""
    capsys.readouterr()
    assert run(monkeypatch, *command.split()) == 0
    return STYLE.sub("", capsys.readouterr().out).replace(":", "")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home for all tests, so that each model is trained once, with a run called `here`."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "page.txt").write_text("The ferryman said no; and the widow, who was late, said nothing at all.\n" * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(folder))
        assert run(patch, "compare", "pell", "-g", "markov-char", "--length", "50", "--name", "here") == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_word_of_a_list_is_lost_or_broken(
    command: str, width: int, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("GENBENCH_HOME", str(home))
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    expected = Counter(printed(command, monkeypatch, capsys).split())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    page = printed(command, monkeypatch, capsys)
    assert max(map(cell_len, page.splitlines())) <= width
    lost = {word for word in expected - Counter(page.split()) if len(word) < min(WIDTHS) // 2}  # longer ones are folded
    assert lost <= FIRST_HEADINGS, lost


def printed_list(width: int, headings: list[str], rows: list[list[str]]) -> str:
    """Return a list as it is printed on a terminal."""
    console = Console(width=width, force_terminal=True, color_system=None, file=io.StringIO())
    print_list(headings, rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_list_is_a_table_or_paragraphs_where_there_is_no_room() -> None:
    rows = [["some-long-name", "a few words on it", "2026-11-25"]]
    assert printed_list(60, ["name", "what", "when"], rows).count("\n") == 5
    assert printed_list(24, ["name", "what", "when"], rows).splitlines()[0] == "some-long-name"


def test_a_word_wider_than_the_terminal_is_folded() -> None:
    assert "x" * 20 in printed_list(20, ["name", "what"], [["x" * 50, "y" * 50]])
