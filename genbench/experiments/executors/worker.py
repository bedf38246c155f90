"""The process that runs one job: it reads a job as a line of JSON, and writes messages as lines of JSON (messages.py).

What a generator prints goes to standard error. The process ends when its standard input closes, since then the process
that waits for the row is gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from genbench.experiments.executors.messages import Message, format_message
from genbench.experiments.executors.process_tree import become_subreaper, kill_descendants
from genbench.experiments.job import Job, run_job
from genbench.processes.child import serve
from genbench.storage.memory import total_memory
from genbench.storage.records import JsonObject


def main() -> None:
    """Run the job on standard input."""
    serve(_run, format_event=format_message, on_orphaned=partial(kill_descendants, os.getpid()))


def _run(request: JsonObject, send: Callable[[Message], None]) -> None:
    """Run the job of a request; send its progress and its row."""
    job = Job.from_dict(request)

    # what a generator starts ends with this process
    become_subreaper()

    # an allocation that fails is an error of this row, and no reason for the system to end processes
    _limit_memory()
    send(run_job(job, send))


def _limit_memory() -> None:
    """Limit this process to the memory of the machine, so that an allocation fails before the system ends processes."""
    try:
        import resource

        # a stricter limit of the system stays
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        memory = total_memory()
        if memory and (soft == resource.RLIM_INFINITY or memory < soft):
            resource.setrlimit(resource.RLIMIT_DATA, (memory, hard))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits


if __name__ == "__main__":
    main()
