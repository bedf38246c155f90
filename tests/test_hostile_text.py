"""Texts that were not written for training: refused in one sentence, or trained on, scored and reported whole."""

import csv
import io
import random
import time
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

import pytest
from cores import one_per_core
from doubles import run_job
from hostile import ESCAPES, TEXTS, TURNED, driving
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from test_cli import run

import genbench
from genbench import Sampling, Tokenizer, registry
from genbench.corpus.cleaning import clean, find_markers, strip_licence
from genbench.corpus.encoding import decode
from genbench.corpus.split import split_text
from genbench.errors import CorpusError
from genbench.experiments.compare import compare
from genbench.experiments.job import Job
from genbench.generator import TrainContext
from genbench.model import Model
from genbench.report.export import files
from genbench.report.formatting import printable
from genbench.report.terminal.comparison import show_comparison
from genbench.report.terminal.stream import print_stream
from genbench.report.terminal.tables import print_list, print_pairs
from genbench.spec import Spec, options_of
from genbench.tokenization import Text
from genbench.tokenization.graphemes import joins, split_last

LINE = 5_000_000  # characters
NAMES = one_per_core(registry.registered())
NETWORKS = {name for name in NAMES if "hidden" in options_of(registry.load_registered(name))}
READ_ALIKE = {name for name in NETWORKS if name.endswith("-char")} - {"lstm-char"}  # a core sees numbers, not the text
SMALL = {name: f"{name}:hidden=16" for name in NETWORKS}
SMALL["mixture"] = "mixture:parts=(markov-word:order=2)+(lstm-char:hidden=16)"
GENERATORS = sorted({*NAMES} - READ_ALIKE)
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


@pytest.mark.slow
@given(text=MIXED, form=st.sampled_from([None, "prose", "verse"]))
@settings(deadline=None, max_examples=200)
def test_no_character_is_dropped_silently(text: str, form: str | None) -> None:
    book = strip_licence(text.replace("\r\n", "\n").replace("\r", "\n"))
    solid = "".join(book.split())
    assert "".join(clean(text, form, "keep").split()) == solid
    cleaned = "".join(clean(text, form, "join").split())
    assert solid.endswith(cleaned)  # only a title line in brackets is removed
    removed = solid[: len(solid) - len(cleaned)]
    assert removed == "" or (removed.startswith("[") and removed.endswith("]") and "by" in removed)


@given(text=MIXED)
@settings(deadline=None, max_examples=200)
def test_at_most_a_fifth_is_removed_unless_both_markers_are_there(text: str) -> None:
    text = text.replace("\r", "")
    markers = find_markers(text)
    inner = text[slice(*markers)] if markers else text
    assert strip_licence(text) in inner
    assert len(strip_licence(text)) >= len(inner) - len(inner) // 5


def test_a_header_without_an_end_removes_no_book() -> None:
    body = "A line of the book.\n" * 500
    for head in ("*** START OF THE PROJECT GUTENBERG EBOOK ", "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n" * 400):
        assert clean(head + body, "verse").endswith(body)
    assert clean(body + "*** END OF THE PROJECT GUTENBERG\n" + body * 2, "verse").count("book") == 1500


@pytest.mark.slow
@given(data=st.binary(max_size=400) | MIXED.map(str.encode) | MIXED.map(lambda text: text.encode("utf-16")))
@settings(deadline=None, max_examples=300)
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
def test_bytes_are_decoded_without_loss_or_refused_in_one_sentence(data: bytes) -> None:
    text = decoded(data)
    if isinstance(text, CorpusError):
        assert str(text).startswith("x.txt is ")
        assert "\n" not in str(text)
    else:
        # the bytes of UTF-8, UTF-16 or UTF-32 again, without a byte order mark
        encodings = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
        wide = {mark + text.encode(f"utf-16-{end}") for mark, end in ((BOM_UTF16_LE, "le"), (BOM_UTF16_BE, "be"))}
        assert data in {text.encode(encoding) for encoding in encodings} | wide


def decoded(data: bytes) -> str | CorpusError:
    """Return the text of a file, or the error message if it is not text."""
    try:
        return decode(data, name="x.txt")
    except CorpusError as error:
        return error


@pytest.mark.usefixtures("no_progress")
@pytest.mark.parametrize(("data", "reason"), [
    (bytes(range(256)) * 20, "binary"),
    (b"words " * 300 + b"\0", "binary"),
    (("words and more " * 300).encode("utf-16-be"), "add --encoding utf-16-be"),
    (("words and more " * 300).encode("utf-16-le"), "add --encoding utf-16-le"),
    (("words and more " * 300).encode("utf-32-le"), "binary"),
    (b"caf\xe9 " * 300, "not UTF-8 at byte 3; its encoding cannot be detected"),
    (b"\xed\xa0\x80 surrogate " * 300, "not UTF-8 at byte 0"),
    (b"\xc0\xaf overlong " * 300, "not UTF-8 at byte 0"),
])  # fmt: skip
def test_files_that_are_not_utf8_text_are_refused_by_name(
    data: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd\x1b[31m.txt").write_bytes(data)
    assert run(monkeypatch, "compare", str(tmp_path / "odd\x1b[31m.txt"), "-g", "markov-char") == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not driving(error)


def test_an_empty_file_in_a_folder_of_good_ones_is_named(prose_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "good.txt").write_bytes(prose_file.read_bytes())
    for name, data in (("none.txt", b""), ("blank.txt", b" \n\n\t\n"), ("mark.txt", b"\xef\xbb\xbf")):
        (folder / name).write_bytes(data)
        with pytest.raises(CorpusError, match=rf"{name} (is empty|contains no text); name (a file|another)"):
            genbench.corpus(folder)
        (folder / name).unlink()
    assert genbench.corpus(folder).books == ("good",)


@pytest.mark.parametrize(
    "nasty", ["[" + " by " * 50_000, "[a by " + "b" * 200_000, "\n" + " " * 200_000, "\t \n" * 70_000]
)
def test_the_time_of_cleaning_is_linear(nasty: str) -> None:
    start = time.process_time()
    clean(nasty + "x")
    assert time.process_time() - start < 5  # a title line that never ended took minutes


# training, scoring, generation


@pytest.mark.slow
@pytest.mark.parametrize("generator", GENERATORS)
def test_every_generator_survives_every_text(generator: str) -> None:
    for name, text in TEXTS.items():
        train, valid, test = split_text(text(random.Random(3), 1000))
        prompts = ["", "\x1b[31m \u00e9\u4e2d"]
        spec = Spec.parse(SMALL.get(generator, generator))
        job = Job("x", train, valid, test, spec, steps=2, prompts=prompts, samplings=[Sampling(20)])
        row = run_job(job, lambda progress: None)
        assert row.ok, (name, row.error)
        assert row.characters == len(test)
        for sample in row.samples:  # 20 characters, and those that complete the last letter
            assert len(split_last(sample.text)[0]) < 20 <= len(sample.text), name
            assert len(sample.text) == 20 or joins(sample.text[:20], sample.text[20]), name


def trained(spec: str, train: str, valid: str) -> Model:
    """Return a model trained on a text."""
    generator = registry.create(spec)
    generator.fit(Text(train), Text(valid), TrainContext())
    return Model(generator)


@pytest.mark.slow
def test_training_text_without_spaces_leaves_text_with_spaces_possible() -> None:
    train = "abc\nab\nc\n" * 100
    for spec in ("markov", "mixture:parts=(markov-char)+(markov-word)"):
        score = trained(spec, train, train[:300]).score("ab c  abc d\nab")  # audited: the distribution sums to one
        assert 0 < score.bits_per_character < 20


def test_a_class_without_words_is_not_used() -> None:
    model = trained("markov-class", "one two " * 200, "one two " * 20)
    likely, unlikely = model.score("one two one two"), model.score("two two three one")  # both are audited
    assert 0 < likely.bits < unlikely.bits < 200


@pytest.mark.slow
def test_a_book_in_one_line_is_cleaned_split_and_trained_on() -> None:
    words = random.Random(5).choices([f"word{n}" for n in range(3000)], k=LINE // 8)
    line = " ".join(words)[:LINE]
    assert clean(line) == line.rstrip() + "\n"
    train, valid, test = split_text(line)
    assert train + valid + test == line
    tokenizer = Tokenizer.words(train)
    assert tokenizer.decode(tokenizer.encode(test)) == test
    assert trained("markov-char:order=3", train, valid).score(test).bits_per_character < 3


# what is printed


@given(text=MIXED)
@settings(deadline=None, max_examples=200)
def test_printable_text_cannot_control_a_terminal_and_keeps_its_length(text: str) -> None:
    safe = printable(text)
    assert not driving(safe)
    assert len(safe) == len(text)
    assert all(a == b for a, b in zip(text, safe, strict=True) if a.isprintable() or a == "\n")


@pytest.mark.slow
def test_reports_of_a_hostile_author_cannot_control_a_terminal(tmp_path: Path) -> None:
    evil = "".join([*ESCAPES, *TURNED]).replace("\0", "").replace("\n", " ")
    path = tmp_path / f"{evil[:40]}.txt".replace("/", "_")
    prose = "The ferry went over at {n}, when the tide let it, \x1b[2J and \u202eagain\u202c at \x9b2J{n}, or so.\n\n"
    path.write_text("".join(prose.format(n=n) for n in range(80)), encoding="utf-8")
    comparison = compare(
        [str(path)],
        ["markov-char", "markov-word"],
        samplings=[Sampling(length=60)],
        prompts=[evil],
        steps=1,
        jobs=1,
        title=evil,
        notes=evil,
    )
    assert [row.status for row in comparison.results] == ["ok", "ok"]

    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="standard")
    show_comparison(comparison, console)
    print_list(["a"], [[evil]], console)
    print_pairs([("a", evil)], console)
    assert not driving(out.getvalue())
    assert not driving(files.as_markdown(comparison))
    assert len(list(csv.reader(io.StringIO(files.as_csv(comparison))))) == 3


def test_a_text_streamed_to_a_terminal_is_made_safe() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, no_color=True)
    print_stream("".join(ESCAPES), ["".join(TURNED), "\x1b", "[2J"], console)
    assert not driving(out.getvalue())


def test_json_on_a_terminal_is_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.txt"
    path.write_text("A \u202eturned\u202c \x9b2J line of words.\n" * 100, encoding="utf-8")
    assert run(monkeypatch, "novelty", str(path), "-g", "markov-char", "--length", "200", "--json") == 0
    assert capsys.readouterr().out.isascii()
