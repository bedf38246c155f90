"""Every command on a narrow terminal, in encodings that lack most characters, without colors, and in a pipe."""

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PROSE
from rich.cells import cell_len
from rich.console import Console

from genbench.cli.main import main
from genbench.report.terminal.screen import REPLACEMENTS, has_colors, prepare_output, print_json
from genbench.report.terminal.tables import NumberTable

pytestmark = pytest.mark.slow

CSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLOR = re.compile(r"\x1b\[[0-9;]*m")
CHAINS = ["-g", "markov-char:order=3", "-g", "markov-word"]
NARROW = [(60, "cp1252"), (40, "ascii"), (60, "cp437"), (40, "cp850")]
COMMANDS: dict[str, list[str]] = {
    "compare": ["compare", "ferry.txt", *CHAINS, "--length", "120", "--prompt", "“The – "],
    "generate": ["generate", "ferry.txt", "-g", "markov-word", "--prompt", "“The – é → \x1b[31m"],
    "generate several": ["generate", "ferry.txt", *CHAINS, "--prompt", "“The – é → \x1b[31m"],
    "generate count": ["generate", "ferry.txt", *CHAINS, "--count", "2", "--length", "80"],
    "score": ["score", "ferry.txt", "page.txt", "-g", "markov-word"],
    "surprisal": ["surprisal", "ferry.txt", "page.txt", *CHAINS],
    "explain": ["explain", "ferry.txt", "The ferry", "-g", "markov-word"],
    "novelty": ["novelty", "ferry.txt", "-g", "markov-word", "--length", "100"],
    "confusion": ["confusion", "ferry.txt", "boat.txt", "--length", "20", "--passages", "5"],
    "attribute": ["attribute", "page.txt", "--among", "ferry.txt", "boat.txt"],
    "memory": ["memory", "ferry.txt", "-g", "markov-char:order=3", "--longest", "16", "--targets", "5"],
    "gates": ["gates", "ferry.txt", "She said, “No.” –", "-g", "rnn-char:hidden=4", "--steps", "2"],
    "compress": ["compress", "ferry.txt", "page.txt", "-g", "markov-word", "-o", "out.gbz"],
    "corpora list": ["corpora", "list"],
    "corpora show": ["corpora", "show", "ferry.txt"],
    "generators list": ["generators", "list"],
    "generators show": ["generators", "show", "markov-char"],
    "models list": ["models", "list"],
    "runs list": ["runs", "list"],
    "runs show": ["runs", "show", "narrow"],
    "runs diff": ["runs", "diff", "narrow", "narrow"],
    "help": ["compare", "--help"],
}


class Screen(io.TextIOWrapper):
    """A stream like that of a terminal or a pipe, which raises an error for characters that its encoding lacks."""

    def __init__(self, encoding: str, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        """Return the written text."""
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with texts, models and a run, for all tests of this file."""
    path = tmp_path_factory.mktemp("folder")
    prose = "".join(PROSE.replace("six", f"{n} o’clock – “café”") for n in range(20))
    (path / "ferry.txt").write_text(prose, encoding="utf-8")
    (path / "boat.txt").write_text(prose.replace("ferry", "boat").replace("eggs", "ships"), encoding="utf-8")
    (path / "page.txt").write_text("The ferry – “late” → went\n\nover the naïve water.\x1b[31m", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(path / "home"))
        patch.chdir(path)
        _, _, code = run_on_screen(patch, ["compare", "ferry.txt", *CHAINS, "--name", "narrow", "--length", "90"])
        assert code == 0
        yield path


def run_on_screen(
    patch: pytest.MonkeyPatch,
    arguments: list[str],
    encoding: str = "utf-8",
    width: int = 80,
    terminal: bool = True,
    **env: str,
) -> tuple[str, str, int]:
    """Run a command; return its standard output, its standard error and its exit code."""
    out, err = Screen(encoding, terminal), Screen(encoding, terminal)
    for name in ("NO_COLOR", "FORCE_COLOR", "LINES"):
        patch.delenv(name, raising=False)
    for name, value in ({"COLUMNS": str(width), "TERM": "xterm-256color", "COLORTERM": "truecolor"} | env).items():
        patch.setenv(name, value)
    patch.setattr(sys, "argv", ["genbench", *arguments])
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stderr", err)
    code: Any = 0
    try:
        main()
    except SystemExit as exit_:
        code = exit_.code or 0
    finally:
        patch.setattr(sys, "stdout", sys.__stdout__)
        patch.setattr(sys, "stderr", sys.__stderr__)
    return out.text(), err.text(), int(code)


@pytest.fixture
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return a monkeypatch that has changed to the folder."""
    monkeypatch.setenv("GENBENCH_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    return monkeypatch


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "help"])  # Typer's, made for 80 columns
@pytest.mark.parametrize(("width", "encoding"), NARROW, ids=str)
def test_lines_fit_narrow_terminals_with_small_encodings(
    name: str, width: int, encoding: str, in_folder: pytest.MonkeyPatch
) -> None:
    out, err, code = run_on_screen(in_folder, COMMANDS[name], encoding, width)
    assert code == 0, err
    assert out
    for line in CSI.sub("", out).splitlines():
        assert cell_len(line.rstrip()) <= width, line
    assert "\x1b" not in CSI.sub("", out)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no-color", "dumb"])
def test_no_colors_where_they_are_disabled(name: str, env: dict[str, str], in_folder: pytest.MonkeyPatch) -> None:
    out, err, code = run_on_screen(in_folder, COMMANDS[name], **env)
    assert code == 0, err
    colors = {int(number) for code in COLOR.findall(out) for number in re.findall(r"\d+", code)}
    assert not colors & {*range(2, 3), *range(30, 50), *range(90, 108)}, colors


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_text(name: str, in_folder: pytest.MonkeyPatch) -> None:
    out, err, code = run_on_screen(in_folder, COMMANDS[name], terminal=False)
    assert code == 0, err
    assert not COLOR.search(out.replace("\x1b[31m", ""))  # in a pipe the prompt is written as it is


def test_tables_in_a_pipe_are_not_divided_unless_a_width_is_set(in_folder: pytest.MonkeyPatch) -> None:
    for width, is_divided in (("", False), ("60", True)):
        out, _, _ = run_on_screen(in_folder, ["runs", "show", "narrow"], terminal=False, COLUMNS=width)
        tables = [line for line in out.splitlines() if line.split()[:2] == ["samples", "of"]]
        assert (len(tables) > 1) == is_divided, out


@pytest.mark.parametrize("name", ["surprisal", "gates", "generate", "compare"])
def test_force_color_adds_colors_in_a_pipe(name: str, in_folder: pytest.MonkeyPatch) -> None:
    out, _, _ = run_on_screen(in_folder, COMMANDS[name], terminal=False, FORCE_COLOR="1")
    assert COLOR.search(out)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_errors_are_printed_in_every_encoding(encoding: str, in_folder: pytest.MonkeyPatch) -> None:
    _, err, code = run_on_screen(in_folder, ["generate", "“→\ud800”.txt"], encoding)
    assert code == 2
    assert "there is no file or folder" in err


@pytest.mark.parametrize("width", [80, 40])
def test_errors_are_wrapped_at_words(width: int, in_folder: pytest.MonkeyPatch) -> None:
    error = "markov-char: smoothing is 'foo', but must be modified-kneser-ney, kneser-ney, absolute, witten-bell, add-k"
    _, err, code = run_on_screen(in_folder, ["generate", "ferry.txt", "-g", "markov-char:smoothing=foo"], width=width)
    assert code == 2
    lines = CSI.sub("", err).rpartition("\r")[2].splitlines()
    assert all(cell_len(line.rstrip()) <= width for line in lines)
    assert error in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("name", ["score", "surprisal", "novelty", "attribute", "runs diff", "gates", "memory"])
def test_json_loses_nothing_in_any_encoding(name: str, in_folder: pytest.MonkeyPatch) -> None:
    values = []
    for encoding in ("ascii", "utf-8"):
        out, _, _ = run_on_screen(in_folder, [*COMMANDS[name], "--json"], encoding)
        values.append(json.loads(out) | {"score_characters_per_second": None})
    assert values[0] == values[1]


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp850", "ascii", "latin-1"])
def test_unencodable_characters_are_replaced_one_for_one(encoding: str) -> None:
    screen = Screen(encoding, terminal=True)
    handler = prepare_output([screen], {})
    screen.write("".join(REPLACEMENTS) + "␛\ud800é")
    assert len(screen.text()) == len(REPLACEMENTS) + 3
    assert handler.lost == screen.text().count("?") - 1 >= 1  # no encoding has the lone surrogate


@pytest.mark.parametrize(
    ("terminal", "environment", "expected"),
    [
        (False, {}, "река"),
        (False, {"PYTHONIOENCODING": ""}, "река"),
        (False, {"PYTHONIOENCODING": "cp1252"}, "????"),
        (True, {}, "????"),
    ],
)
def test_a_pipe_gets_utf8_unless_another_encoding_is_set(
    terminal: bool, environment: dict[str, str], expected: str
) -> None:
    screen = Screen("cp1252", terminal)
    handler = prepare_output([screen], environment)
    screen.write("река")
    assert screen.text() == expected
    assert handler.sentence().startswith("cp1252 lacks 4 characters of this output") == ("?" in expected)


def test_lost_characters_are_reported_on_standard_error(in_folder: pytest.MonkeyPatch) -> None:
    words = ["generate", "ferry.txt", "-g", "markov-word", "--prompt", "Река", "--length", "9"]
    _, err, code = run_on_screen(in_folder, words, "cp1252")
    assert code == 0
    # a note on the prompt, where it is printed, lacks them again
    assert re.search("genbench: cp1252 lacks (4|8) characters of this output, shown as [?]; ", err), err
    assert err.endswith(" keeps them\n")
    out, err, _ = run_on_screen(in_folder, words, "cp1252", terminal=False)
    assert out.startswith("Река")
    assert "lacks" not in err


def test_every_replacement_is_one_character_of_ascii() -> None:
    assert all(len(character) == 1 and character.isascii() for character in REPLACEMENTS.values())


def test_json_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "“é\n"})
    assert json.loads(capsys.readouterr().out) == {"a": "“é\n"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"force_terminal": True, "color_system": "standard"}, True),
        ({"force_terminal": True, "color_system": "standard", "no_color": True}, False),
        ({"force_terminal": True, "color_system": None}, False),
        ({"force_terminal": False, "color_system": "standard"}, False),
    ],
)
def test_colors_are_used_on_a_terminal_that_has_them_unless_disabled(options: Any, expected: bool) -> None:
    assert has_colors(Console(_environ={}, **options)) == expected


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_every_number_is_shown_whole_at_every_width(width: int) -> None:
    rows = [[f"generator-{row}", *(f"{row}{column}.125" for column in range(9))] for row in range(3)]
    headings = ["name", *(f"figure\n{column}" for column in range(9))]
    out = io.StringIO()
    Console(file=out, width=width, _environ={}).print(NumberTable(headings, rows))
    printed = out.getvalue()
    assert all(cell in printed for row in rows for cell in row)
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= width
    assert (printed.count("generator-0") == printed.count("name") == 1) == (width == 100)
