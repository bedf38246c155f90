"""Files that a user names for a result: regular files appear whole or not at all, devices and pipes are written to."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path

from genbench.errors import UserError
from genbench.storage.files import write_atomic

STANDARD_OUTPUT = {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}

# files that are open already, which may be regular ones: 2> log makes /dev/stderr a name of log
_OPEN_FILE = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/(self|\d+)/fd/\d+")


def is_standard_output(path: Path) -> bool:
    """Return whether a path is - or another name of standard output."""
    return str(path) in STANDARD_OUTPUT


def is_stream(path: Path) -> bool:
    """Return whether a path names standard output, an open file, a device or a pipe, which no file may replace."""
    if is_standard_output(path) or _OPEN_FILE.fullmatch(os.path.abspath(path)):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def require_writable(path: Path) -> None:
    """Refuse a path that cannot be written, by trying it; called before the work whose result goes there.

    Raises UserError.
    """
    try:
        # a pipe is not opened: that would wait for its reader
        if is_stream(path):
            if not is_standard_output(path) and not os.access(path, os.W_OK):
                raise PermissionError(None, "it is read-only or not open")
            return
        with contextlib.suppress(FileNotFoundError):
            path.lstat()

        # refuse what is not a file in an existing folder
        if path.is_dir():
            raise UserError(f"{str(path)!r} is a folder; name a file")
        if not path.parent.is_dir():
            raise UserError(f"there is no folder {str(path.parent)!r} to write {path.name!r} in; create it first")
        if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
            raise PermissionError(None, "it is read-only or not a regular file")

        # the folder must take a new file
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
    except OSError as error:
        raise UserError(
            f"{str(path)!r} cannot be written ({error.strerror}); name a file in a folder of yours"
        ) from error


def write_output(path: Path, data: bytes) -> None:
    """Write a result where the user wants it: to standard output, a device or a pipe, or atomically to a file."""
    if is_standard_output(path):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    elif is_stream(path):
        with path.open("ab") as stream:
            stream.write(data)
    else:
        write_atomic(path, data)
