"""The reading view: the same text in every column, coloured where that can be, else lines for awk."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from doubles import Fixed
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import genbench
from genbench.cli.main import main
from genbench.report.terminal import surprisal as reading

TEXT = "ab cd,\n\nabba dada a\nbcd \x1b[31mb"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def found(text: str = TEXT, count: int = 2) -> dict[str, Any]:
    shares = [(0.4, 0.3, 0.2, 0.1), (0.1, 0.2, 0.3, 0.4), (0.25, 0.25, 0.25, 0.25)][:count]
    made = {f"fixed-{place}": Fixed(shares=each) for place, each in enumerate(shares)}
    return genbench.read(made, text, author="austen", name="page.txt")


def shown(what: dict[str, Any], width: int = 80, **how: Any) -> str:
    out = io.StringIO()
    reading.show(what, Console(file=out, width=width, _environ={}, **how))
    return out.getvalue()


def test_the_bits_are_those_of_the_score() -> None:
    made = Fixed()
    (each,) = genbench.read({"one": made}, TEXT)["generators"].values()
    scored = genbench.score(made, TEXT)
    assert (each["bits"], each["bits_per_character"]) == (scored.bits, scored.bits_per_character)
    assert sum(bits for _, bits in each["words"]) == pytest.approx(scored.bits, abs=0.05)


@given(st.text(min_size=1))
def test_every_generator_reads_the_same_words_and_they_are_the_text(text: str) -> None:
    columns = [each["words"] for each in found(text)["generators"].values()]
    assert all("".join(piece for piece, _ in words) == text for words in columns)


def test_no_text_is_refused() -> None:
    with pytest.raises(genbench.UserError, match="no text to read"):
        genbench.read({"one": Fixed()}, "")


def test_in_a_pipe_a_line_is_a_word_and_its_bits() -> None:
    lines = [line.split("\t") for line in shown(found()).splitlines()]
    assert lines[0] == ["word", "fixed-0", "fixed-1"]
    assert [line[0] for line in lines[1:]] == ["ab", "cd,", "abba", "dada", "a", "bcd", "␛[31mb"]
    sums = [sum(float(line[column]) for line in lines[1:]) for column in (1, 2)]
    assert sums == pytest.approx([each["bits"] for each in found()["generators"].values()], abs=0.05)


@pytest.mark.parametrize("system", ["truecolor", "256", "standard"])
def test_with_colours_the_text_stands_in_columns_and_no_character_drives_the_terminal(system: Any) -> None:
    page = shown(found(), force_terminal=True, color_system=system)
    assert "\x1b[31mb" not in STYLE.sub("", page)
    plain = STYLE.sub("", page)
    assert re.search(r"abba dada a +abba dada a", plain)
    assert "\x1b[" in page


@pytest.mark.parametrize("how", [{"no_color": True, "color_system": "truecolor"}, {"color_system": None}])
def test_a_terminal_without_colours_gets_the_lines(how: Any) -> None:
    page = shown(found(), force_terminal=True, **how)
    assert "abba\t" in page
    assert "differ most" in page


@pytest.mark.parametrize(("width", "beside"), [(80, True), (60, True), (40, False)])
def test_columns_stand_one_below_the_other_where_there_is_little_room(width: int, beside: bool) -> None:
    plain = STYLE.sub("", shown(found(), width, force_terminal=True, color_system="truecolor"))
    assert bool(re.search(r"abba dada a +abba dada a", plain)) == beside
    assert max(map(len, plain.splitlines())) <= width


def test_words_at_which_they_differ_are_listed_with_the_least_marked() -> None:
    what = found("aaaa dddd abcd abcd")
    page = shown(what, force_terminal=True, color_system=None)
    (line,) = (line for line in page.splitlines() if re.match(r" (aaaa|dddd) ", line))
    assert line.count("*") == 1


def test_one_generator_differs_from_nobody() -> None:
    assert "differ most" not in shown(found(count=1), force_terminal=True, color_system="truecolor")


def test_the_command_prints_json_and_writes_a_page(
    prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text, page = tmp_path / "page.txt", tmp_path / "page.html"
    text.write_text("The ferry went <b>over</b>.", encoding="utf-8")
    words = ["genbench", "read", str(prose_file), str(text), "-g", "markov-char:order=3", "-g", "markov-word"]
    monkeypatch.setattr(sys, "argv", [*words, "--json", "--html", str(page)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = json.loads(capsys.readouterr().out)
    assert list(told["generators"]) == ["markov-char:order=3", "markov-word"]
    assert (told["author"], told["name"], told["characters"]) == ("ferry", "page.txt", 28)
    assert "&lt;b&gt;over&lt;/b&gt;" in page.read_text(encoding="utf-8")


def test_a_word_that_is_wider_than_its_column_is_shown_whole() -> None:
    page = STYLE.sub("", shown(found("ab " + "abcd" * 30, 1), 40, force_terminal=True, color_system="truecolor"))
    assert "".join(page.split()).count("abcd" * 30) >= 1
