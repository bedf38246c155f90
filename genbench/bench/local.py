"""The executor on this machine: each job in a fresh process of its own, one thread, as many at once as are wanted."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from genbench.bench.jobs import Job, Row, blank, carried, failed
from genbench.generator import Progress

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
Event = tuple[int, Progress | Row]  # the place of a job, and what it has to say: how far it is, or its row


@dataclass
class LocalExecutor:
    """Runs jobs as processes; `at_once` of them side by side."""

    at_once: int
    _running: set[subprocess.Popen[str]] = field(default_factory=set)

    def run(self, jobs: Sequence[Job]) -> Iterator[Event]:
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
                event = events.get()
                left -= isinstance(event[1], dict)
                yield event
        finally:
            while not waiting.empty():
                waiting.get()
            for process in list(self._running):
                process.kill()

    def _work(self, jobs: Sequence[Job], waiting: queue.SimpleQueue[int], events: queue.Queue[Event]) -> None:
        while True:
            try:
                place = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                for said in self._process(jobs[place]):
                    events.put((place, said))
            except Exception as error:  # the machine refuses a process, say: the row fails, the others stand
                events.put((place, failed(blank(jobs[place]), f"{type(error).__name__}: {error}")))

    def _process(self, job: Job) -> Iterator[Progress | Row]:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            process = _start(said)
            self._running.add(process)
            try:
                _tell(process, job)
                row = None
                for event in _events(process):
                    row = event.get("row", row)
                    if "progress" in event:
                        yield Progress(**{**event["progress"], "fraction": event["progress"]["fraction"] or 0.0})
                code = process.wait()
            finally:
                process.kill()
                process.wait()
                self._running.discard(process)
            yield row if row is not None else failed(blank(job), _death(code, said))


def _start(said: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "genbench.bench.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        encoding="utf-8",
        env={**os.environ, **ONE_THREAD, "PYTHONIOENCODING": "utf-8"},
    )


def _tell(process: subprocess.Popen[str], job: Job) -> None:
    assert process.stdin is not None
    try:
        with process.stdin:
            json.dump(carried(job), process.stdin)
    except BrokenPipeError:
        pass  # it died before reading; its row says why


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # half a line: the process died while writing it
            if isinstance(event, dict):
                yield event


def _death(code: int, said: IO[str]) -> str:
    said.seek(0)
    last = next((line.strip() for line in reversed(said.readlines()) if line.strip()), "it said nothing")
    how = f"killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return f"its process was {how}: {last}" if code < 0 else f"its process {how}: {last}"
