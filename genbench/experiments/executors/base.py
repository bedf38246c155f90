"""Who runs the jobs of a comparison: an executor, chosen by name. Nothing else knows where they run.

local               processes on this machine (local.py)
ray                 the Ray cluster that is found here, else one started on this machine (rayed.py)
HOST:PORT           the Ray cluster at this address; ray://HOST:PORT through its client port
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Protocol, TypeAlias

from genbench.errors import UserError
from genbench.experiments.job import Job, Row
from genbench.experiments.plan import cores
from genbench.generator import Progress

Event = tuple[int, Progress | Row]  # the place of a job, and what it has to say: how far it is, or its row
ADDRESS = re.compile(r"(ray://)?[\w.-]+:\d+|(ray://)?\[[\da-fA-F:]+\]:\d+")
STOPPED = "stopped before it was done"
Events: TypeAlias = Generator[Event, None, None]


class Executor(Protocol):
    """Runs jobs somewhere."""

    @property
    def here(self) -> bool:
        """Whether it runs them on this machine, with its devices."""

    def run(self, jobs: Sequence[Job]) -> Events:
        """Events as they come, in the end one row for each job. Leaving early ends what runs."""

    def stop(self, place: int) -> None:
        """End this job of the running ones, or before it began: its row fails with `STOPPED`."""


def named(name: str, at_once: int | None = None) -> Executor:
    """The executor of this name, at most so many jobs at once (None: as many as it has cores).

    Raises UserError for a name that none has, or where Ray is not installed.
    """
    if name == "local":
        from genbench.experiments.executors.local import LocalExecutor

        return LocalExecutor(at_once or cores())
    if name == "ray" or ADDRESS.fullmatch(name):
        from genbench.experiments.executors.ray import RayExecutor

        return RayExecutor("" if name == "ray" else name, at_once)
    raise UserError(f"executor is {name!r}; choose local, ray, or a Ray cluster: HOST:PORT or ray://HOST:PORT")
