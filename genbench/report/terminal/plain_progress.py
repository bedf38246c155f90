"""Show progress where there is no terminal: plain lines for tasks that last, written by a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from rich.console import Console

FIRST_SECONDS = 2.0  # that a task may last without a line
INTERVAL = 10.0  # seconds between two lines, whatever the number of tasks
FIRST_SILENCE, SILENCE = 0.1, INTERVAL  # seconds without a line, at first and later, after which a new task prints one
TICK = 0.25  # seconds


@dataclass
class _Task:
    """A running task and its last line."""

    name: str
    started: float  # by the clock, as `printed`
    share: float = 0.0  # completed, 0 to 1
    status: str = ""
    printed: float | None = None
    printed_share: float = 0.0

    def is_due(self, now: float, tasks: int, is_silent: bool) -> bool:
        """Return whether a line is due, if so many tasks are running, and after a silence of all of them."""
        if self.printed is None:
            return is_silent or now - self.started >= FIRST_SECONDS
        return now - self.printed >= INTERVAL * tasks

    def line(self, now: float) -> str:
        """Return the line of the task: its share, or its duration where the share is unknown or does not grow."""
        parts = [f"{self.share:z.0%}"] if 0 < self.share < 1 else []
        parts += [self.status] if self.status else []
        if self.share == self.printed_share and now - self.started >= 1:
            parts.append(f"{now - self.started:z.0f} s")
        return f"{self.name}: {' '.join(parts)}" if parts else self.name


class PlainProgress:
    """Prints a line for a task that has lasted a moment, then one every ten seconds; short tasks print nothing.

    Of many short tasks in a row one prints a line every ten seconds, so that they are no silence together. A thread
    prints the lines, so that a task that reports nothing for a while has them too.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console, self.clock = console, clock
        self._tasks: dict[Hashable, _Task] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._last = clock()  # the time of the last line
        self._limit = FIRST_SILENCE  # seconds

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def update(self, key: Hashable, name: str, share: float, status: str) -> None:
        """Set the share and the status of a task; a new key adds a task."""
        with self._lock:
            task = self._tasks.setdefault(key, _Task(name, self.clock()))
            if share < task.share:  # the next stage
                task.started = self.clock()
            task.name, task.share, task.status = name, share, status
        if task.printed is None:
            self._try_to_print()  # at once: an import may keep the thread from running

    def remove(self, key: Hashable) -> None:
        """Remove a task."""
        with self._lock:
            self._tasks.pop(key, None)

    def print_due(self) -> None:
        """Print the lines that are due."""
        with self._lock:
            now, tasks = self.clock(), list(self._tasks.values())
            is_silent = now - self._last >= self._limit
            due = [task for task in tasks if task.is_due(now, len(tasks), is_silent)]
            lines = [task.line(now) for task in due]
            if due:
                self._last, self._limit = now, SILENCE
            for task in due:
                task.printed, task.printed_share = now, task.share
        for line in lines:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _run(self) -> None:
        while not self._stopped.wait(TICK):
            self._try_to_print()

    def _try_to_print(self) -> None:
        """Print the lines that are due; none any more once standard error is closed or full."""
        try:
            if not self._stopped.is_set():
                self.print_due()
        except (OSError, ValueError):
            self._stopped.set()
