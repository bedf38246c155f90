"""A single text of the user, a file or standard input, cleaned as an author's text is and not split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genbench.corpus.reading import Reading, ReadingNotes, read_user_text
from genbench.corpus.sources import read_file
from genbench.errors import UserError
from genbench.storage.user_files import read_standard_input


def read_text_file(file: str | Path, reading: Reading, on_message: Callable[[str], None]) -> str:
    """Return the cleaned text of a file, or of standard input for "-"; `on_message` receives what looks wrong in it.

    Raises CorpusError if it cannot be read, is empty or is not text, UserError for a folder.
    """
    if Path(file).is_dir():
        raise UserError(f"{str(file)!r} is a folder; name a text file, or - for standard input")

    # read, then clean as a corpus is
    notes = ReadingNotes()
    name, data = ("standard input", read_standard_input()) if str(file) == "-" else (str(file), read_file(Path(file)))
    text = read_user_text(data, name, reading, notes)
    notes.send(on_message)
    return text
