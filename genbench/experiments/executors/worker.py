"""The process that runs one job: it reads a job as a line of JSON, and writes events as lines of JSON.

{"progress": {...}} while it works, {"row": {...}} at the end. What a generator prints goes to standard error. The
process ends when its standard input closes, since then the process that waits for the row is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import TextIO

from genbench.experiments.job import Job, run_job
from genbench.generator import Progress
from genbench.storage.memory import total_memory
from genbench.storage.records import JsonObject
from genbench.training import json_values


def main() -> None:
    """Run the job on standard input."""
    events = _redirect_stdout()

    def send(event: JsonObject) -> None:
        events.write(json.dumps(json_values(event), allow_nan=False) + "\n")
        events.flush()

    def report(progress: Progress) -> None:
        send({"progress": asdict(progress)})

    # read the job; from here on, the end of standard input means that the parent is gone
    job = Job.from_dict(json.loads(sys.stdin.readline()))
    threading.Thread(target=_exit_when_closed, args=(sys.stdin,), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - a generator has nothing to read

    # an allocation that fails is an error of this row, and no reason for the system to end processes
    _limit_memory()
    send({"row": run_job(job, report).to_dict()})


def _redirect_stdout() -> TextIO:
    """Redirect standard output to standard error; return a stream to the original one."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _exit_when_closed(stdin: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        stdin.read()
    os._exit(1)


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
