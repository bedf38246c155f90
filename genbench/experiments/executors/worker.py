"""The process that trains and runs the code of a generator: requests and events are lines of JSON (messages.py).

    receives    a job without test texts, and a folder
    sends       progress, and where the trained model is
    receives    the test texts
    sends       progress, the preview of its score, and the row, whose score is added by the auditor

What a generator prints goes to standard error. The process ends when its standard input closes, since then the process
that waits for the row is gone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from genbench.experiments.executors.messages import Trained, format_message
from genbench.experiments.job import HeldOutTexts, Job, RowInProgress, measure_job, train_job
from genbench.experiments.row import Row
from genbench.generator import OnMap, Progress, map_here
from genbench.model import Model
from genbench.processes.child import Receive, Send, serve
from genbench.processes.clock import COMPILING, announced
from genbench.storage.memory import limit_memory
from genbench.storage.records import from_json


def main() -> None:
    """Run the job on standard input."""
    serve(_run, format_event=format_message)


def _run(receive: Receive, send: Send) -> None:
    """Run the job of the first request; send its progress and its row."""
    request = receive()
    job, folder = Job.from_dict(request["job"]), Path(request["folder"])

    # an allocation that fails is an error of this row, and no reason for the system to end processes
    limit_memory()
    report = _Reporter(send)
    with announced(report.tell):
        _measure(job, folder, receive, send, report)


def _measure(job: Job, folder: Path, receive: Receive, send: Send, report: _Reporter) -> None:
    """Train the generator of a job and measure it; send its progress and its row."""
    row, model = train_job(job, report, _map_of(job))
    folder, row = _dump(model, job, row, folder) if model is not None else (folder, row)
    if model is None or not row.ok:
        send(row)
        return
    send(Trained(str(folder)))

    # only now the texts that the model must not have seen
    texts = from_json(HeldOutTexts, receive())
    row, preview = measure_job(replace(job, test=texts.test, other_tests=texts.other_tests), row, model, report)
    if preview is not None:
        send(preview)
    send(row)


class _Reporter:
    """Sends progress, also while something is done that no figure counts."""

    def __init__(self, send: Send) -> None:
        self.send, self.last = send, Progress(0.0)

    def __call__(self, progress: Progress) -> None:
        self.last = progress
        self.send(progress)

    def tell(self, begins: bool) -> None:
        """Say that such work begins or ends."""
        self.send(replace(self.last, note=COMPILING) if begins else self.last)


def _map_of(job: Job) -> OnMap:
    """Return what runs the parts of the training of a job."""
    if not job.cluster:
        return map_here
    from genbench.experiments.executors.ray_map import map_on_cluster

    return partial(map_on_cluster, job.cluster)


def _dump(model: Model, job: Job, row: Row, folder: Path) -> tuple[Path, Row]:
    """Return the folder where a model is stored, else `folder` after it was written there; and the row."""
    if model.id:
        return Path(job.models) / model.id, row
    with RowInProgress(row, type(model.generator)) as progress:
        model.save(folder)
    return folder, progress.row


if __name__ == "__main__":
    main()
