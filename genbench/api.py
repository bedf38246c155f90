"""The public functions, named like the commands of the command line.

corpus         load an author's text, cleaned and split
train          train a model on an author
load           load a stored model
load_or_train  load the stored model of an author, or train one
generate       generate texts
stream         generate one text piece by piece
score          measure how well a model predicts a text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genbench import registry
from genbench.analysis.attribution import attribute as attribute
from genbench.analysis.attribution import attribute_each as attribute_each
from genbench.analysis.compression import compress as compress
from genbench.analysis.compression import decompress as decompress
from genbench.analysis.confusion import confusion as confusion
from genbench.analysis.explanations import explain as explain
from genbench.analysis.gates import gates as gates
from genbench.analysis.held_out_books import evaluate_held_out_books as evaluate_held_out_books
from genbench.analysis.memory import memory as memory
from genbench.analysis.novelty import novelty as novelty
from genbench.analysis.recall import recall as recall
from genbench.analysis.recall import require_recall_places as require_recall_places
from genbench.analysis.scores import score as score
from genbench.analysis.scores import score_figures as score_figures
from genbench.analysis.surprisal import surprisal as surprisal
from genbench.corpus.corpus import Corpus, write_parts
from genbench.corpus.loading import load_corpus, require_author
from genbench.corpus.reading import Reading
from genbench.corpus.text_files import read_text_file
from genbench.errors import UserError
from genbench.experiments.compare import compare as compare
from genbench.experiments.compare import load_run as load_run
from genbench.experiments.compare import rerun as rerun
from genbench.experiments.config import read_config as read_config
from genbench.experiments.diff import diff_comparisons as diff_comparisons
from genbench.experiments.leaderboard import leaderboard as leaderboard
from genbench.experiments.proof.prove import prove as prove
from genbench.experiments.sweep import sweep as sweep
from genbench.generator import Generator
from genbench.model import Model
from genbench.sampling.parameters import Sampling
from genbench.spec import Spec, format_duration, parse_duration
from genbench.storage import models, sharing
from genbench.storage.files import require_new_folder
from genbench.storage.records import JsonObject
from genbench.storage.selection import prune_models as prune_models
from genbench.storage.sharing import import_model as import_model
from genbench.training import (
    SILENT,
    ProgressListener,
    TasksOnly,
    TrainingText,
    TrainSettings,
    train_and_report,
)
from genbench.training.choice import best_model, describe_choice, describe_text, quick_generator, rank_models
from genbench.training.choice import stored_specs as stored_specs
from genbench.training.combination import forget_text as forget_text
from genbench.training.combination import merge_models as merge_models
from genbench.training.combination import update_model as update_model
from genbench.training.fine_tuning import open_parent

if TYPE_CHECKING:
    from genbench.report.html.playground import PlaygroundPage


def corpus(
    author: str | Path | Corpus,
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    held_out: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> Corpus:
    """Return an author's text, cleaned and split into `.train`, `.valid` and `.test`.

    `author` is a catalogue name, `gutenberg:NAME`, `gutenberg:NUMBER`, or a path to a text file or a folder of them; a
    Corpus is returned as it is. `lines` is "join" (hard line wraps of prose are joined) or "keep", `encoding` that of
    files that are not UTF-8, `column` the one with the texts in CSV, TSV and JSON Lines files. `held_out` names a book,
    by words of its title, that becomes the whole test text. Raises CorpusError for a text that is not available or not
    usable.
    """
    if isinstance(author, Corpus):
        return author
    with listener.stage(f"reading {Path(author).stem}"):
        return load_corpus(
            author,
            lines=lines,
            encoding=encoding,
            column=column,
            held_out=held_out,
            on_progress=listener.download,
            on_message=listener.message,
        )


def export_corpus(corpus: str | Path | Corpus, folder: Path | str) -> list[Path]:
    """Write train.txt, valid.txt and test.txt, exactly as generators receive them, into a folder; return the paths.

    Raises UserError if they cannot be written.
    """
    return write_parts(load_corpus(corpus), folder)


def train(
    author: str | Corpus,
    generator: str | Spec,
    *,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    seed: int = 0,
    device: str = "auto",
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    retrain: bool = False,
    keep: bool = True,
    start_from: str | Path | None = None,
    listener: ProgressListener = SILENT,
) -> Model:
    """Train a generator on an author and store the model; a stored model of the same training is loaded instead.

    `budget` is in CPU seconds or a duration such as "2m" (30 seconds if neither `steps` nor `flops`, floating-point
    operations, are given). `retrain` trains even if
    the same model is stored, `keep=False` stores nothing. `start_from`, a stored network or a folder with one, is
    fine-tuned: its training continues on this author. Raises UserError for an invalid argument, ContractError if the
    generator violates the contract.
    """
    # check all arguments before the text is downloaded
    settings = TrainSettings(parse_duration(budget), steps, seed, device, flops).with_default_budget()
    settings.require_device()
    require_author(author)
    spec, parent = Spec.parse(generator), None
    if start_from is None:
        untrained = _create(spec, listener)
    else:
        with listener.stage(f"loading {Path(start_from).name}"):
            parent = open_parent(start_from, spec)
            spec, untrained = parent.create(spec)
    text = corpus(author, lines=lines, encoding=encoding, column=column, listener=listener)

    # train, or load the stored model of the same training
    folder = models.models_folder() if keep else None
    parts = TrainingText.from_corpus(text)
    parts = parts if parent is None else parent.add_to(parts)
    model = train_and_report(untrained, spec, parts, settings, listener, folder=folder, retrain=retrain)

    # report the notes, and the name under which the model is stored
    if model.card is not None:
        for note in model.card.training.notes:
            listener.message(note)
    if model.id:
        listener.message(f"stored as {model.id}")
    return model


def load(name: str | Path, *, plugins: Sequence[str | Path] = ()) -> Model:
    """Load a model by the name that `genbench models list` shows, the model in a folder, or the best one of an author.

    An author's best model is that with the fewest bits per character on validation text, among those of the text that
    was trained on last. `plugins` are the plugin files that a model in a folder may run: read them first. Raises
    UserError if there is no model, if it is damaged, or if it needs another plugin file.
    """
    # a folder comes first; an author is not the name of a model
    best = best_model(str(name)) if models.read_model(Path(name)) is None else None
    return Model.load(name, plugins=plugins) if best is None else Model.from_stored(best)


def load_or_train(
    author: str | Corpus,
    generator: str | Spec | None = None,
    *,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    imported: Sequence[str] = (),
    stored: str | None = None,
    listener: ProgressListener = SILENT,
) -> Model:
    """Load the newest stored model of an author's text and SPEC with this budget, steps, flops, seed and device.

    Arguments that are None match every model; a chain that took less time than the budget matches too. If no model
    matches, one is trained and stored, as by `train`. Without a generator, the stored model with the fewest bits per
    character on validation text is loaded, whatever its seed; if there is none, `quick_generator` is trained. Models
    that were imported are loaded only if they are named in `imported`; they come first. A model whose training was
    interrupted comes last. `stored` names one model to be loaded, whatever text it was trained on; a SPEC must be its.
    """
    if stored is not None:
        return _load_named(stored, generator, listener)

    # check the arguments before the text is downloaded
    require_author(author)
    spec = None if generator is None else Spec.parse(generator)
    TrainSettings(parse_duration(budget), steps, seed or 0, device or "auto", flops).require_device()
    known = None if spec is None else _describe(spec, listener)
    text = corpus(author, lines=lines, encoding=encoding, column=column, listener=listener)
    named = models.full_names(imported)
    limits = {"budget": parse_duration(budget), "steps": steps, "flops": flops}
    required = {name: value for name, value in {"seed": seed, "device": device}.items() if value is not None}

    # the stored models that match: the newest one of the SPEC, or those of all SPECs and seeds, the best first
    if spec is None or known is None:
        required.pop("seed", None)
        candidates = rank_models(text, required, named)
    else:
        about = describe_text(text) | {"parent": ""}  # a model that was fine-tuned is another one
        key = models.training_key(spec, known.values, known.paths(spec), about) | required
        candidates = models.find_models(models.models_folder(), key, named)
    candidates = [model for model in candidates if model.card.fits(limits)]
    candidates.sort(key=lambda model: model.card.interrupted)  # partly trained models come last

    if model := _load_first(candidates, spec, listener):
        return model

    # otherwise, train one
    conditions = "".join(f", {name} {_as_typed(name, value)}" for name, value in (limits | required).items() if value)
    wanted = "" if spec is None else f" as {spec}"
    spec = spec or Spec.parse(quick_generator(text))
    chosen = "one" if wanted else f"{spec}, which takes some seconds; -g SPEC chooses another generator"
    listener.message(f"no stored model of {text.author}{wanted}{conditions}: training {chosen}")
    settings: JsonObject = {"seed": seed or 0, "device": device or "auto"}
    return train(text, spec, budget=budget, steps=steps, flops=flops, **settings, listener=listener)


def generate(
    model: Model,
    prompt: str | Sequence[str] = "",
    sampling: Sampling | None = None,
    *,
    length: int | None = None,
    temperature: float | None = None,
    count: int = 1,
    seed: int = 0,
    listener: ProgressListener = SILENT,
) -> list[str]:
    """Return `count` continuations of one prompt, or of one prompt each, without the prompts.

    `length` (in characters) and `temperature` replace those of `sampling`. Text i is the one that `stream` yields with
    the seed `seed + i`. Raises UserError for a count below 1.
    """
    progress = listener.task("generating")
    options: JsonObject = {"length": length, "temperature": temperature, "count": count, "seed": seed}
    return model.generate(prompt, sampling, **options, progress=progress, report=listener.message)


def stream(
    model: Model,
    prompt: str = "",
    sampling: Sampling | None = None,
    *,
    length: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
) -> Iterator[str]:
    """Yield the continuation of a prompt piece by piece, as it is sampled."""
    return model.stream(prompt, sampling, length=length, temperature=temperature, seed=seed)


def read_text(
    file: str | Path,
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    listener: ProgressListener = SILENT,
) -> str:
    """Return the text of a file, or of standard input for "-", cleaned like an author's text.

    Raises CorpusError if it cannot be read, is empty or is not text, UserError for a folder.
    """
    return str(read_text_file(file, Reading(lines, encoding, column), listener.message))


def _create(spec: Spec, listener: ProgressListener) -> Generator:
    """Return a new generator, announced: importing torch for the first network takes seconds."""
    with listener.stage(f"loading {spec.name}"):
        return registry.create(spec)


def _describe(spec: Spec, listener: ProgressListener) -> registry.Description:
    """Return the description of a SPEC, announced: importing torch for the first network takes seconds."""
    with listener.stage(f"loading {spec.name}"):
        return registry.describe_here(spec)


def _as_typed(name: str, value: object) -> str:
    """Return the value of an option as a user types it."""
    return format_duration(value) if name == "budget" and isinstance(value, float) else str(value)


def _load_named(name: str, generator: str | Spec | None, listener: ProgressListener) -> Model:
    """Load the stored model of a name. Raises UserError if it is of another SPEC than `generator`."""
    stored = models.get_model(models.models_folder(), name)
    if generator is not None and str(Spec.parse(generator)) != stored.card.spec:
        raise UserError(
            f"{stored.name} is {stored.card.spec}, not {generator}; leave out -g where --model names a model"
        )
    listener.message(describe_choice(stored.card))
    return _load_stored(stored, listener)


def _load_first(
    candidates: Sequence[models.StoredModel], spec: Spec | None, listener: ProgressListener
) -> Model | None:
    """Load the first model that is not damaged, and say which one it is; None where there is none."""
    for stored in candidates:
        try:
            model = _load_stored(stored, listener)
        except UserError as error:
            listener.message(str(error))
            continue
        origin = " elsewhere and imported" if stored.card.imported else ""
        state = ", but its training was interrupted" if stored.card.interrupted else ""
        used = f"using {stored.name}, trained on {stored.card.created[:10]}{origin}{state}"
        listener.message(describe_choice(stored.card) if spec is None else used)
        return model
    return None


def _load_stored(stored: models.StoredModel, listener: ProgressListener) -> Model:
    """Load a stored model, announced: importing torch for the first network takes seconds."""
    with listener.stage(f"loading {stored.name}"):
        return Model.from_stored(stored)


def export_model(
    author: str | Path | Corpus,
    generator: str | Spec,
    folder: str | Path,
    *,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    seed: int | None = None,
    device: str | None = None,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    imported: Sequence[str] = (),
    stored: str | None = None,
    listener: ProgressListener = SILENT,
) -> Path:
    """Write the model that `load_or_train` returns, a model card and checksums into a new folder; return the folder.

    The model is scored on the author's test text for its card. `import_model` reads the folder. The folder contains a
    hash of each word of the training text, for `max_overlap`. Raises UserError if the folder is not empty or cannot be
    written.
    """
    from genbench.report.export.model_card import model_card

    require_new_folder(Path(folder))  # before the training

    # the model
    text = corpus(author, lines=lines, encoding=encoding, column=column, listener=listener)
    limits: JsonObject = {"budget": budget, "steps": steps, "flops": flops, "seed": seed, "device": device}
    model = load_or_train(text, generator, **limits, imported=imported, stored=stored, listener=listener)
    if not model.id:
        raise UserError(f"the model could not be stored in {models.models_folder()}, so it cannot be exported")

    # its card, with the score of the test text
    exported = models.get_model(models.models_folder(), model.id)
    figures = score_figures(model, text.test, corpus=text, listener=TasksOnly(listener))
    readme = model_card(exported.card, figures, registry.provider(exported.card.spec), model.training_words is not None)
    return sharing.export_model(exported, folder, readme)


def playground(
    models: Mapping[str, Model],
    author: str | Path | Corpus,
    *,
    refused: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> PlaygroundPage:
    """Return a web page that holds the models and runs them in the browser; `.html` is the page.

    `models` is by label; `author` is whose text they learned, which is on the page too. `refused` has sentences about
    other models, which the page shows. Raises UserError if a page can run none of the models.
    """
    from genbench.report.html.playground import playground_page

    corpus = load_corpus(author)
    with listener.stage("pruning and rounding the models") as progress:
        return playground_page(models, corpus, refused, progress)
