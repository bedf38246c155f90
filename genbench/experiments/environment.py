"""What a comparison ran on: the machine and the versions of what its numbers depend on."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from genbench.corpus.corpus import is_path
from genbench.errors import UserError
from genbench.experiments.plan import cores

HELD = 5  # bytes of memory for each byte of text that is read, cleaned and split (benchmarks/large.py)
PACKAGES = ("genbench", "torch", "numpy", "nltk", "markovify")


def machine() -> dict[str, str]:
    """System, processor, cores and versions, by name; no name of the machine or of who uses it."""
    found = {"system": f"{platform.system()} {platform.release()}", "processor": _processor(), "cores": str(cores())}
    return found | {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def memory() -> int | None:
    """Bytes of memory that the machine has, or that this process may use of it; None where the system does not say."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limits = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        found = min(found, int(next(path for path in limits if path.exists()).read_text(encoding="utf-8")))
    return found


def require_room(author: str) -> None:
    """Refuse a path whose text this machine cannot hold, before it is read. Raises UserError."""
    most, path = memory(), Path(author).expanduser()
    if most is None or not is_path(author) or not path.exists():
        return
    files = path.glob("*.txt") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size * HELD > most:
        raise UserError(
            f"{author} has {size / 1e6:,.0f} MB of text, and this machine {most / 1e6:,.0f} MB of memory: "
            f"to read a text takes {HELD} times its size; name a part of it"
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _processor() -> str:
    """Its model as Linux says it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(found, platform.processor() or platform.machine())
