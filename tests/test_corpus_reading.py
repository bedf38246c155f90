"""Reading files and folders: notes on what was changed or left out, columns, names, and what is not a file."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest
from test_cli import run

import genbench
from genbench.analysis.minimal_pairs import read_pairs
from genbench.corpus.loading import load_corpora, load_corpus
from genbench.corpus.reading import Reading, ReadingNotes
from genbench.corpus.sources import find_files
from genbench.errors import CorpusError, UserError
from genbench.experiments.config import read_config
from genbench.storage.user_files import read_bytes
from genbench.training import ProgressListener

PROSE = "The miller hid the old lantern under the bridge, and nobody\nsaw who had carried it there before the snow.\n\n"


class Messages(ProgressListener):
    """Collects messages."""

    def __init__(self):
        self.texts = []

    def message(self, text):
        self.texts.append(text)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


# notes


def test_joined_line_breaks_are_counted_in_the_notes(tmp_path):
    file = write(tmp_path / "book.txt", PROSE * 30)
    corpus = genbench.corpus(file)
    assert corpus.notes == ("30 line breaks are joined, as hard wraps of prose; --lines keep keeps them",)
    assert corpus.describe()["notes"] == list(corpus.notes)
    assert genbench.corpus(file, lines="keep").notes == ()


def test_what_is_left_out_after_an_end_mark_is_said(tmp_path):
    end = "*** END OF THE PROJECT GUTENBERG EBOOK PROSE ***\nClause 1.\nClause 2.\n"
    messages = Messages()
    corpus = genbench.corpus(write(tmp_path / "book.txt", PROSE * 30 + end), lines="keep", listener=messages)
    warning = "what follows the end mark of Project Gutenberg is left out"
    assert corpus.notes == ("lines of Project Gutenberg's licence that are left out: 3", warning)
    assert messages.texts == [f"{tmp_path / 'book.txt'}: {warning}"]


def test_the_command_says_whether_lines_are_joined(tmp_path, monkeypatch, capsys):
    shown = []
    for text in (PROSE * 30, "one name\nanother\n" * 90):
        run(monkeypatch, "corpora", "show", str(write(tmp_path / "book.txt", text)))
        shown.append(capsys.readouterr().out)
    assert "lines\tjoin\n" in shown[0]
    assert "lines\tjoin, but none look like hard wraps of prose: all are kept\n" in shown[1]


def test_files_with_the_same_remark_share_a_message(tmp_path):
    for name in "abcde":
        write(tmp_path / f"{name}.txt", "dÃ©jÃ\xa0 fatiguÃ©, prÃ¨s du chÃ¢teau\n\n" * 30)
    messages = Messages()
    genbench.corpus(tmp_path, listener=messages)
    (text,) = messages.texts
    assert text.startswith(
        f"{tmp_path / 'a.txt'}, {tmp_path / 'b.txt'}, {tmp_path / 'c.txt'} and 2 others: looks like UTF"
    )


def test_sound_text_causes_no_message(tmp_path):
    messages = Messages()
    genbench.corpus(write(tmp_path / "book.txt", PROSE * 30), listener=messages)
    assert messages.texts == []


# encodings and columns


def test_an_encoding_is_used_for_authors_and_for_texts(tmp_path):
    file = write(tmp_path / "müller.txt", PROSE.replace("miller", "Müller") * 30, "cp1252")
    with pytest.raises(CorpusError, match="is not UTF-8 at byte 5"):
        genbench.corpus(file)
    assert "Müller" in genbench.corpus(file, encoding="cp1252").train
    assert "Müller" in genbench.api.read_text(file, encoding="cp1252")


def test_a_column_is_used_for_files_and_folders(tmp_path):
    rows = [f"{number},The miller hid lantern number {number}." for number in range(60)]
    file = write(tmp_path / "rows.csv", "\n".join(["id,text", *rows]))
    write(tmp_path / "notes.txt", PROSE)
    messages = Messages()
    for path in (file, tmp_path):
        corpus = genbench.corpus(path, column="text", listener=messages)
        assert corpus.train[:32] == "The miller hid lantern number 0."
    assert "notes.txt left out (only .csv, .tsv, .jsonl and .ndjson are read)" in messages.texts[0]


def test_records_without_a_column_keep_their_lines_and_are_noticed(tmp_path):
    file = write(tmp_path / "rows.jsonl", '{"text": "The miller hid the lantern under the bridge."}\n' * 40)
    corpus = genbench.corpus(file)
    assert corpus.train[:60].count("\n") == 1
    assert corpus.notes == ("looks like records; read one text in each with --column, one of text",)


def test_a_text_that_is_not_records_is_read_whole(tmp_path):
    messages = Messages()
    text = genbench.api.read_text(write(tmp_path / "essay.txt", PROSE), column="text", listener=messages)
    assert text.startswith("The miller")
    assert messages.texts == [f"{tmp_path / 'essay.txt'}: not a CSV, TSV or JSON Lines file, so it is read as one text"]


# folders


def test_a_folder_is_read_with_all_folders_in_it(tmp_path):
    for name in ("b.txt", "a.md", "a.TXT", "old/letters/one.text"):
        write(tmp_path / name, PROSE * 20)
    for name in ("c.pdf", ".hidden.txt", ".git/index.txt", "old/noise.bin"):
        write(tmp_path / name, "x")
    corpus = genbench.corpus(tmp_path)
    assert corpus.books == ("a.TXT", "a.md", "b", "old/letters/one")
    assert corpus.notes[1] == "c.pdf, old/noise.bin left out (only .txt, .md and .text are read)"


def test_linked_folders_are_left_out(tmp_path):
    write(tmp_path / "books" / "a.txt", PROSE)
    (tmp_path / "books" / "loop").symlink_to(tmp_path)
    notes = ReadingNotes()
    assert find_files(tmp_path / "books", Reading(), notes) == [tmp_path / "books" / "a.txt"]
    assert notes.warnings()[0].endswith(": loop left out (linked folders, or no files that can be opened)")


def test_a_file_that_cannot_be_opened_is_not_said_to_have_another_suffix(tmp_path):
    write(tmp_path / "a.txt", PROSE * 20)
    write(tmp_path / "b.doc", PROSE)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.txt")
    assert genbench.corpus(tmp_path).notes[1:] == (
        "b.doc left out (only .txt, .md and .text are read)",
        "gone.txt, pipe.txt left out (linked folders, or no files that can be opened)",
    )


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CorpusError, match=r"cannot read the folder .*: Permission denied; name another path"):
        load_corpus(tmp_path)


def test_a_json_array_is_noticed(tmp_path):
    file = write(tmp_path / "a.json", json.dumps([{"text": "One day,\nand another."}] * 40, indent=1))
    for column in (None, "text"):
        assert "jq -c '.[]'" in genbench.corpus(file, column=column).notes[0]


def test_bad_paths_are_refused_with_their_name(tmp_path):
    with pytest.raises(CorpusError, match=r"no file or folder .*nothing\.txt"):
        load_corpus(tmp_path / "nothing.txt")
    with pytest.raises(CorpusError, match=r"no file to read in the folder .*: only \.txt, \.md and \.text are"):
        load_corpus(tmp_path)
    write(tmp_path / "blank.txt", " \n\n")
    with pytest.raises(CorpusError, match=r"blank\.txt is empty"):
        load_corpus(tmp_path)


# names


def test_folders_tell_files_of_one_name_apart(tmp_path):
    names = ("x/a/input.txt", "y/a/input.txt", "b/input.txt", "b/other.txt")
    paths = [write(tmp_path / name, PROSE * 20) for name in names]
    assert [corpus.author for corpus in load_corpora(paths)] == ["x/a/input", "y/a/input", "b/input", "other"]
    assert [corpus.author for corpus in load_corpora(paths[2:])] == ["input", "other"]


def test_a_file_named_like_a_catalogue_author_gets_the_name_of_its_folder(tmp_path):
    path = write(tmp_path / "mine" / "pell.txt", PROSE * 20)
    assert [corpus.author for corpus in load_corpora(["pell", path])] == ["pell", "mine/pell"]


# what is not a file


@pytest.fixture(params=["device", "pipe", "socket"])
def special(request, tmp_path, monkeypatch):
    """Return the path of something that is not a file, whose reading would not end."""
    path = tmp_path / "special"
    if request.param == "device":
        return Path("/dev/zero")
    if request.param == "pipe":
        os.mkfifo(path)
        return path
    monkeypatch.chdir(tmp_path)  # a socket's path has at most 107 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("special")
    return path


@pytest.mark.parametrize(
    "read",
    [genbench.corpus, genbench.api.read_text, read_config, read_pairs, read_bytes],
    ids=lambda read: read.__name__,
)
def test_devices_and_pipes_are_refused_at_once(special, read):
    done = []
    thread = threading.Thread(target=lambda: done.append(_refusal(read, special)), daemon=True)
    thread.start()
    thread.join(20)
    assert done, "it waits for the end of what has none"
    assert " is a " in done[0]
    assert "\n" not in done[0]


def _refusal(read, path):
    with pytest.raises(UserError) as caught:
        read(path)
    return str(caught.value)


def test_a_comparison_file_may_have_a_byte_order_mark(tmp_path):
    assert read_config(write(tmp_path / "c.toml", 'authors = ["pell"]', "utf-8-sig")) == {"authors": ["pell"]}
