"""Show progress: a progress bar for each task on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.measure import Measurement
from rich.progress import BarColumn, ProgressColumn, Task, TaskID
from rich.progress import Progress as ProgressBars
from rich.table import Column
from rich.text import Text

from genbench.generator import Progress, ProgressCallback
from genbench.processes.clock import COMPILING
from genbench.report.formatting import format_count, format_passes, printable
from genbench.report.terminal.plain_progress import PlainProgress
from genbench.training import ProgressListener

GLANCE_SECONDS, WATCH_SECONDS = 3.0, 1.0  # of training between two texts, below the bars and with --watch
MAX_SHOWN = 0.999  # largest share shown; a task is complete only when its result arrives
ONE_LINE: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}  # of a column
ECHO_WIDTH = len("^C")
BAR_WIDTH, NAME_SHARE = 12, 3  # columns of a bar; a name takes at most a third of the terminal


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
            _NameColumn(console),
            BarColumn(bar_width=BAR_WIDTH),
            _StatusColumn(Column(ratio=1, **ONE_LINE)),
            _TimeColumn(),
            console=console,
            transient=True,
            expand=True,
            disable=not self.has_bars,
        )
        self.plain = PlainProgress(console)

        # the bar and the progress of each job, by its number, and of each task and download, by its name
        self.lines: dict[Hashable, TaskID] = {}
        self.reports: dict[Hashable, tuple[str, Progress]] = {}
        self.is_compiling = False

    def __enter__(self) -> Live:
        self.bars.start()
        if not self.has_bars:
            self.plain.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # the bars are shown a last time when they stop, all of them: more than a screen would stay
        for key in list(self.reports):
            self._remove(key)
        self.bars.stop()
        self.plain.stop()

    def message(self, text: str) -> None:
        """Print a sentence."""
        # rich decides how many lines to go up before it prints: bars drawn in between by its thread would stay, or
        # cover the sentence
        with self.bars.live._lock:
            self.console.print(printable(text), markup=False, highlight=False, soft_wrap=not self.console.is_terminal)

    def download(self, name: str, share: float) -> None:
        """Show the share of a download that is complete."""
        self._show_task(name, share)

    def task(self, name: str) -> ProgressCallback:
        """Return a callback that shows the share of a task that is complete."""
        return lambda share: self._show_task(name, share)

    def compiling(self, begins: bool) -> None:
        """Show in the lines of what waits for it that loops are compiled; without any, in a line of its own."""
        self.is_compiling = begins
        self._show_compiling()

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
        # a share that falls means that the next stage began: estimate the remaining time anew
        fell = key in self.reports and progress.fraction < self.reports[key][1].fraction
        if fell and key in self.lines:
            self.bars.reset(self.lines[key])
        self.reports[key] = printable(name), progress
        self._show(key)
        if self.is_compiling and key != COMPILING:
            self._show_compiling()

    def _show(self, key: Hashable) -> None:
        """Show what is known of a job or a task, unless another thread has just removed it."""
        if key not in self.reports:
            return
        name, progress = self.reports[key]
        status = COMPILING if self.is_compiling and key in self._waiting() else format_status(progress)
        if not self.has_bars:
            self.plain.update(key, name, progress.fraction, status)
            return

        if key not in self.lines:
            self.lines[key] = self.bars.add_task(name, total=1.0, status="", updated=0.0, limit=None)
        completed, now = min(progress.fraction, MAX_SHOWN), self.bars.get_time()
        self.bars.update(self.lines[key], completed=completed, description=name)
        self.bars.update(self.lines[key], status=status, updated=now, limit=progress.remaining)

    def _show_compiling(self) -> None:
        """Show all lines again, after what they wait for may have changed."""
        for key in list(self.reports):
            self._show(key)
        own = self.is_compiling and not self._waiting()
        if own != (COMPILING in self.reports):
            self._show_task(COMPILING, 0.0 if own else 1.0)

    def _waiting(self) -> list[Hashable]:
        """Return what waits while loops are compiled: jobs and tasks that have not begun, else the last one."""
        reports = [(key, progress) for key, (_, progress) in list(self.reports.items()) if key != COMPILING]
        waiting = [(key, progress) for key, progress in reports if progress.loss is None]  # a network has them already
        return [key for key, progress in waiting if not progress.fraction] or [key for key, _ in waiting[-1:]]

    def _remove(self, key: Hashable) -> None:
        """Remove the bar or the plain line of a job or a task."""
        self.plain.remove(key)
        self.bars.texts.pop(key, None)
        self.reports.pop(key, None)
        if key in self.lines:
            self.bars.remove_task(self.lines.pop(key))


class _Bars(ProgressBars):
    """Progress bars, and below them a line for each network with what it writes.

    All are narrower than the terminal, so that the ^C which it shows at their end begins no line that stays there.
    """

    def __init__(self, *columns: ProgressColumn, console: Console, **options: Any) -> None:
        self.texts: dict[Hashable, Text] = {}
        self.output = console
        super().__init__(*columns, console=console, **options)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bars, then the lines."""
        for part in [*super().get_renderables(), *list(self.texts.values())]:
            yield Constrain(part, self.output.width - ECHO_WIDTH)


class _NameColumn(ProgressColumn):
    """The names of tasks, shortened so that they leave room for what is said of them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        super().__init__(Column(**ONE_LINE))

    def render(self, task: Task) -> Text:
        """Return the cell of a task."""
        name = Text(task.description)
        name.truncate(self.console.width // NAME_SHARE, overflow="ellipsis")
        return name


class _StatusColumn(ProgressColumn):
    """What is said of tasks; the last parts are left out where they do not fit."""

    def render(self, task: Task) -> RenderableType:
        """Return the cell of a task."""
        return _Parts(task.fields["status"])


class _Parts:
    """Parts of a text, separated by commas, as many as fit in one line."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(1, cell_len(self.text)), cell_len(self.text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text
        while cell_len(text) > options.max_width and ", " in text:
            text = text.rpartition(", ")[0]
        yield Text(text)


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
