"""SafeListener: progress that cannot be shown costs no result."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from genbench.errors import format_error
from genbench.generator import Progress, ProgressCallback
from genbench.training import ProgressListener


class SafeListener(ProgressListener):
    """Passes everything on to another listener until that fails; a warning then says why, and it is not called again.

    >>> SafeListener(ProgressListener()).message("a sentence")
    """

    def __init__(self, listener: ProgressListener) -> None:
        self.listener, self.watch = listener, listener.watch
        self.failed = False

    def message(self, text: str) -> None:
        """Pass on a sentence."""
        self._call(self.listener.message, text)

    def download(self, name: str, share: float) -> None:
        """Pass on the share of a download."""
        self._call(self.listener.download, name, share)

    def task(self, name: str) -> ProgressCallback:
        """Return a callback that passes on the share of a task."""
        callback: list[ProgressCallback] = []
        self._call(lambda: callback.append(self.listener.task(name)))
        return lambda share: self._call(callback[0], share) if callback else None

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Pass on the progress of a job."""
        self._call(self.listener.job_progress, job, name, progress)

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Pass on the outcome of a job."""
        self._call(self.listener.job_done, job, name, outcome)

    def _call(self, method: Callable[..., Any], *arguments: Any) -> None:
        """Call a method of the listener, unless it has failed."""
        if self.failed:
            return
        try:
            method(*arguments)
        except Exception as error:  # a display may fail in any way; results matter more
            self.failed = True
            warnings.warn(f"progress is not shown any more: {format_error(error)}", RuntimeWarning, stacklevel=3)
