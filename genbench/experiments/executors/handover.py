"""Handover: a worker gets the test texts only once its trained model is on disk, with checksums of what it wrote.

Whatever the worker changes afterwards, when it has seen the test texts, is found before the model is audited.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from genbench.errors import ContractError
from genbench.experiments.executors.messages import Trained
from genbench.experiments.job import HeldOutTexts, Job, without_tests
from genbench.storage.cards import CARD, FILES
from genbench.storage.records import JsonObject
from genbench.storage.stored_model import digest_of
from genbench.storage.untrusted import require_regular_file
from genbench.storage.user_files import named_path


@dataclass
class Handover:
    """The requests to one worker, and the checksums of its model."""

    job: Job
    folder: Path  # for the model
    digests: dict[str, str] = field(default_factory=dict)  # by file, once the model is there

    def first_request(self) -> JsonObject:
        """Return the job without its test texts, as JSON values."""
        return {"job": without_tests(self.job).to_dict(), "folder": str(self.folder)}

    def request_after_training(self, trained: Trained) -> JsonObject:
        """Secure the model; return the test texts, as JSON values. Raises ContractError where there is no model."""
        if self.digests:
            raise ContractError("its process asked for the test texts twice")
        try:
            self.digests = {name: self._secure(named_path(trained.folder), name) for name in sorted({CARD, *FILES})}
        except (OSError, ValueError) as error:
            raise ContractError(f"its process sent no trained model: {error}") from error
        return HeldOutTexts(self.job.test, self.job.other_tests).to_dict()

    def _secure(self, source: Path, name: str) -> str:
        """Link or copy a file of the model into the folder, where no other process replaces it; return its sha256."""
        require_regular_file(source / name)
        if source != self.folder:
            self.folder.mkdir(exist_ok=True)
            try:
                os.link(source / name, self.folder / name)
            except OSError:  # another file system
                shutil.copyfile(source / name, self.folder / name)
        return digest_of(self.folder / name)
