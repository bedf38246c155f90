"""One job: one generator on one author with one seed, from training to a row of the results.

A job and its row are plain JSON values, so that any executor can carry them to another process or machine.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from genbench import registry, scoring
from genbench import spec as options
from genbench.analysis.bootstrap import BLOCK, FEWEST, in_blocks, interval
from genbench.analysis.strata import Places, split
from genbench.capabilities import is_adaptive
from genbench.errors import GenbenchError, format_error
from genbench.experiments.extra_metrics import more
from genbench.experiments.samples import samples
from genbench.generator import Generator, Progress, ProgressCallback
from genbench.model import Model
from genbench.spec import Spec, option_values
from genbench.training import TrainingText, TrainSettings, describe_reuse, train_model

Row = dict[str, Any]
Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know."""

    author: str
    train: str
    valid: str
    test: str
    spec: str
    seed: int = 0
    budget: float | None = None
    steps: int | None = None
    device: str = "auto"
    prompts: list[str] = field(default_factory=lambda: [""])
    samplings: list[dict[str, Any]] = field(default_factory=list)  # one sample each, for every prompt
    corpus: dict[str, Any] = field(default_factory=dict)  # books, lines and sha256 of the text
    models: str = ""  # the folder that models are kept in; "" keeps none
    fresh: bool = False  # train anew even if the same model is kept
    judged: int = 0  # more samples, for the judges of style
    places: dict[str, Any] = field(default_factory=dict)  # the kinds of place of the test text, by what they go by
    deadline: float | None = None  # seconds from its start to its row
    validated: bool = False  # whether to score the valid text too, to choose by
    memory: bool = False  # whether to ask what context is worth
    others: dict[str, str] = field(default_factory=dict)  # the test texts of the other authors, to be predicted too

    @property
    def generator(self) -> str:
        """The bare name of its generator."""
        return options.parse(self.spec).name


def blank(job: Job) -> Row:
    """A row with every key and nothing measured."""
    measured = (
        "bits characters bytes words tokens bits_per_character bits_per_byte word_perplexity token_perplexity interval "
        "spelled_share parameters steps train_seconds train_characters_per_second score_characters_per_second "
        "generate_characters_per_second peak_memory_mb valid_bits_per_character"
    )
    row: Row = {
        "author": job.author,
        "generator": job.generator,
        "options": {},
        "seed": job.seed,
        "status": "ok",
    }
    return (
        row
        | dict.fromkeys(measured.split())
        | {"block_bits": [], "by": {}, "facts": {}, "notes": [], "samples": [], "novelty": []}
        | {"curve": [], "memory": [], "elsewhere": {}, "reused": False}
    )


def failed(row: Row, reason: str) -> Row:
    """The same row, given up for a reason."""
    return row | {"status": "failed", "error": reason}


def run_job(job: Job, listen: Listener) -> Row:
    """Train, score on test text, generate samples. Whatever a generator does wrong fails this row alone."""
    row, file = blank(job), None
    try:
        spec = Spec.parse(job.spec)
        generator = registry.create(spec)
        row["options"], file = option_values(generator), inspect.getfile(type(generator))
        model = train_model(
            generator,
            spec,
            TrainingText(job.author, job.train, job.valid, **job.corpus),
            TrainSettings(job.budget, job.steps, job.seed, job.device),
            folder=Path(job.models) if job.models else None,
            retrain=job.fresh,
            on_progress=listen,
        )
        row |= trained_figures(model)
        kinds = {by: Places.unpack(each) for by, each in job.places.items()}
        row |= test(model.generator, job.test, kinds, lambda share: listen(Progress(share, note="scoring")))
        listen(Progress(1, note="sampling"))
        row |= samples(model, job)
        row |= more(model, job, listen)
    except GenbenchError as error:
        return failed(row, str(error))
    except MemoryError as error:
        return failed(row, f"not enough memory after {peak_memory_mb() or 0:,.0f} MB: {error or 'it ran out'}")
    except Exception as error:
        return failed(row, format_error(error, file))
    row["peak_memory_mb"] = peak_memory_mb()
    return row


def trained_figures(model: Model) -> Row:
    """Return what a row shows of its model's training."""
    assert model.card is not None
    training = model.card.training
    return {
        "train_seconds": training.seconds,
        "train_characters_per_second": training.characters_per_second,
        "parameters": training.parameters,
        "steps": training.steps,
        "curve": training.curve,
        "notes": training.notes + ([describe_reuse(model)] if model.reused else []),
        "facts": training.details | {"spec": training.spec, "adaptive": is_adaptive(model.generator)},
        "reused": model.reused,
        "model": model.id,
    }


def test(generator: Generator, text: str, kinds: Mapping[str, Places], progress: ProgressCallback) -> Row:
    """Score the test text, timed, its bits split by kinds of place; this is the one time that it is opened."""
    began = time.perf_counter()
    found = scoring.score(generator, text, progress)
    seconds = time.perf_counter() - began
    blocks = in_blocks(found.character_bits)
    bounds = interval(blocks)
    row = {name: getattr(found, name) for name in ("bits", "characters", "bytes", "words", "tokens")}
    derived = ("bits_per_character", "bits_per_byte", "word_perplexity", "token_perplexity", "spelled_share")
    return (
        row
        | {name: getattr(found, name) for name in derived}
        | {
            "interval": list(bounds) if bounds else None,
            "block_bits": blocks.round(3).tolist(),
            "by": {by: split(found.character_bits, each) for by, each in kinds.items()},
            "score_characters_per_second": round(len(text) / seconds),
        }
    )


def note_interval(row: Row) -> Row:
    """Say why a row has no interval."""
    if row["status"] == "ok" and row["interval"] is None:
        few = f"no interval: the test text is shorter than {FEWEST} blocks of {BLOCK:,} characters"
        return row | {"notes": [*row["notes"], few]}
    return row


def peak_memory_mb() -> float | None:
    """The most memory that this process has held, in megabytes; None where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def carried(job: Job) -> dict[str, Any]:
    """A job as JSON values; `Job(**carried(job))` is the job again."""
    return asdict(job)
