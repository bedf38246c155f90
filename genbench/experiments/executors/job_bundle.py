"""What travels with a job to another machine beside its texts, and what comes home: files, by content.

There go the files that its SPEC names, the kept model of the same training, and the newest checkpoint. Home come
checkpoints as they are made, and the model. Each machine puts them where its own paths lead: nothing is shared.
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

from genbench import spec as options
from genbench.errors import GenbenchError, UserError
from genbench.experiments.job import Job, Row, training
from genbench.storage import checkpoints, models
from genbench.storage import files as store
from genbench.storage.checkpoints import Checkpoint

Files = dict[str, bytes]  # by their names


@dataclass(frozen=True)
class Luggage:
    """What a job takes along."""

    files: Files = field(default_factory=dict)  # by the words of the SPEC that name them
    name: str = ""  # of the kept model
    model: Files = field(default_factory=dict)  # of the very same training; none: it is trained
    checkpoint: bytes = b""


def packed(job: Job) -> Luggage:
    """What a job takes along, of what is kept here. Raises UserError for a path that no SPEC elsewhere could have."""
    words = set(options.WORD.findall(job.spec))
    for path in options.files_of(options.parse(job.spec)):
        if path not in map(Path, words):
            raise UserError(f"{str(path)!r} has one of ()+:,= in it and cannot be sent: rename it")
    found = Luggage({word: Path(word).read_bytes() for word in words & _named(job.spec)})
    key = _key(job)
    if key is None:
        return found
    old = None if job.fresh else models.find(Path(job.models), key)
    if old is not None:
        return replace(found, name=old.name, model=_read(old.folder))
    with contextlib.suppress(OSError):
        return replace(found, checkpoint=checkpoints.of(Path(job.models), key).path.read_bytes())
    return found


def unpacked(job: Job, luggage: Luggage, folder: Path) -> Job:
    """The same job with all that it took along put into this folder, which is empty."""
    addresses = {}
    for place, (word, data) in enumerate(luggage.files.items()):
        path = folder / f"file{place}" / Path(word).name
        path.parent.mkdir()
        path.write_bytes(data)
        addresses[word] = str(path)
    spec = options.WORD.sub(lambda word: addresses.get(word[0], word[0]), job.spec)
    job = replace(job, spec=spec, models=job.models and str(folder / "models"), fresh=False)  # all is as fresh as asked
    if luggage.model:
        _write(luggage.model, Path(job.models) / luggage.name, spec)
    kept = checkpoint(job)
    if luggage.checkpoint and kept is not None:
        kept.path.parent.mkdir(parents=True)
        kept.path.write_bytes(luggage.checkpoint)
    return job


def checkpoint(job: Job) -> Checkpoint | None:
    """Where the checkpoint of a job is kept on this machine; None where none is."""
    key = _key(job)
    return None if key is None else checkpoints.of(Path(job.models), key)


def homeward(job: Job, row: Row, luggage: Luggage, folder: Path) -> tuple[Row, Files]:
    """The row and the model that an unpacked job gave, ready to go home: paths of this machine become those of there.

    They stand in what the row and the model say of their SPEC; the model's checksums are made anew.
    """
    files = _read(Path(job.models) / row["model"]) if row.get("model") and not row["reused"] else {}
    for place, word in enumerate(luggage.files):
        there, here = _quoted(str(folder / f"file{place}" / Path(word).name)), _quoted(word)
        row = json.loads(json.dumps(row).replace(there, here))
        files = {name: data.replace(there.encode(), here.encode()) for name, data in files.items()}
    if luggage.files and files:
        card = json.loads(files[models.CARD])
        card["files"] = {name: sha256(files[name]).hexdigest() for name in card["files"]}
        files[models.CARD] = json.dumps(card).encode()
    return row, files


def arrived(job: Job, files: Files) -> None:
    """Keep a model that was trained elsewhere, whole or not at all. Raises OSError, UserError for a damaged one."""
    home = Path(job.models)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=store.BESIDE, dir=home) as beside:
        folder = Path(beside) / "model"
        _write(files, folder, job.spec)
        found = models.inside(folder)
        if found is None or not all(models.undamaged(folder / name, sha) for name, sha in found.card["files"].items()):
            raise UserError("it came home damaged")
        models.take(found, home)


def _key(job: Job) -> Mapping[str, Any] | None:
    """What makes two trainings the same; None where none are kept, or the generator cannot be made at all."""
    with contextlib.suppress(GenbenchError):
        if job.models:
            card = training(job)
            return {name: card[name] for name in models.KEY}
    return None


def _named(spec: str) -> set[str]:
    """The words of a SPEC that name files."""
    paths = set(options.files_of(options.parse(spec)))
    return {word for word in options.WORD.findall(spec) if Path(word) in paths}


def _quoted(path: str) -> str:
    return json.dumps(path)[1:-1]


def _read(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _write(files: Files, folder: Path, spec: str) -> None:
    """Write the files of a model; its card has the SPEC as it is written on this machine."""
    folder.mkdir(parents=True)
    for name in models.FILES:
        (folder / name).write_bytes(files[name])
    card = json.loads(files[models.CARD]) | {"spec": spec}
    (folder / models.CARD).write_text(json.dumps(card), encoding="utf-8")
