"""Grapheme clusters: samples are neither cut nor wrapped between a letter and its combining marks."""

import io
import unicodedata
from pathlib import Path

import pytest
import regex
from rich.console import Console

import genbench
from genbench.report.terminal.stream import WordWrapper, panels
from genbench.sampling.loop import TextLimit
from genbench.tokenization.graphemes import cut_end, cut_start, has_clusters, joins

NFD = unicodedata.normalize("NFD", "élève pâle, à côté du rêve brûlé où naît l'été doré; ")
HINDI = "हिन्दी में काकी की किताबें "
THAI = "ก็กำน้ำกุ้ง"  # sara am has a width of its own, and belongs to the letter before it
FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize("text", [NFD, HINDI, THAI, FAMILY * 3, "\r\n\r\n", "plain text"])
def test_cutting_keeps_clusters_whole(text: str) -> None:
    clusters = regex.findall(r"\X", text)
    assert has_clusters(text) == (clusters != list(text) and "\r" not in text)
    for length in range(len(text) + 2):
        head, tail = cut_end(text, length), cut_start(text, length)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert head + text[len(head) :] == "".join(clusters[: len(regex.findall(r"\X", head))]) + text[len(head) :]
        assert not joins(text[: len(text) - len(tail)], tail)
        assert max(len(head), len(tail)) <= length


def test_a_text_ends_with_a_whole_letter(tmp_path: Path) -> None:
    """Whatever its length is, a sample is the beginning of a longer one, and the rest begins with another letter."""
    (tmp_path / "accents.txt").write_text(NFD * 60, encoding="utf-8")
    model = genbench.train(str(tmp_path / "accents.txt"), "markov-char:order=6", keep=False)
    whole = genbench.generate(model, length=60, seed=5)[0]
    streamed = ["".join(genbench.stream(model, length=length, seed=5)) for length in range(1, 40)]
    for length, text in enumerate(streamed, 1):
        assert whole.startswith(text)
        assert not joins(text, whole[len(text) :])
        assert length <= len(text) <= length + 1
    assert {len(text) - length for length, text in enumerate(streamed, 1)} == {0, 1}


def test_an_endless_row_of_marks_ends() -> None:
    limit = TextLimit(1, whole_letters=True)
    text = "".join(limit.read(piece) for piece in ["e", *["\u0301"] * 99])
    assert limit.done
    assert text == "e" + "\u0301" * 32


def test_a_stop_text_ends_a_text_that_may_still_get_marks() -> None:
    limit = TextLimit(2, ["."], whole_letters=True)
    assert [limit.read(piece) for piece in ("a", "e", "\u0301", ".", "b")] == ["a", "e", "\u0301", "", ""]


@pytest.mark.parametrize("text", [NFD.replace(" ", "") * 4, HINDI.replace(" ", "") * 9, HINDI * 9, THAI * 19])
@pytest.mark.parametrize("width", [7, 8, 9, 30])
def test_no_line_starts_with_a_mark(text: str, width: int) -> None:
    wrapper = WordWrapper(width)
    lines = (wrapper.feed(text) + wrapper.flush()).split("\n")
    console = Console(file=io.StringIO(), width=width, _environ={})
    console.print(panels("", {"a": text}, width))
    assert isinstance(console.file, io.StringIO)
    shown = [line[2:-2].rstrip() for line in console.file.getvalue().splitlines()[1:-1]]
    assert "".join(shown).replace(" ", "") == "".join(lines).replace(" ", "") == text.replace(" ", "")
    lines += shown
    assert len(lines) > 6
    letters = set(regex.findall(r"\X", text))
    assert all(set(regex.findall(r"\X", line)) <= letters for line in lines)
