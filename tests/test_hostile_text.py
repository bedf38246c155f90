"""Texts nobody wrote for training: refused in one sentence, or trained on, scored, drawn from and reported whole."""

import csv
import io
import random
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hostile import ESCAPES, TEXTS, TURNED, driving
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_cli import run

import genbench
from genbench import CorpusError, Sampling, Tokenizer, registry
from genbench.corpus.cleaning import clean, decode, markers, strip_licence
from genbench.corpus.split import split
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Job, run_job
from genbench.report.export import files
from genbench.report.formatting import printable
from genbench.report.terminal import comparison as terminal
from genbench.report.terminal import stream
from genbench.report.terminal.listings import facts, listing

LINE = 5_000_000  # characters
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
PARTS = [*ESCAPES, *TURNED, "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n", "*** END OF THE PROJECT GUTENBERG"]
PARTS += [
    "*END THE SMALL PRINT\n",
    "End of Project Gutenberg",
    "[A by B]\n",
    "[a by ",
    "\r\n",
    "\r",
    "\n\n",
    "  ",
    "word",
]
MIXED = st.lists(st.sampled_from(PARTS) | ANY, max_size=30).map("".join)


# cleaning


@given(text=MIXED, form=st.sampled_from([None, "prose", "verse"]))
@settings(deadline=None, max_examples=200)
def test_no_character_is_dropped_silently(text: str, form: str | None) -> None:
    book = strip_licence(text.replace("\r\n", "\n").replace("\r", "\n"))
    solid = "".join(book.split())
    assert "".join(clean(text, form, "keep").split()) == solid
    cleaned = "".join(clean(text, form, "join").split())
    assert solid.endswith(cleaned)  # a title line first is all that goes, and is one line in brackets
    gone = solid[: len(solid) - len(cleaned)]
    assert gone == "" or (gone.startswith("[") and gone.endswith("]") and "by" in gone)


@given(text=MIXED)
@settings(deadline=None, max_examples=200)
def test_at_most_a_fifth_goes_unless_both_markers_stand(text: str) -> None:
    text = text.replace("\r", "")
    found = markers(text)
    inner = text[slice(*found)] if found else text
    assert strip_licence(text) in inner
    assert len(strip_licence(text)) >= len(inner) - len(inner) // 5


def test_a_header_with_no_end_takes_no_book_with_it() -> None:
    body = "A line of the book.\n" * 500
    for head in ("*** START OF THE PROJECT GUTENBERG EBOOK ", "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n" * 400):
        assert clean(head + body, "verse").endswith(body)
    assert clean(body + "*** END OF THE PROJECT GUTENBERG\n" + body * 2, "verse").count("book") == 1500


@given(data=st.binary(max_size=400) | MIXED.map(str.encode) | MIXED.map(lambda text: text.encode("utf-16")))
@settings(deadline=None, max_examples=300)
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
def test_bytes_are_a_text_that_gives_them_back_or_one_sentence(data: bytes) -> None:
    said = _decoded(data)
    if isinstance(said, str):
        assert said.encode() in (data, data.removeprefix(b"\xef\xbb\xbf"))
    else:
        assert str(said).startswith("x.txt is ")
        assert "\n" not in str(said)


def _decoded(data: bytes) -> str | CorpusError:
    try:
        return decode(data, name="x.txt")
    except CorpusError as error:
        return error


@pytest.mark.parametrize(("data", "said"), [
    (bytes(range(256)) * 20, "binary"),
    (b"words " * 300 + b"\0", "binary"),
    (("words and more " * 300).encode("utf-16"), "UTF-16; convert it with `iconv"),
    (("words and more " * 300).encode("utf-16-be"), "UTF-16BE"),
    (("words and more " * 300).encode("utf-16-le"), "UTF-16LE"),
    (("words and more " * 300).encode("utf-32"), "UTF-32"),
    (b"caf\xe9 " * 300, "not UTF-8 at byte 3; if it is Latin-1"),
    (b"\xed\xa0\x80 surrogate " * 300, "not UTF-8 at byte 0"),
    (b"\xc0\xaf overlong " * 300, "not UTF-8 at byte 0"),
])  # fmt: skip
def test_what_is_no_utf8_text_is_refused_by_name(
    data: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd\x1b[31m.txt").write_bytes(data)
    assert run(monkeypatch, "compare", str(tmp_path / "odd\x1b[31m.txt"), "-g", "markov-char") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not driving(error)


def test_an_empty_file_in_a_folder_of_good_ones_is_named(prose_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "good.txt").write_bytes(prose_file.read_bytes())
    for name, data in (("none.txt", b""), ("blank.txt", b" \n\n\t\n"), ("mark.txt", b"\xef\xbb\xbf")):
        (folder / name).write_bytes(data)
        with pytest.raises(CorpusError, match=rf"{name} (is empty|holds no text).*[nm]ame|{name} holds no text"):
            genbench.corpus(folder)
        (folder / name).unlink()
    assert genbench.corpus(folder).books == ("good",)


@pytest.mark.parametrize(
    "nasty", ["[" + " by " * 50_000, "[a by " + "b" * 200_000, "\n" + " " * 200_000, "\t \n" * 70_000]
)
def test_cleaning_takes_time_in_proportion(nasty: str) -> None:
    began = time.process_time()
    clean(nasty + "x")
    assert time.process_time() - began < 5  # a title line that never ended took minutes


# training, scoring, drawing


@pytest.mark.slow
@pytest.mark.parametrize("generator", sorted(registry.found()))
def test_every_generator_survives_every_text(generator: str) -> None:
    for name, text in TEXTS.items():
        train, valid, test = split(text(random.Random(3), 1000))
        samplings = [asdict(Sampling(length=20))]
        job = Job(
            "x", train, valid, test, generator, steps=2, prompts=["", "\x1b[31m \u00e9\u4e2d"], samplings=samplings
        )
        row = run_job(job, lambda progress: None)
        assert row["status"] == "ok", (name, row.get("error"))
        assert row["characters"] == len(test)
        assert [len(sample["text"]) for sample in row["samples"]] == [20, 20], name


def test_words_without_a_space_in_training_are_read_by_the_character_too() -> None:
    train = "abc\nab\nc\n" * 100
    for spec in ("markov", "mixture:parts=(markov-char)+(markov-word)"):
        made = registry.make(spec)
        made.fit(train, train[:300], genbench.TrainContext())
        found = genbench.score(made, "ab c  abc d\nab")  # audited: it sums to one, and steps as it reads
        assert 0 < found.bits_per_character < 20


def test_a_class_that_all_words_left_is_none() -> None:
    made = registry.make("markov-class")
    made.fit("one two " * 200, "one two " * 20, genbench.TrainContext())
    genbench.score(made, "one two three")


@pytest.mark.slow
def test_a_book_in_one_line_is_cleaned_cut_and_trained_on() -> None:
    words = random.Random(5).choices([f"word{n}" for n in range(3000)], k=LINE // 8)
    line = " ".join(words)[:LINE]
    assert clean(line) == line.rstrip() + "\n"
    train, valid, test = split(line)
    assert train + valid + test == line
    tokenizer = Tokenizer.words(train)
    assert tokenizer.decode(tokenizer.encode(test)) == test
    made = registry.make("markov-char:order=3")
    made.fit(train, valid, genbench.TrainContext())
    assert genbench.score(made, test).bits_per_character < 3


# what is printed


@given(text=MIXED)
@settings(deadline=None, max_examples=200)
def test_what_is_made_printable_drives_nothing_and_is_as_long(text: str) -> None:
    assert not driving(printable(text))
    assert len(printable(text)) == len(text)
    same = all(
        one == other for one, other in zip(text, printable(text), strict=True) if one.isprintable() or one == "\n"
    )
    assert same


def _compared(tmp_path: Path) -> tuple[Comparison, str]:
    evil = "".join([*ESCAPES, *TURNED]).replace("\0", "").replace("\n", " ")
    path = tmp_path / f"{evil[:40]}.txt".replace("/", "_")
    prose = "The ferry went over at {n}, when the tide let it, \x1b[2J and \u202eagain\u202c at \x9b2J{n}, or so.\n\n"
    path.write_text("".join(prose.format(n=n) for n in range(80)), encoding="utf-8")
    how = {"samplings": [Sampling(length=60)], "prompts": [evil], "steps": 1, "jobs": 1}
    return genbench.compare([str(path)], ["markov-char", "markov-word"], **how, title=evil, see=evil), evil


def test_reports_of_a_hostile_author_drive_no_terminal(tmp_path: Path) -> None:
    found, evil = _compared(tmp_path)
    assert [row["status"] for row in found.results] == ["ok", "ok"]
    out = io.StringIO()
    terminal.show(found, Console(file=out, width=80, force_terminal=True, color_system="standard"))
    console = Console(file=out, width=80, force_terminal=True, color_system="standard")
    listing(["a"], [[evil]], console)
    facts([("a", evil)], console)
    assert not driving(out.getvalue())
    assert not driving(files.as_markdown(found))
    assert len(list(csv.reader(io.StringIO(files.as_csv(found))))) == 3


def test_a_text_streamed_to_a_terminal_is_made_safe() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, no_color=True)
    stream.speak("".join(ESCAPES), ["".join(TURNED), "\x1b", "[2J"], console)
    assert not driving(out.getvalue())


def test_json_on_a_terminal_is_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("A \u202eturned\u202c \x9b2J line of words.\n" * 100, encoding="utf-8")
    assert run(monkeypatch, "novelty", str(path), "-g", "markov-char", "--length", "200", "--json") == 0
    assert capsys.readouterr().out.isascii()
