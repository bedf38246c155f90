"""Streaming: text is safe and wrapped on a terminal and unchanged in a pipe; several texts are side by side."""

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from genbench.report.terminal.stream import WordWrapper, panels, print_stream, print_streams

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
EVIL = "a\x1b]0;x\x07\u202e b"


def streamed(prompt: str, *pieces: str, **options: Any) -> str:
    """Return the output for a text that arrives in pieces."""
    out = io.StringIO()
    print_stream(prompt, iter(pieces), Console(file=out, _environ={}, **options))
    return out.getvalue()


def test_in_a_pipe_a_text_is_unchanged() -> None:
    assert streamed("It was \x1b", "a\t", EVIL) == f"It was \x1ba\t{EVIL}\n"


def test_in_a_pipe_pieces_are_written_at_once() -> None:
    out = io.StringIO()

    def pieces() -> Iterator[str]:
        yield "one"
        assert out.getvalue() == "It one"
        yield "two"

    print_stream("It ", pieces(), Console(file=out))
    assert out.getvalue() == "It onetwo\n"


@pytest.mark.parametrize(
    ("options", "dim"),
    [({}, True), ({"no_color": True}, False), ({"color_system": None}, False), ({"force_terminal": False}, False)],
)
def test_the_prompt_is_dim_where_there_are_colors(options: Any, dim: bool) -> None:
    printed = streamed("It ", "was", **{"force_terminal": True, "color_system": "standard", "width": 80} | options)
    assert printed == ("\x1b[2mIt \x1b[0mwas\n" if dim else "It was\n")


def test_a_prompt_that_ends_inside_a_word_stays_with_it() -> None:
    printed = streamed("It was a tr", "uth", force_terminal=True, color_system="standard", width=12)
    assert STYLE.sub("", printed) == "It was a \ntruth\n"


def test_no_control_character_reaches_a_terminal() -> None:
    printed = streamed(EVIL, EVIL, force_terminal=True, color_system=None, width=80)
    assert not set(printed) & {"\x1b", "\x07", "\u202e"}


@given(st.text(alphabet="ab  \n界", max_size=200), st.integers(2, 20))
def test_wrapping_changes_line_ends_only(text: str, width: int) -> None:
    wrap = WordWrapper(width)
    wrapped = "".join(wrap.feed(character) for character in text) + wrap.flush()
    assert all(cell_len(line.rstrip(" ")) <= width for line in wrapped.split("\n"))
    assert re.sub(r"\s", "", wrapped) == re.sub(r"\s", "", text)
    assert wrapped.split() == text.split() or any(cell_len(word) > width for word in text.split())


def side_by_side(texts: dict[str, str], width: int = 80, height: int = 24, prompt: str = "It ") -> str:
    """Return the output for several texts on a terminal."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None, _environ={})
    print_streams(prompt, {name: iter(text) for name, text in texts.items()}, console)
    return STYLE.sub("", out.getvalue())


@pytest.mark.parametrize(("width", "beside"), [(80, True), (60, True), (40, False)])
def test_several_texts_are_side_by_side_where_there_is_room(width: int, beside: bool) -> None:
    page = side_by_side({"one": "was", "two": "is"}, width)
    assert bool(re.search(r"It was .* It is", page.splitlines()[-2])) == beside
    assert max(map(len, page.splitlines())) <= width


def test_long_texts_are_printed_whole_after_their_ends_were_shown() -> None:
    words = [f"word{place}" for place in range(500)]
    texts = {"one": " ".join(words), "two": "short"}
    page = side_by_side(texts, height=10)
    last = page[page.rindex("╭") - 45 :]
    assert all(word in last for word in words)
    picture = Console(width=80, file=io.StringIO(), record=True, _environ={})
    picture.print(panels("It ", texts, 80, 9))
    lines = picture.export_text().splitlines()
    assert len(lines) <= 9
    assert "word499" in "\n".join(lines)


def test_in_a_pipe_texts_follow_each_other_under_their_names() -> None:
    out = io.StringIO()
    print_streams("It ", {"one": iter(["was", " so"]), "two": iter(["is"])}, Console(file=out))
    assert out.getvalue() == "==> one <==\nIt was so\n\n==> two <==\nIt is\n"


def test_ctrl_c_leaves_what_was_generated() -> None:
    out = io.StringIO()

    def stopped() -> Iterator[str]:
        yield "was here"
        raise KeyboardInterrupt

    console = Console(file=out, width=80, force_terminal=True, color_system=None, _environ={})
    with pytest.raises(KeyboardInterrupt):
        print_streams("It ", {"one": stopped(), "two": iter("is")}, console)
    assert "It was here" in STYLE.sub("", out.getvalue())
