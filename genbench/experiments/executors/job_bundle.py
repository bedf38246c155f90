"""JobBundle: the files that a job needs on another machine besides its texts, and those that it sends back.

A job takes along the files that its SPEC names, the stored model of the same training, and the newest checkpoint. It
sends back checkpoints while it trains, and the model. Each machine stores them below its own folders.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.errors import GenbenchError, UserError
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.spec import SYNTAX, Spec
from genbench.storage import models
from genbench.storage.cards import CARD, FILES
from genbench.storage.checkpoints import Checkpoint, checkpoint_of
from genbench.storage.files import TEMPORARY_PREFIX
from genbench.training import describe_training

FileContents = dict[str, bytes]  # by name


@dataclass(frozen=True)
class JobBundle:
    """The files of one job."""

    files: FileContents = field(default_factory=dict)  # by their names in the SPEC
    modules: dict[str, FileContents] = field(default_factory=dict)  # by plugin file: what it imports from its folder
    model_name: str = ""  # of the stored model
    model: FileContents = field(default_factory=dict)  # {} where the job has to train it
    checkpoint: bytes = b""


def pack_job(job: Job) -> JobBundle:
    """Return the files of a job that are on this machine.

    Raises UserError for a path that a SPEC on another machine cannot contain.
    """
    # the files that its SPEC names
    names = _sources(job)
    for name in names:
        if SYNTAX & set(Path(name).name):
            raise UserError(f"{name!r} has one of ()+:,= in its name and cannot be sent to another machine: rename it")
    bundle = JobBundle(
        {name: Path(name).read_bytes() for name in names},
        {name: _modules(Path(name)) for name in names if name.endswith(".py")},
    )

    # the model, or the checkpoint of an interrupted training
    key = _training_key(job)
    if key is None:
        return bundle
    stored = None if job.retrain else models.find_model(Path(job.models), key, job.imported)
    with contextlib.suppress(OSError):  # removed by another process, or there is no checkpoint
        if stored is not None:
            return replace(bundle, model_name=stored.name, model=_read_files(stored.folder))
        return replace(bundle, checkpoint=checkpoint_of(Path(job.models), key).path.read_bytes())
    return bundle


def unpack_job(job: Job, bundle: JobBundle, folder: Path) -> Job:
    """Write the files of a job into an empty folder; return the job with paths that lead there."""
    # the files that its SPEC names
    addresses = {}
    for index, (name, data) in enumerate(bundle.files.items()):
        path = _file_path(folder, index, name)
        for place, contents in {path.name: data, **bundle.modules.get(name, {})}.items():
            (path.parent / place).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / place).write_bytes(contents)
        addresses[name] = str(path)
    if addresses:
        job = _with_files(job, addresses)

    # the bundle holds what may be reused, so the job need not check again
    job = replace(job, models=job.models and str(folder / "models"), retrain=False)
    if bundle.model:
        _write_model(bundle.model, Path(job.models) / bundle.model_name, job)
        models.seal_model(Path(job.models) / bundle.model_name)
    checkpoint = job_checkpoint(job)
    if bundle.checkpoint and checkpoint is not None:
        checkpoint.path.parent.mkdir(parents=True)
        checkpoint.path.write_bytes(bundle.checkpoint)
    return job


def job_checkpoint(job: Job) -> Checkpoint | None:
    """Return the checkpoint of a job on this machine; None where nothing is stored."""
    key = _training_key(job)
    return None if key is None else checkpoint_of(Path(job.models), key)


def has_progress(job: Job) -> bool:
    """Return whether this machine has the model of a job, or a checkpoint of its training."""
    key = _training_key(job)
    if key is None:
        return False
    folder = Path(job.models)
    return checkpoint_of(folder, key).path.exists() or models.find_model(folder, key, job.imported) is not None


def pack_result(job: Job, row: Row, bundle: JobBundle, folder: Path) -> tuple[Row, FileContents]:
    """Return the row of an unpacked job and the files of the model that it trained, with the paths of its home.

    Paths occur in the SPECs of the row and the model; the model's checksums are computed again.
    """
    files = _read_files(Path(job.models) / row.model) if row.model and not row.reused else {}
    if not bundle.files:
        return row, files

    # replace the paths of this machine by those of the home
    for index, name in enumerate(bundle.files):
        remote, home = _json_escaped(str(_file_path(folder, index, name))), _json_escaped(name)
        row = Row.from_dict(json.loads(json.dumps(row.to_dict()).replace(remote, home)))
        files = {name: data.replace(remote.encode(), home.encode()) for name, data in files.items()}

    # the contents changed, so the checksums on the card do too
    if files:
        card = json.loads(files[CARD])
        card["files"] = {name: sha256(files[name]).hexdigest() for name in card["files"]}
        files[CARD] = json.dumps(card).encode()
    return row, files


def unpack_result(job: Job, files: FileContents) -> None:
    """Store a model that was trained on another machine. Raises OSError, and UserError for a damaged one."""
    home = Path(job.models)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=home) as temporary:
        folder = Path(temporary) / "model"
        _write_model(files, folder, job)

        # it becomes visible only if it is complete
        model = models.read_model(folder)
        if model is None or not all(models.has_digest(folder / name, sha) for name, sha in model.card.files.items()):
            raise UserError("it arrived damaged")
        models.copy_model(model, home, imported=False)


def _training_key(job: Job) -> Mapping[str, Any] | None:
    """Return what makes two trainings the same; None where no model is stored."""
    if not job.models:
        return None
    about = describe_training(job.spec, job.text, job.settings)
    return models.training_key(job.spec, job.options, _sources(job), about)


def _sources(job: Job) -> list[str]:
    """Return the files that the SPEC of a job names."""
    return [job.spec.text[start:end] for start, end in job.files]


def _with_files(job: Job, addresses: Mapping[str, str]) -> Job:
    """Return the job with the addresses of its files in place of their names."""
    spec = Spec.parse(job.spec.replace_files(job.files, addresses.__getitem__))
    try:
        (known,) = registry.describe([spec])
    except GenbenchError:  # such as a package that this machine lacks: the row will say so
        return replace(job, spec=spec, files=[])
    return replace(job, spec=spec, options=known.values, files=known.files)


def _file_path(folder: Path, index: int, name: str) -> Path:
    return folder / f"file{index}" / Path(name).name


def _modules(plugin: Path) -> FileContents:
    """Return the files that a plugin file imports from its own folder, by their places in it."""
    first, *others = registry.imported_files(plugin)
    return {path.relative_to(first.parent).as_posix(): path.read_bytes() for path in others}


def _json_escaped(path: str) -> str:
    return json.dumps(path)[1:-1]


def _read_files(folder: Path) -> FileContents:
    """Return the files of a model without the texts that are kept beside it: they stay on their machine."""
    return {name: (folder / name).read_bytes() for name in (CARD, *sorted(FILES))}


def _write_model(files: FileContents, folder: Path, job: Job) -> None:
    """Write the files of a model; its card gets the SPEC of the job, as it is on this machine."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(files[name])
    card = json.loads(files[CARD]) | {"spec": str(job.spec), "sources": _sources(job), "texts": ""}
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
