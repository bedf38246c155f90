"""Show progress: a progress bar for each task on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn
from rich.progress import Progress as ProgressBars
from rich.table import Column
from rich.text import Text

from genbench.generator import Progress, ProgressCallback
from genbench.report.formatting import format_count, format_passes, printable
from genbench.report.terminal.plain_progress import PlainProgress
from genbench.training import ProgressListener

GLANCE_SECONDS, WATCH_SECONDS = 3.0, 1.0  # of training between two texts, below the bars and with --watch
MAX_SHOWN = 0.999  # largest share shown; a task is complete only when its result arrives


class Live(ProgressListener):
    """Progress listener that prints to a console; use it as a context manager, which shows and removes the bars.

    >>> with Live(Console()) as live:
    ...     live.message("a sentence")
    a sentence
    """

    def __init__(self, console: Console, watch: bool = False) -> None:
        self.console, self.prints_texts = console, watch
        self.has_bars = console.is_terminal and not console.is_dumb_terminal
        self.watch = WATCH_SECONDS if watch else GLANCE_SECONDS if self.has_bars else 0.0

        # a bar is removed when its task ends
        self.bars = _Bars(
            TextColumn("{task.description}", markup=False, table_column=_text_column()),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[status]}", markup=False, table_column=_text_column()),
            _TimeColumn(),
            console=console,
            transient=True,
            expand=True,
            disable=not self.has_bars,
        )
        self.plain = PlainProgress(console)

        # the bar and the share of each job, by its number, and of each task and download, by its name
        self.lines: dict[Hashable, TaskID] = {}
        self.shares: dict[Hashable, float] = {}

    def __enter__(self) -> Live:
        self.bars.start()
        if not self.has_bars:
            self.plain.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()
        self.plain.stop()

    def message(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(printable(text), markup=False, highlight=False, soft_wrap=not self.console.is_terminal)

    def download(self, name: str, share: float) -> None:
        """Show the share of a download that is complete."""
        self._show_task(name, share)

    def task(self, name: str) -> ProgressCallback:
        """Return a callback that shows the share of a task that is complete."""
        return lambda share: self._show_task(name, share)

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Show the progress of a job, and what it writes at this moment."""
        self._update(job, name, progress)
        text = " ".join(printable(progress.text).split())
        if text and self.prints_texts:
            self.message(f"{name}, {format_status(replace(progress, speed=None))}: {text}")
        elif text and self.watch:
            self.bars.texts[job] = Text(f"{printable(name)}: ", "bright_black").append(text, "default")

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Remove the bar of a job and print its outcome."""
        self._remove(job)
        self.message(f"{name}: {outcome}")

    def _show_task(self, name: str, share: float) -> None:
        """Show the share of a download or a task, and remove its bar when it is complete."""
        if share < 1:
            self._update(name, name, Progress(share))
        else:
            self._remove(name)

    def _update(self, key: Hashable, name: str, progress: Progress) -> None:
        """Update the bar or the plain line of a job or a task."""
        name, status = printable(name), format_status(progress)
        if not self.has_bars:
            self.plain.update(key, name, progress.fraction, status)
            return

        # a share that falls means that the next stage began: estimate the remaining time anew
        if key not in self.lines:
            self.lines[key] = self.bars.add_task(name, total=1.0, status="", updated=0.0, limit=None)
        elif progress.fraction < self.shares.get(key, 0.0):
            self.bars.reset(self.lines[key])
        self.shares[key] = progress.fraction

        completed, now = min(progress.fraction, MAX_SHOWN), self.bars.get_time()
        self.bars.update(self.lines[key], completed=completed, description=name)
        self.bars.update(self.lines[key], status=status, updated=now, limit=progress.remaining)

    def _remove(self, key: Hashable) -> None:
        """Remove the bar or the plain line of a job or a task."""
        self.plain.remove(key)
        self.bars.texts.pop(key, None)
        self.shares.pop(key, None)
        if key in self.lines:
            self.bars.remove_task(self.lines.pop(key))


class _Bars(ProgressBars):
    """Progress bars, and below them a line for each network with what it writes."""

    def __init__(self, *columns: ProgressColumn, **options: Any) -> None:
        self.texts: dict[Hashable, Text] = {}
        super().__init__(*columns, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars, then the lines."""
        yield from super().get_renderables()
        yield from list(self.texts.values())


class _TimeColumn(ProgressColumn):
    """The remaining time of a task, which counts down between two reports; without an estimate, the seconds so far.

    An estimate by the speed of the first steps may be far too long: a training with a budget shows at most what is left
    of it.
    """

    def render(self, task: Task) -> Text:
        """Return the cell of a task."""
        if task.time_remaining is None:
            return Text(f"{task.elapsed or 0:z.0f} s", style="progress.elapsed")
        limit = task.fields["limit"]
        estimate = task.time_remaining if limit is None else min(task.time_remaining, limit)
        remaining = max(0.0, estimate - (task.get_time() - task.fields["updated"]))

        # hours only where there are some
        minutes, seconds = divmod(int(remaining), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"
        return Text(clock, style="progress.remaining")


def _text_column() -> Column:
    """Return a column whose text is shortened with an ellipsis if it does not fit."""
    return Column(ratio=3, no_wrap=True, overflow="ellipsis")


def format_status(progress: Progress) -> str:
    """Return the note, loss, share of a pass, validation bits and speed of a training, as far as they are known.

    >>> format_status(Progress(0.5, 10, 2.314, 39000.0, passes=0.42)), format_status(Progress(0.5, passes=3.04))
    ('loss 2.31, 42% of a pass, 39k char/s', '3.0 passes')
    """
    parts = [progress.note] if progress.note else []
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:z.2f}")
    if progress.passes is not None:
        parts.append(format_passes(progress.passes))
    if progress.valid is not None:
        parts.append(f"validation {progress.valid:z.3f} bits/char")
    if progress.speed is not None:
        parts.append(f"{format_count(progress.speed)} char/s")
    return printable(", ".join(parts))
