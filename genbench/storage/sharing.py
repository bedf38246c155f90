"""Sharing: a kept model as a folder that another person can load without running anything from it, and back.

model.json, learned.json, arrays.safetensors    the model, as it is kept
README.md       the model card: text, numbers, options, versions
SHA256SUMS      a checksum of every file above, as `sha256sum --check` reads it
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from genbench import api, registry
from genbench import spec as options
from genbench.corpus import Corpus
from genbench.errors import GenbenchError, UserError, format_error
from genbench.experiments.progress import Watcher
from genbench.report.export.model_card import modelcard
from genbench.storage import files as store
from genbench.storage import models, untrusted
from genbench.storage.files import write_whole

SUMS = "SHA256SUMS"
README = "README.md"


def export_model(
    author: str | Corpus,
    generator: str,
    folder: str | Path,
    *,
    lines: str = "join",
    watcher: Watcher = api.SILENT,
    **how: Any,
) -> Path:
    """Write the model that `ready` would take into a new folder, with a model card and checksums; returns the folder.

    The model is scored on the author's test text for its card. What `max_overlap` needs of the training text goes
    along: a hash of each word. Raises UserError where the folder is not empty or cannot be written.
    """
    final = Path(folder)
    _require_new(final)
    text = author if isinstance(author, Corpus) else api.corpus(author, lines=lines, watcher=watcher)
    made = api.ready(text, generator, lines=lines, watcher=watcher, **how)
    given = {name: value for name, value in how.items() if value is not None}
    wanted = models.key(generator, text.describe() | {"author": text.author}) | given
    model = models.find(models.home(), wanted)
    if model is None:
        raise UserError(f"the model could not be kept in {models.home()}, so there is none to export; make room there")
    home = registry.distribution(model.card["spec"])
    card = modelcard(model.card, api.numbers(made, text.test), home, made.training_words is not None)
    _require_new(final)  # training takes its time
    beside = Path(tempfile.mkdtemp(prefix=store.BESIDE, dir=final.resolve().parent))
    try:
        for file in (models.CARD, *models.FILES):
            shutil.copyfile(model.folder / file, beside / file)
        write_whole(beside / README, card.encode())
        write_whole(beside / SUMS, _sums(beside).encode())
        beside.chmod(0o755)
        if final.is_dir():
            final.rmdir()
        beside.rename(final)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return final


def _require_new(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{str(folder)!r} is not empty; name a folder that is not there yet")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is a file; name a folder that is not there yet")
    if not folder.resolve().parent.is_dir():
        raise UserError(f"there is no folder {str(folder.parent)!r} for {folder.name}; make it first")


def _sums(folder: Path) -> str:
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    return "".join(f"{_digest(path)}  {path.name}\n" for path in files)


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def import_model(folder: str | Path, generator: str | None = None) -> models.Model:
    """Check a folder that `export_model` wrote, load it once, and keep it beside one's own models.

    Nothing in the folder is run: its generator is found by its registered name. That of a model whose plugin is a .py
    file has to be named, by a path to a file of your own that you trust; it must be the one that the model was trained
    with. Raises UserError where a file is missing, changed or too many, or the generator is not there.
    """
    source = Path(folder)
    _require_sums(source)
    found = models.inside(source)
    if found is None:
        raise UserError(f"{source} holds no model that this genbench knows; get one that genbench models export wrote")
    spec, path = options.parse(found.card["spec"]), None
    if generator is not None:
        path = options.parse(generator).path
        if path is None or spec.path is None:
            raise UserError("-g is for a model whose plugin is a .py file: it takes a path to that file")
    elif spec.path is not None:
        raise UserError(
            f"{found.name} was trained with a file, {spec.path.name}, and no file is run that you do not name: look "
            f"into it, then name it: genbench models import {source} -g PATH"
        )
    if path is not None:
        written = options.complete(str(path.resolve()), options.parse(found.card["spec"]).options)
        found = replace(found, card=found.card | {"spec": written}, may_run=(path.resolve(),))
    try:
        found.generator()
    except Exception as error:  # somebody else wrote it: anything may be wrong
        said = str(error) if isinstance(error, GenbenchError) else format_error(error)
        raise UserError(f"{source} cannot be imported: {said}") from error
    return models.take(found, models.home())


def _require_sums(folder: Path) -> None:
    """Refuse a folder whose files are not, one for one, those that its checksums name."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r}; name one that genbench models export wrote")
    path = folder / SUMS
    if not path.is_file():
        raise UserError(f"{folder} has no {SUMS}; name a folder that genbench models export wrote")
    try:
        data = untrusted.read(path)
    except ValueError as error:
        raise UserError(f"{error} in {folder}; get the folder anew") from error
    lines = [line.partition("  ") for line in data.decode(errors="replace").splitlines()]
    named = {name: digest for digest, _, name in lines}
    there = {each.name for each in folder.iterdir()} - {SUMS}
    for name in sorted(there ^ set(named)):
        how = "is missing" if name in named else f"is not in {SUMS}"
        raise UserError(f"{name} of {folder} {how}; get the folder anew")
    for name, digest in named.items():
        each = folder / name
        if not models.undamaged(each, digest):
            raise UserError(f"{name} of {folder} is damaged or was changed: its checksum differs; get the folder anew")
