"""Messages from workers: one JSON object per line, validated into a Progress or a Row before anything else reads them.

{"progress": {...}} while a job runs, {"row": {...}} at its end. A plugin runs in the same process as the code that
writes these lines and can write anything, so nothing in them is taken for granted.
"""

from __future__ import annotations

import json
from typing import IO, Any, TypeAlias

from genbench.analysis.bootstrap import BLOCK_CHARACTERS
from genbench.errors import ContractError
from genbench.experiments.consistency import row_problems
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.storage.records import from_json, to_json
from genbench.storage.untrusted import parse_json
from genbench.training import json_values

MAX_CHARACTERS = 1 << 28  # of one message; a row with a million characters of samples has five million
MAX_ERROR = 2_000  # characters of the reason of a failed row that are kept
SHOWN = 200  # characters of what is wrong with a message

Message: TypeAlias = Progress | Row


def format_message(message: Message) -> str:
    """Return a message as one line of JSON."""
    kind = "row" if isinstance(message, Row) else "progress"
    return json.dumps({kind: json_values(to_json(message))}, allow_nan=False) + "\n"


def read_line(stream: IO[str]) -> str:
    """Return the next line of a stream; "" at its end, also where that is in the middle of a line.

    Raises ContractError for a line that is too long.
    """
    line = stream.readline(MAX_CHARACTERS)
    if len(line) == MAX_CHARACTERS:
        raise ContractError(f"its process sent a message of more than {MAX_CHARACTERS >> 20} MB, and cannot send more")
    return line if line.endswith("\n") else ""


def parse_message(line: Any, job: Job) -> Message:
    """Return the message of a job in one line of JSON. Raises ContractError for anything else."""
    try:
        if not isinstance(line, str):
            raise ValueError(f"{type(line).__name__} where a line of text is expected")
        return _parse_values(parse_json(line, MAX_CHARACTERS), job)
    except (ValueError, ContractError) as error:
        reason = " ".join(str(error).split())[:SHOWN]
        raise ContractError(
            f"its process sent a message that genbench did not write ({reason}): a generator must not write to the "
            "pipe of its process"
        ) from None


def _parse_values(values: Any, job: Job) -> Message:
    """Return the message in a parsed line. Raises ValueError, and ContractError for progress that is none."""
    if not isinstance(values, dict) or len(values) != 1:
        raise ValueError("not an object with one name")
    ((kind, fields),) = values.items()
    if kind not in ("progress", "row") or not isinstance(fields, dict):
        raise ValueError("neither progress nor a row")
    if kind == "progress":
        return from_json(Progress, fields)

    # a row of this job, with finite numbers only
    row = Row.from_dict(fields)
    json.dumps(fields, allow_nan=False)
    _require_row_of(job, row)
    return row if row.error is None else row.failed(row.error[:MAX_ERROR])


def _require_row_of(job: Job, row: Row) -> None:
    """Raise ValueError for a row that the job cannot have: what reads rows relies on these sizes."""
    if (row.author, row.generator, row.seed) != (job.author, job.generator, job.seed):
        raise ValueError("the row of another job")
    if row.status != "ok":
        if row.status != "failed" or row.error is None:
            raise ValueError("a row that neither has a score nor says why")
        return

    # the score of the whole test text, and a sample for each prompt and sampling
    for problem in row_problems(row):
        raise ValueError(f"a row that cannot be: {problem}")
    if row.characters != len(job.test) or len(row.block_bits) != len(job.test) // BLOCK_CHARACTERS:
        raise ValueError("a row with the score of another text")
    if row.splits.keys() != job.strata.keys() or row.cross_scores.keys() != job.other_tests.keys():
        raise ValueError("a row with other measurements than its job")
    if len(row.samples) != len(job.prompts) * len(job.samplings):
        raise ValueError("a row with other samples than its job")
