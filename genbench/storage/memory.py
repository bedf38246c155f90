"""The amount of memory of this machine, the refusal of trainings that need more, and the limit of a process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from genbench.errors import UserError

CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def total_memory() -> int | None:
    """Return the memory of this machine in bytes, or the limit of this process's control group where it is smaller.

    None where the system does not tell.
    """
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None

    # containers are limited by their control group; without a limit, the file contains a word
    with contextlib.suppress(OSError, ValueError, StopIteration):
        path = next(path for path in map(Path, CGROUP_LIMITS) if path.exists())
        size = min(size, int(path.read_text(encoding="utf-8")))
    return size


def require_memory(name: str, needed: int) -> None:
    """Raise UserError if the training of a generator needs more bytes than this machine has."""
    available = total_memory()
    if available is not None and needed > available:
        raise UserError(
            f"{name} needs at least {needed >> 30:,} GB of memory to train, and this machine has "
            f"{available >> 30:,} GB; choose smaller options"
        )


def limit_memory() -> None:
    """Limit this process to the memory of the machine, so that an allocation fails before the system ends processes."""
    try:
        import resource

        # a stricter limit of the system stays
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        memory = total_memory()
        if memory and (soft == resource.RLIM_INFINITY or memory < soft):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, hard))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits
