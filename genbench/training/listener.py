"""ProgressListener: receives the messages and the progress of long operations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from genbench.generator import Progress, ProgressCallback, ignore


class ProgressListener:
    """Receives messages and progress of long operations. This base class ignores them; override what you need.

    `watch` is after how many seconds it wants another text of a network that is being trained; 0 for none.
    """

    watch: float = 0.0

    def message(self, text: str) -> None:
        """Receive a sentence for the user."""

    def download(self, name: str, share: float) -> None:
        """Receive the completed share of a download, 0 to 1."""

    def task(self, name: str) -> ProgressCallback:
        """Start a task; return the callback that receives its completed share, 0 to 1."""
        return ignore

    @contextmanager
    def stage(self, name: str) -> Iterator[ProgressCallback]:
        """Announce a task at once, and end it with the `with` block, whatever happens; yield its callback."""
        progress = self.task(name)
        progress(0.0)
        try:
            yield progress
        finally:
            progress(1.0)

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Receive the progress of one training or one row of a comparison; `job` is its number, from 0."""

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Receive the outcome of a row: its bits per character, or the reason why it failed."""


class TasksOnly(ProgressListener):
    """Passes on the tasks of a part of the work, and no messages, which would not be about the whole."""

    def __init__(self, listener: ProgressListener) -> None:
        self.listener = listener

    def task(self, name: str) -> ProgressCallback:
        """Return the callback of the other listener."""
        return self.listener.task(name)


SILENT = ProgressListener()
