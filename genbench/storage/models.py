"""Stored models: a folder of JSON and safetensors each, loaded by name.

    model.json           the card: what was trained on what, how, by which version, and a checksum of the other files
    learned.json         what the generator learned, its tokenizer included
    arrays.safetensors   the arrays of it, and hashes of the words of the training text
    texts.jsonl.gz       of a generator that learns by counting: its texts (`texts.py`)

A folder appears whole or not at all. Nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench import __version__
from genbench.errors import UserError, nearest
from genbench.generator import Generator, ProgressCallback, ignore
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, option_values
from genbench.storage import checkpoints, files, seal
from genbench.storage.cards import CARD as CARD
from genbench.storage.cards import FILES as FILES
from genbench.storage.cards import INSTALLATION, ModelCard, is_outdated, outdated_card, read_card
from genbench.storage.cards import KEY as KEY
from genbench.storage.names import plain_name
from genbench.storage.records import JsonObject
from genbench.storage.stored_model import POLL_SECONDS, digest, fingerprint_of, named_files, read_stored
from genbench.storage.stored_model import StoredModel as StoredModel
from genbench.storage.stored_model import digest_of as digest_of
from genbench.storage.stored_model import files_digest as files_digest
from genbench.storage.stored_model import has_digest as has_digest
from genbench.storage.stored_model import model_at_fault as model_at_fault
from genbench.storage.stored_model import models_folder as models_folder
from genbench.storage.stored_model import source_digest as source_digest
from genbench.storage.texts import KeptTexts, write_texts

MAX_NAMES = 5  # in an error message
MAX_PLAIN = 80  # bytes of the author and the generator in the name of a model
RENAME_ATTEMPTS = 100  # to put a model where other processes put theirs


def training_key(
    spec: Spec, options: Mapping[str, Any], sources: Iterable[str | Path], about: Mapping[str, Any]
) -> JsonObject:
    """Return what makes two trainings the same: generator with its options, and what `about` says.

    `sources` are the files that the SPEC names.
    """
    known = {"generator": spec.name, "source": source_digest(sources), "options": json.loads(json.dumps(options))}
    return known | {name: about[name] for name in KEY if name in about}


def list_models(folder: Path) -> list[StoredModel]:
    """Return all models in a folder, newest first; anything else in it is ignored."""
    models = [model for path in folder.iterdir() if (model := read_stored(path))] if folder.is_dir() else []
    return sorted(models, key=lambda model: model.card.created, reverse=True)


def list_outdated(folder: Path) -> list[str]:
    """Return the names of the models in a folder that an earlier edition of genbench wrote."""
    return sorted(path.name for path in folder.iterdir() if is_outdated(path)) if folder.is_dir() else []


def find_models(folder: Path, wanted: Mapping[str, Any], imported: Sequence[str] = ()) -> list[StoredModel]:
    """Return the models whose cards have all these values, newest first.

    Imported models are left out, except those whose names are in `imported`, which come first; another version of
    genbench may have trained them. A model in `imported` may continue the training of another one. A model whose
    training never read its seed has every seed; its own comes first.
    """
    matches = [
        model
        for model in list_models(folder)
        if (not model.card.imported or model.name in imported)
        and all(model.card.has(*value) for value in _required(model, wanted, imported).items())
    ]
    return sorted(matches, key=lambda model: (model.name not in imported, model.card.seed != wanted.get("seed")))


def _required(model: StoredModel, wanted: Mapping[str, Any], imported: Sequence[str]) -> JsonObject:
    """Return what the card of a model must have of the values that are wanted."""
    ignored = (*(INSTALLATION if model.card.imported else ()), *(("parent",) if model.name in imported else ()))
    return {name: value for name, value in wanted.items() if name not in ignored}


def find_model(folder: Path, wanted: Mapping[str, Any], imported: Sequence[str] = ()) -> StoredModel | None:
    """Return the first of `find_models`; None where there is none."""
    return next(iter(find_models(folder, wanted, imported)), None)


def get_model(folder: Path, name: str, *, reusable: bool = False) -> StoredModel:
    """Return the model of that name, or the only one whose name starts with it, or ends with it after a hyphen.

    Raises UserError where there is none or there are several; it names imported and fine-tuned models only where
    `reusable` is set, since others are reused without being named.
    """
    # an exact name, else the beginning or the end of one
    models = list_models(folder)
    matches = [model for model in models if name in (model.name, model.short_name)]
    matches = matches or [model for model in models if model.name.startswith(name)]
    if len(matches) == 1:
        return matches[0]

    # no such model, or several
    if not matches:
        time.sleep(POLL_SECONDS)  # it may be being replaced
        if Path(name).name == name and (model := read_stored(folder / name)) is not None:
            return model
        require_current(folder / name)
    if not models:
        raise UserError(f"no model is called {name!r}: none is stored; genbench train AUTHOR -g SPEC stores one")
    offered = [model for model in models if not reusable or model.card.imported or model.card.parent]
    if not (matches or offered):
        raise UserError(
            f"no model is called {name!r}: none is imported or fine-tuned; genbench models import DIR imports one"
        )
    names = [model.name for model in matches or offered]
    problem = f"{len(matches)} models' names start with" if matches else "no model is called"
    raise UserError(
        f"{problem} {name!r}: {nearest(name, names[:MAX_NAMES])}; genbench models list shows all {len(models)}"
    )


def full_names(names: Iterable[str]) -> list[str]:
    """Return the full names of models that are to be reused. Raises UserError, as `get_model` does."""
    return [get_model(models_folder(), name, reusable=True).name for name in names]


def open_model(place: str | Path, plugins: Sequence[str | Path] = ()) -> StoredModel:
    """Return the model in a folder, else the stored one of that name; UserError where neither can be read.

    `plugins` are the plugin files that a model in a folder may run.
    """
    model = read_model(Path(place), plugins)
    if model is None:
        require_current(Path(place))
        if (Path(place) / CARD).is_file():
            raise UserError(
                f"the {CARD} in {place} is damaged, or of a later version of genbench: get a new copy of the model, or "
                "update genbench"
            )
    return model or get_model(models_folder(), str(place))


def read_model(folder: Path, plugins: Sequence[str | Path] = ()) -> StoredModel | None:
    """Return the model in a folder that anybody may have written; None where there is none.

    It may run the plugin files that are named in `plugins`, and no others.
    """
    model = read_stored(folder) if folder.is_dir() else None
    if model is None or folder.resolve().parent == models_folder().resolve():
        return model
    return replace(model, allowed_files=tuple(Path(path).resolve() for path in plugins))


def require_current(folder: Path) -> None:
    """Refuse a folder with a model that an earlier edition of genbench wrote. Raises UserError."""
    if not is_outdated(folder):
        return
    problem = f"model {folder.name} was written by an earlier edition of genbench, which this one does not read"
    stored_here = folder.resolve().parent == models_folder().resolve()
    remedy = f"genbench models remove {folder.name}, and train it again" if stored_here else "train it again"
    raise UserError(f"{problem}: {remedy}")


def find_by_fingerprint(wanted: bytes) -> StoredModel:
    """Return the stored model with this fingerprint; UserError where there is none."""
    folder = models_folder()
    for model in list_models(folder):
        if model.fingerprint == wanted:
            return model

    # a model of an earlier edition, which can be identified but not read
    for path in folder.iterdir() if folder.is_dir() else ():
        card = outdated_card(path)
        if card is not None and fingerprint_of(card.get("options", {}), card.get("files", {})) == wanted:
            raise UserError(
                f"the text was compressed with {path.name}, a model that an earlier edition of genbench wrote and this "
                "one does not read: decompress it with that edition, then train the model again and compress it anew"
            )
    raise UserError(
        f"no stored model has the fingerprint {wanted.hex()}; genbench decompress --model takes a folder with it, "
        "copied from the machine that compressed"
    )


def fingerprint(generator: Generator, training_words: TrainingWords | None) -> bytes:
    """Return the 16 bytes that the model has when it is stored."""
    contents = files.generator_files(generator, training_words)
    return fingerprint_of(option_values(generator), {name: digest(data) for name, data in contents.items()})


def store_model(
    generator: Generator,
    folder: Path,
    card: ModelCard,
    training_words: TrainingWords | None = None,
    texts: KeptTexts | None = None,
    progress: ProgressCallback = ignore,
) -> StoredModel:
    """Store a trained generator, with its texts where these are given; a model of the same key is replaced."""
    # write into a temporary folder, which becomes the model in one step
    folder.mkdir(parents=True, exist_ok=True)
    files.remove_leftovers(folder)
    checkpoints.remove_old(folder)
    temporary = Path(tempfile.mkdtemp(prefix=files.TEMPORARY_PREFIX, dir=folder))
    try:
        files.save_generator(generator, temporary, training_words)
        digests = {path.name: digest_of(path) for path in sorted(temporary.iterdir())}
        created = datetime.now(UTC).isoformat()
        card = replace(card, genbench=card.genbench or __version__, created=created, files=digests)
        stored = "" if texts is None else write_texts(texts, temporary, progress)
        return _place(temporary, replace(card, texts=stored))
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_model(
    generator: Generator, folder: Path, card: ModelCard, training_words: TrainingWords | None = None
) -> Path:
    """Write a model into a folder that is new or empty, whole or not at all; return the folder.

    Raises UserError where the folder is not empty or cannot be written.
    """
    with files.new_folder(folder) as temporary:
        files.save_generator(generator, temporary, training_words)

        # the card is written last: a folder without one is not a model
        digests = {path.name: digest_of(path) for path in sorted(temporary.iterdir())}
        version, created = card.genbench or __version__, card.created or datetime.now(UTC).isoformat()
        card = replace(card, genbench=version, created=created, files=digests)
        files.write_atomic(temporary / CARD, json.dumps(card.to_dict(), ensure_ascii=False, indent=2).encode())
    return folder


def copy_model(model: StoredModel, folder: Path, *, imported: bool, replace_old: bool = True) -> StoredModel:
    """Store a copy of a model in another folder; `imported` says that it was not trained for this store.

    One of the same name is replaced. Raises UserError instead without `replace_old`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=files.TEMPORARY_PREFIX, dir=folder))
    try:
        # only the known files are copied; the digests of plugins are those of this machine
        for file in FILES:
            shutil.copyfile(model.folder / file, temporary / file)
        source = source_digest(named_files(model.card))
        return _place(temporary, replace(model.card, source=source, imported=imported, texts=""), replace_old)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_model(folder: Path) -> None:
    """Remove a stored model: it disappears at once, then its files are deleted."""
    with contextlib.suppress(FileNotFoundError):  # another process removed it first
        files.remove_folder(folder)


def seal_model(folder: Path) -> None:
    """Mark the model in a folder of this store as trained for it, because a job brought it here."""
    card = read_card(folder)
    if card is not None:
        _write_card(folder, folder.parent, card)


def remove_named(names: Iterable[str]) -> list[str]:
    """Remove stored models by name, once each, after all names were found; return their full names.

    Raises UserError for a name that is not known; an outdated model is removed too.
    """
    folder = models_folder()

    # look all names up before anything is removed
    outdated = [name for name in names if is_outdated(folder / name)]
    models = {model.name: model for model in (get_model(folder, name) for name in names if name not in outdated)}
    for name in dict.fromkeys([*models, *outdated]):
        remove_model(folder / name)
    return [*models, *dict.fromkeys(outdated)]


def _place(temporary: Path, card: ModelCard, replace_old: bool = True) -> StoredModel:
    """Write the card of a model beside its files, and put them where its key says."""
    # the key decides the name: the same training replaces its earlier model, and an imported model no other
    identity = json.dumps(card.identity, sort_keys=True)
    plain = plain_name(f"{card.author}-{card.generator}", MAX_PLAIN)
    mark = "-imported" if card.imported else ""
    final = temporary.parent / f"{plain}{mark}-{digest(identity.encode())[:10]}"

    card = _write_card(temporary, final.parent, card)
    if final.exists() and not replace_old:
        raise UserError(
            f"{final.name} is stored already; --replace replaces it, or genbench models remove {final.name}"
        )
    _rename(temporary, final)
    return StoredModel(final, card)


def _write_card(folder: Path, store: Path, card: ModelCard) -> ModelCard:
    """Write the card of a model into its folder, sealed where it was trained for this store; return the card."""
    card = replace(card, seal="")
    if not card.imported:
        card = replace(card, seal=seal.make_seal(store, card.to_dict()))
    files.write_atomic(folder / CARD, json.dumps(card.to_dict(), ensure_ascii=False, indent=2).encode())
    return card


def _rename(temporary: Path, final: Path) -> None:
    """Rename a folder to its place; an older one there is renamed too, and deleted once the new one is there."""
    # mkdtemp makes it private
    temporary.chmod(0o755)
    for attempts_left in reversed(range(RENAME_ATTEMPTS)):
        try:
            with files.set_aside(final):
                os.rename(temporary, final)
            return
        except OSError as error:  # another process has put its own there in between
            if not attempts_left or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
