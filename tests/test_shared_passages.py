"""Passages that a test text shares with its training text: found exactly, named, and shown with the results."""

import random
from pathlib import Path

import numpy as np
import pytest
from test_cli import run

import genbench
from genbench.analysis import shared_passages as module
from genbench.analysis.shared_passages import PASSAGE, SharedBooks, find_passages, shared_passages, shared_with_training
from genbench.corpus.corpus import Corpus
from genbench.experiments.texts import describe_texts
from genbench.tokenization.text import Text
from genbench.training import SILENT, ProgressListener


class Messages(ProgressListener):
    """Collects messages."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def message(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("part", [5, 17, 1 << 20])
def test_the_places_are_those_that_str_find_finds(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", part)
    rng = random.Random(part)
    for _ in range(100):
        train, test = ("".join(rng.choices("ab\U0001f600", k=rng.randint(0, 50))) for _ in range(2))
        length = rng.randint(1, 9)
        whole = range(max(len(test) - length + 1, 0))
        expected = [train.find(test[start : start + length]) if start in whole else -1 for start in range(len(test))]
        assert find_passages(train, test, length).tolist() == expected


def test_equal_hashes_of_different_passages_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(codes: module.CodePoints, length: int) -> module.Hashes:
        return np.zeros(max(len(codes) - length + 1, 0), np.uint64)

    monkeypatch.setattr(module, "passage_hashes", same)
    assert find_passages("the cat", "a dog", 3).tolist() == [-1] * 5
    assert find_passages("the cat", "the dog", 4).tolist() == [0, -1, -1, -1, -1, -1, -1]  # the others are not "the "


def test_the_share_is_that_of_the_covered_characters_by_pair_of_books() -> None:
    first, second, new = "a" * 39 + "b", "".join(map(chr, range(200, 250))), "x" * 60
    found = shared_passages(
        f"{second}--{first}", f"{first}{new}{second}", ((0, "One"), (52, "Two")), ((0, "Three"), (70, "Four"))
    )
    assert found.share == 0.6  # 40 and 50 of 150 characters
    assert found.books == [SharedBooks("Four", "One", 0.3333), SharedBooks("Three", "Two", 0.2667)]
    assert found.warning() == (
        "60 % of the test text stands in the training text too, in passages of 40 characters and more (Four in One, "
        "Three in Two): its bits are too low for new text; leave one of the books out"
    )


def test_a_single_book_that_repeats_itself_is_told_so() -> None:
    text = "".join(map(chr, range(200, 250)))
    found = shared_passages(text, text, ((0, "One"),), ((0, "One"),))
    assert found.warning() == (
        "100 % of the test text stands in the training text too, in passages of 40 characters and more (One repeats "
        "itself): its bits are too low for new text"
    )


def test_other_line_ends_and_spaces_do_not_hide_a_passage() -> None:
    text = "Nobody hurried the ferryman, who had been over the water nine thousand times."
    assert shared_passages(text, text.replace(" ", "\n", 3).replace(" ", "\u00a0", 2)).share == 1.0


def test_shorter_passages_and_small_shares_give_no_warning() -> None:
    passage = "".join(map(chr, range(300, 300 + PASSAGE)))
    assert shared_passages(passage[:-1], passage).share == 0
    assert shared_passages(passage, "").share == shared_passages("", passage).share == 0
    small = shared_passages(passage, passage + "x" * (PASSAGE * 49))
    assert (small.share, small.warning()) == (0.02, "")
    assert shared_passages(passage, passage + "x" * (PASSAGE * 48)).warning()


def book_and_part(folder: Path, start: float, stop: float) -> Path:
    """Return a new folder with a book and a part of it, from one share of its characters to another."""
    pell = genbench.corpus("pell")
    whole = str(pell.train) + str(pell.valid) + str(pell.test)
    folder = folder / "books"
    folder.mkdir()
    (folder / "affair.txt").write_text(whole, encoding="utf-8")
    (folder / "part.txt").write_text(whole[round(start * len(whole)) : round(stop * len(whole))], encoding="utf-8")
    return folder


def test_a_book_and_its_last_two_thirds_held_out_are_noticed(tmp_path: Path) -> None:
    held_out = genbench.corpus(book_and_part(tmp_path, 1 / 3, 1), held_out=["part"])
    shared = shared_with_training(held_out)
    assert shared.share == pytest.approx(0.85, abs=0.01)  # the last tenth of the whole book is validation text
    assert [(books.test, books.train) for books in shared.books] == [("part", "affair")]

    # the result has the figure and the note, which is reported at once
    messages = Messages()
    text = describe_texts([held_out], 0, messages)["books"]
    assert text.shared_passages == shared
    assert messages.texts == [f"books: {text.notes[-1]}"]
    assert text.notes[-1].startswith("85 % of the test text stands in the training text too, in passages of 40")
    assert "(part in affair)" in text.notes[-1]


def test_duplicates_are_noticed_where_each_book_is_split(tmp_path: Path) -> None:
    shared = shared_with_training(genbench.corpus(book_and_part(tmp_path, 0, 0.5)))
    assert shared.books[0] == SharedBooks("part", "affair", pytest.approx(1 / 3, abs=0.02))  # the test part of the half


@pytest.mark.parametrize("author", ["pell", "thorne", "marrow"])
def test_the_embedded_texts_share_hardly_anything(author: str) -> None:
    text = genbench.corpus(author)
    assert shared_with_training(text).share < 0.01
    assert len(describe_texts([text], 300, SILENT)[author].notes) == len(text.notes)


def test_passages_are_named_by_show_and_by_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "corpora", "show", str(book_and_part(tmp_path, 0, 0.5))) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "of the test text stands in the training text" in shown
    assert "(part in affair" in shown

    # a text that the model was trained on
    page = tmp_path / "page.txt"
    page.write_text(str(genbench.corpus("pell").train[:500]), encoding="utf-8")
    assert run(monkeypatch, "score", "pell", str(page), "-g", "markov-char:order=2") == 0
    output = capsys.readouterr()
    assert "100 % of the text stands in the training text too" in " ".join(output.err.split())
    assert "training text share 99.8 %" in " ".join(output.out.split())  # all but the last newline


def test_an_own_split_names_its_files() -> None:
    text = "".join(map(chr, range(300, 400)))
    corpus = Corpus(
        "own", Text(text), Text("valid"), Text(text), (), "keep", "", 205, "", ((0, "train"),), ((0, "test"),)
    )
    assert "(test in train)" in shared_with_training(corpus).warning()
