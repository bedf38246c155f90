"""Handover: what a worker gets, the test texts only once its trained model is on disk and was audited."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from genbench.errors import ContractError
from genbench.experiments.executors.messages import Trained
from genbench.experiments.job import HeldOutTexts, Job, without_tests
from genbench.storage.cards import CARD, FILES, read_card
from genbench.storage.records import JsonObject
from genbench.storage.stored_model import digest_of
from genbench.storage.untrusted import require_regular_file
from genbench.storage.user_files import named_path

ATTEMPTS, POLL_SECONDS = 20, 0.05  # to take a model that other processes replace


@dataclass(frozen=True)
class Handover:
    """The requests to one worker, and its model."""

    job: Job
    folder: Path  # for the model

    def request(self) -> JsonObject:
        """Return the job without its test texts, as JSON values."""
        return {"job": without_tests(self.job).to_dict(), "folder": str(self.folder)}

    def secure(self, trained: Trained) -> dict[str, str]:
        """Keep the model where no other process replaces it; return the sha256 of each file.

        Raises ContractError where there is no model.
        """
        source, reason = named_path(trained.folder), ""
        for _ in range(ATTEMPTS):
            try:
                digests = {name: self._secure(source, name) for name in sorted({CARD, *FILES})}
                card = read_card(self.folder)
                if card is not None and card.files.items() <= digests.items():
                    return digests
                reason = "its files do not fit its card"
            except (OSError, ValueError) as error:
                reason = str(error)
            time.sleep(POLL_SECONDS)  # another process may be replacing the model
        raise ContractError(f"its process sent no trained model: {reason}")

    def held_out_texts(self) -> JsonObject:
        """Return the test texts, as JSON values."""
        return HeldOutTexts(self.job.test, self.job.other_tests).to_dict()

    def _secure(self, source: Path, name: str) -> str:
        """Link or copy a file of the model into the folder, where no other process replaces it; return its sha256."""
        require_regular_file(source / name)
        if source != self.folder:
            self.folder.mkdir(exist_ok=True)
            (self.folder / name).unlink(missing_ok=True)
            try:
                os.link(source / name, self.folder / name)
            except OSError:  # another file system
                shutil.copyfile(source / name, self.folder / name)
        return digest_of(self.folder / name)
