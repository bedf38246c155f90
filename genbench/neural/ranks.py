"""Which of the processes that torchrun started this one is: the first speaks and keeps, the others only compute."""

from __future__ import annotations

import os


def size() -> int:
    """How many processes train together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this one, from 0."""
    return int(os.environ.get("RANK", "0")) if size() > 1 else 0


def leads() -> bool:
    """Whether this is the one that reports and keeps."""
    return rank() == 0
