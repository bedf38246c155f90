"""The side of the process that starts another one: it sends requests, and receives events within limits."""

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
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from genbench.processes.forking import ForkedProcess, can_fork, fork_process
from genbench.processes.tree import kill_tree

POLL_SECONDS = 0.1  # between two looks at a process that sends nothing
MAX_LINE = 1 << 28  # characters of one line
MAX_WAITING = 1000  # lines that have arrived and were not taken yet
MAX_STDERR = 8192  # characters of a process's standard error that are kept
JOIN_SECONDS = 1.0  # for a thread that reads, once the process has ended


class ChildProcess:
    """A process that runs a module of genbench, which calls `child.serve`; as a context manager, it ends with it.

    Whatever it starts ends with it too. Its standard error is kept for `last_error`, or shown.
    """

    def __init__(
        self,
        module: str,
        *,
        show_output: bool = False,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        preloaded: str | None = None,
        client: bool = False,
    ) -> None:
        """Start the process; `environment` holds variables besides those of this process, `folder` its working one.

        Where `preloaded` is not None and the system can, it is forked from a server that has imported what its value
        names (fork_server.PRELOADED), through which a `client` can start processes too.
        """
        everything = {**os.environ, **(environment or {})}
        self.process = _start(module, everything, folder, show_output, preloaded, client)
        self._stderr: deque[str] = deque(maxlen=MAX_STDERR)
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_reader.start()

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def send(self, request: Any) -> None:
        """Send a JSON value as one line; the pipe stays open, because the process ends when it closes."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended; whoever waits for its answer finds out why
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()

    def lines(self, seconds: float | None = None) -> Iterator[str]:
        """Yield the lines that the process writes until it ends; half a line at the end is left out.

        Raises TimeoutError after `seconds` without a line. A line of `MAX_LINE` characters comes without its end.
        """
        assert self.process.stdout is not None
        arrived: queue.Queue[str] = queue.Queue(MAX_WAITING)
        reader = threading.Thread(target=_read_lines, args=(self.process.stdout, arrived), daemon=True)
        reader.start()

        last = time.monotonic()
        while True:
            ended = self.process.poll() is not None  # another process may hold its pipe open
            try:
                line = arrived.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if ended or not reader.is_alive():
                    return
                if seconds is not None and time.monotonic() - last > seconds:
                    raise TimeoutError from None
                continue
            yield line
            last = time.monotonic()

    def kill(self) -> None:
        """Kill the process, if it is running, and everything that it started."""
        if self.process.poll() is None:
            kill_tree(self.process.pid)

    def wait(self, seconds: float) -> None:
        """Wait until the process ends, but no longer than this."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def end(self) -> int:
        """End the process and everything that it started; return its exit code."""
        self.kill()

        # where it ended before, others of its group may be left
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

        # nothing is sent or read any more
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError, ValueError):
                assert pipe is not None
                pipe.close()
        return self.process.wait()

    def last_error(self) -> str:
        """Return the last line of its standard error that is not empty."""
        self._stderr_reader.join(JOIN_SECONDS)
        lines = "".join(self._stderr).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "no error message")

    def _read_stderr(self) -> None:
        stderr = self.process.stderr
        if stderr is None:
            return
        with contextlib.suppress(ValueError, OSError), stderr:
            while part := os.read(stderr.fileno(), MAX_STDERR):
                self._stderr.extend(part.decode(errors="replace"))


def _start(
    module: str,
    environment: Mapping[str, str],
    folder: Path | None,
    show_output: bool,
    preloaded: str | None,
    client: bool,
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start a process; the arguments are those of `ChildProcess`, with the whole environment."""
    if preloaded is not None and can_fork():
        with contextlib.suppress(OSError):  # such as a server that was killed: the process is started without it
            return fork_process(
                module, preloaded, environment=environment, folder=folder, show_output=show_output, client=client
            )
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if show_output else subprocess.PIPE,
        start_new_session=True,  # its children can be ended with it, and Ctrl-C does not reach it
        env=environment,
        cwd=folder,
    )


def describe_exit(code: int) -> str:
    """Return how a process ended, in words.

    >>> describe_exit(3), describe_exit(-9)
    ('ended with exit code 3', 'was killed by signal 9')
    """
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _read_lines(stream: IO[bytes], arrived: queue.Queue[str]) -> None:
    """Put each line of a stream into a queue; without its end where it is too long."""
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(MAX_LINE):
            if line.endswith(b"\n") or len(line) == MAX_LINE:
                arrived.put(line.decode(errors="replace"))
