"""What is seen while a comparison works: a live line a job, or plain lines where there is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column as Cell

from genbench.experiments.job import Job, Row
from genbench.experiments.progress import Watcher
from genbench.generator import Progress
from genbench.report.formatting import count, printable
from genbench.report.terminal.screen import console as console

PLAIN_EVERY = 10.0  # seconds between two plain lines of a job
WORK = -1  # stands where the place of a job does


class Live(Watcher):
    """A context manager that is a `Watcher`: what a comparison has to say, while it works."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Bars(
            TextColumn(
                "{task.description}", markup=False, table_column=Cell(ratio=3, no_wrap=True, overflow="ellipsis")
            ),
            BarColumn(bar_width=12),
            TextColumn(
                "{task.fields[says]}", markup=False, table_column=Cell(ratio=3, no_wrap=True, overflow="ellipsis")
            ),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            expand=True,
            disable=not console.is_terminal,
        )
        self.lines: dict[int, TaskID] = {}
        self.shares: dict[int, float] = {}
        self.last: dict[int, float] = {}

    def __enter__(self) -> Live:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def told(self, sentence: str) -> None:
        """Show a sentence."""
        self.console.print(printable(sentence), markup=False, highlight=False, soft_wrap=not self.console.is_terminal)

    def fetching(self, what: str, share: float) -> None:
        """Show how far a download is."""
        self._work(what, share)

    def working(self, what: str) -> Callable[[float], None]:
        """Show how far a long work is."""
        self.last[WORK] = time.monotonic()  # in a pipe, what ends soon says nothing
        return lambda share: self._work(what, share)

    def watch(self, jobs: Sequence[Job], place: int, said: Progress | Row) -> None:
        """Show one event."""
        name = printable(f"{jobs[place].author} {jobs[place].spec}")
        if isinstance(said, Progress):
            self._going(name, place, said)
        else:
            self._done(name, place, said)

    def _going(self, name: str, place: int, said: Progress) -> None:
        if place not in self.lines:
            self.lines[place] = self.bars.add_task(name, total=1.0, says="")
        elif said.fraction < self.shares.get(place, 0.0):  # the next work: what time is left is told by that alone
            self.bars.reset(self.lines[place], says="")
        self.shares[place] = said.fraction
        self.bars.update(self.lines[place], completed=min(said.fraction, 0.999), says=says(said), description=name)
        if not self.console.is_terminal and time.monotonic() - self.last.get(place, -PLAIN_EVERY) > PLAIN_EVERY:
            self.last[place] = time.monotonic()
            self.console.print(f"{name}: {said.fraction:.0%} {says(said)}".rstrip(), markup=False, highlight=False)

    def _work(self, what: str, share: float) -> None:
        self._going(what, WORK, Progress(share))
        if share >= 1:
            self.bars.remove_task(self.lines.pop(WORK))
            self.last.pop(WORK, None)

    def _done(self, name: str, place: int, row: Row) -> None:
        if place in self.lines:
            self.bars.remove_task(self.lines.pop(place))
        ok = row["status"] == "ok"
        result = f"{row['bits_per_character']:.3f} bits/char" if ok else f"{row['status']}: {printable(row['error'])}"
        self.console.print(f"{name}: {result}", markup=False, highlight=False, soft_wrap=not self.console.is_terminal)


def says(said: Progress) -> str:
    """Loss and speed, or what it is at.

    >>> says(Progress(0.5, 10, 2.314, 39000.0))
    'loss 2.31, 39k char/s'
    """
    parts = [said.note] if said.note else []
    if said.loss is not None:
        parts.append(f"loss {said.loss:.2f}")
    if said.valid is not None:
        parts.append(f"{said.valid:.3f} bits/char of valid text")
    if said.speed is not None:
        parts.append(f"{count(said.speed)} char/s")
    return printable(", ".join(parts))
