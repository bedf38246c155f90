"""The process that runs one job: a job as a line of JSON on standard input, events as JSON lines on standard output.

{"progress": {...}} as it goes, {"row": {...}} at the end. What a generator prints goes to standard error. It ends when
its standard input does: who started it is gone, and nobody waits for the row.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import Any, TextIO

from genbench.experiments.environment import memory
from genbench.experiments.job import Job, plain, run_job
from genbench.generator import Progress


def main() -> None:
    """Run the job that stands on standard input."""
    events = _take_over_stdout()

    def send(event: dict[str, Any]) -> None:
        events.write(json.dumps(plain(event), allow_nan=False) + "\n")
        events.flush()

    def listen(progress: Progress) -> None:
        send({"progress": asdict(progress)})

    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_leave_with_the_other, args=(sys.stdin,), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - nothing is left to read for a generator
    _limit_memory()
    send({"row": run_job(job, listen)})


def _take_over_stdout() -> TextIO:
    """A stream to the old standard output; the new one is standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _leave_with_the_other(other: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        other.read()
    os._exit(1)


def _limit_memory() -> None:
    """No more than the machine has: an allocation beyond fails here, before the system ends other processes for it."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        most = memory()
        if most and (soft == resource.RLIM_INFINITY or most < soft):
            resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    except (ImportError, ValueError, OSError):
        pass  # a system without such limits


if __name__ == "__main__":
    main()
