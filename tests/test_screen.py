"""Every command on a narrow terminal, in encodings that lack most characters, without colours, and in a pipe."""

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
from genbench.report.terminal.encoding import STANDS_FOR, forgiving
from genbench.report.terminal.screen import painted, values
from genbench.report.terminal.tables import Figures

pytestmark = pytest.mark.slow

CSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CHAINS = ["-g", "markov-char:order=3", "-g", "markov-word"]
NARROW = [(60, "cp1252"), (40, "ascii"), (60, "cp437"), (40, "cp850")]
COMMANDS: dict[str, list[str]] = {
    "compare": ["compare", "ferry.txt", *CHAINS, "--length", "120", "--prompt", "“The – "],
    "generate": ["generate", "ferry.txt", "-g", "markov-word", "--prompt", "“The – é → \x1b[31m"],
    "generate several": ["generate", "ferry.txt", *CHAINS, "--prompt", "“The – é → \x1b[31m"],
    "generate count": ["generate", "ferry.txt", *CHAINS, "--count", "2", "--length", "80"],
    "score": ["score", "ferry.txt", "page.txt", "-g", "markov-word"],
    "read": ["read", "ferry.txt", "page.txt", *CHAINS],
    "explain": ["explain", "ferry.txt", "The ferry", "-g", "markov-word"],
    "novelty": ["novelty", "ferry.txt", "-g", "markov-word", "--length", "100"],
    "authors": ["authors", "ferry.txt", "boat.txt", "--length", "20", "--passages", "5"],
    "attribute": ["attribute", "page.txt", "--among", "ferry.txt", "boat.txt"],
    "memory": ["memory", "ferry.txt", "-g", "markov-char:order=3", "--longest", "16", "--targets", "5"],
    "cells": ["cells", "ferry.txt", "She said, “No.” –", "-g", "rnn-char:hidden=4", "--steps", "2"],
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
    """A stream as a terminal or a pipe has it: strict in its encoding."""

    def __init__(self, encoding: str, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode(self.encoding)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with texts, models and a run, for all tests here."""
    folder = tmp_path_factory.mktemp("place")
    prose = "".join(PROSE.replace("six", f"{n} o’clock – “café”") for n in range(20))
    (folder / "ferry.txt").write_text(prose, encoding="utf-8")
    (folder / "boat.txt").write_text(prose.replace("ferry", "boat").replace("eggs", "ships"), encoding="utf-8")
    (folder / "page.txt").write_text("The ferry – “late” → went\n\nover the naïve water.\x1b[31m", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(folder / "home"))
        patch.chdir(folder)
        _, _, code = typed(patch, ["compare", "ferry.txt", *CHAINS, "--name", "narrow", "--length", "90"])
        assert code == 0
        yield folder


def typed(
    patch: pytest.MonkeyPatch,
    words: list[str],
    encoding: str = "utf-8",
    width: int = 80,
    terminal: bool = True,
    **env: str,
) -> tuple[str, str, int]:
    """What a command prints on standard output and error, and its exit code."""
    out, err = Screen(encoding, terminal), Screen(encoding, terminal)
    for name in ("NO_COLOR", "FORCE_COLOR", "LINES"):
        patch.delenv(name, raising=False)
    for name, value in ({"COLUMNS": str(width), "TERM": "xterm-256color", "COLORTERM": "truecolor"} | env).items():
        patch.setenv(name, value)
    patch.setattr(sys, "argv", ["genbench", *words])
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stderr", err)
    code: Any = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        patch.setattr(sys, "stdout", sys.__stdout__)
        patch.setattr(sys, "stderr", sys.__stderr__)
    return out.text(), err.text(), int(code)


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("GENBENCH_HOME", str(place / "home"))
    monkeypatch.chdir(place)
    return monkeypatch


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "help"])  # Typer's, made for 80 columns
@pytest.mark.parametrize(("width", "encoding"), NARROW, ids=lambda each: str(each))
def test_nothing_breaks_where_there_is_little_room_and_few_characters(
    name: str, width: int, encoding: str, here: pytest.MonkeyPatch
) -> None:
    out, err, code = typed(here, COMMANDS[name], encoding, width)
    assert code == 0, err
    assert out
    for line in CSI.sub("", out).splitlines():
        assert cell_len(line.rstrip()) <= width, line
    assert "\x1b" not in CSI.sub("", out)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no-color", "dumb"])
def test_no_colours_where_they_are_not_wanted(name: str, env: dict[str, str], here: pytest.MonkeyPatch) -> None:
    out, err, code = typed(here, COMMANDS[name], **env)
    assert code == 0, err
    coloured = {int(number) for code in COLOUR.findall(out) for number in re.findall(r"\d+", code)}
    assert not coloured & {*range(2, 3), *range(30, 50), *range(90, 108)}, coloured


@pytest.mark.parametrize("name", COMMANDS)
def test_a_pipe_gets_plain_text(name: str, here: pytest.MonkeyPatch) -> None:
    out, err, code = typed(here, COMMANDS[name], terminal=False)
    assert code == 0, err
    assert not COLOUR.search(out.replace("\x1b[31m", ""))  # what was typed is data in a pipe


@pytest.mark.parametrize("name", ["read", "cells", "generate", "compare"])
def test_force_color_colours_a_pipe(name: str, here: pytest.MonkeyPatch) -> None:
    out, _, _ = typed(here, COMMANDS[name], terminal=False, FORCE_COLOR="1")
    assert COLOUR.search(out)


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_a_complaint_is_told_in_every_encoding(encoding: str, here: pytest.MonkeyPatch) -> None:
    _, err, code = typed(here, ["generate", "“→\ud800”.txt"], encoding)
    assert code == 2
    assert "there is no file or folder" in err


@pytest.mark.parametrize("name", ["score", "read", "novelty", "attribute", "runs diff", "cells", "memory"])
def test_json_loses_nothing_in_any_encoding(name: str, here: pytest.MonkeyPatch) -> None:
    found = [json.loads(typed(here, [*COMMANDS[name], "--json"], each)[0]) for each in ("ascii", "utf-8")]
    for each in found:
        each.pop("score_characters_per_second", None)
    assert found[0] == found[1]


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp850", "ascii", "latin-1"])
def test_what_is_lacking_is_written_one_for_one(encoding: str) -> None:
    screen = Screen(encoding, terminal=True)
    forgiving(screen)
    screen.write("".join(STANDS_FOR) + "␛\ud800é")
    assert len(screen.text()) == len(STANDS_FOR) + 3


def test_every_stand_in_is_one_character_of_ascii() -> None:
    assert all(len(each) == 1 and each.isascii() for each in STANDS_FOR.values())


def test_json_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    values({"a": "“é\n"})
    assert json.loads(capsys.readouterr().out) == {"a": "“é\n"}


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        ({"force_terminal": True, "color_system": "standard"}, True),
        ({"force_terminal": True, "color_system": "standard", "no_color": True}, False),
        ({"force_terminal": True, "color_system": None}, False),
        ({"force_terminal": False, "color_system": "standard"}, False),
    ],
)
def test_colours_are_seen_on_a_terminal_that_has_and_wants_them(how: Any, seen: bool) -> None:
    assert painted(Console(_environ={}, **how)) == seen


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_no_figure_is_left_out_or_cut_for_want_of_room(width: int) -> None:
    rows = [[f"generator-{row}", *(f"{row}{column}.125" for column in range(9))] for row in range(3)]
    heads = ["name", *(f"figure\n{column}" for column in range(9))]
    out = io.StringIO()
    Console(file=out, width=width, _environ={}).print(Figures(heads, rows))
    told = out.getvalue()
    assert all(cell in told for row in rows for cell in row)
    assert "…" not in told
    assert max(map(len, told.splitlines())) <= width
    assert (told.count("generator-0") == told.count("name") == 1) == (width == 100)
