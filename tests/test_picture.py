"""The README's picture of the table: whole in itself, and drawn by the program."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import genbench

DOCS = Path(__file__).parent.parent / "docs"
SVG = "{http://www.w3.org/2000/svg}"
LARGEST = 150_000  # bytes


def words(picture: str) -> str:
    texts = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return " ".join((each.text or "").replace("\u00a0", " ").strip() for each in texts)


def require_whole(picture: str) -> None:
    """Nothing is fetched, nothing is run."""
    names = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(picture).iter()}
    assert names <= {"svg", "style", "defs", "clipPath", "rect", "text", "g", "circle", "title"}
    assert picture.count("http") == picture.count("http://www.w3.org/2000/svg")
    assert "@font-face" not in picture
    assert "@import" not in picture
    assert len(picture.encode()) < LARGEST


def test_the_picture_is_whole_and_shows_the_table() -> None:
    picture = (DOCS / "table.svg").read_text(encoding="utf-8")
    require_whole(picture)
    assert all(word in words(picture) for word in ("lstm-word", "markov-char", "better than", "Ranked by bits"))


def test_it_is_drawn_from_a_kept_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from picture import drawn  # type: ignore[import-not-found]

    genbench.compare(["pell"], ["markov-char:order=3"], name="small")
    picture = drawn("small")
    require_whole(picture)
    assert "genbench compare pell" in words(picture)
    assert "markov-char" in words(picture)
