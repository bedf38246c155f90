"""The local executor: each job in a new process with one thread, several side by side."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from genbench.errors import ContractError
from genbench.experiments.executors.base import STOPPED, Event, Events
from genbench.experiments.executors.messages import Message, parse_message, read_line
from genbench.experiments.executors.process_tree import kill_tree
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
POLL_SECONDS = 0.5  # an endless wait for the queue would not notice Ctrl-C
EXIT_SECONDS = 5.0  # that a process may take to end after its last event
MAX_STDERR = 8192  # characters of a process's standard error that are kept

Process = subprocess.Popen[str]


@dataclass
class LocalExecutor:
    """Runs jobs as processes, at most `max_jobs` side by side."""

    max_jobs: int
    local: bool = True
    _running: dict[int, Process] = field(default_factory=dict)
    _stopped: set[int] = field(default_factory=set)

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row. Closing the generator ends all jobs."""
        # a thread for each job that may run at the same time
        events: queue.Queue[Event] = queue.Queue()
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in range(len(jobs)):
            waiting.put(index)
        for _ in range(min(self.max_jobs, len(jobs))):
            threading.Thread(target=self._run_waiting, args=(jobs, waiting, events), daemon=True).start()

        # pass on their events until every job has its row
        missing = len(jobs)
        try:
            while missing:
                try:
                    index, event = events.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                missing -= isinstance(event, Row)
                yield index, event
        finally:
            while not waiting.empty():
                waiting.get()
            for process in list(self._running.values()):
                _end(process)

    def stop(self, index: int) -> None:
        """Stop a job; its row fails."""
        self._stopped.add(index)
        if index in self._running:
            _kill(self._running[index])

    def _run_waiting(self, jobs: Sequence[Job], waiting: queue.SimpleQueue[int], events: queue.Queue[Event]) -> None:
        """Run waiting jobs one after another until there is none."""
        while True:
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return

            try:
                for event in self._run_job(index, jobs[index]):
                    events.put((index, event))
            except Exception as error:  # such as a system that starts no more processes: only this row fails
                events.put((index, Row.blank(jobs[index]).failed(f"{type(error).__name__}: {error}")))

    def _run_job(self, index: int, job: Job) -> Iterator[Message]:
        """Yield the messages of one job, which runs in a new process."""
        if index in self._stopped:
            yield Row.blank(job).failed(STOPPED)
            return

        # start the process, with a timer that kills it
        process, timed_out, row = _start(), threading.Event(), None
        self._running[index] = process
        stderr = _StderrTail(process)
        timer = threading.Timer(job.timeout or 0, _time_out, (process, timed_out))
        timer.daemon = True
        try:
            yield Progress(0.0, note="starting")  # a process needs a second or more to its first message
            if index in self._stopped:  # since the check above
                _kill(process)
            if job.timeout is not None:
                timer.start()

            # send the job, and receive messages until its row
            _send_job(process, job)
            for message in _receive(process, job):
                if isinstance(message, Row):
                    row = message
                    break  # whatever else the process has running is not waited for
                yield message
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(EXIT_SECONDS)
        except ContractError as error:  # it sent something else
            row = Row.blank(job).failed(str(error))
        finally:
            timer.cancel()
            exit_code = _end(process)
            self._running.pop(index, None)

        # a process that ended without a row
        if row is None:
            reason = STOPPED if index in self._stopped else _failure(job, exit_code, timed_out.is_set(), stderr.last())
            row = Row.blank(job).failed(reason)
        yield row


class _StderrTail:
    """Reads the standard error of a process in a thread, and keeps the end of it."""

    def __init__(self, process: Process) -> None:
        assert process.stderr is not None
        self.characters: deque[str] = deque(maxlen=MAX_STDERR)
        self.thread = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        self.thread.start()

    def _read(self, stderr: IO[str]) -> None:
        with contextlib.suppress(ValueError, OSError), stderr:
            while part := stderr.read(MAX_STDERR // 8):
                self.characters.extend(part)

    def last(self) -> str:
        """Return the last line that is not empty."""
        self.thread.join(1)
        lines = "".join(self.characters).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "no error message")


def _start() -> Process:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "genbench.experiments.executors.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # its children can be ended with it, and Ctrl-C does not reach it
        env={**os.environ, **ONE_THREAD, "PYTHONIOENCODING": "utf-8"},
    )


def _end(process: Process) -> int:
    """End a process and everything that it started; return its exit code."""
    _kill(process)

    # where it ended before, others of its group may be left
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    # nothing is read any more
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            assert pipe is not None
            pipe.close()
    return process.wait()


def _time_out(process: Process, timed_out: threading.Event) -> None:
    timed_out.set()
    _kill(process)


def _kill(process: Process) -> None:
    """Kill a process, if it is running, and everything that it started."""
    if process.poll() is None:
        kill_tree(process.pid)


def _send_job(process: Process, job: Job) -> None:
    """Send a job as one line; the pipe stays open, because a worker whose standard input closes ends."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # the process died before it read the job; its row will say why
        process.stdin.write(json.dumps(job.to_dict()) + "\n")
        process.stdin.flush()


def _receive(process: Process, job: Job) -> Iterator[Message]:
    """Yield the messages that a process writes to its standard output. Raises ContractError for anything else."""
    assert process.stdout is not None
    while line := read_line(process.stdout):
        yield parse_message(line, job)


def _failure(job: Job, exit_code: int, timed_out: bool, last_line: str) -> str:
    """Return the reason why a process ended without a row."""
    if timed_out:
        return f"not done after {job.timeout:,.0f} seconds; --timeout sets a longer limit"
    if exit_code == -signal.SIGKILL:
        return f"its process was killed (signal 9), as systems do when they run out of memory: {last_line}"
    ending = f"was killed by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
    return f"its process {ending}: {last_line}"
