"""JobProcesses: the processes of one job, within one time limit.

A worker trains and reads the test texts (worker.py). Then an auditor, which runs no code of the generator, has the
stored model read the test text again in a third process, and adds the score (genbench/experiments/audit).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeAlias

from genbench.errors import ContractError
from genbench.experiments.audit.request import AuditRequest
from genbench.experiments.executors.base import STOPPED
from genbench.experiments.executors.handover import Handover
from genbench.experiments.executors.messages import Trained, parse_message
from genbench.experiments.job import Job
from genbench.experiments.preview import Preview
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.processes.parent import ChildProcess, describe_exit
from genbench.spec import format_duration
from genbench.storage.job_folders import job_folder
from genbench.storage.records import JsonObject

WORKER, AUDITOR = "genbench.experiments.executors.worker", "genbench.experiments.audit.auditor"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
EXIT_SECONDS = 5.0  # that a process may take to end after its last message
ENVIRONMENT = {**ONE_THREAD, "PYTHONIOENCODING": "utf-8"}

JobMessage: TypeAlias = Progress | Preview | Row


class JobProcesses:
    """Runs one job; `stop` may be called by another thread."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stopped = False
        self._process: ChildProcess | None = None
        self._timed_out = False

    def run(self) -> Generator[Progress | Row]:
        """Yield the progress of the job, and at last its row."""
        limit = threading.Timer(self.job.timeout or 0, self._time_out)
        limit.daemon = True
        if self.job.timeout is not None:
            limit.start()
        try:
            with job_folder() as folder, closing(self._run(Handover(self.job, folder / "model"))) as messages:
                yield Progress(0.0, note="starting")  # a process needs a second or more to its first message
                yield from messages
        finally:
            limit.cancel()

    def stop(self) -> None:
        """Stop the job; its row fails."""
        self.stopped = True
        self._kill()

    def end(self) -> None:
        """End its process and everything that it started."""
        self.stopped = True
        if self._process is not None:
            self._process.end()

    def _run(self, handover: Handover) -> Generator[Progress | Row]:
        """Yield the messages of the worker, then those of the auditor unless the row has failed."""
        row = preview = None
        for message in self._messages(WORKER, handover.first_request(), handover):
            if isinstance(message, Row):
                row = message
            elif isinstance(message, Preview):
                preview = message
            else:
                yield message

        # a row that failed has nothing to audit
        assert row is not None
        if not row.ok:
            yield row
        elif preview is None:
            yield row.failed("its process sent a row without a preview of its score")
        else:
            request = AuditRequest(self.job, row, preview, str(handover.folder), handover.digests)
            for message in self._messages(AUDITOR, request.to_dict()):
                if not isinstance(message, Preview):
                    yield message

    def _messages(self, module: str, request: JsonObject, handover: Handover | None = None) -> Iterator[JobMessage]:
        """Yield the messages of a process that gets a request; the last one is a row.

        What it sends that is no message, and how it ends without a row, makes the row a failed one. A worker gets the
        test texts by its `handover`.
        """
        self._process, row = ChildProcess(module, environment=ENVIRONMENT), None
        try:
            if self.stopped or self._timed_out:  # before there was a process to kill
                self._process.kill()
            self._process.send(request)
            for line in self._process.lines():
                message = parse_message(line, self.job, scored=handover is None)
                if isinstance(message, Row):
                    row = message
                    break  # whatever else the process has running is not waited for
                if not isinstance(message, Trained):
                    yield message
                elif handover is not None:
                    self._process.send(handover.request_after_training(message))
            else:
                self._process.wait(EXIT_SECONDS)
        except ContractError as error:  # it sent something else
            row = Row.blank(self.job).failed(str(error))
        finally:
            exit_code = self._process.end()
        yield row if row is not None else Row.blank(self.job).failed(self._failure(exit_code))

    def _failure(self, exit_code: int) -> str:
        """Return the reason why a process ended without a row."""
        assert self._process is not None
        if self.stopped:
            return STOPPED
        if self._timed_out:
            limit = format_duration(round(self.job.timeout or 0.0, 1))
            return f"not done after {limit}; --timeout sets a longer limit"
        last_line = self._process.last_error()
        if exit_code == -signal.SIGKILL:
            return f"its process was killed (signal 9), as systems do when they run out of memory: {last_line}"
        return f"its process {describe_exit(exit_code)}: {last_line}"

    def _time_out(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
