"""Surprisal in the terminal: the same text in every column, in colors or as tab-separated lines."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from doubles import Fixed
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from test_cli import run

from genbench import UserError, api
from genbench.analysis.surprisal import SurprisalReport
from genbench.model import Model
from genbench.report.terminal.surprisal import show_surprisal

TEXT = "ab cd,\n\nabba dada a\nbcd \x1b[31mb"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
SHARES = [(0.4, 0.3, 0.2, 0.1), (0.1, 0.2, 0.3, 0.4), (0.25, 0.25, 0.25, 0.25)]


def report(text: str = TEXT, generators: int = 2) -> SurprisalReport:
    """Return the surprisal of a text for generators with different fixed distributions."""
    models = {f"fixed-{number}": Model(Fixed(shares=shares)) for number, shares in enumerate(SHARES[:generators])}
    return api.surprisal(models, text, author="austen", name="page.txt")


def printed(surprisal: SurprisalReport, width: int = 80, **options: Any) -> str:
    """Return the output on a console of this width."""
    out = io.StringIO()
    show_surprisal(surprisal, Console(file=out, width=width, _environ={}, **options))
    return out.getvalue()


def test_the_bits_add_up_to_the_score() -> None:
    model = Model(Fixed())
    (column,) = api.surprisal({"a": model}, TEXT).generators.values()
    score = model.score(TEXT)
    assert (column.bits, column.bits_per_character) == (score.bits, score.bits_per_character)
    assert sum(word.bits for word in column.words) == pytest.approx(score.bits, abs=0.05)


@given(st.text(min_size=1))
def test_every_column_has_the_words_of_the_text(text: str) -> None:
    assert all("".join(word.text for word in column) == text for column in report(text).columns)


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(UserError, match="no text to read"):
        api.surprisal({"a": Model(Fixed())}, "")


def test_in_a_pipe_a_line_is_a_word_and_its_bits() -> None:
    lines = [line.split("\t") for line in printed(report()).splitlines()]
    assert lines[0] == ["word", "fixed-0", "fixed-1"]
    assert [line[0] for line in lines[1:]] == ["ab", "cd,", "abba", "dada", "a", "bcd", "␛[31mb"]
    sums = [sum(float(line[column]) for line in lines[1:]) for column in (1, 2)]
    assert sums == pytest.approx([column.bits for column in report().generators.values()], abs=0.05)


@pytest.mark.parametrize("system", ["truecolor", "256", "standard"])
def test_with_colors_the_text_is_in_columns_and_cannot_control_the_terminal(system: Any) -> None:
    page = printed(report(), force_terminal=True, color_system=system)
    plain = STYLE.sub("", page)
    assert "\x1b[31mb" not in plain
    assert re.search(r"abba dada a +abba dada a", plain)
    assert "\x1b[" in page


@pytest.mark.parametrize("options", [{"no_color": True, "color_system": "truecolor"}, {"color_system": None}])
def test_a_terminal_without_colors_gets_the_lines(options: Any) -> None:
    page = printed(report(), force_terminal=True, **options)
    assert "abba\t" in page
    assert "differ most" in page


@pytest.mark.parametrize(("width", "side_by_side"), [(80, True), (60, True), (40, False)])
def test_columns_are_side_by_side_where_there_is_room(width: int, side_by_side: bool) -> None:
    plain = STYLE.sub("", printed(report(), width, force_terminal=True, color_system="truecolor"))
    assert bool(re.search(r"abba dada a +abba dada a", plain)) == side_by_side
    assert max(map(len, plain.splitlines())) <= width


def test_the_largest_differences_are_listed_with_the_lowest_bits_marked() -> None:
    page = printed(report("aaaa dddd abcd abcd"), force_terminal=True, color_system=None)
    (line,) = (line for line in page.splitlines() if re.match(r" (aaaa|dddd) ", line))
    assert line.count("*") == 1


def test_a_single_generator_has_no_differences() -> None:
    page = printed(report(generators=1), force_terminal=True, color_system="truecolor")
    assert "differ most" not in page


def test_the_command_prints_json_and_writes_a_page(
    prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, page = tmp_path / "page.txt", tmp_path / "page.html"
    text.write_text("The ferry went <b>over</b>.", encoding="utf-8")
    generators = ["-g", "markov-char:order=3", "-g", "markov-word"]
    command = ["surprisal", str(prose_file), str(text), *generators, "--json", "--html", str(page)]
    assert run(monkeypatch, *command) == 0
    values = json.loads(capsys.readouterr().out)
    assert list(values["generators"]) == ["markov-char:order=3", "markov-word"]
    assert (values["author"], values["name"], values["characters"]) == ("ferry", "page.txt", 28)
    assert "&lt;b&gt;over&lt;/b&gt;" in page.read_text(encoding="utf-8")


def test_a_word_that_is_wider_than_its_column_is_shown_whole() -> None:
    page = printed(report("ab " + "abcd" * 30, 1), 40, force_terminal=True, color_system="truecolor")
    assert "".join(STYLE.sub("", page).split()).count("abcd" * 30) >= 1
