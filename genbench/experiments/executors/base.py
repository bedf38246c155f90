"""Executor: the interface of what runs the jobs of a comparison. Nothing else depends on where they run.

local               processes on this machine (local.py)
ray                 a running Ray cluster, else one that is started on this machine (ray.py)
HOST:PORT           the Ray cluster at this address; ray://HOST:PORT through its client port
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Protocol, TypeAlias

from genbench.errors import UserError
from genbench.experiments.environment import available_cores
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress

Event: TypeAlias = tuple[int, Progress | Row]  # index of a job, and its progress or its row
Events: TypeAlias = Generator[Event, None, None]

CLUSTER_ADDRESS = re.compile(r"(ray://)?[\w.-]+:\d+|(ray://)?\[[\da-fA-F:]+\]:\d+")
STOPPED = "stopped before it was done"


class Executor(Protocol):
    """Runs jobs somewhere."""

    @property
    def local(self) -> bool:
        """Whether the jobs run on this machine, with its devices."""

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row. Closing the generator ends all jobs."""

    def stop(self, index: int) -> None:
        """Stop a job, running or waiting: its row fails with the reason STOPPED."""


def create_executor(name: str, max_jobs: int | None = None) -> Executor:
    """Return the executor of this name, which runs at most `max_jobs` jobs side by side (None: one per core).

    Raises UserError for an unknown name, and where Ray is not installed.
    """
    if name == "local":
        from genbench.experiments.executors.local import LocalExecutor

        return LocalExecutor(max_jobs or available_cores())
    if name == "ray" or CLUSTER_ADDRESS.fullmatch(name):
        from genbench.experiments.executors.ray import RayExecutor

        return RayExecutor("" if name == "ray" else name, max_jobs)
    raise UserError(f"executor is {name!r}; choose local, ray, or a Ray cluster: HOST:PORT or ray://HOST:PORT")
