"""Texts too long for memory: read, cleaned and split part by part, with the same result as in memory."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_corpus_cleaning import BOOK, END, JOINED, PROSE, START

import genbench
from genbench.corpus import long_text, own_split, text_files
from genbench.corpus.cleaning import clean_book
from genbench.corpus.corpus import Corpus, digest_of_text
from genbench.corpus.loading import load_corpus
from genbench.corpus.long_text import clean_long_text, write_text
from genbench.corpus.split import join_texts, split_text
from genbench.errors import CorpusError
from genbench.sampling.word_numbers import number_words
from genbench.storage import models
from genbench.tokenization import Text, Tokenizer, text_file
from genbench.tokenization.text_file import TextWriter

any_text = st.text(st.sampled_from("ab \n\té—😀\r"), max_size=80)
VERSE = "Of Man's first disobedience,\nand the fruit\nOf that forbidden tree\n\n" * 9


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let texts of a few characters have several blocks and windows."""
    for name, size in (("BLOCK", 8), ("WINDOW", 16), ("OVERLAP", 400)):
        monkeypatch.setattr(text_file, name, size)


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Read every file as a long one; return the folder that unnamed files are in."""
    home = tmp_path / "home"
    monkeypatch.setenv("GENBENCH_HOME", str(home))
    for module in (text_files, own_split):
        monkeypatch.setattr(module, "LONG", -1)
    monkeypatch.setattr(long_text, "CHUNK", 7)
    return home


def in_file(text: str, part: int = 5) -> Text:
    """Return a text that was written into a file in parts."""
    writer = TextWriter()
    for begin in range(0, len(text), part):
        writer.write(text[begin : begin + part])
    return Text(writer.finish())


@given(text=any_text, start=st.integers(-90, 90), stop=st.integers(-90, 90), step=st.sampled_from([1, 1, 2, -1]))
def test_a_text_in_a_file_has_the_slices_of_its_string(text: str, start: int, stop: int, step: int) -> None:
    stored = in_file(text)
    assert stored[start:stop:step] == text[start:stop:step]
    assert str(stored.part(start, stop)) == text[start:stop]
    assert [stored[place] for place in range(-len(text), len(text))] == [*text, *text]
    assert (stored, len(stored), hash(stored)) == (text, len(text), hash(text))
    with pytest.raises(IndexError):
        stored[len(text)]


@given(text=any_text, part=st.text(st.sampled_from("ab \n"), max_size=3), size=st.integers(1, 30))
def test_a_text_in_a_file_has_the_parts_of_its_string(text: str, part: str, size: int) -> None:
    stored = in_file(text)
    assert list(stored.parts(size)) == list(Text(text).parts(size))
    assert "".join(stored.blocks(size)) == text
    assert (part in stored) == (part in text)
    assert digest_of_text(stored) == digest_of_text(text)
    assert Tokenizer.characters(stored).dump() == Tokenizer.characters(text).dump()


@given(text=any_text, start=st.integers(0, 80), stop=st.integers(0, 90))
@pytest.mark.parametrize("pattern", [r"\n(?=\S)", r"^a[^\n]*\n?", r"b[ \t]*$", r"a+", r"[^ \t\n]"])
def test_a_search_in_a_file_finds_what_a_search_in_memory_finds(pattern: str, text: str, start: int, stop: int) -> None:
    wanted = re.compile(pattern, re.M)
    assert in_file(text).search(wanted, start, stop) == Text(text).search(wanted, start, stop)


@given(text=any_text)
def test_words_are_numbered_in_the_order_in_which_they_first_occur(text: str) -> None:
    for stored in (Text(text), in_file(text)):
        hashes, numbers = number_words(stored)
        words = list(dict.fromkeys(text.split()))
        assert [words[number] for number in numbers.tolist()] == text.split()
        assert len(set(hashes.tolist())) == len(hashes) == len(words)


@pytest.mark.parametrize("size", [1, 6, 1000])
def test_words_of_many_parts_have_the_numbers_of_the_words_of_one(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "the cat sat\non the mat, the end of the cat\n" * 20
    expected = [array.tolist() for array in number_words(Text(text))]
    monkeypatch.setattr(Text.parts, "__defaults__", (size,))
    assert [array.tolist() for array in number_words(in_file(text))] == expected


@pytest.mark.parametrize("lines", ["join", "keep"])
@pytest.mark.parametrize(
    "text",
    [
        PROSE * 3,
        JOINED * 3,
        f"header\n{START}\n[Emma by Jane Austen 1816]\n\n{PROSE * 4}\n{END}licence\nmore\n",
        (PROSE * 4).replace("\n", "\r\n"),
        PROSE.replace("\n", "\r") + "the end\r",
        BOOK + END + "licence\n",
        f"*END*THE SMALL PRINT!*\n{BOOK}End of the Project Gutenberg Etext\nof a book\n",
        VERSE,
        "   indented line of a list  \n\t\nand more \t\n" * 30 + "  \n\n",
        "one line alone without an end " * 30,
        " \n\t\n",
    ],
)
def test_a_long_text_is_cleaned_as_a_short_one(text: str, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = clean_book(text, None, lines)
    monkeypatch.setattr(Text.parts, "__defaults__", (20,))
    cleaned = clean_long_text(in_file(text), None, lines)
    assert tuple(cleaned) == tuple(expected)


@given(texts=st.lists(any_text, min_size=1, max_size=4))
def test_texts_in_files_are_joined_and_split_as_those_in_memory(texts: list[str]) -> None:
    joined = join_texts(texts)
    assert join_texts([in_file(text) for text in texts]) == join_texts([Text(text) for text in texts]) == joined
    if len(joined) > 2:
        assert [str(part) for part in split_text(in_file(joined))] == list(split_text(joined))


def write_files(folder: Path) -> list[str]:
    """Write texts of all kinds; return what loads them."""
    (folder / "books").mkdir()
    (folder / "own").mkdir()
    prose = PROSE * 6
    (folder / "prose.txt").write_bytes(b"\xef\xbb\xbf" + prose.replace("\n", "\r\n").encode())
    (folder / "old.txt").write_bytes((prose + "Café ").encode("cp1252") * 2)
    (folder / "table.csv").write_text("name,text\n" + f"a,{BOOK[:60].strip()}\n" * 40)
    for name, text in (("one", prose), ("two", VERSE * 3), ("three", BOOK)):
        (folder / "books" / f"{name}.txt").write_text(text)
    for name in ("train", "valid", "test"):
        (folder / "own" / f"{name}.txt").write_bytes(f"{name}\r\n{prose}".encode())
    names = ("prose.txt", "table.csv", "books", "own")
    return [*(str(folder / name) for name in names), f"2*{folder}/prose.txt+{folder}/books"]


def describe(corpus: Corpus) -> dict[str, object]:
    parts = {name: str(getattr(corpus, name)) for name in ("train", "valid", "test")}
    starts = {"starts": (corpus.book_starts, corpus.test_starts), "joined": corpus.joined}
    return corpus.describe() | parts | starts | {"place": corpus.locate(len(corpus.train) // 2)}


def test_corpora_from_files_are_those_from_memory(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    authors = write_files(tmp_path)
    options = [{"lines": lines} for lines in ("join", "keep")]
    expected = [describe(load_corpus(author, **option)) for author in authors for option in options]
    old = describe(load_corpus(f"{tmp_path}/old.txt", encoding="cp1252"))
    books = describe(load_corpus(f"{tmp_path}/books", held_out=["two"]))

    home = request.getfixturevalue("in_files")
    corpora = [load_corpus(author, **option) for author in authors for option in options]
    assert [describe(corpus) for corpus in corpora] == expected
    assert all(corpus.train.in_file for corpus in corpora)
    assert describe(load_corpus(f"{tmp_path}/old.txt", encoding="cp1252")) == old
    assert describe(load_corpus(f"{tmp_path}/books", held_out=["two"])) == books
    assert list(home.iterdir()) == []  # files without names are gone with the process


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BOOK.encode() + b"\xff", "is not UTF-8 at byte"),
        (BOOK.encode() + "é".encode()[:1], "is not UTF-8 at byte"),
        (BOOK.encode() + b"\0", "is binary, not text"),
        (b" \n" * 2000, "is empty"),
        (START.encode() + END.encode() * 3, "contains no text"),
    ],
)
def test_what_is_wrong_with_a_long_file_is_said_as_for_a_short_one(
    data: bytes, reason: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=reason) as short:
        load_corpus(str(path))
    request.getfixturevalue("in_files")
    with pytest.raises(CorpusError) as long:
        load_corpus(str(path))
    assert str(long.value) == str(short.value)


def test_a_text_that_does_not_fit_on_the_disk_is_refused_before_it_is_read(
    in_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text(BOOK)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(long_text.shutil, "disk_usage", lambda folder: usage(0, 0, 10_000))
    with pytest.raises(CorpusError, match=r"takes 2 times as much room on the disk.*set GENBENCH_HOME to another"):
        load_corpus(str(tmp_path / "text.txt"))


def test_another_folder_is_used_where_home_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").write_text("a file")
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "home"))
    assert write_text(["one ", "two"]) == "one two"


@pytest.mark.parametrize("spec", ["markov-char:order=3", "markov-word:order=2"])
def test_a_chain_of_a_text_in_a_file_is_stored_as_that_of_a_text_in_memory(
    spec: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "text.txt"
    path.write_text(BOOK + PROSE * 4)
    request.getfixturevalue("in_files")
    stored = [genbench.train(load_corpus(str(path)), spec)]
    request.getfixturevalue("monkeypatch").undo()
    stored.append(genbench.train(load_corpus(str(path)), spec, keep=False))
    assert stored[0].fingerprint == stored[1].fingerprint
    assert stored[0].card is not None
    assert stored[0].card.texts == models.digest_of(
        request.getfixturevalue("tmp_path") / "home" / "models" / stored[0].id / "texts.jsonl.gz"
    )


TRAIN_WITHIN = """
import re, sys
import genbench
from genbench_plugins.markov import counting_by_parts
counting_by_parts.PART = 1 << 21
model = genbench.train(sys.argv[1], "markov-char:order=4")
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])  # ru_maxrss includes the parent's
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of a process from /proc")
def test_a_text_is_trained_on_within_less_memory_than_five_times_its_size(tmp_path: Path) -> None:
    rng, words = random.Random(0), sorted(set(BOOK.split() + PROSE.split()))
    with (tmp_path / "long.txt").open("w") as file:
        for _ in range(120):
            file.write(" ".join(rng.choices(words, k=200_000)) + "\n")
    assert (tmp_path / "long.txt").stat().st_size > 90_000_000
    environment = os.environ | {"GENBENCH_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", TRAIN_WITHIN, str(tmp_path / "long.txt")]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    assert int(process.stdout) < 5 * 90_000  # kilobytes
