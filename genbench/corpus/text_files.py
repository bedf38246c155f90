"""Text files of the user, cleaned as an author's text is and not split: one file, standard input, or many files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from genbench.corpus.compressed import MEMORY_FACTOR, decompress
from genbench.corpus.long_text import LONG, require_room, scratch_folder
from genbench.corpus.reading import Reading, ReadingNotes, read_long_file, read_user_text
from genbench.corpus.sources import read_file
from genbench.errors import CorpusError, UserError
from genbench.storage.memory import total_memory
from genbench.storage.user_files import read_standard_input
from genbench.tokenization.text import Text
from genbench.tokenization.text_file import TextWriter


def read_text_file(file: str | Path, reading: Reading, on_message: Callable[[str], None]) -> Text:
    """Return the cleaned text of a file, or of standard input for "-"; `on_message` receives what looks wrong in it.

    Raises CorpusError if it cannot be read, is empty or is not text, UserError for a folder.
    """
    if Path(file).is_dir():
        raise UserError(f"{str(file)!r} is a folder; name a text file, or - for standard input")

    # read, then clean as a corpus is
    notes, path = ReadingNotes(), Path(file)
    if str(file) == "-":
        text = read_input(reading, notes)
    elif path.is_file() and path.stat().st_size > LONG:
        [text] = read_files(path, [path], reading, notes)
    else:
        text = Text(read_user_text(read_file(path), str(file), reading, notes))
    notes.send(on_message)
    return text


def read_input(reading: Reading, notes: ReadingNotes) -> Text:
    """Return the cleaned text of standard input, and add to the notes.

    Raises UserError where it was read before, CorpusError where it is not text.
    """
    name = "standard input"
    return Text(read_user_text(decompress(read_standard_input(), name), name, reading, notes))


def read_files(path: Path, files: Sequence[Path], reading: Reading, notes: ReadingNotes) -> list[Text]:
    """Return the cleaned texts of the files at a path, and add to the notes; long texts are in a file of their own.

    Raises CorpusError for what is not text, and where memory or disk have too little room.
    """
    size = sum(file.stat().st_size for file in files)
    if size <= LONG:
        return [_read_whole(path, file, reading, notes) for file in files]

    # all files in one; a long one is cleaned part by part
    require_room(str(path), size)
    writer, ends = TextWriter(scratch_folder()), [0]
    for file in files:
        is_long = file.stat().st_size > LONG
        text = read_long_file(file, reading, notes) if is_long else None
        if text is not None and len(files) == 1:
            return [text]
        for block in (text or _read_whole(path, file, reading, notes)).blocks():
            writer.write(block)
        ends.append(len(writer))
    whole = Text(writer.finish())
    return [whole.part(begin, end) for begin, end in pairwise(ends)]


def _read_whole(path: Path, file: Path, reading: Reading, notes: ReadingNotes) -> Text:
    require_memory(path, file)
    return Text(read_user_text(read_file(file), str(file), reading, notes))


def require_memory(path: Path, file: Path) -> None:
    """Refuse a file that does not fit into this machine's memory, before it is read. Raises CorpusError."""
    limit, size = total_memory(), file.stat().st_size
    if limit is not None and size * MEMORY_FACTOR > limit:
        raise CorpusError(
            f"{path} has {size / 1e6:,.0f} MB of text, and this machine {limit / 1e6:,.0f} MB of memory: "
            f"reading a text that is not plain UTF-8 takes {MEMORY_FACTOR} times its size; convert it to UTF-8, or "
            "name a smaller part of it"
        )
