"""Who listens to a comparison while it works."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from genbench.experiments.job import Job, Row
from genbench.generator import Progress


class Watcher:
    """What a comparison tells while it works; this one listens to nothing."""

    def told(self, sentence: str) -> None:
        """A sentence worth knowing."""

    def fetching(self, what: str, share: float) -> None:
        """What is fetched, and how much of it is there, 0 to 1."""

    def working(self, what: str) -> Callable[[float], None]:
        """Whom to tell how much of a long work is done, 0 to 1."""
        return lambda share: None

    def watch(self, jobs: Sequence[Job], place: int, said: Progress | Row) -> None:
        """The job at this place is so far, or has this row."""
