"""The side of the process that starts a worker: it sends a request, and receives events within limits."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

POLL_SECONDS = 0.1  # between two looks at a process that sends nothing
MAX_LINE = 64 << 20  # characters of an event
JOIN_SECONDS = 1.0  # for the thread that reads, once the process has ended


class WorkerProcess:
    """A process that runs a module of genbench, which calls `child.serve`; as a context manager, it ends with it."""

    def __init__(self, module: str, request: Any, *, show_output: bool = False) -> None:
        """Start the process and send the request, a JSON value; `show_output` passes on what the worker prints."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if show_output else subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # its children can be ended with it, and Ctrl-C does not reach it
        )
        self._events: queue.Queue[Any] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

        # the pipe stays open, because the worker ends when it closes
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def events(self, seconds: float) -> Iterator[Any]:
        """Yield the events, JSON values, until the process ends; raise TimeoutError after `seconds` without one."""
        last, ended = time.monotonic(), False
        while True:
            try:
                event = self._events.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if ended:
                    return
                ended = self._process.poll() is not None  # another process may hold its pipe open
                if time.monotonic() - last > seconds:
                    raise TimeoutError from None
                continue
            yield event
            last = time.monotonic()

    def ending(self) -> str:
        """Return how the process ended, in words: "ended with exit code 0"."""
        code = self._end()
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError), self._process.stdout:
            while line := self._process.stdout.readline(MAX_LINE):
                with contextlib.suppress(ValueError, RecursionError):  # half a line, or something else than an event
                    self._events.put(json.loads(line))

    def _end(self) -> int:
        """End the process and its group; return its exit code."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

        # close both pipes; the thread closes the one that it reads
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._reader.join(JOIN_SECONDS)
        return self._process.wait()
