"""What a comparison asks of a trained generator only where it is wanted: judged samples, valid bits, memory, others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from genbench import scoring
from genbench.analysis import memory
from genbench.errors import UserError
from genbench.experiments.samples import for_judges
from genbench.generator import Generator, Progress
from genbench.model import Model

if TYPE_CHECKING:
    from genbench.experiments.job import Job

LONGEST, TARGETS = 256, 200  # characters of context, and words: a glance beside `genbench memory`


def more(model: Model, job: Job, listen: Callable[[Progress], None]) -> dict[str, Any]:
    """What the job asks for beyond a score and samples, as a part of its row."""
    row: dict[str, Any] = {}
    if job.judged:
        listen(Progress(1, note="sampling for the judges"))
        row["drawn"] = for_judges(model, job)
    if job.validated and job.valid:
        listen(Progress(1, note="scoring valid text"))
        row["valid_bits_per_character"] = scoring.score(model.generator, job.valid).bits_per_character
    if job.memory:
        row["memory"] = _memory(model.generator, job.test, listen)
    if job.others:
        row["elsewhere"] = {}
    for author, text in job.others.items():
        tell = partial(_listened, listen, f"scoring {author}")
        row["elsewhere"][author] = scoring.score(model.generator, text, tell).bits_per_character
    return row


def _listened(listen: Callable[[Progress], None], note: str, share: float) -> None:
    listen(Progress(share, note=note))


def _memory(generator: Generator, text: str, listen: Callable[[Progress], None]) -> list[dict[str, Any]]:
    """Bits at the same words with ever more context; nothing where the text is too short for it."""
    try:
        spans = memory.targets(text, LONGEST, TARGETS)
    except UserError:
        return []
    return memory.curve(generator, text, spans, LONGEST, partial(_listened, listen, "contexts"))
