"""Lists on narrow terminals: no line is too wide, and no word that a pipe gets is lost or broken."""

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from test_cli import run

from genbench.report.terminal.listings import listing

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
    "authors pell thorne --length 100 --passages 5",
    "attribute page.txt --among pell thorne",
]
FIRST = {"run", "model", "author", "generator", "option", "followed", "by", "passages", "of"}  # headings of names


def printed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert run(monkeypatch, *command.split()) == 0
    return STYLE.sub("", capsys.readouterr().out).replace(":", "")  # a paragraph has them after its headings


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all, so that each model is trained once, and a run called `here`."""
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
    wanted = Counter(printed(command, monkeypatch, capsys).split())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    page = printed(command, monkeypatch, capsys)
    assert max(map(cell_len, page.splitlines())) <= width
    lost = wanted - Counter(page.split())
    lost = Counter(
        {word: many for word, many in lost.items() if len(word) < min(WIDTHS) // 2}
    )  # longer ones are folded
    assert set(lost) <= FIRST, lost


def shown(width: int, headings: list[str], rows: list[list[str]]) -> str:
    console = Console(width=width, force_terminal=True, color_system=None, file=io.StringIO())
    listing(headings, rows, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_list_is_a_table_where_there_is_room_and_paragraphs_where_there_is_none() -> None:
    rows = [["some-long-name", "a few words on it", "2026-11-25"]]
    assert shown(60, ["name", "what", "when"], rows).count("\n") == 5
    assert shown(24, ["name", "what", "when"], rows).splitlines()[0] == "some-long-name"


def test_a_word_wider_than_the_terminal_does_no_harm() -> None:
    assert "x" * 20 in shown(20, ["name", "what"], [["x" * 50, "y" * 50]])
