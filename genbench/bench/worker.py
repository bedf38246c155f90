"""The process that runs one job: a job as JSON on standard input, events as JSON lines on standard output.

{"progress": {...}} as it goes, {"row": {...}} at the end. What a generator prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any, TextIO

from genbench.bench.jobs import Job, plain, run_job
from genbench.generator import Progress


def main() -> None:
    """Run the job that stands on standard input."""
    events = _take_over_stdout()

    def send(event: dict[str, Any]) -> None:
        events.write(json.dumps(plain(event), allow_nan=False) + "\n")
        events.flush()

    def listen(progress: Progress) -> None:
        send({"progress": asdict(progress)})

    job = Job(**json.load(sys.stdin))
    send({"row": run_job(job, listen)})


def _take_over_stdout() -> TextIO:
    """A stream to the old standard output; the new one is standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


if __name__ == "__main__":
    main()
