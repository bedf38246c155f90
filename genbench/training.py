"""Train one model and store it, or reuse the stored model of the same training."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from genbench.corpus.corpus import Corpus
from genbench.errors import UserError
from genbench.generator import Generator, Progress, ProgressCallback, Text, TrainContext, TrainStats, ignore
from genbench.model import Model
from genbench.neural.distributed import is_main_process
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, option_values
from genbench.storage import checkpoints, models
from genbench.storage.cards import ModelCard, TrainingRecord

DEFAULT_BUDGET = 30.0  # seconds
MAX_SEED = 2**32
DEVICES = ("auto", "cpu", "cuda", "mps")


class ProgressListener:
    """Receives messages and progress of long operations. This base class ignores them; override what you need."""

    def message(self, text: str) -> None:
        """Receive a sentence for the user."""

    def download(self, name: str, share: float) -> None:
        """Receive the completed share of a download, 0 to 1."""

    def task(self, name: str) -> ProgressCallback:
        """Start a task; return the callback that receives its completed share, 0 to 1."""
        return ignore

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Receive the progress of one training or one row of a comparison; `job` is its number, from 0."""

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """Receive the outcome of a row: its bits per character, or the reason why it failed."""


SILENT = ProgressListener()


@dataclass(frozen=True)
class TrainSettings:
    """The budget, seed and device of a training.

    `with_default_budget` sets 30 seconds if neither budget nor steps are set. Raises UserError for invalid values.
    """

    budget: float | None = None  # seconds
    steps: int | None = None
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        # budget and steps
        if self.budget is not None and not 0 < self.budget < math.inf:
            raise UserError(f"budget is {self.budget!r} seconds, but must be above 0; give it as in --budget 30s")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"steps is {self.steps}, but must be 1 or more")

        # seed and device
        if not 0 <= self.seed < MAX_SEED:
            raise UserError(f"seed is {self.seed}, but must be from 0 to below 2 ** 32")
        if self.device not in DEVICES:
            raise UserError(f"device is {self.device!r}; choose one of {', '.join(DEVICES)}")

    def require_device(self) -> None:
        """Raise UserError if this machine does not have the device."""
        if self.device not in ("cuda", "mps"):
            return

        # imported here, because only networks need torch
        import torch

        available = torch.cuda.is_available() if self.device == "cuda" else torch.backends.mps.is_available()
        if not available:
            raise UserError(f"this machine's PyTorch finds no {self.device} device; choose --device cpu or auto")

    def with_default_budget(self) -> TrainSettings:
        """Return the same settings, with a budget of 30 seconds if neither budget nor steps are set."""
        return replace(self, budget=DEFAULT_BUDGET) if self.budget is None and self.steps is None else self


@dataclass(frozen=True)
class TrainingText:
    """The text of one training, and its description for the model card."""

    author: str
    train: str
    valid: str
    sha256: str = ""  # of the whole cleaned text
    held_out: str = ""
    books: list[str] = field(default_factory=list)
    lines: str = "join"

    @classmethod
    def from_corpus(cls, corpus: Corpus) -> TrainingText:
        """Return the training and validation text of a corpus, without its test text."""
        # without the test text, no generator can learn from it
        train, valid = str(corpus.train), str(corpus.valid)
        return cls(corpus.author, train, valid, corpus.sha256, corpus.held_out, list(corpus.books), corpus.lines)


def train_model(
    generator: Generator,
    spec: Spec,
    text: TrainingText,
    settings: TrainSettings,
    *,
    folder: Path | None = None,
    retrain: bool = False,
    on_progress: Callable[[Progress], None] = ignore,
) -> Model:
    """Fit an untrained generator and store the model in a folder; return the model.

    A stored model of the same training is loaded instead, unless `retrain` is set. If `folder` is None, nothing is
    stored. An interrupted training is resumed from its checkpoint; Ctrl-C stores the partly trained model.
    """
    card = _card(generator, spec, text, settings)
    if folder is None:
        return _fit(generator, card, text, on_progress)

    # reuse a stored model of the same training, or the checkpoint of an interrupted one
    stored = None if retrain else models.find_model(folder, card.key)
    if stored is not None:
        with contextlib.suppress(UserError):  # a damaged model is trained again
            return Model.from_stored(stored)

    checkpoint = checkpoints.checkpoint_of(folder, card.key)
    if retrain:
        checkpoint.remove()

    # train; on Ctrl-C, store the partly trained model before the interrupt is passed on
    started = time.perf_counter()
    try:
        model = _fit(generator, card, text, on_progress, checkpoint)
    except KeyboardInterrupt:
        spent = round(time.perf_counter() - started, 3)
        interrupted = replace(card, budget=spent, steps=None, training=TrainingRecord(notes=["interrupted"]))
        with contextlib.suppress(Exception):  # before anything was learned, nothing is stored
            models.store_model(generator, folder, interrupted, TrainingWords.from_text(text.train))
        raise

    # of several processes that train together, one stores the model
    if not is_main_process():
        return model
    model = _store(model, folder)
    checkpoint.remove()
    return model


def describe_reuse(model: Model) -> str:
    """Return the note shown with a row whose model was loaded instead of trained."""
    # the date without the time
    created = model.card.created[:10] if model.card else "?"
    return f"trained on {created} and stored; --retrain trains it again"


def resolve_device(name: str) -> str:
    """Return the device to train on; "auto" is CUDA or MPS if torch is imported and has it, else the CPU."""
    if name != "auto":
        return name

    # networks have imported torch by now
    torch = sys.modules.get("torch")  # a chain does not need torch and should not wait for its import
    if torch is None:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def json_values(value: Any) -> Any:
    """Convert a value to JSON values: numpy numbers to Python numbers, and infinities and NaN to None."""
    # containers, item by item
    if isinstance(value, dict):
        return {str(key): json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]

    # numbers that JSON does not have
    if isinstance(value, np.generic | np.ndarray):
        return json_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _card(generator: Generator, spec: Spec, text: TrainingText, settings: TrainSettings) -> ModelCard:
    """Return the model card of a training before it starts."""
    # all that determines the training, apart from the SPEC
    about = {
        "author": text.author,
        "sha256": text.sha256,
        "held_out": text.held_out,
        "seed": settings.seed,
        "budget": settings.budget,
        "steps": settings.steps,
        "device": settings.device,
    }

    key = models.training_key(spec, option_values(generator), about)
    return ModelCard(spec=str(spec), books=text.books, lines=text.lines, **key)


def _fit(
    generator: Generator,
    card: ModelCard,
    text: TrainingText,
    on_progress: Callable[[Progress], None],
    checkpoint: checkpoints.Checkpoint | None = None,
) -> Model:
    """Fit a generator and measure the time; with a checkpoint, resume an interrupted run of the same training."""
    context = TrainContext(card.seed, resolve_device(card.device), card.budget, card.steps, on_progress=on_progress)
    if checkpoint is not None:
        context = replace(context, on_checkpoint=checkpoint.save, last_checkpoint=checkpoint.resume)

    # only the fit itself is timed
    started = time.perf_counter()
    generator.fit(Text(text.train), Text(text.valid), context)
    seconds = time.perf_counter() - started

    # the card, completed with the statistics
    record = _record(context.stats, Spec.parse(card.spec), seconds, len(text.train))
    return Model(generator, replace(card, training=record), TrainingWords.from_text(text.train))


def _record(stats: TrainStats, spec: Spec, seconds: float, characters: int) -> TrainingRecord:
    """Return the statistics of a training; values of the wrong type, from a plugin, are dropped."""
    # plugins may report numpy integers, which JSON does not have
    parameters, steps = (
        int(value) if isinstance(value, int | np.integer) else None for value in (stats.parameters, stats.steps)
    )

    # a number of passes that is not finite or not a number counts as one
    known = isinstance(stats.passes, int | float | np.number) and np.isfinite(stats.passes)
    passes = float(stats.passes) if known else 1.0

    return TrainingRecord(
        seconds=round(seconds, 3),
        characters_per_second=round(characters * passes / seconds),
        parameters=parameters,
        steps=steps,
        passes=passes,
        curve=_finite_points(stats.curve),
        notes=[str(note) for note in stats.notes],
        spec=spec.fill(stats.chosen),
        details=json_values(stats.details),
    )


def _finite_points(curve: Any) -> list[list[float]]:
    """Return a learning curve as pairs of finite numbers: seconds, bits per character."""
    # a plugin may have reported anything
    try:
        points = np.asarray(curve, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return []
    finite: list[list[float]] = points[np.isfinite(points).all(axis=1)].tolist()
    return finite


def _store(model: Model, folder: Path) -> Model:
    """Store a model. If it cannot be written, return it unstored, with a note on its card."""
    assert model.card is not None
    try:
        stored = models.store_model(model.generator, folder, model.card, model.training_words)
        return replace(model, card=stored.card, id=stored.name)
    except OSError as error:
        # such as a full disk: the training is not lost
        note = f"the model could not be stored in {folder}: {error.strerror or error}"
        training = replace(model.card.training, notes=[*model.card.training.notes, note])
        return replace(model, card=replace(model.card, training=training))
