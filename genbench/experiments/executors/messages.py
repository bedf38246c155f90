"""Messages of a job's processes: one JSON object per line, validated before anything else reads them.

A worker sends {"progress": {...}} while it runs, {"trained": {...}} once the model is stored, {"preview": {...}} with
its own reading of the test text, and {"row": {...}} at its end. An auditor sends progress, {"test_read": {}} once the
model has predicted the test text, and the row with its score. A plugin runs in the same process as the code that writes
a worker's lines and can write anything, so nothing in them is taken for granted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from genbench.analysis.intervals import block_sizes
from genbench.errors import ContractError
from genbench.experiments.consistency import row_problems
from genbench.experiments.job import Job
from genbench.experiments.preview import Preview
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.processes.parent import MAX_LINE
from genbench.storage.cards import MAX_SNAPSHOTS
from genbench.storage.records import JsonRecord, from_json, to_json
from genbench.storage.untrusted import parse_json
from genbench.training import json_values

MAX_ERROR = 2_000  # characters of the reason of a failed row that are kept
SHOWN = 200  # characters of what is wrong with a message


@dataclass(frozen=True)
class Trained(JsonRecord):
    """The training is complete: the model is in this folder."""

    folder: str


@dataclass(frozen=True)
class TestRead(JsonRecord):
    """The model has predicted the test text: the worker may get it."""

    __test__ = False  # no class of tests


Message: TypeAlias = Progress | Trained | TestRead | Preview | Row
KINDS: dict[str, type[Any]] = {
    "progress": Progress,
    "trained": Trained,
    "test_read": TestRead,
    "preview": Preview,
    "row": Row,
}


def format_message(message: Message) -> str:
    """Return a message as one line of JSON."""
    kind = next(name for name, kind in KINDS.items() if isinstance(message, kind))
    return json.dumps({kind: json_values(to_json(message))}, allow_nan=False) + "\n"


def parse_message(line: Any, job: Job, *, scored: bool = True) -> Message:
    """Return the message of a job in one line of JSON; its row has a score only if it was audited (`scored`).

    Raises ContractError for anything else, and for a line that is too long.
    """
    if isinstance(line, str) and len(line) >= MAX_LINE:
        raise ContractError(f"its process sent a message of more than {MAX_LINE >> 20} MB, and cannot send more")
    try:
        if not isinstance(line, str):
            raise ValueError(f"{type(line).__name__} where a line of text is expected")
        return _parse_values(parse_json(line, MAX_LINE), job, scored)
    except (ValueError, ContractError) as error:
        reason = " ".join(str(error).split())[:SHOWN]
        raise ContractError(
            f"its process sent a message that genbench did not write ({reason}): a generator must not write to the "
            "pipe of its process"
        ) from None


def _parse_values(values: Any, job: Job, scored: bool) -> Message:
    """Return the message in a parsed line. Raises ValueError, and ContractError for progress that is none."""
    if not isinstance(values, dict) or len(values) != 1:
        raise ValueError("not an object with one name")
    ((kind, fields),) = values.items()
    if kind not in KINDS or not isinstance(fields, dict):
        raise ValueError(f"not one of {', '.join(KINDS)}")
    message: Message = from_json(KINDS[kind], fields)
    if not isinstance(message, Row):
        return message

    # a row of this job, with finite numbers only
    json.dumps(fields, allow_nan=False)
    _require_row_of(job, message, scored)
    return message if message.error is None else message.failed(message.error[:MAX_ERROR])


def _require_row_of(job: Job, row: Row, scored: bool) -> None:
    """Raise ValueError for a row that the job cannot have: what reads rows relies on these sizes."""
    if (row.author, row.generator, row.seed) != (job.author, job.generator, job.seed):
        raise ValueError("the row of another job")
    if row.status != "ok":
        if row.status != "failed" or row.error is None:
            raise ValueError("a row that neither has a score nor says why")
        return

    # a sample for each prompt and sampling
    if row.cross_scores.keys() != job.other_tests.keys():
        raise ValueError("a row with other measurements than its job")
    if len(row.samples) != len(job.prompts) * len(job.samplings):
        raise ValueError("a row with other samples than its job")
    if len(row.snapshots) > MAX_SNAPSHOTS:
        raise ValueError("a row with too many snapshots")
    if scored:
        _require_score_of(job, row)
    elif row.bits is not None or row.block_bits or row.splits or row.audit is not None:
        raise ValueError("a row whose score was not audited")


def _require_score_of(job: Job, row: Row) -> None:
    """Raise ValueError for a row whose score is not that of the whole test text."""
    for problem in row_problems(row):
        raise ValueError(f"a row that cannot be: {problem}")
    if row.characters != len(job.test) or len(row.block_bits) != len(block_sizes(len(job.test))):
        raise ValueError("a row with the score of another text")
    if row.splits.keys() != job.strata.keys() or row.audit is None:
        raise ValueError("a row with other measurements than its job")
