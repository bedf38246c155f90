"""End or suspend a process with everything that it started, also what has left its process group or its parent.

A worker becomes a subreaper: a process whose parent ends, as after a double fork, becomes a child of the worker instead
of leaving its tree. Linux only; elsewhere the process group of the worker is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from genbench.processes.descendants import descendants

PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 1, 15, 36  # linux/prctl.h
MAX_ROUNDS = 100  # of ending processes that start others meanwhile
MAX_STOPPED = 10_000  # processes; one that starts others faster than they are stopped has no end


def become_subreaper() -> None:
    """Let orphans among the descendants of this process become its children."""
    _control(PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Let the system kill this process when the one that has started it ends."""
    _control(PR_SET_PDEATHSIG, getattr(signal, "SIGKILL", 0))


def set_process_name(name: str) -> None:
    """Set the name by which `ps` and `top` show this process; the system keeps 15 bytes of it."""
    _control(PR_SET_NAME, name.encode())


def _control(option: int, value: int | bytes) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a system without the C library's prctl
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def kill_tree(process: int) -> None:
    """Kill a process and its descendants. The caller must not have waited for it: its id could be another process."""
    if sys.platform == "linux":
        # stopped, it starts nothing more, and still adopts orphans
        _send_signal(process, signal.SIGSTOP)
        kill_descendants(process)
    _send_signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def kill_descendants(process: int) -> None:
    """Kill the children of a process, their children, and so on, until none is left."""
    for _ in range(MAX_ROUNDS):
        running = descendants(process)
        for descendant in running:
            _send_signal(descendant, signal.SIGKILL)
        if not running:
            return


class Suspension:
    """Processes that are stopped for a while, each with its descendants. Does nothing where a system has no SIGSTOP."""

    def __init__(self) -> None:
        self._stopped: list[int] = []

    def begin(self, process: int) -> None:
        """Stop a process and its descendants."""
        if not hasattr(signal, "SIGSTOP"):
            return
        waiting = [process]
        while waiting and len(self._stopped) < MAX_STOPPED:
            for each in waiting:
                self._stopped.append(each)
                _send_signal(each, signal.SIGSTOP)

            # those that were started meanwhile
            waiting = [each for each in descendants(process) if each not in self._stopped]

    def end(self) -> None:
        """Let them continue."""
        while self._stopped:
            _send_signal(self._stopped.pop(), signal.SIGCONT)


def _send_signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)
