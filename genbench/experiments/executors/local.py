"""The local executor: each job in processes of its own with one thread, several jobs side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from genbench.experiments.executors.base import STOPPED, Event, Events, starting_order
from genbench.experiments.executors.job_processes import JobProcesses
from genbench.experiments.job import Job
from genbench.experiments.row import Row

POLL_SECONDS = 0.5  # an endless wait for the queue would not notice Ctrl-C


@dataclass
class LocalExecutor:
    """Runs jobs as processes, at most `max_jobs` side by side."""

    max_jobs: int
    local: bool = True
    _running: dict[int, JobProcesses] = field(default_factory=dict)
    _stopped: set[int] = field(default_factory=set)

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row. Closing the generator ends all jobs."""
        # a thread for each job that may run at the same time
        events: queue.Queue[Event] = queue.Queue()
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for index in starting_order(jobs):
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
            for processes in list(self._running.values()):
                processes.end()

    def stop(self, index: int) -> None:
        """Stop a job; its row fails."""
        self._stopped.add(index)
        if index in self._running:
            self._running[index].stop()

    def _run_waiting(self, jobs: Sequence[Job], waiting: queue.SimpleQueue[int], events: queue.Queue[Event]) -> None:
        """Run waiting jobs one after another until there is none."""
        while True:
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return

            # a job that was stopped meanwhile is not started
            self._running[index] = JobProcesses(jobs[index])
            try:
                if index in self._stopped:
                    events.put((index, Row.blank(jobs[index]).failed(STOPPED)))
                    continue
                for event in self._running[index].run():
                    events.put((index, event))
            except Exception as error:  # such as a system that starts no more processes: only this row fails
                events.put((index, Row.blank(jobs[index]).failed(f"{type(error).__name__}: {error}")))
            finally:
                self._running.pop(index, None)
