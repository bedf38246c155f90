"""JobProcess: one of the processes of a job, and the messages that it sends."""

from __future__ import annotations

from collections.abc import Generator

from genbench.experiments.executors.messages import Message, parse_message
from genbench.experiments.job import Job
from genbench.processes.parent import ChildProcess
from genbench.storage.records import JsonObject

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
EXIT_SECONDS = 5.0  # that a process may take to end after it has closed its output
ENVIRONMENT = {**ONE_THREAD, "PYTHONIOENCODING": "utf-8"}


class JobProcess:
    """A process that works on a job; as a context manager, it ends with everything that it started."""

    def __init__(self, module: str, job: Job, *, preloaded: str, scored: bool) -> None:
        """Start a module of genbench; its row has a score only where it audits (`scored`).

        `preloaded` is what `registry.heavy_imports` says of the job's SPEC.
        """
        self._child = ChildProcess(module, environment=ENVIRONMENT, preloaded=preloaded, client=scored)
        self.id = self._child.process.pid
        self.messages = self._messages(job, scored)

    def __enter__(self) -> JobProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def send(self, request: JsonObject) -> None:
        """Send a request."""
        self._child.send(request)

    def kill(self) -> None:
        """Kill the process, if it is running."""
        self._child.kill()

    def end(self) -> int:
        """End the process; return its exit code."""
        return self._child.end()

    def last_error(self) -> str:
        """Return the last line that it wrote to standard error."""
        return self._child.last_error()

    def _messages(self, job: Job, scored: bool) -> Generator[Message]:
        """Yield messages until the process ends. Raises ContractError for a line that is none."""
        for line in self._child.lines():
            yield parse_message(line, job, scored=scored)
        self._child.wait(EXIT_SECONDS)
