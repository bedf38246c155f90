"""Files that the user names: read only where reading ends, so neither devices nor pipes."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from genbench.errors import UserError
from genbench.storage.examples import PREFIX, example_path
from genbench.storage.memory import total_memory
from genbench.storage.records import JsonObject

_SPECIAL = {
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
}
_CHUNK = 1 << 20  # bytes
_INPUTS_READ: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # streams that were read to their end
_ESCAPED = re.compile(r"\\u(dc[89a-f][0-9a-f])")  # a byte that is not UTF-8, as `replace_surrogates` writes it


def named_path(name: str) -> Path:
    r"""Return the path of a name, with the home folder for "~"; of an example, the installed file.

    A name in results may have escapes for bytes that are not UTF-8: "\udcffx.txt" is the file of that name or, where
    there is none, that of the name with these bytes.
    """
    if name.startswith(PREFIX):
        return example_path(name)
    path = _expand_home(name)
    if _ESCAPED.search(name) and not os.path.lexists(path):
        return _expand_home(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), name))
    return path


def _expand_home(name: str) -> Path:
    """Return a path with the home folder for "~"; as it is where there is no such user."""
    return Path(os.path.expanduser(name))


def is_existing_path(name: str) -> bool:
    """Return whether a name is that of a file or a folder; an empty name is none.

    >>> is_existing_path("."), is_existing_path(""), is_existing_path("a" * 5000)
    (True, False, False)
    """
    return name != "" and os.path.exists(named_path(name))


def special_file(path: Path) -> str:
    """Return what a path is if it is neither a file nor a folder, such as "a device"; "" for files, folders, nothing.

    >>> special_file(Path("/dev/null")), special_file(Path("."))
    ('a device', '')
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    return next((name for is_kind, name in _SPECIAL.items() if is_kind(mode)), "")


def read_bytes(path: Path, remedy: str = "name a file") -> bytes:
    """Return the contents of a file. Raises UserError, ending with the remedy, where it cannot be read."""
    if kind := special_file(path):
        raise UserError(f"{str(path)!r} is {kind}, not a file; {remedy}")
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # a ValueError for a path with a NUL character
        raise UserError(f"cannot read {str(path)!r}: {getattr(error, 'strerror', error)}; {remedy}") from error


def read_toml(path: Path, example: str) -> JsonObject:
    """Return the content of a TOML file, which may begin with a byte order mark.

    Raises UserError, with the name of an example, where it cannot be read or is not valid TOML.
    """
    data = read_bytes(path, f"name a file such as {example}")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or nested too deep
        raise UserError(f"{str(path)!r} is not valid TOML: {error}; see {example}") from error


def read_standard_input() -> bytes:
    """Return standard input up to its end.

    Raises UserError if it is closed or was read before, and where it has no end: for a device, and once it exceeds this
    machine's memory.
    """
    if sys.stdin is None:
        raise UserError("standard input is closed; pipe a text into the command, or name a file")
    if _INPUTS_READ.get(sys.stdin):
        raise UserError("standard input (-) can be read once, and this command takes two inputs from it; name a file")
    _INPUTS_READ[sys.stdin] = True
    with contextlib.suppress(OSError, ValueError):  # standard input may be an object without a file
        if not sys.stdin.isatty() and stat.S_ISCHR(os.fstat(sys.stdin.fileno()).st_mode):
            raise UserError("standard input is a device, not a file or a pipe; name a text file")

    limit, chunks, size = total_memory(), [], 0
    while chunk := sys.stdin.buffer.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if limit is not None and size > limit:
            raise UserError(f"standard input has more than {size / 1e6:,.0f} MB of text; name a smaller part of it")
    return b"".join(chunks)
