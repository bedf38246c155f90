"""Lists on narrow terminals: no line is too wide, and every word of the output in a pipe is complete."""

import io
import json
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from test_cli import run

from genbench.report.terminal.lines import Column, lay_out
from genbench.report.terminal.models import format_size
from genbench.report.terminal.tables import print_list, print_pairs

WIDTHS = (40, 60, 80)
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COMMANDS = [
    "runs diff here here",
    "corpora list",
    "corpora show pell",
    "generators list",
    "generators show lstm-char",
    "explain pell -g markov-char The",
    "confusion pell thorne --length 100 --passages 5",
    "attribute page.txt --among pell thorne",
]
FIRST_HEADINGS = {"author", "generator", "option", "followed", "by", "passages", "of"}
FIRST_HEADINGS |= {"continuation"}


def printed(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of a command without styles."""
    capsys.readouterr()
    assert run(monkeypatch, *command.split()) == 0
    return STYLE.sub("", capsys.readouterr().out)


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
    expected = Counter(printed(command, monkeypatch, capsys).replace(":", "").split())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    page = printed(command, monkeypatch, capsys)
    assert max(cell_len(line) for line in page.splitlines() if " " in line) <= width  # a checksum is not broken
    lost = {
        word for word in expected - Counter(page.replace(":", "").split()) if len(word) < min(WIDTHS) // 2
    }  # longer ones are folded
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


@pytest.fixture
def long_names(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the home in which a model and a run have a long author, a long SPEC and a long name."""
    copy = tmp_path / "home"
    shutil.copytree(home, copy)
    author, spec = (
        "the_collected_letters_of_a_provincial_lady_1811_to_1843",
        "markov-char:order=12,smoothing=witten-bell",
    )
    model = next((copy / "models").glob("pell-markov-char-*/model.json"))
    card = json.loads(model.read_text()) | {"author": author, "spec": spec}
    other = model.parent.with_name(f"{author}-markov-char-0123456789")
    shutil.copytree(model.parent, other)
    (other / "model.json").write_text(json.dumps(card))

    # the run
    stored = json.loads((copy / "runs/here/run.json").read_text())
    comparison = stored["comparison"]
    row = comparison["results"][0] | {"author": author, "generator": spec}
    comparison |= {"name": author, "corpora": {author: comparison["corpora"]["pell"]}, "results": [row]}
    (copy / "runs" / author).mkdir()
    (copy / "runs" / author / "run.json").write_text(json.dumps(stored))
    monkeypatch.setenv("GENBENCH_HOME", str(copy))
    return copy


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", ["models list", "runs list"])
def test_names_in_a_list_can_be_copied_and_others_take_one_line(
    command: str, width: int, long_names: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped = printed(command, monkeypatch, capsys)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    page = [line for line in printed(command, monkeypatch, capsys).splitlines() if line.strip()]
    for name in (
        "the_collected_letters_of_a_provincial_lady_1811_to_1843",
        "markov-char:order=12,smoothing=witten-bell",
    ):
        assert (name in "\n".join(page)) == (name in piped)
    assert max(map(cell_len, page)) <= width
    rows = page[next(number for number, line in enumerate(page) if "─" in line) + 1 :]
    assert any(re.search(r"(here .*pell|pell) +.*\d\.\d{3}", row) for row in rows)
    places = [match.end() for row in rows if (match := re.search(r" \d\.\d{3} ", row))]
    assert len(places) == len(piped.splitlines()) - 1
    assert len(set(places)) == 1 or command == "runs list"  # numbers are aligned


def test_a_cell_wider_than_its_column_moves_the_next_one_to_a_new_line() -> None:
    columns = [Column(4), Column(6), Column(5, right=True)]
    assert lay_out(["ab", "pell", "1.7"], columns, 1, 20) == ["ab   pell     1.7"]
    assert lay_out(["abcde", "pell", "1.7"], columns, 1, 20) == ["abcde", "     pell     1.7"]
    assert lay_out(["ab", "x" * 18, "1.7"], columns, 1, 20) == ["ab", "  " + "x" * 18, "              1.7"]


def test_a_checksum_is_not_broken_and_a_sentence_is_wrapped() -> None:
    console = Console(width=80, force_terminal=True, color_system=None, file=io.StringIO())
    print_pairs([("sha256 of train", "0123456789abcdef" * 4), ("note", "a few words " * 12)], console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert "0123456789abcdef" * 4 in lines
    assert max(map(len, lines)) <= 80


def test_a_small_model_has_a_size() -> None:
    assert [format_size(size) for size in (0, 312, 65_300, 3_300_000)] == ["0 kB", "1 kB", "66 kB", "3.3 MB"]
