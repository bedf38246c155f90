"""The processes that a process has started, and those that these have started."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from pathlib import Path

ZOMBIE = "Z"  # state of a process that has ended


def children(process: int) -> list[int]:
    """Return the ids of the running children of a process; [] where the system does not tell."""
    return _by_parent()[process]


def descendants(process: int) -> list[int]:
    """Return the ids of the running descendants of a process; [] where the system does not tell."""
    by_parent = _by_parent()

    # from generation to generation
    running: list[int] = []
    generation = [process]
    while generation:
        generation = [child for parent in generation for child in by_parent[parent]]
        running += generation
    return running


def _by_parent() -> defaultdict[int, list[int]]:
    """Return the ids of all running processes by that of their parent."""
    by_parent: defaultdict[int, list[int]] = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            # "id (name) state parent ...", where the name may contain anything
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state != ZOMBIE:
                by_parent[int(parent)].append(int(path.parent.name))
    return by_parent
