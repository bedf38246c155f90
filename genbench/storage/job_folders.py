"""Temporary folders of jobs on other machines: locked while they are in use, and swept after a kill."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from genbench.storage.files import is_leftover

try:
    import fcntl
except ImportError:  # Windows, where nothing is swept
    fcntl = None  # type: ignore[assignment]

PREFIX = "genbench-job-"
LOCK = ".genbench-lock"  # held by the process that uses the folder; the system releases it when that ends


@contextlib.contextmanager
def job_folder() -> Iterator[Path]:
    """Yield a new temporary folder for one job; those that killed processes left a day ago are removed first."""
    remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, (Path(name) / LOCK).open("w") as lock:
        _try_lock(lock)
        yield Path(name)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders of jobs that are a day old and not in use; other folders are left alone."""
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        if not is_leftover(path) or path.is_symlink() or path.parent.is_symlink():
            continue

        # another user's folder cannot be opened, and one in use not be locked
        with contextlib.suppress(OSError), path.open("r+") as lock:
            if _try_lock(lock):
                shutil.rmtree(path.parent)


def _try_lock(file: IO[str]) -> bool:
    """Return whether the lock of a folder could be taken; it is released when the file is closed."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has it, or the file system has no locks
        return False
    return True
