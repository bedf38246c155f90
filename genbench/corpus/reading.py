"""Reading: how the bytes of a file become a cleaned text, and notes on what was changed or looks wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from genbench.corpus.cleaning import Cleaned, clean_book, require_lines
from genbench.corpus.compressed import text_suffix
from genbench.corpus.encoding import decode, encoding_remarks, named_encoding_remarks, require_encoding
from genbench.corpus.long_text import CleanedText, clean_long_text, decode_file
from genbench.corpus.records import has_column, list_columns, read_column
from genbench.corpus.transcription import Removed
from genbench.errors import CorpusError
from genbench.tokenization.text import Text

HEAD = 1 << 20  # characters of a long file that are looked at to tell records
MAX_NAMES = 3  # of files or columns in a note


@dataclass(frozen=True)
class Reading:
    """How texts are read: the options `lines`, `encoding` and `column`. Raises CorpusError for invalid values."""

    lines: str = "join"  # or "keep": the hard line wraps of prose
    encoding: str | None = None  # of files that are not UTF-8
    column: str | None = None  # of CSV, TSV and JSON Lines files

    def __post_init__(self) -> None:
        require_lines(self.lines)
        require_encoding(self.encoding)


@dataclass
class ReadingNotes:
    """What reading the files of one author changed or noticed; files with the same remark share a sentence."""

    joined: int = 0  # line breaks
    licence: int = 0  # lines that were removed
    removed: Removed = field(default_factory=Removed)  # what transcribers had added
    remarks: dict[str, list[str]] = field(default_factory=dict)  # the files by what is remarked on them
    text: str = ""  # the file or folder that is the whole text: notes shown with the text need not name it

    def add(self, name: str, remark: str) -> None:
        """Add a remark on a file, without its name."""
        self.remarks.setdefault(remark, []).append(name)

    def add_all(self, name: str, remarks: Iterable[str]) -> None:
        """Add some remarks on a file."""
        for remark in remarks:
            self.add(name, remark)

    def warnings(self) -> list[str]:
        """Return what looks wrong, one sentence each."""
        return [_sentence(names, remark) for remark, names in self.remarks.items()]

    def send(self, on_message: Callable[[str], None] | None) -> None:
        """Call `on_message`, if there is one, with what looks wrong."""
        if on_message is not None:
            for warning in self.warnings():
                on_message(warning)

    def sentences(self) -> list[str]:
        """Return all notes on the text, with the numbers of joined line breaks and of removed lines first."""
        joined = f"{self.joined:,} line breaks are joined, as hard wraps of prose; --lines keep keeps them"
        licence = f"lines of Project Gutenberg's licence that are left out: {self.licence:,}"
        own = [remark if names == [self.text] else _sentence(names, remark) for remark, names in self.remarks.items()]
        additions = self.removed.sentence()
        return [joined] * bool(self.joined) + [licence] * bool(self.licence) + [additions] * bool(additions) + own


def _sentence(names: list[str], remark: str) -> str:
    return f"{list_names(names)}: {remark}"


def list_names(names: list[str]) -> str:
    """Return the first names of a list, and how many others there are.

    >>> list_names(["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"])
    'a.txt, b.txt, c.txt and 2 others'
    """
    others = len(names) - MAX_NAMES
    if others <= 0:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMES])} and {others:,} other{'s' * (others > 1)}"


def read_user_text(data: bytes, name: str, reading: Reading, notes: ReadingNotes) -> str:
    """Return the cleaned text of a file of the user, and add to the notes.

    Raises CorpusError where it is not text in a known encoding, has no such column, or contains no text.
    """
    text = decode(data, reading.encoding, name)
    named = named_encoding_remarks(data, reading.encoding) if reading.encoding else []
    notes.add_all(name, encoding_remarks(text) + named)

    # one text in each record; without a column, each line is a record
    form = None
    if reading.column is not None and has_column(text, name, reading.column):
        text, without = read_column(text, name, reading.column)
        if without:
            notes.add(name, f"{without:,} records have no text in {reading.column} and are left out")
    else:
        form = _form_of_records(text, name, reading, notes)

    return clean_text(text, name, reading, notes, form)


def read_long_file(file: Path, reading: Reading, notes: ReadingNotes) -> Text | None:
    """Return the cleaned text of a long file of the user, read part by part, and add to the notes.

    None for a file that is not UTF-8, and for records, which are read whole. Raises CorpusError for one without text.
    """
    name = str(file)
    text = decode_file(file, reading.encoding)
    if text is None or (reading.column is not None and has_column(text[:HEAD], name, reading.column)):
        return None
    notes.add_all(name, encoding_remarks(text))
    form = _form_of_records(text[:HEAD], name, reading, notes)
    cleaned = clean_long_text(text, form, reading.lines)
    _note_changes(cleaned, name, notes)
    return cleaned.text


def _form_of_records(text: str, name: str, reading: Reading, notes: ReadingNotes) -> str | None:
    """Return the form of a text that is not read as records: "verse" where it looks like some, else None."""
    if columns := list_columns(text, name):
        notes.add(name, f"looks like records; read one text in each with --column, one of {list_names(columns)}")
        return "verse"
    if text_suffix(name) == ".json":
        notes.add(name, "JSON is read as one text; jq -c '.[]' makes JSON Lines of an array, which --column reads")
        return "verse"
    if reading.column is not None:
        notes.add(name, "not a CSV, TSV or JSON Lines file, so it is read as one text")
    return None


def clean_text(text: str, name: str, reading: Reading, notes: ReadingNotes, form: str | None = None) -> str:
    """Return the cleaned text of a book, and add to the notes. Raises CorpusError where nothing is left."""
    cleaned = clean_book(text, form, reading.lines)
    _note_changes(cleaned, name, notes)
    return cleaned.text


def _note_changes(cleaned: Cleaned | CleanedText, name: str, notes: ReadingNotes) -> None:
    """Add what cleaning changed to the notes. Raises CorpusError where nothing is left."""
    if len(cleaned.text) < 3:
        raise CorpusError(f"{name} contains no text; name another file or book")
    notes.joined += cleaned.joined
    notes.licence += cleaned.licence
    notes.removed = notes.removed.plus(cleaned.removed)
    if cleaned.end_mark_only:
        notes.add(name, "what follows the end mark of Project Gutenberg is left out")
