"""Standard input as a text, compressed files, and what is left out of a folder."""

import gzip
import io
import sys
from pathlib import Path

import pytest
from test_cli import run

import genbench
from genbench.corpus import compressed
from genbench.corpus.loading import load_corpus
from genbench.corpus.reading import Reading
from genbench.corpus.text_files import read_text_file
from genbench.errors import CorpusError, UserError

LINES = "".join(f"The lamp number {n} was lit, and nobody saw it.\n" for n in range(60))


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


@pytest.mark.parametrize("data", [LINES.encode(), gzip.compress(LINES.encode())])
def test_standard_input_is_an_author(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, data)
    corpus = load_corpus("-", lines="keep")
    assert corpus.author == "standard input"
    assert corpus.characters == len(LINES)


def test_two_inputs_from_standard_input_are_one_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["generate", "-", "-g", "markov-char", "--prompt", "-"], ["attribute", "-", "--among", "-", "pell"]):
        pipe(monkeypatch, LINES.encode())
        assert run(monkeypatch, *words) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith("genbench: standard input (-) can be read once, and this command takes two inputs")

    # another command reads another input
    pipe(monkeypatch, LINES.encode())
    assert load_corpus("-").characters
    with pytest.raises(UserError, match="read once"):
        load_corpus("-")


def test_compressed_files_are_read_as_their_content(tmp_path: Path) -> None:
    file = tmp_path / "my.lamps.txt.gz"
    file.write_bytes(gzip.compress(LINES.encode()))
    corpus = genbench.corpus(file, lines="keep")
    assert (corpus.author, corpus.books, corpus.characters) == ("my.lamps", ("my.lamps",), len(LINES))
    assert str(read_text_file(file, Reading("keep"), print)) == LINES

    # records, by the suffix before .gz
    records = tmp_path / "records.csv.gz"
    records.write_bytes(gzip.compress(("id,text\n" + "".join(f"{n},lamp {n} was lit\n" for n in range(90))).encode()))
    assert load_corpus(records, column="text").train[:14] == "lamp 0 was lit"


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:40] + b"x" * 40 + data[80:]])
def test_a_damaged_file_is_one_sentence(damage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "lamps.txt.gz"
    file.write_bytes(damage(gzip.compress(LINES.encode())))
    with pytest.raises(CorpusError, match=r"lamps\.txt\.gz is damaged: .*compress it again"):
        load_corpus(file)


def test_content_that_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "zeros.txt.gz"
    file.write_bytes(gzip.compress(b"0" * 1_000_000))
    monkeypatch.setattr(compressed, "total_memory", lambda: 1_000_000)
    with pytest.raises(CorpusError, match="more than 0 MB of text"):
        load_corpus(file)


def test_whatever_is_left_out_of_a_folder_is_named(tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "deep/er/c.text", "d.txt.gz", "e.pdf", "deep/f.doc", ".g.txt", "deep/.h/i.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        data = (name + LINES).encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    corpus = load_corpus(tmp_path, lines="keep")
    assert corpus.books == ("a", "b", "d", "deep/er/c")
    notes = " ".join(corpus.notes)
    assert "e.pdf, deep/f.doc left out (only .txt, .md and .text are read)" in notes
    assert "hidden, so left out: .g.txt, deep/.h" in notes
