"""JobProcesses: the processes of one job, within one time limit.

    worker      trains, and stores the model
    auditor     reads the test text: the stored model predicts it in a third process (genbench/experiments/audit),
                while the worker is suspended
    worker      gets the test texts, and reads them by the generator's own fast method
    auditor     compares the two readings, and adds the score to the row

No code of a generator has seen a test text before the stored model has predicted all of it, except a tokenizer class of
its own, which encodes it in a process that is isolated.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import TypeVar

from genbench import registry
from genbench.errors import ContractError
from genbench.experiments.audit.request import AuditRequest, ScoreRequest
from genbench.experiments.executors.base import STOPPED
from genbench.experiments.executors.handover import Handover
from genbench.experiments.executors.job_process import JobProcess
from genbench.experiments.executors.messages import Message, TestRead, Trained
from genbench.experiments.job import Job
from genbench.experiments.preview import Preview
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.processes.parent import describe_exit
from genbench.spec import format_duration
from genbench.storage.job_folders import job_folder

WORKER, AUDITOR = "genbench.experiments.executors.worker", "genbench.experiments.audit.auditor"

Expected = TypeVar("Expected", bound=Message)


class JobProcesses:
    """Runs one job; `stop` may be called by another thread."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stopped = False
        self._timed_out = False
        self._processes: list[JobProcess] = []
        self._heavy_imports = registry.heavy_imports(job.spec)  # which reads what is installed

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
        """End its processes and everything that they started."""
        self.stopped = True
        for process in list(self._processes):
            process.end()

    def _run(self, handover: Handover) -> Generator[Progress | Row]:
        """Yield the progress of all processes, then the row."""
        try:
            yield (yield from self._row(handover))
        except _FailedError as failure:
            yield failure.row
        except ContractError as error:  # a process sent something else
            yield Row.blank(self.job).failed(str(error))

    def _row(self, handover: Handover) -> Generator[Progress, None, Row]:
        """Return the row, after progress; raises _FailedError with one that has failed before it was complete."""
        with ExitStack() as running:
            # train
            worker = running.enter_context(self._start(WORKER))
            worker.send(handover.request())
            trained = yield from self._next(worker, Trained)
            digests = handover.secure(trained)

            # the stored model predicts the test text, before the worker has it
            auditor = running.enter_context(self._start(AUDITOR))
            auditor.send(AuditRequest(self.job, str(handover.folder), digests, worker.id).to_dict())
            yield from self._next(auditor, TestRead)

            # the generator's own reading of it, and all other measurements
            worker.send(handover.held_out_texts())
            preview = yield from self._next(worker, Preview)
            row = yield from self._next(worker, Row)
            if row.ok:
                auditor.send(ScoreRequest(row, preview).to_dict())
                row = yield from self._next(auditor, Row)
            return row

    def _start(self, module: str) -> JobProcess:
        process = JobProcess(module, self.job, preloaded=self._heavy_imports, scored=module == AUDITOR)
        self._processes.append(process)
        if self.stopped or self._timed_out:  # before there was a process to kill
            process.kill()
        return process

    def _next(self, process: JobProcess, kind: type[Expected]) -> Generator[Progress, None, Expected]:
        """Return the next message of a process that is no progress, which is yielded.

        Raises _FailedError where the process ends or sends a failed row instead, and ContractError for another message.
        """
        for message in process.messages:
            if isinstance(message, kind):
                return message
            if isinstance(message, Row):
                raise _FailedError(message if not message.ok else message.failed("its process sent a row too early"))
            if not isinstance(message, Progress):
                raise ContractError(f"its process sent {type(message).__name__} where {kind.__name__} was expected")
            yield message
        raise _FailedError(Row.blank(self.job).failed(self._reason(process)))

    def _reason(self, process: JobProcess) -> str:
        """Return the reason why a process ended without a row."""
        exit_code = process.end()
        if self.stopped:
            return STOPPED
        if self._timed_out:
            limit = format_duration(round(self.job.timeout or 0.0, 1))
            return f"not done after {limit}; --timeout sets a longer limit"
        last_line = process.last_error()
        if exit_code == -signal.SIGKILL:
            return f"its process was killed (signal 9), as systems do when they run out of memory: {last_line}"
        return f"its process {describe_exit(exit_code)}: {last_line}"

    def _time_out(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        for process in list(self._processes):
            process.kill()


class _FailedError(Exception):
    """A row that failed before it was complete."""

    def __init__(self, row: Row) -> None:
        super().__init__(row.error)
        self.row = row
