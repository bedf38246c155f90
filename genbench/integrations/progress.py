"""Progress bars of tqdm, which a notebook shows as widgets and a script as text."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from genbench.errors import missing_package
from genbench.generator import Progress, ProgressCallback
from genbench.report.terminal.live import format_status
from genbench.training import ProgressListener


class TqdmListener(ProgressListener):
    """Shows a progress bar for each task, download and training: `genbench.compare(..., listener=TqdmListener())`.

    `bar` makes a bar: `tqdm.auto.tqdm`, or a class with its methods. Raises UserError where tqdm is not installed.
    """

    def __init__(self, bar: Any = None) -> None:
        self.bar = bar or _import_tqdm()
        self.bars: dict[Hashable, Any] = {}  # by the number of a job, or the name of a task

    def message(self, text: str) -> None:
        """Print a sentence above the bars."""
        self.bar.write(text)

    def download(self, name: str, share: float) -> None:
        """Show the share of a download."""
        self._show(name, name, share)

    def task(self, name: str) -> ProgressCallback:
        """Return a callback that shows the share of a task."""
        return lambda share: self._show(name, name, share)

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Show the progress of a training or a row."""
        self._show(job, name, progress.fraction, format_status(progress))

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Close the bar of a row and print its outcome."""
        self._close(job)
        self.message(f"{name}: {outcome}")

    def _show(self, key: Hashable, name: str, share: float, status: str = "") -> None:
        """Move a bar, which is made when its task begins and closed when it ends."""
        if share >= 1 and not isinstance(key, int):  # a job ends with its outcome
            self._close(key)
            return
        if key not in self.bars:
            self.bars[key] = self.bar(total=1.0, desc=name, leave=False, bar_format="{desc} {bar} {postfix}")
        bar = self.bars[key]
        bar.n = share
        bar.set_postfix_str(status)

    def _close(self, key: Hashable) -> None:
        if bar := self.bars.pop(key, None):
            bar.close()


def _import_tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise missing_package("TqdmListener", "tqdm") from None
    return tqdm
