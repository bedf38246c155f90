"""The process that runs one job: it reads a job as a line of JSON, and writes messages as lines of JSON (messages.py).

What a generator prints goes to standard error. The process ends when its standard input closes, since then the process
that waits for the row is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from typing import TextIO

from genbench.experiments.executors.messages import Message, format_message
from genbench.experiments.executors.process_tree import become_subreaper, kill_descendants
from genbench.experiments.job import Job, run_job
from genbench.storage.memory import total_memory


def main() -> None:
    """Run the job on standard input."""
    messages = _redirect_stdout()

    def send(message: Message) -> None:
        messages.write(format_message(message))
        messages.flush()

    # read the job; from here on, the end of standard input means that the parent is gone
    job = Job.from_dict(json.loads(sys.stdin.readline()))
    threading.Thread(target=_exit_when_closed, args=(sys.stdin,), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - a generator has nothing to read

    # what a generator starts ends with this process
    become_subreaper()

    # an allocation that fails is an error of this row, and no reason for the system to end processes
    _limit_memory()
    send(run_job(job, send))


def _redirect_stdout() -> TextIO:
    """Redirect standard output to standard error; return a stream to the original one."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return messages


def _exit_when_closed(stdin: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        stdin.read()
    kill_descendants(os.getpid())
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
