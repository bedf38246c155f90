"""Downloaded files of Project Gutenberg, each stored once with its checksum below GENBENCH_HOME.

texts/pg1342.txt          the bytes as downloaded
texts/pg1342.txt.sha256   their checksum, in the format of `sha256sum --check`
"""

from __future__ import annotations

import contextlib
from hashlib import sha256
from pathlib import Path

from genbench.storage import files


def cache_path(name: str) -> Path:
    """Return where a file of this name is stored."""
    return files.home() / "texts" / name


def read_cached_file(name: str) -> bytes | None:
    """Return the stored bytes of a file; None where it was not downloaded, or has been changed since."""
    path = cache_path(name)
    with contextlib.suppress(OSError):
        # a copy that was changed by hand or half written is not the file
        digest = _checksum_path(path).read_text(encoding="ascii", errors="replace").partition(" ")[0]
        data = path.read_bytes()
        if sha256(data).hexdigest() == digest:
            return data
    return None


def cache_file(name: str, data: bytes) -> str:
    """Store the bytes of a file and their checksum; return the reason where the disk is full or read-only, else ""."""
    path = cache_path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, data)
        files.write_atomic(_checksum_path(path), f"{sha256(data).hexdigest()}  {path.name}\n".encode())
    except OSError as error:
        return f"{path.parent} cannot be written: {error.strerror}"
    return ""


def _checksum_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
