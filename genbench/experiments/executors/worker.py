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
from genbench.generator import OnMap, map_here
from genbench.model import Model
from genbench.processes.child import Receive, Send, serve
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
    row, model = train_job(job, send, _map_of(job))
    folder, row = _dump(model, job, row, folder) if model is not None else (folder, row)
    if model is None or not row.ok:
        send(row)
        return
    send(Trained(str(folder)))

    # only now the texts that the model must not have seen
    texts = from_json(HeldOutTexts, receive())
    row, preview = measure_job(replace(job, test=texts.test, other_tests=texts.other_tests), row, model, send)
    if preview is not None:
        send(preview)
    send(row)


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
