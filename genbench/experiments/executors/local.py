"""The executor on this machine: each job in a fresh process of its own, one thread, as many at once as are wanted."""

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
from typing import IO, Any

from genbench.experiments.executors.base import STOPPED, Event, Events
from genbench.experiments.job import Job, Row, blank, carried, failed
from genbench.generator import Progress

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
WAKE = 0.5  # seconds between two looks whether somebody asks to stop: no wait without an end hears of it
LEAVING = 5.0  # seconds that a process which has said all has to end
TOLD = 8192  # characters of what a process says beside its row that are kept
Process = subprocess.Popen[str]


@dataclass
class LocalExecutor:
    """Runs jobs as processes; `at_once` of them side by side."""

    at_once: int
    here: bool = True
    _running: dict[int, Process] = field(default_factory=dict)
    _stopped: set[int] = field(default_factory=set)

    def run(self, jobs: Sequence[Job]) -> Events:
        """Events as they come, in the end one row for each job; leaving early ends the processes."""
        events: queue.Queue[Event] = queue.Queue()
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for place in range(len(jobs)):
            waiting.put(place)
        for _ in range(min(self.at_once, len(jobs))):
            threading.Thread(target=self._work, args=(jobs, waiting, events), daemon=True).start()
        left = len(jobs)
        try:
            while left:
                try:
                    event = events.get(timeout=WAKE)
                except queue.Empty:
                    continue
                left -= isinstance(event[1], dict)
                yield event
        finally:
            while not waiting.empty():
                waiting.get()
            for process in list(self._running.values()):
                _end(process)

    def stop(self, place: int) -> None:
        """End this job; its row fails."""
        self._stopped.add(place)
        if place in self._running:
            _kill(self._running[place])

    def _work(self, jobs: Sequence[Job], waiting: queue.SimpleQueue[int], events: queue.Queue[Event]) -> None:
        while True:
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                for said in self._process(place, jobs[place]):
                    events.put((place, said))
            except Exception as error:  # the machine refuses a process, say: the row fails, the others stand
                events.put((place, failed(blank(jobs[place]), f"{type(error).__name__}: {error}")))

    def _process(self, place: int, job: Job) -> Iterator[Progress | Row]:
        if place in self._stopped:
            yield failed(blank(job), STOPPED)
            return
        process, late, row = _start(), threading.Event(), None
        self._running[place] = process
        beside = _Beside(process)
        watch = threading.Timer(job.deadline or 0, _give_up, (process, late))
        watch.daemon = True
        try:
            if place in self._stopped:  # since it was looked at last
                _kill(process)
            if job.deadline is not None:
                watch.start()
            _tell(process, job)
            for event in _events(process):
                if "progress" in event:
                    yield Progress(**{**event["progress"], "fraction": event["progress"]["fraction"] or 0.0})
                row = event.get("row")
                if row is not None:
                    break  # whatever it has still running, it has said all
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LEAVING)
        finally:
            watch.cancel()
            code = _end(process)
            self._running.pop(place, None)
        if row is None:
            why = STOPPED if place in self._stopped else _why(job, code, late.is_set(), beside.last())
            row = failed(blank(job), why)
        yield row


class _Beside:
    """What a process says beside its row, the end of it, however much that is."""

    def __init__(self, process: Process) -> None:
        assert process.stderr is not None
        self.kept: deque[str] = deque(maxlen=TOLD)
        self.thread = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self.thread.start()

    def _listen(self, said: IO[str]) -> None:
        with contextlib.suppress(ValueError, OSError), said:
            while part := said.read(TOLD // 8):
                self.kept.extend(part)

    def last(self) -> str:
        """The last line that is not empty."""
        self.thread.join(1)
        lines = "".join(self.kept).splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _start() -> Process:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "genbench.experiments.executors.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,  # so that all it starts can be ended with it, and Ctrl-C is for the comparison alone
        env={**os.environ, **ONE_THREAD, "PYTHONIOENCODING": "utf-8"},
    )


def _end(process: Process) -> int:
    """End a process and all that it started; its exit code."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError, ValueError):
            assert pipe is not None
            pipe.close()
    return process.wait()


def _give_up(process: Process, late: threading.Event) -> None:
    late.set()
    _kill(process)


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        process.kill()


def _tell(process: Process, job: Job) -> None:
    """One line; the pipe stays open, and a process that sees it close knows that nobody waits for it any more."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it died before reading; its row says why
        process.stdin.write(json.dumps(carried(job)) + "\n")
        process.stdin.flush()


def _events(process: Process) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # half a line: the process died while writing it
        if isinstance(event, dict):
            yield event


def _why(job: Job, code: int, late: bool, last: str) -> str:
    """Why there is no row."""
    if late:
        return f"not done after {job.deadline:,.0f} seconds; --deadline gives it longer"
    if code == -signal.SIGKILL:
        return f"its process was killed (signal 9), as systems do where memory runs out: {last}"
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"its process {how}: {last}"
