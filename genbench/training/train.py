"""Train one model and store it, or reuse the stored model of the same training."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genbench import registry, reported
from genbench.capabilities import learns_by_counting, training_memory
from genbench.errors import ContractError, SpecError, UserError, format_error
from genbench.generator import (
    LIMITS,
    Generator,
    OnMap,
    Progress,
    ProgressCallback,
    Text,
    TrainContext,
    TrainStats,
    ignore,
    map_here,
    throttle,
)
from genbench.model import Model
from genbench.neural.distributed import is_main_process
from genbench.processes.clock import TrainingClock
from genbench.sampling.beginnings import Beginnings
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, option_values
from genbench.storage import checkpoints, models
from genbench.storage.cards import INTERRUPTED, ModelCard, TrainingRecord
from genbench.storage.memory import require_memory
from genbench.tokenization.text import replace_surrogates
from genbench.training.budget_notes import budget_notes
from genbench.training.listener import ProgressListener
from genbench.training.settings import TrainingText, TrainSettings, describe_training, resolve_device
from genbench.training.validation import describe_extent, undertrained_notes, validation_bits
from genbench.training.watching import NOT_SHOWN, Watcher, WatchOptions


def train_model(
    generator: Generator,
    spec: Spec,
    text: TrainingText,
    settings: TrainSettings,
    *,
    folder: Path | None = None,
    retrain: bool = False,
    imported: Sequence[str] = (),
    on_progress: Callable[[Progress], None] = ignore,
    on_map: OnMap = map_here,
    watch: WatchOptions = NOT_SHOWN,
) -> Model:
    """Fit an untrained generator and store the model in a folder; return the model.

    A stored model of the same training is loaded instead, unless `retrain` is set; an imported one only if its name is
    in `imported`. If `folder` is None, nothing is stored. `on_progress` and `on_map` are those of the `TrainContext`;
    `watch` says whether what it writes is shown. An interrupted training is resumed from its checkpoint; Ctrl-C stores
    the partly trained model where anything was learned, and raises TrainingInterrupted.
    """
    card = _card(generator, spec, text, settings)
    device = resolve_device(card.device)
    limits = (card.budget, card.steps, card.flops)
    context = TrainContext(card.seed, device, *limits, on_progress=on_progress, on_map=on_map)
    if folder is None:
        return _fit(generator, card, text, context, watch)

    # reuse a stored model of the same training, or the checkpoint of an interrupted one
    stored = None if retrain else _find_same(folder, card, imported)
    if stored is not None:
        on_progress(Progress(0.0, note=f"loading {stored.name}"))
        with contextlib.suppress(UserError):  # a damaged model is trained again
            return Model.from_stored(stored)

    checkpoint = checkpoints.checkpoint_of(folder, card.key)
    if retrain:
        checkpoint.remove()
    context = replace(context, on_checkpoint=checkpoint.save, last_checkpoint=checkpoint.resume)

    # train; on Ctrl-C, store the partly trained model before the interrupt is passed on
    clock = TrainingClock(device)
    try:
        model = _fit(generator, card, text, context, watch)
    except KeyboardInterrupt:
        partial = _store_partial(generator, card, text, context.stats, clock, folder)
        raise TrainingInterrupted(partial, resumes=checkpoint.path.exists()) from None

    # of several processes that train together, one stores the model
    if not is_main_process():
        return model
    model = _store(model, folder, text, _stage(on_progress, "storing"))
    checkpoint.remove()
    return model


def _find_same(folder: Path, card: ModelCard, imported: Sequence[str]) -> models.StoredModel | None:
    """Return the stored model of the same training; of a chain, whose training ended by itself, within any limits.

    The seed of a training that reads none does not matter either.
    """
    if (exact := models.find_model(folder, card.key, imported)) is not None:
        return exact
    others = models.find_models(folder, {name: card.key[name] for name in card.key if name != "budget"}, imported)
    budget = card.budget if card.limited_by_time and card.budget is not None else math.inf
    return next((other for other in others if other.card.ended_within(budget)), None)


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a training; the message says what was stored, how good it is, and whether the training resumes.

    `model` is the partly trained model; None where nothing was learned.
    """

    def __init__(self, model: Model | None, *, resumes: bool) -> None:
        outcome = "nothing was learned and stored yet"
        if model is not None:
            outcome = f"stored what was learned as {model.id}: {describe_outcome(model)}"
        then = "resumes the training from its checkpoint" if resumes else "starts the training again"
        super().__init__(f"{outcome}; the same command {then}")
        self.model = model


def train_and_report(
    generator: Generator,
    spec: Spec,
    text: TrainingText,
    settings: TrainSettings,
    listener: ProgressListener,
    *,
    index: int = 0,
    folder: Path | None = None,
    retrain: bool = False,
) -> Model:
    """Train a model as `train_model` does, and report its progress and outcome as those of job `index`."""
    name = f"{text.author} {spec}"
    on_progress = partial(listener.job_progress, index, name)
    with report_interrupt(listener):
        try:
            model = train_model(
                *(generator, spec, text, settings),
                folder=folder,
                retrain=retrain,
                on_progress=on_progress,
                watch=WatchOptions(every=listener.watch),
            )
        except (UserError, OSError):
            raise
        except Exception as error:  # a fault of the generator, as in a row of a comparison
            reason = str(error) if isinstance(error, ContractError) else format_error(error, _source(generator))
            raise ContractError(f"{spec} cannot be trained: {reason}") from error
    listener.job_done(index, name, describe_outcome(model))
    return model


def _source(generator: Generator) -> str | None:
    """Return the file of a generator's class, None for one that was typed in."""
    with contextlib.suppress(OSError, TypeError):
        return inspect.getfile(type(generator))
    return None


@contextlib.contextmanager
def report_interrupt(listener: ProgressListener) -> Iterator[None]:
    """Report what was stored when Ctrl-C ends a training in the `with` block; the interrupt is passed on."""
    try:
        yield
    except TrainingInterrupted as interrupt:
        listener.message(str(interrupt))
        raise


def describe_reuse(model: Model, seed: int | None = None) -> str:
    """Return the note shown with a row of a seed whose model was loaded instead of trained."""
    # the date without the time
    created = model.card.created[:10] if model.card else "?"
    if model.card and model.card.imported:
        return f"imported as {model.id}, not trained here; trained on {created} elsewhere"
    if model.card and seed is not None and seed != model.card.seed:
        return "trained once for all seeds: its training reads none"
    if model.card and model.card.ancestors:
        return f"fine-tuned on {created}; --retrain trains another one on the text of its author alone"
    if model.card and model.card.made_from:
        return f"made on {created} from {model.card.origin}; --retrain trains it on the text of its author"
    return f"trained on {created} and stored; --retrain trains it again"


def describe_outcome(model: Model) -> str:
    """Return what is shown when a training has ended: the bits of validation text, and how far a network got."""
    if model.reused or model.card is None:
        return describe_reuse(model)
    training = model.card.training
    bits = training.validation_bits_per_character
    measured = "not scored on validation text" if bits is None else f"{bits:.3f} bits/char on validation text"
    return ", ".join([measured, *describe_extent(training)])


def json_values(value: Any) -> Any:
    """Convert a value to JSON values: numpy numbers to Python numbers, infinities and NaN to None, text to Unicode."""
    # containers, item by item
    if isinstance(value, dict):
        return {replace_surrogates(str(key)): json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]

    # numbers that JSON does not have
    if isinstance(value, np.generic | np.ndarray):
        return json_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, int | float | bool | None) else replace_surrogates(str(value))


def _card(generator: Generator, spec: Spec, text: TrainingText, settings: TrainSettings) -> ModelCard:
    """Return the model card of a training before it starts."""
    sources = [spec.text[start:end] for start, end in registry.file_spans(spec, type(generator))]
    key = models.training_key(spec, option_values(generator), sources, describe_training(spec, text, settings))
    about: dict[str, Any] = {"books": text.books, "lines": text.lines, "made_from": text.made_from}
    beginnings = Beginnings.from_text(text.train)
    about |= {"beginnings": dict(beginnings.breaks), "small_beginnings": beginnings.small}
    about["ancestors"] = text.ancestors
    return ModelCard(spec=str(spec), sources=sources, **about, **key)


def _fit(
    generator: Generator, card: ModelCard, text: TrainingText, context: TrainContext, watch: WatchOptions
) -> Model:
    """Fit a generator, measure the time, and score validation text."""
    # a network may tokenize and measure its speed for seconds before its first report
    context.report(Progress(0.0, note="preparing"))

    require_memory(card.spec, training_memory(generator))

    # only the fit itself is timed, and only its time counts for the budget
    clock = TrainingClock(context.device)

    def report(progress: Progress) -> None:
        if card.limited_by_time:
            progress = replace(progress, remaining=max(0.0, (card.budget or 0.0) - clock()))
        context.on_progress(progress)

    read: set[str] = set()
    watcher = Watcher(watch, text.train, clock, report, card.seed)
    fitting = replace(context, clock=clock, on_progress=report, on_read=read.add, on_snapshot=watcher)
    generator.fit(Text(text.train), text.fitting_text, fitting)
    record = _record(generator, context.stats, card, clock, len(text.train))
    record = replace(record, seeded="seed" in read, limited=not read.isdisjoint(LIMITS), snapshots=watcher.kept)

    # the card, completed with the statistics
    unread = text.choosing_text
    record = replace(record, validation_bits_per_character=validation_bits(generator, unread, context.on_progress))
    notes = undertrained_notes(generator.tokenizer, text.train, unread, record)
    notes += budget_notes(replace(card, training=record))
    notes += [f"fine-tuned, so that it learned other text too: {card.lineage}"] if card.ancestors else []
    record = replace(record, notes=[*record.notes, *notes])
    words = _list_words(text, _stage(context.on_progress, "listing the words of the text"))
    return Model(generator, replace(card, training=record), words)


def _list_words(text: TrainingText, progress: ProgressCallback = ignore) -> TrainingWords:
    """Return the hashed words of a training text, after those of the ancestors' texts."""
    words = TrainingWords.from_text(text.train, progress)
    return words if text.earlier_words is None else words.after(text.earlier_words)


def _stage(on_progress: Callable[[Progress], None], note: str) -> ProgressCallback:
    """Return a progress callback for a stage with a note."""
    return throttle(lambda share: on_progress(Progress(share, note=note)))


def _store_partial(
    generator: Generator, card: ModelCard, text: TrainingText, stats: TrainStats, clock: TrainingClock, folder: Path
) -> Model | None:
    """Store a partly trained model, with its bits on validation text; None before anything was learned."""
    try:
        record = _record(generator, stats, card, clock, len(text.train))
        bits = validation_bits(generator, text.choosing_text)
        record = replace(record, validation_bits_per_character=bits, notes=[*record.notes, INTERRUPTED])

        # the budget is the time that was spent, so that it is not taken for the whole training
        card = replace(card, budget=record.budget_seconds, steps=None, flops=None, training=record)
        stored = models.store_model(generator, folder, card, _list_words(text))
    except Exception:
        return None
    return Model(generator, stored.card, id=stored.name)


def _record(
    generator: Generator, stats: TrainStats, card: ModelCard, clock: TrainingClock, characters: int
) -> TrainingRecord:
    """Return the statistics of a training. Raises ContractError if a generator changed them to something invalid."""
    seconds, stats = clock.wall_seconds, replace(stats)
    reported.require_options(stats.chosen, option_values(generator))
    spec = Spec.parse(card.spec).fill(stats.chosen)
    try:
        Spec.parse(spec)
    except SpecError as error:
        raise ContractError(f"it reports chosen values of which no SPEC can be made: {error}") from error
    return TrainingRecord(
        seconds=round(seconds, 3),
        cpu_seconds=round(clock.cpu_seconds, 3),
        budget_seconds=round(clock(), 3),
        characters_per_second=min(round(characters * stats.passes / seconds), reported.MAX_COUNT),
        parameters=stats.parameters,
        steps=stats.steps,
        flops=stats.flops,
        passes=stats.passes,
        curve=stats.curve,
        notes=stats.notes,
        spec=spec,
        details=stats.details,
    )


def _store(model: Model, folder: Path, text: TrainingText, progress: ProgressCallback) -> Model:
    """Store a model, with its text if it learns by counting.

    If it cannot be written, or not loaded again, return it unstored, with a note on its card.
    """
    assert model.card is not None
    texts = text.kept_texts if learns_by_counting(model.generator) else None
    try:
        stored = models.store_model(model.generator, folder, model.card, model.training_words, texts, progress)
        return replace(model, card=stored.card, id=stored.name)
    except OSError as error:
        note = f"the model could not be stored in {folder}: {error.strerror or error}"
    except ContractError as error:
        note = f"{error}; see genbench generators check {model.card.spec}"

    # such as a full disk: the training is not lost
    training = replace(model.card.training, notes=[*model.card.training.notes, note])
    return replace(model, card=replace(model.card, training=training))
