"""What the auditor gets: first the test text and a stored model, then the row that the score belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genbench.experiments.job import Job
from genbench.experiments.preview import Preview
from genbench.experiments.row import Row
from genbench.storage.records import JsonObject, JsonRecord, from_json


@dataclass(frozen=True)
class AuditRequest(JsonRecord):
    """The job, and the model that has to predict its test text."""

    job: Job
    folder: str  # of the model
    digests: dict[str, str]  # of its files
    worker: int = 0  # process that is suspended meanwhile; 0 for none

    def to_dict(self) -> JsonObject:
        """Return the request as JSON values."""
        return super().to_dict() | {"job": self.job.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AuditRequest:
        """Return the request that `to_dict` gave; raises ValueError for anything else."""
        return from_json(cls, {**values, "job": Job.from_dict(values["job"])})


@dataclass(frozen=True)
class ScoreRequest(JsonRecord):
    """The row without a score, and the preview that has to agree with what the model predicted."""

    row: Row
    preview: Preview
