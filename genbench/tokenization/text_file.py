"""TextFile: a text in a file, of which only what is asked for is read; TextWriter writes such a file part by part.

The file is UTF-8. The places of every 65,536th character are kept in memory, so that any character is found by reading
at most as many others. Files are read, not mapped into memory, so that a process does not grow by what it has read.
"""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import regex

BLOCK = 1 << 16  # characters between two places that are kept
WINDOW = 1 << 20  # characters that are searched at a time
OVERLAP = 1 << 10  # characters of a match that begins at the end of a window

Offsets = npt.NDArray[np.int64]
Pattern: TypeAlias = "re.Pattern[str] | regex.Pattern[str]"
Span = tuple[int, int]


class UnnamedFile:
    """A temporary file without a name, closed when nothing refers to it."""

    def __init__(self, folder: Path | None) -> None:
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed below
        weakref.finalize(self, self.file.close)


class TextFile:
    """The characters of a file from `start` to `stop`."""

    def __init__(self, file: UnnamedFile, offsets: Offsets, characters: int, start: int, stop: int) -> None:
        self._file, self._characters = file, characters
        self._offsets = offsets  # (blocks + 1,) where each block begins, in bytes
        self._start, self._stop = start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def part(self, start: int, stop: int) -> TextFile:
        """Return a part of the text, without reading it."""
        return TextFile(self._file, self._offsets, self._characters, self._start + start, self._start + stop)

    def read(self, start: int, stop: int) -> str:
        """Return the characters from `start` to `stop`."""
        return self._bytes(self._offset(self._start + start), self._offset(self._start + stop)).decode()

    def search(self, pattern: Pattern, start: int, stop: int) -> Span | None:
        """Return where the first match of a pattern begins and ends, as if the text ended at `stop`."""
        size = WINDOW
        while start <= stop:
            # one character before the window, for a pattern that begins at the start of a line
            before = max(start - 1, 0)
            end = min(start + size + OVERLAP, stop)
            match = pattern.search(self.read(before, end), start - before)

            # a match at the end of the window may go on after it
            if match and before + match.end() == end < stop:
                size *= 2
                continue
            if match:
                return before + match.start(), before + match.end()
            if end == stop:
                return None
            start, size = start + size, WINDOW
        return None

    def _offset(self, character: int) -> int:
        """Return the place in bytes at which a character of the file begins."""
        block, inside = divmod(character, BLOCK)
        if not inside:
            return int(self._offsets[block])
        begin, end = self._offsets[block : block + 2].tolist()
        if end - begin == min(BLOCK, self._characters - block * BLOCK):  # ASCII
            return int(begin + inside)

        # bytes that begin a character
        first = np.flatnonzero(np.frombuffer(self._bytes(begin, end), np.int8) >= -64)
        return int(begin + first[inside]) if inside < len(first) else int(end)

    def _bytes(self, start: int, stop: int) -> bytes:
        """Return the bytes of the file from `start` to `stop`."""
        pieces, file = [], self._file.file.fileno()
        while start < stop:
            pieces.append(os.pread(file, stop - start, start))
            if not pieces[-1]:
                raise OSError("the file of a text has been cut off")
            start += len(pieces[-1])
        return b"".join(pieces)


class TextWriter:
    """Writes a text part by part into an unnamed file, which is gone once nothing refers to the text."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = UnnamedFile(folder)
        self._offsets, self._bytes, self._characters = [0], 0, 0

    def __len__(self) -> int:
        return self._characters

    def write(self, text: str) -> None:
        """Add a part. Raises OSError where the disk is full."""
        place = 0
        while place < len(text):
            # up to the end of a block
            part = text[place : place + BLOCK - self._characters % BLOCK]
            self._bytes += self._file.file.write(part.encode())
            self._characters += len(part)
            place += len(part)
            if self._characters % BLOCK == 0:
                self._offsets.append(self._bytes)

    def finish(self) -> TextFile:
        """Return the text; nothing can be added to it."""
        self._file.file.flush()
        offsets = np.array([*self._offsets, self._bytes], np.int64)
        return TextFile(self._file, offsets, self._characters, 0, self._characters)
