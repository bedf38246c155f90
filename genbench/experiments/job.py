"""One job: one generator on one author with one seed, from training to a row of the results.

A job and its row are plain JSON values, so that any executor can carry them to another process or machine.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench import registry, scoring
from genbench import spec as options
from genbench.analysis.bootstrap import BLOCK, FEWEST, in_blocks, interval
from genbench.analysis.strata import Places, split
from genbench.errors import GenbenchError, UserError, told
from genbench.experiments.extra_metrics import more
from genbench.experiments.samples import samples
from genbench.generator import Generator, Progress, ProgressCallback, Text, TrainContext
from genbench.neural import ranks
from genbench.sampling.overlap import TrainingWords
from genbench.storage import checkpoints, models
from genbench.storage.checkpoints import Checkpoint

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
    """Train, score on test, draw samples. Whatever the generator does wrong costs this row alone."""
    row, file = blank(job), None
    try:
        made = registry.make(job.spec)
        row["options"], file = options.values(made), inspect.getfile(type(made))
        generator, said = trained(job, listen)
        row |= said
        kinds = {by: Places.unpack(each) for by, each in job.places.items()}
        row |= test(generator, job.test, kinds, lambda share: listen(Progress(share, note="scoring")))
        listen(Progress(1, note="sampling"))
        row |= samples(generator, job)
        row |= more(generator, job, listen)
    except GenbenchError as error:
        return failed(row, str(error))
    except MemoryError as error:
        return failed(row, f"not enough memory after {peak_memory_mb() or 0:,.0f} MB: {error or 'it ran out'}")
    except Exception as error:
        return failed(row, told(error, file))
    row["peak_memory_mb"] = peak_memory_mb()
    return row


def trained(job: Job, listen: Listener) -> tuple[Generator, Row]:
    """The generator of a job: the kept model of the very same training, else a new one, which is kept."""
    if not job.models:
        generator = registry.make(job.spec)
        return generator, train(generator, job, listen)
    card = training(job)
    key = {name: card[name] for name in models.KEY}
    old = None if job.fresh else models.find(Path(job.models), key)
    if old is not None:
        with contextlib.suppress(UserError):  # a damaged one is trained anew
            when = f"trained on {old.card['created'][:10]} and kept; --fresh trains anew"
            return old.generator(), _reused(old.card["training"], when) | {"model": old.name}
    generator, checkpoint = registry.make(job.spec), checkpoints.of(Path(job.models), key)
    if job.fresh:
        checkpoint.remove()
    began = time.perf_counter()
    try:
        said = train(generator, job, listen, checkpoint)
    except KeyboardInterrupt:
        with contextlib.suppress(Exception):  # before anything was learned, nothing is kept
            spent = {
                "budget": round(time.perf_counter() - began, 3),
                "steps": None,
                "training": {"notes": ["interrupted"]},
            }
            models.keep(generator, Path(job.models), card | spent)
        raise
    if not ranks.leads():
        return generator, said
    try:
        kept = models.keep(generator, Path(job.models), card | {"training": plain(said)})
        said["model"] = kept.name
    except OSError as error:  # a full disk or a folder of somebody else's costs the model, not the row
        said["notes"] = [*said["notes"], f"the model could not be kept in {job.models}: {error.strerror or error}"]
    checkpoint.remove()
    return generator, said


def training(job: Job) -> dict[str, Any]:
    """What a model's card says of its training: the SPEC, and all that makes two trainings the same (`models.KEY`)."""
    card = job.corpus | {name: getattr(job, name) for name in ("author", "spec", "seed", "budget", "steps", "device")}
    return card | models.key(job.spec, card)


def _reused(said: Row, when: str) -> Row:
    return said | {"notes": [*said["notes"], when], "reused": True}


def train(generator: Generator, job: Job, listen: Listener, checkpoint: Checkpoint | None = None) -> Row:
    """Fit, timed; with a checkpoint, it goes on where an earlier run of the same was stopped."""
    context = TrainContext(job.seed, device(job.device), job.budget, job.steps, on_progress=listen)
    if checkpoint is not None:
        context = replace(context, on_checkpoint=checkpoint.save, last_checkpoint=checkpoint.resume)
    began = time.perf_counter()
    generator.fit(Text(job.train), Text(job.valid), context)
    seconds = time.perf_counter() - began
    generator.facts["spec"] = options.complete(job.spec, generator.facts.pop("chosen", {}))
    generator.training_words = TrainingWords.of(job.train)
    facts = dict(generator.facts)
    return {
        "train_seconds": round(seconds, 3),
        "train_characters_per_second": round(len(job.train) * facts.get("passes", 1) / seconds),
        "parameters": _whole(facts.pop("parameters", None)),
        "steps": _whole(facts.pop("steps", None)),
        "curve": _curve(facts.pop("curve", [])),
        "notes": [str(note) for note in facts.pop("notes", None) or []],
        "facts": facts,
    }


def _whole(value: Any) -> int | None:
    """A count that a generator reports of itself, if it is one."""
    return int(value) if isinstance(value, int | np.integer) else None


def _curve(said: Any) -> list[list[float]]:
    """What a generator says of its learning curve, if it is pairs of numbers: seconds, bits per character."""
    try:
        points = np.asarray(said, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return []
    found: list[list[float]] = points[np.isfinite(points).all(axis=1)].tolist()
    return found


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


def device(wanted: str) -> str:
    """The device to train on; "auto" takes CUDA, then MPS, where torch has been loaded and finds one."""
    if wanted != "auto":
        return wanted
    import sys

    torch = sys.modules.get("torch")  # a chain needs no torch, and shall not wait for it
    if torch is None:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def peak_memory_mb() -> float | None:
    """The most memory that this process has held, in megabytes; None where the system does not say."""
    try:
        import resource
        import sys
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def plain(value: Any) -> Any:
    """The same as JSON values: numpy's numbers made Python's, what is not finite None."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def carried(job: Job) -> dict[str, Any]:
    """A job as JSON values; `Job(**carried(job))` is the job again."""
    return asdict(job)
