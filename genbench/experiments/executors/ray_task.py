"""A job on a machine that is not its home: run in a process of its own there, in a folder that is gone afterwards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from genbench.experiments.executors import job_bundle as luggage
from genbench.experiments.executors.job_bundle import Files, Luggage
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.job import Job, Row
from genbench.generator import Progress
from genbench.storage.checkpoints import Checkpoint

OFTEN = 0.5  # seconds between two reports of one job
Letter = Progress | bytes  # how far a job is, or its newest checkpoint


def visit(job: Job, taken: Luggage, tell: Callable[[Letter], None]) -> tuple[Row, Files]:
    """Its row, and the files of the model that it trained; progress and checkpoints are told as they come."""
    with tempfile.TemporaryDirectory(prefix="genbench-") as name:
        here = luggage.unpacked(job, taken, Path(name))
        unsent = _Unsent(luggage.checkpoint(here))
        last = -OFTEN
        with closing(LocalExecutor(1).run([here])) as events:
            for _, said in events:
                if not isinstance(said, Progress):
                    return luggage.homeward(here, said, taken, Path(name))
                if said.valid is not None or time.monotonic() - last > OFTEN:
                    last = time.monotonic()
                    tell(said)
                for state in unsent.new():
                    tell(state)
        raise AssertionError("an executor gives every job a row")


class _Unsent:
    """Checkpoints that home has not got yet."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self.checkpoint = checkpoint
        self.sent = self._made()

    def new(self) -> list[bytes]:
        """The newest, if it is not sent yet."""
        made = self._made()
        if self.checkpoint is None or made == self.sent:
            return []
        self.sent = made
        try:
            return [self.checkpoint.path.read_bytes()]
        except OSError:  # the training is over
            return []

    def _made(self) -> int:
        """When the newest was made; 0 where there is none."""
        try:
            return self.checkpoint.path.stat().st_mtime_ns if self.checkpoint else 0
        except OSError:
            return 0
