"""Executor: the interface of what runs the jobs of a comparison."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol, TypeAlias

from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress

Event: TypeAlias = tuple[int, Progress | Row]  # index of a job, and its progress or its row
Events: TypeAlias = Generator[Event, None, None]

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
