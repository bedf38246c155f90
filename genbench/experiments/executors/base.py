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
NOT_STARTED = "stopped before its turn; the same command runs it"


def starting_order(jobs: Sequence[Job]) -> list[int]:
    """Return the indices of jobs as they are started: generators that count first, each by its first seed.

    Counting takes a moment and a network its whole budget, so that Ctrl-C loses few rows. Once the first seed of all
    generators is done, the model of one that reads no seed is stored, and serves its other seeds.
    """
    return sorted(range(len(jobs)), key=lambda index: (not jobs[index].counting, jobs[index].seed))


class Executor(Protocol):
    """Runs jobs somewhere."""

    @property
    def local(self) -> bool:
        """Whether the jobs run on this machine, with its devices."""

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row. Closing the generator ends all jobs."""

    def stop(self, index: int) -> None:
        """Stop a job, running or waiting: its row fails with the reason STOPPED."""
