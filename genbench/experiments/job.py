"""Job: one generator on one author with one seed, and the two halves of its work.

`train_job` has no test text, so that a model cannot have seen it; `measure_job` reads the test text with the model. A
job converts to JSON and back, so that an executor can run it in another process or on another machine.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.analysis.intervals import BLOCK_CHARACTERS, MIN_BLOCKS, block_sizes, block_sums, mean_interval
from genbench.analysis.strata import Strata, bits_by_stratum
from genbench.capabilities import is_adaptive
from genbench.errors import GenbenchError, format_error
from genbench.experiments.ancestor_texts import add_ancestors
from genbench.experiments.measurements import generate_samples, measure_tests, measure_validation
from genbench.experiments.preview import Preview, preview_score
from genbench.experiments.row import Row
from genbench.generator import Generator, OnMap, OptionValue, Progress, map_here
from genbench.model import Model
from genbench.sampling import Sampling
from genbench.scoring import Score
from genbench.spec import Span, Spec, option_values
from genbench.storage.cards import FIRST_HALF
from genbench.storage.records import JsonObject, JsonRecord, from_json
from genbench.tokenization.text import Text, replace_surrogates
from genbench.training import TrainingText, TrainSettings, describe_reuse, train_model
from genbench.training.watching import WatchOptions

ReportProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Job(JsonRecord):
    """Everything that a worker needs to produce one row."""

    author: str
    train: str
    valid: str
    test: str
    spec: Spec
    options: dict[str, OptionValue] = field(default_factory=dict)  # of the generator; {} where they are not known yet
    files: list[Span] = field(default_factory=list)  # where the text of the SPEC names files
    counting: bool = False  # whether its generator learns by counting alone: such jobs start first
    seed: int = 0
    budget: float | None = None  # seconds of training
    steps: int | None = None
    flops: float | None = None  # floating-point operations
    device: str = "auto"

    # what its card says about the text, and the weights of its pieces
    weights: list[list[int]] = field(default_factory=list)  # `Text.weights` of the training text
    books: list[str] = field(default_factory=list)
    lines: str = "join"
    sha256: str = ""
    held_out: str = ""

    # the stored models
    models: str = ""  # folder; "" stores none
    retrain: bool = False  # train even if the same model is stored
    imported: list[str] = field(default_factory=list)  # imported models that may be reused

    watch: float = 0.0  # seconds between two texts that are shown while it is trained; 0 shows none

    # what is measured besides the test text
    prompts: list[str] = field(default_factory=lambda: [""])
    samplings: list[Sampling] = field(default_factory=list)  # one sample each, for every prompt
    style_samples: int = 0  # additional samples for the judges of style
    strata: dict[str, JsonObject] = field(default_factory=dict)  # packed strata of the test text by kind of split
    score_validation: bool = False  # fit on the first half of the validation text, and score the second
    memory: bool = False  # whether to measure bits by length of the context
    other_tests: dict[str, str] = field(default_factory=dict)  # test texts of other authors, to be scored too

    audit: float | None = None  # seconds that the step-by-step reading of the test text may take; None: any time
    timeout: float | None = None  # seconds from its start to its row
    cluster: str = ""  # address of the Ray cluster on which parts of its training run; "" here alone

    @property
    def generator(self) -> str:
        """The name of its generator, without options."""
        return self.spec.name

    @property
    def text(self) -> TrainingText:
        """What the training needs of the author's text."""
        train = Text(self.train, tuple((size, weight) for size, weight in self.weights))
        about = (self.author, train, self.valid, self.sha256, self.held_out, self.books, self.lines)
        return TrainingText(*about, fitted_on=FIRST_HALF if self.score_validation else "")

    @property
    def settings(self) -> TrainSettings:
        """How the generator is trained."""
        return TrainSettings(self.budget, self.steps, self.seed, self.device, self.flops)

    def to_dict(self) -> JsonObject:
        """Return the job as JSON values."""
        return super().to_dict() | {"spec": str(self.spec)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Job:
        """Return the job that `to_dict` gave; raises ValueError for anything else."""
        return from_json(cls, {**values, "spec": Spec.parse(values["spec"])})


@dataclass(frozen=True)
class HeldOutTexts(JsonRecord):
    """What a worker gets only once its model is trained and stored: the texts that no generator may have seen."""

    test: str
    other_tests: dict[str, str] = field(default_factory=dict)


def without_tests(job: Job) -> Job:
    """Return the job without the texts that it is scored on, as the process that trains gets it."""
    return replace(job, test="", other_tests={}, strata={})


class RowInProgress:
    """A row that is being filled in; an exception in its context makes it a failed row, with the reason.

    Where `kind` is set, the reason names the line in the file of that class.
    """

    def __init__(self, row: Row, kind: type[Generator] | None = None) -> None:
        self.row = row
        self.kind = kind

    def __enter__(self) -> RowInProgress:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        if isinstance(error, GenbenchError):
            reason = str(error)
        elif _is_out_of_memory(error):
            peak = peak_memory_mb() or 0
            reason = f"not enough memory after {peak:,.0f} MB: {_first_line(error) or 'an allocation failed'}"
        else:
            reason = format_error(error, inspect.getfile(self.kind) if self.kind else None)
        self.row = self.row.failed(replace_surrogates(reason))  # it may name a file
        return True


def train_job(job: Job, report: ReportProgress, on_map: OnMap = map_here) -> tuple[Row, Model | None]:
    """Train a generator and generate samples; return the row so far and the model, None where the row failed.

    The test texts are not needed. `on_map` is that of the `TrainContext`. Whatever a generator does wrong makes a
    failed row, never an exception.
    """
    model = None
    with RowInProgress(Row.blank(job)) as progress:
        # train; importing torch takes seconds
        report(Progress(0.0, note=f"loading {job.generator}"))
        generator = registry.create(job.spec)
        progress.kind = type(generator)
        progress.row = replace(progress.row, options=option_values(generator))
        model = train_model(
            generator,
            job.spec,
            job.text,
            job.settings,
            folder=Path(job.models) if job.models else None,
            retrain=job.retrain,
            imported=job.imported,
            on_progress=report,
            on_map=on_map,
            watch=WatchOptions(job.prompts, job.watch),
        )
        progress.row = add_training(progress.row, model)

        # generate, and measure what needs no test text
        progress.row = generate_samples(progress.row, model, job, partial(_report_share, report, "sampling"))
        progress.row = measure_validation(progress.row, model, job, report)
    return progress.row, model if progress.row.error is None else None


def measure_job(job: Job, row: Row, model: Model, report: ReportProgress) -> tuple[Row, Preview | None]:
    """Read the test texts with a trained model; return the row, and the preview of its score unless the row failed."""
    preview = None
    with RowInProgress(row, type(model.generator)) as progress:
        preview = preview_score(model, job.test, partial(_report_share, report, "scoring"))
        progress.row = measure_tests(progress.row, model, job, report)
        progress.row = add_ancestors(progress.row, model, job.train, job.test)
        progress.row = replace(progress.row, peak_memory_mb=peak_memory_mb())
    return progress.row, preview if progress.row.error is None else None


def _is_out_of_memory(error: Exception) -> bool:
    """Return whether an allocation failed; torch raises a RuntimeError then."""
    torch_refuses = isinstance(error, RuntimeError) and ("allocate memory" in str(error) or "of memory" in str(error))
    return isinstance(error, MemoryError) or torch_refuses


def _first_line(error: Exception) -> str:
    """Return the message without the frames in C++ that torch adds."""
    return str(error).partition("\n")[0]


def _report_share(report: ReportProgress, note: str, share: float) -> None:
    report(Progress(share, note=note))


def add_training(row: Row, model: Model) -> Row:
    """Return the row with what is known of the training of its model."""
    assert model.card is not None
    training = model.card.training
    return replace(
        row,
        train_seconds=training.seconds,
        cpu_seconds=training.cpu_seconds,
        core_share=training.core_share,
        time_budget=model.card.time_budget,
        flops=training.flops,
        train_characters_per_second=training.characters_per_second,
        validation_bits_per_character=training.validation_bits_per_character,
        parameters=training.parameters,
        steps=training.steps,
        passes=training.passes,
        curve=[(seconds, bits) for seconds, bits in training.curve],
        snapshots=training.snapshots,
        notes=training.notes + ([describe_reuse(model, row.seed)] if model.reused else []),
        spec=training.spec,
        details=training.details,
        adaptive=is_adaptive(model.generator),
        upper_bound=getattr(model.ranked.tokenizer, "kind", "") != "characters",
        reused=model.reused,
        seeded=training.seeded,
        model=model.id,
    )


def add_test_score(row: Row, score: Score, strata: Mapping[str, Strata], seconds: float) -> Row:
    """Return the row with the score of the test text, which took `seconds`, and its bits by stratum."""
    blocks = block_sums(score.character_bits)
    return replace(
        row,
        bits=score.bits,
        canonical_bits=score.canonical_bits,
        canonical_bits_per_character=score.canonical_bits_per_character,
        characters=score.characters,
        bytes=score.bytes,
        words=score.words,
        tokens=score.tokens,
        bits_per_character=score.bits_per_character,
        bits_per_byte=score.bits_per_byte,
        word_perplexity=score.word_perplexity,
        token_perplexity=score.token_perplexity,
        spelled_share=score.spelled_share,
        interval=mean_interval(blocks, block_sizes(score.characters)),
        block_bits=blocks.round(3).tolist(),
        notes=[*row.notes, *score.word_notes],
        splits={by: bits_by_stratum(score.character_bits, places) for by, places in strata.items()},
        score_characters_per_second=round(score.characters / max(seconds, 1e-9)),
    )


def add_interval_note(row: Row) -> Row:
    """Return the row with a note where its test text is too short for a confidence interval."""
    if row.ok and row.interval is None:
        most = (MIN_BLOCKS - 1) * BLOCK_CHARACTERS
        note = (
            f"measured on too little text: {row.characters:,} test characters, and an interval needs more than "
            f"{most:,}; a difference may be chance"
        )
        return replace(row, notes=[*row.notes, note])
    return row


def peak_memory_mb() -> float | None:
    """Return the peak memory of this process in megabytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None

    # macOS counts bytes, Linux kilobytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
