"""Long texts: files that are decoded, cleaned and joined part by part, from one file on disk to another.

The text is the one that `reading.py` and `cleaning.py` return, with one difference: whether it is prose, and how wide
its lines are, is judged by its first 16 million characters. The files are unnamed, in GENBENCH_HOME.
"""

from __future__ import annotations

import codecs
import io
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from genbench.corpus.cleaning import find_book, find_markers, is_blank, strip_line_ends, strip_title
from genbench.corpus.encoding import looks_binary
from genbench.corpus.line_wraps import find_margin, has_hard_wraps, join_paragraphs
from genbench.corpus.transcription import Removed, strip_transcription
from genbench.errors import CorpusError
from genbench.storage import files
from genbench.tokenization.text import Text
from genbench.tokenization.text_file import TextWriter

LONG = 1 << 26  # bytes of text; less is cleaned in memory, where it takes five times its size
JUDGED = 1 << 24  # characters
CHUNK = 1 << 22  # bytes that are decoded at a time
COPIES = 2  # of a text that are on disk while it is cleaned
TITLE_CHARACTERS = 1_000  # in which a title line is looked for

_INSIDE_WORD = re.compile(r"\S(?=\S)")
_PARAGRAPH_END = re.compile(r"\n\n(?=[^\n])")
_NOT_BLANK = re.compile(r"[^ \t\n]")


class CleanedText(NamedTuple):
    """A cleaned long text, and what was changed, as in `cleaning.Cleaned`."""

    text: Text
    joined: int = 0
    licence: int = 0
    end_mark_only: bool = False
    removed: Removed = Removed()


def scratch_folder() -> Path:
    """Return the folder for unnamed files: GENBENCH_HOME, or that for temporary files where it cannot be written."""
    try:
        folder = files.home()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return Path(tempfile.gettempdir())
    return folder


def require_room(name: str, size: int) -> None:
    """Raise CorpusError where the disk has too little room to clean a text of so many bytes."""
    folder = scratch_folder()
    free = shutil.disk_usage(folder).free
    if free < COPIES * size:
        raise CorpusError(
            f"{name} has {size / 1e6:,.0f} MB of text, and reading it takes {COPIES} times as much room on the disk, "
            f"of which {folder} has {free / 1e6:,.0f} MB; set GENBENCH_HOME to another folder, or name a smaller part"
        )


def write_text(parts: Iterable[str]) -> Text:
    """Return a text that is written part by part into an unnamed file."""
    writer = TextWriter(scratch_folder())
    for part in parts:
        writer.write(part)
    return Text(writer.finish())


def decode_file(file: Path, encoding: str | None) -> Text | None:
    """Return the text of a file in UTF-8; None for any other or blank one: reading it whole says what is wrong.

    None too where an encoding is named and the file has nothing but ASCII, which may be UTF-16 or ISO-2022-JP.
    """
    decoder, writer = codecs.getincrementaldecoder("utf-8-sig")(), TextWriter(scratch_folder())
    is_ascii = True
    with file.open("rb") as data:
        while chunk := data.read(CHUNK):
            if looks_binary(chunk):
                return None
            try:
                writer.write(decoder.decode(chunk))
            except UnicodeDecodeError:
                return None
            is_ascii = is_ascii and chunk.isascii()
    if decoder.getstate()[0] or (is_ascii and encoding is not None):  # it ends inside a character
        return None
    text = Text(writer.finish())
    return None if is_blank(text) else text


def clean_long_text(text: Text, form: str | None = None, lines: str = "join") -> CleanedText:
    """Return a cleaned text, as `cleaning.clean_book` does; its text is empty where nothing is left."""
    whole = _normalize_newlines(text)
    start, stop = find_book(whole)
    licence = sum(_count_lines(part) for part in (whole.part(0, start), whole.part(stop)))
    is_marked = find_markers(whole) is not None
    changes = (licence, bool(licence) and start == 0 and not is_marked)
    book = _trim(whole.part(start, stop))
    if lines == "keep" or not book:
        return CleanedText(book, 0, *changes)

    # what transcribers added
    removed = Removed()
    if is_marked:
        book, removed = _strip_transcription(book)

    # the title line, and white space at line ends
    head = book[:TITLE_CHARACTERS]
    book = book.part(len(head) - len(strip_title(head)))
    book = _trim(write_text(map(strip_line_ends, book.parts(boundary=_INSIDE_WORD))))

    # hard wraps, a paragraph at a time
    sample = book[:JUDGED]
    wrapped = has_hard_wraps(sample) if form is None else form == "prose"
    margin = find_margin(sample) if wrapped else None
    if margin is None:
        return CleanedText(book, 0, *changes, removed)
    joined = write_text(join_paragraphs(part, margin) for part in book.parts(boundary=_PARAGRAPH_END))
    return CleanedText(joined, _count_newlines(book) - _count_newlines(joined), *changes, removed)


def _strip_transcription(book: Text) -> tuple[Text, Removed]:
    """Return a book without what its transcribers added, paragraph by paragraph; the first part has the credits."""
    writer, removed = TextWriter(scratch_folder()), Removed()
    for number, part in enumerate(book.parts(boundary=_PARAGRAPH_END)):
        stripped, more = strip_transcription(part, is_start=number == 0)
        writer.write(stripped)
        removed = removed.plus(more)
    return Text(writer.finish()), removed


def _normalize_newlines(text: Text) -> Text:
    """Return a text with LF in place of CRLF and lone CR."""
    if "\r" not in text:
        return text
    return write_text(_with_newlines(text))


def _with_newlines(text: Text) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(None, translate=True)
    for block in text.blocks():
        yield decoder.decode(block)
    yield decoder.decode("", final=True)


def _trim(text: Text) -> Text:
    """Return a text without blank lines at both ends, ending with one newline; the first line keeps its indent."""
    first = text.search(_NOT_BLANK)
    if first is None:
        return Text("")
    start = text[: first[0]].rfind("\n") + 1

    # the last character that is not white space, in more and more of the end
    size = 1
    while not (end := text[-size:].rstrip(" \t\n")):
        size *= 2
    stop = max(len(text) - size, 0) + len(end)
    if text[stop : stop + 1] == "\n":
        return text.part(start, stop + 1)
    return write_text([*text.part(start, stop).blocks(), "\n"])


def _count_lines(text: Text) -> int:
    """Return the number of lines that are not blank."""
    return sum(bool(line.strip()) for part in text.parts() for line in part.split("\n"))


def _count_newlines(text: Text) -> int:
    return sum(block.count("\n") for block in text.blocks())
