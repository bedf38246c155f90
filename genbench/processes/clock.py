"""Time that figures count: of a training and its budget, of sampling and scoring; not that of `uncounted` work.

Compiling loops, once after an installation, takes seconds that say nothing of a model. Whoever compiles does so in an
`uncounted` block, and whoever shows progress is told by `announced`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from genbench.processes.descendants import descendants

COMPILING = "compiling, once after installation"
TIMES = slice(11, 15)  # user and system ticks of a process and of its children, in /proc/ID/stat after the name


class _Uncounted:
    """The seconds that no figure counts, of this process."""

    def __init__(self) -> None:
        self.wall, self.cpu, self.depth = 0.0, 0.0, 0
        self.listeners: list[Callable[[bool], None]] = []


_uncounted = _Uncounted()


def tell(*, begins: bool) -> None:
    """Tell the last listener of `announced` that uncounted work begins or ends, here or in another process."""
    if _uncounted.listeners:
        _uncounted.listeners[-1](begins)


@contextlib.contextmanager
def uncounted(*, silent: bool = False) -> Iterator[None]:
    """Leave the time of a `with` block out of all figures: `Stopwatch` and `TrainingClock` stand still.

    Listeners of `announced` are told, unless the block is `silent`, as one is that takes a moment.
    """
    _uncounted.depth += 1
    if _uncounted.depth == 1 and not silent:
        tell(begins=True)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        _uncounted.depth -= 1
        if not _uncounted.depth:  # the outermost block
            _uncounted.wall += time.perf_counter() - wall
            _uncounted.cpu += time.process_time() - cpu
            if not silent:
                tell(begins=False)


@contextlib.contextmanager
def announced(listener: Callable[[bool], None]) -> Iterator[None]:
    """Call a listener when `uncounted` work begins in a `with` block, with True, and when it ends, with False."""
    _uncounted.listeners.append(listener)
    try:
        yield
    finally:
        _uncounted.listeners.remove(listener)


class Stopwatch:
    """The counted seconds since its creation."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter() - _uncounted.wall, time.process_time() - _uncounted.cpu

    @property
    def wall_seconds(self) -> float:
        """The seconds so far by the clock on the wall."""
        return max(time.perf_counter() - _uncounted.wall - self._wall, 0.0)

    @property
    def cpu_seconds(self) -> float:
        """The CPU seconds so far of this process."""
        return max(time.process_time() - _uncounted.cpu - self._cpu, 0.0)


class TrainingClock:
    """The seconds of a training that its time budget counts, from the creation of the clock.

    They are CPU seconds of this process, at most one per second, so that other programs delay a training but do not
    shorten it, and several threads do not end it early. On a GPU, where this process may wait, wall seconds count.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.on_cpu = device == "cpu"
        self._watch, self._tree = Stopwatch(), tree_cpu_seconds() - _uncounted.cpu

    def __call__(self) -> float:
        """Return the seconds so far."""
        wall = self.wall_seconds
        return min(wall, self._watch.cpu_seconds) if self.on_cpu else wall

    @property
    def wall_seconds(self) -> float:
        """The seconds so far by the clock on the wall."""
        return self._watch.wall_seconds

    @property
    def cpu_seconds(self) -> float:
        """The CPU seconds so far of this process and of the processes that it has started."""
        return max(tree_cpu_seconds() - _uncounted.cpu - self._tree, self._watch.cpu_seconds)


def tree_cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all that it has started; on Linux also of those that still run."""
    ended = os.times()
    running = sum(_process_seconds(process) for process in descendants(os.getpid()))
    return time.process_time() + ended.children_user + ended.children_system + running


def _process_seconds(process: int) -> float:
    """Return the CPU seconds of a running process and of its children that have ended; 0 if it has ended itself."""
    with contextlib.suppress(OSError, ValueError):
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return sum(map(int, fields[TIMES])) / os.sysconf("SC_CLK_TCK")
    return 0.0
