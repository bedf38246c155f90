"""A job on another machine: it runs in a process of its own, in a temporary folder, and sends messages home."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from genbench.errors import ContractError
from genbench.experiments.executors.job_bundle import FileContents, JobBundle, job_checkpoint, pack_result, unpack_job
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.executors.messages import format_message, parse_message
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.storage.cards import CARD, FILES
from genbench.storage.checkpoints import Checkpoint
from genbench.storage.job_folders import job_folder

REPORT_SECONDS = 0.5  # between two progress messages of one job

TaskMessage = str | bytes  # progress as a line of JSON, or the newest checkpoint
TaskResult = tuple[str, FileContents]  # the row as a line of JSON, and the files of the model that was trained


def run_in_folder(job: Job, bundle: JobBundle, send: Callable[[TaskMessage], None]) -> tuple[Row, FileContents]:
    """Run a job; return its row and the files of the model that it trained. Progress and checkpoints go to `send`."""
    with job_folder() as folder:
        unpacked = unpack_job(job, bundle, folder)
        checkpoints = _NewCheckpoints(job_checkpoint(unpacked))
        last_report = -REPORT_SECONDS

        # pass on progress, not too often, and each new checkpoint
        with closing(LocalExecutor(1).run([unpacked])) as events:
            for _, event in events:
                if not isinstance(event, Progress):
                    return pack_result(unpacked, event, bundle, folder)
                if event.valid is not None or time.monotonic() - last_report > REPORT_SECONDS:
                    last_report = time.monotonic()
                    send(format_message(event))
                for state in checkpoints.read():
                    send(state)
        raise AssertionError("an executor returns a row for every job")


def parse_result(result: Any, job: Job) -> tuple[Row, FileContents]:
    """Return what `run_in_folder` returned on another machine. Raises ContractError for anything else."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ContractError(f"its node sent {type(result).__name__} where a row and files are expected")

    # the row, then the files of a model: all of them, or none
    line, files = result
    row = parse_message(line, job)
    if not isinstance(row, Row):
        raise ContractError("its node sent progress where a row is expected")
    names = set(files) if isinstance(files, dict) else {"?"}
    if (names and names != {CARD, *FILES}) or not all(isinstance(data, bytes) for data in files.values()):
        raise ContractError("its node sent files that are no model")
    return row, files


def parse_task_message(message: Any, job: Job) -> Progress | bytes:
    """Return the progress of a job, or its newest checkpoint. Raises ContractError for anything else."""
    progress = message if isinstance(message, bytes) else parse_message(message, job)
    if not isinstance(progress, Progress | bytes):
        raise ContractError("its node sent something else where progress is expected")
    return progress


class _NewCheckpoints:
    """Reads a checkpoint file whenever it has changed."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self.checkpoint = checkpoint
        self.last_read = self._modified()

    def read(self) -> list[bytes]:
        """Return the checkpoint in a list, which is empty where it was read before."""
        modified = self._modified()

        # a checkpoint is sent once
        if self.checkpoint is None or modified == self.last_read:
            return []
        self.last_read = modified
        try:
            return [self.checkpoint.path.read_bytes()]
        except OSError:  # removed, since the training is complete
            return []

    def _modified(self) -> int:
        """Return when the file was modified, in nanoseconds; 0 where there is none."""
        try:
            return self.checkpoint.path.stat().st_mtime_ns if self.checkpoint else 0
        except OSError:
            return 0
