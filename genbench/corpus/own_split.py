"""Folders with their own split: train, validation and test files that are used exactly as they are.

The files are called train.txt, valid.txt and test.txt, or as benchmarks call them: ptb.train.txt, wiki.test.tokens.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from genbench.corpus.encoding import decode, encoding_remarks
from genbench.corpus.long_text import LONG, decode_file, require_room
from genbench.corpus.reading import Reading, ReadingNotes, list_names
from genbench.corpus.records import RECORD_SUFFIXES, read_column
from genbench.corpus.sources import read_file, visible_files
from genbench.corpus.split import Split, split_off_validation
from genbench.corpus.text_files import require_memory
from genbench.errors import CorpusError
from genbench.tokenization.text import Text

PARTS = ("train", "valid", "test")
SPLIT_SUFFIXES = (".txt", ".tokens", ".raw")
VALIDATION_NAMES = ("valid", "val", "validation", "dev")
MIN_CHARACTERS = 2  # of a training text without validation file, so that neither part is empty

_PART = re.compile(rf"(?P<prefix>(?:.+\.)?)(?P<part>train|test|{'|'.join(VALIDATION_NAMES)})", re.I)


def find_own_split(folder: Path, reading: Reading) -> dict[str, Path]:
    """Return the files of a folder's own split by "train", "test" and, where there is one, "valid"; {} without a split.

    A folder has its own split where at least two of the three parts are in it, not in folders below it, with the same
    words before the part's name and the same suffix. With a column these are CSV, TSV or JSON Lines files. Raises
    CorpusError where the training or the test file is missing, a part is there twice, or the folder has several splits.
    """
    if not folder.is_dir():
        return {}

    # the files of each split by part
    suffixes = SPLIT_SUFFIXES if reading.column is None else RECORD_SUFFIXES
    splits: dict[str, dict[str, list[Path]]] = {}
    for file in _list_folder(folder):
        match = _PART.fullmatch(file.stem)
        if match and file.suffix.lower() in suffixes and os.path.isfile(file):
            part, name = match["part"].lower(), f"{match['prefix']}*{file.suffix}".lower()
            part = "valid" if part in VALIDATION_NAMES else part
            splits.setdefault(name, {}).setdefault(part, []).append(file)
    splits = {name: parts for name, parts in splits.items() if len(parts) > 1}

    # exactly one file for each part of one split
    if len(splits) > 1:
        raise CorpusError(
            f"{folder} has several splits ({', '.join(splits)}); put the files of one in a folder of its own"
        )
    parts = next(iter(splits.values()), {})
    for files in parts.values():
        if len(files) > 1:
            raise CorpusError(f"{folder} has {_names(files)} for the same part; keep one of them")
    missing = [part for part in ("train", "test") if parts and part not in parts]
    if missing:
        found = [file for files in parts.values() for file in files]
        raise CorpusError(
            f"{folder} has {_names(found)} but no {missing[0]} file; add it, or rename the files to read them as books"
        )
    return {part: parts[part][0] for part in PARTS if part in parts}


def _list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; [] where it cannot be read, which `find_files` reports."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def read_own_split(folder: Path, files: dict[str, Path], reading: Reading, notes: ReadingNotes) -> Split:
    """Return the decoded texts of a split without any cleaning, and add to the notes.

    Without a validation file, the end of the training text validates. Raises CorpusError for a file that is empty, or
    is not text in a known encoding.
    """
    texts = {part: _read_part(file, reading, notes) for part, file in files.items()}

    # validation text
    train, valid, cut = texts["train"], texts.get("valid", Text("")), ""
    if not len(valid):
        if len(train) < MIN_CHARACTERS:
            raise CorpusError(f"{files['train']} has {len(train)} character; name a longer text")
        train, valid = split_off_validation(train)
        cut = f"; the last {len(valid):,} characters of {files['train'].name} are the validation text"

    # what was done and what was not read
    notes.add(str(folder), f"used as it is split ({_names(list(files.values()))}), without any cleaning{cut}")
    others = [str(file.relative_to(folder)) for file in visible_files(folder) if file not in set(files.values())]
    if others:
        notes.add(str(folder), f"{list_names(others)} left out (only the files of the split are read)")
    return Split(train, valid, texts["test"], ((0, "train"),), ((0, "test"),))


def _read_part(file: Path, reading: Reading, notes: ReadingNotes) -> Text:
    if file.stat().st_size > LONG and reading.column is None:
        require_room(str(file), file.stat().st_size)
        if long_text := decode_file(file, reading.encoding):
            notes.add_all(str(file), encoding_remarks(long_text))
            return long_text
    require_memory(file, file)
    text = decode(read_file(file), reading.encoding, str(file))
    notes.add_all(str(file), encoding_remarks(text))
    if reading.column is None:
        return Text(text)

    # one text in each record
    text, without = read_column(text, str(file), reading.column)
    if without:
        notes.add(str(file), f"{without:,} records have no text in {reading.column} and are left out")
    if not text:
        raise CorpusError(f"{file} has no text in {reading.column}; name another column")
    return Text(text)


def _names(files: Sequence[Path]) -> str:
    """Return the names of files as a list in words.

    >>> _names([Path("a/train.txt"), Path("a/valid.txt"), Path("a/test.txt")])
    'train.txt, valid.txt and test.txt'
    """
    *others, last = [file.name for file in files]
    return f"{', '.join(others)} and {last}" if others else last
