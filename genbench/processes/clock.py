"""CPU time: what a training has used, and the clock that its time budget is counted by."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from genbench.processes.descendants import descendants

TIMES = slice(11, 15)  # user and system ticks of a process and of its children, in /proc/ID/stat after the name


class TrainingClock:
    """The seconds of a training that its time budget counts, from the creation of the clock.

    They are CPU seconds of this process, at most one per second, so that other programs delay a training but do not
    shorten it, and several threads do not end it early. On a GPU, where this process may wait, wall seconds count.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.on_cpu = device == "cpu"
        self._wall, self._cpu, self._tree = time.perf_counter(), time.process_time(), tree_cpu_seconds()

    def __call__(self) -> float:
        """Return the seconds so far."""
        wall = self.wall_seconds
        return min(wall, time.process_time() - self._cpu) if self.on_cpu else wall

    @property
    def wall_seconds(self) -> float:
        """The seconds so far by the clock on the wall."""
        return time.perf_counter() - self._wall

    @property
    def cpu_seconds(self) -> float:
        """The CPU seconds so far of this process and of the processes that it has started."""
        return max(tree_cpu_seconds() - self._tree, time.process_time() - self._cpu)


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
