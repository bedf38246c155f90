"""AuditRequest: what the auditor gets."""

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
    """A row without a score, the preview of it, and the model that has to prove it."""

    job: Job
    row: Row
    preview: Preview
    folder: str  # of the model
    digests: dict[str, str]  # of its files when the generator had not seen the test text

    def to_dict(self) -> JsonObject:
        """Return the request as JSON values."""
        return super().to_dict() | {"job": self.job.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AuditRequest:
        """Return the request that `to_dict` gave; raises ValueError for anything else."""
        return from_json(cls, {**values, "job": Job.from_dict(values["job"])})
