"""Exported models: a folder that another person can load without executing anything in it.

model.json, learned.json, arrays.safetensors    the model, as it is stored
README.md     the model card: text, scores, options, versions
SHA256SUMS    a checksum of every file above, as `sha256sum --check` reads it
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from genbench.errors import GenbenchError, UserError, format_error
from genbench.spec import Spec
from genbench.storage import untrusted
from genbench.storage.files import new_folder, write_atomic
from genbench.storage.models import (
    CARD,
    FILES,
    StoredModel,
    copy_model,
    digest_of,
    has_digest,
    models_folder,
    read_model,
    require_current,
)

CHECKSUMS = "SHA256SUMS"
README = "README.md"
GET_AGAIN = "get a new copy of the folder"


def export_model(model: StoredModel, folder: str | Path, readme: str) -> Path:
    """Write a stored model with its model card and checksums into a new folder; return the folder.

    The folder appears whole or not at all. Raises UserError where it is not empty or cannot be written.
    """
    target = Path(folder)
    with new_folder(target) as temporary:
        for file in (CARD, *FILES):
            shutil.copyfile(model.folder / file, temporary / file)
        if not all(has_digest(temporary / file, digest) for file, digest in model.card.files.items()):
            raise UserError(f"{model.name} was replaced while it was exported, or is damaged; export it again")
        write_atomic(temporary / README, readme.encode())
        write_checksums(temporary)
    return target


def write_checksums(folder: Path) -> None:
    """Write the checksums of all files of a folder into it."""
    files = sorted(path for path in folder.iterdir() if path.name != CHECKSUMS)
    lines = "".join(f"{digest_of(path)}  {path.name}\n" for path in files)
    write_atomic(folder / CHECKSUMS, lines.encode())


def import_model(folder: str | Path, generator: str | None = None, *, replace_old: bool = False) -> StoredModel:
    """Check a folder that `export_model` wrote, load the model once, and store a copy of it, marked as imported.

    It replaces no model that was trained here: its name differs. A model of the same training that was imported before
    is replaced with `replace_old` only.

    Nothing in the folder is executed: the model's generator is found by its registered name. Where its plugin is a .py
    file, `generator` is the path of a file of yours that you trust; it has to be the one that the model was trained
    with. Raises UserError where a file is missing, changed or unexpected, where the generator is not available, and for
    a model that an earlier edition of genbench wrote.
    """
    # check the files
    source = Path(folder)
    require_checksums(source)
    require_current(source)
    model = read_model(source)
    if model is None:
        raise UserError(f"{source} contains no model of this genbench; get one that genbench models export wrote")

    # try the model out before it is stored
    model = _with_plugin(model, source, generator)
    try:
        model.load()
    except Exception as error:  # somebody else wrote it: anything may be wrong
        reason = str(error) if isinstance(error, GenbenchError) else format_error(error)
        raise UserError(f"{source} cannot be imported: {reason}") from error
    return copy_model(model, models_folder(), imported=True, replace_old=replace_old)


def _with_plugin(model: StoredModel, source: Path, generator: str | None) -> StoredModel:
    """Return the model with the plugin file that the user names, where it needs one."""
    spec = Spec.parse(model.card.spec)
    if generator is None:
        if spec.path is not None:
            raise UserError(
                f"{model.name} was trained with a plugin file, {spec.path.name}, and only files that you name are "
                f"executed: read yours, then name it: genbench models import {source} -g FILE"
            )
        return model

    # the path of the exporting machine is replaced by the local one
    path = Spec.parse(generator).path
    if path is None or spec.path is None:
        raise UserError("-g is for a model whose plugin is a .py file: it takes the path of that file")
    local_spec = Spec.parse(str(path.resolve())).fill(spec.options)
    sources = [str(path.resolve()), *model.card.sources[1:]]  # the plugin is the first
    card = replace(model.card, spec=local_spec, sources=sources)
    return replace(model, card=card, allowed_files=(path.resolve(),))


def require_checksums(folder: Path) -> None:
    """Refuse a folder whose files are not exactly those of its checksums, hidden ones apart. Raises UserError.

    A repository of the Hugging Face Hub has hidden files besides the model, none of which is read.
    """
    # read the checksums
    if not folder.is_dir():
        raise UserError(f"there is no folder {str(folder)!r}; name one that genbench models export wrote")
    path = folder / CHECKSUMS
    if not path.is_file():
        raise UserError(f"{folder} has no {CHECKSUMS}; name a folder that genbench models export wrote")
    try:
        data = untrusted.read_file(path)
    except ValueError as error:
        raise UserError(f"{error} in {folder}; {GET_AGAIN}") from error
    lines = [line.partition("  ") for line in data.decode(errors="replace").splitlines()]
    digests = {name: digest for digest, _, name in lines}

    # compare them with the files
    files = {file.name for file in folder.iterdir() if not file.name.startswith(".")} - {CHECKSUMS}
    for name in sorted(files ^ set(digests)):
        problem = "is missing" if name in digests else f"is not in {CHECKSUMS}"
        raise UserError(f"{name} of {folder} {problem}; {GET_AGAIN}")
    for name, digest in digests.items():
        if not has_digest(folder / name, digest):
            raise UserError(f"{name} of {folder} is damaged or was changed: its checksum differs; {GET_AGAIN}")
