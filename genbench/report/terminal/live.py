"""Show progress: a progress bar for each task on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBars
from rich.table import Column

from genbench.generator import Progress, ProgressCallback
from genbench.report.formatting import format_count, printable
from genbench.training import ProgressListener

PLAIN_INTERVAL = 10.0  # seconds between two plain lines of a task
TASK = -1  # number of the download or task that runs outside a job; there is at most one at a time
MAX_SHOWN = 0.999  # largest share shown; a task is complete only when its result arrives


class Live(ProgressListener):
    """Progress listener that prints to a console; use it as a context manager, which shows and removes the bars.

    >>> with Live(Console()) as live:
    ...     live.message("a sentence")
    a sentence
    """

    def __init__(self, console: Console) -> None:
        self.console = console

        # a bar is removed when its task ends, and drawn on terminals only
        self.bars = ProgressBars(
            TextColumn("{task.description}", markup=False, table_column=_text_column()),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[status]}", markup=False, table_column=_text_column()),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )

        # state of each task, by the number of its job
        self.lines: dict[int, TaskID] = {}
        self.fractions: dict[int, float] = {}
        self.printed: dict[int, float] = {}  # time of its last plain line, by time.monotonic

    def __enter__(self) -> Live:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def message(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(printable(text), markup=False, highlight=False, soft_wrap=not self.console.is_terminal)

    def download(self, name: str, share: float) -> None:
        """Show the share of a download that is complete."""
        self._show_task(name, share)

    def task(self, name: str) -> ProgressCallback:
        """Return a callback that shows the share of a task that is complete."""
        # without a terminal, the first plain line appears after PLAIN_INTERVAL
        self.printed[TASK] = time.monotonic()
        return lambda share: self._show_task(name, share)

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Show the progress of a job."""
        self._update(printable(name), job, progress)

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Remove the bar of a job and print its outcome."""
        if job in self.lines:
            self.bars.remove_task(self.lines.pop(job))
        self.message(f"{name}: {outcome}")

    def _show_task(self, name: str, share: float) -> None:
        """Show the share of a download or a task, and remove its bar when it is complete."""
        self._update(name, TASK, Progress(share))
        if share >= 1:
            self.bars.remove_task(self.lines.pop(TASK))
            self.printed.pop(TASK, None)

    def _update(self, name: str, job: int, progress: Progress) -> None:
        """Update the bar of a job; without a terminal, print a plain line every PLAIN_INTERVAL seconds."""
        # a share that falls means that the next stage began: estimate the remaining time anew
        if job not in self.lines:
            self.lines[job] = self.bars.add_task(name, total=1.0, status="")
        elif progress.fraction < self.fractions.get(job, 0.0):
            self.bars.reset(self.lines[job], status="")
        self.fractions[job] = progress.fraction

        # the bar
        status = format_status(progress)
        completed = min(progress.fraction, MAX_SHOWN)
        self.bars.update(self.lines[job], completed=completed, status=status, description=name)

        # without a terminal, a plain line
        now = time.monotonic()
        if not self.console.is_terminal and now - self.printed.get(job, -PLAIN_INTERVAL) > PLAIN_INTERVAL:
            self.printed[job] = now
            self.console.print(f"{name}: {progress.fraction:.0%} {status}".rstrip(), markup=False, highlight=False)


def _text_column() -> Column:
    """Return a column whose text is shortened with an ellipsis if it does not fit."""
    return Column(ratio=3, no_wrap=True, overflow="ellipsis")


def format_status(progress: Progress) -> str:
    """Return the note, loss, validation bits and speed of a training, as far as they are known.

    >>> format_status(Progress(0.5, 10, 2.314, 39000.0))
    'loss 2.31, 39k char/s'
    """
    parts = [progress.note] if progress.note else []
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.2f}")
    if progress.valid is not None:
        parts.append(f"validation {progress.valid:.3f} bits/char")
    if progress.speed is not None:
        parts.append(f"{format_count(progress.speed)} char/s")
    return printable(", ".join(parts))
