"""Imported models that a comparison names but cannot use, because no row asks for the training that they had."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.experiments.job import Job
from genbench.storage import models
from genbench.storage.cards import ModelCard

FIELDS = ("author", "generator", "options", "held_out", "sha256", "seed", "budget", "steps", "flops")
WORDS = {"sha256": "text", "held_out": "held-out book", "flops": "operations"}


def unused_imports(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield a sentence for each imported model of the jobs that fits none of them, with what differs the least."""
    if not jobs or not jobs[0].models or jobs[0].retrain:
        return
    for name in jobs[0].imported:
        try:
            card = models.get_model(Path(jobs[0].models), name).card
        except UserError:  # removed in between
            continue
        differing = min((_differing(card, job) for job in jobs), key=len)
        if differing:
            differences = " and ".join(WORDS.get(field, field) for field in differing)
            yield f"imported model {name} fits no row, so each is trained: another {differences} ({_describe(card)})"


def _differing(card: ModelCard, job: Job) -> list[str]:
    """Return the fields in which a job differs from the training of a model."""
    return [field for field in FIELDS if not card.has(field, getattr(job, field))]


def _describe(card: ModelCard) -> str:
    """Return the training of a model in the words of its command."""
    amounts: dict[str, Any] = {"budget": card.budget, "steps": card.steps, "flops": card.flops, "seed": card.seed}
    options = [f"--{name} {value:g}" for name, value in amounts.items() if value is not None]
    return " ".join([card.author, card.spec, *options])
