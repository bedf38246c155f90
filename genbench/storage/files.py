"""Keeping things on disk: files that appear whole or not at all, and generators as folders of JSON and safetensors.

Nothing that is loaded is executed: a model is JSON and arrays, its generator is found by its registered name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from genbench.errors import UserError
from genbench.generator import Generator, Learned
from genbench.sampling.overlap import TrainingWords
from genbench.storage import untrusted

BESIDE = ".genbench."  # what is half done is called so, and renamed when it is whole
DAY = 86_400  # seconds


def home() -> Path:
    """Where genbench keeps what it makes and fetches: GENBENCH_HOME, else the user's data folder."""
    import platformdirs

    named = os.environ.get("GENBENCH_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("genbench"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file beside its place, then rename it there; what was there before stays whole until then.

    A symbolic link is followed: its target is replaced.
    """
    path = Path(os.path.realpath(path))
    handle, beside = tempfile.mkstemp(prefix=BESIDE, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what processes that were killed have left half done in a folder, a day ago or longer."""
    for left in folder.glob(f"{BESIDE}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > DAY:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def remove_folder(folder: Path) -> None:
    """Remove a folder: it is out of sight at once, then deleted."""
    aside = Path(tempfile.mkdtemp(prefix=BESIDE, dir=folder.parent))
    try:
        os.replace(folder, aside / folder.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def require_writable(path: Path) -> None:
    """Refuse a path that cannot become a file, before the work whose result it shall hold: a file is tried there."""
    try:
        with contextlib.suppress(FileNotFoundError):
            path.lstat()
        if path.is_dir():
            raise UserError(f"{str(path)!r} is a folder; name a file")
        if not path.parent.is_dir():
            raise UserError(f"there is no folder {str(path.parent)!r} for {path.name}; make it first")
        if path.exists() and not (path.is_file() and os.access(path, os.W_OK)):
            raise PermissionError(None, "it is read-only, or no plain file")
        tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent).close()
    except OSError as error:
        why = f"{str(path)!r} cannot be written ({error.strerror})"
        raise UserError(f"{why}; name a file in a folder of yours") from error


def generator_files(generator: Generator, training_words: TrainingWords | None = None) -> dict[str, bytes]:
    """Return what a generator has learned as the contents of `arrays.safetensors` and `learned.json`."""
    from safetensors.numpy import save as to_bytes

    arrays: dict[str, np.ndarray[Any, Any]] = {}
    learned = _without_arrays(generator.dump(), arrays)
    words = training_words and _without_arrays(
        {"hashes": training_words.hashes, "characters": training_words.characters}, arrays
    )
    described = {"learned": learned, "words": words}
    return {
        "arrays.safetensors": to_bytes({n: np.asarray(a, order="C") for n, a in arrays.items()}),
        "learned.json": json.dumps(described).encode(),
    }


def save_generator(generator: Generator, folder: Path, training_words: TrainingWords | None = None) -> None:
    """Write what a generator has learned into a folder."""
    files = generator_files(generator, training_words)  # before anything is written: it may fail
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_whole(folder / name, data)


def load_generator(generator: Generator, folder: Path) -> TrainingWords | None:
    """Restore a new generator of the same options from a folder that `save_generator` wrote.

    Returns the words of its training text where they were stored. Raises ValueError, or whatever the generator's
    `restore` raises, for files that somebody else has written or changed.
    """
    described = untrusted.parsed(untrusted.read(folder / "learned.json", untrusted.LARGE), untrusted.LARGE)
    untrusted.require_kinds(described, {"learned": (dict,)})
    arrays = mapped(folder / "arrays.safetensors")
    untrusted.require_numbers(arrays)
    learned: Learned = _with_arrays(described["learned"], arrays)
    generator.restore(learned)
    words = described.get("words")
    return TrainingWords.restore(_with_arrays(words, arrays)) if words else None


def packed(state: Learned) -> bytes:
    """JSON values and arrays as one safetensors file, the values in its metadata."""
    from safetensors.numpy import save as to_bytes

    arrays: dict[str, np.ndarray[Any, Any]] = {}
    values = json.dumps(_without_arrays(state, arrays))
    return to_bytes({n: np.asarray(a, order="C") for n, a in arrays.items()}, {"values": values})


def unpacked(data: bytes) -> Learned:
    """And back; ValueError where the bytes are no such file."""
    arrays, metadata = untrusted.arrays(np.frombuffer(data, np.uint8))
    untrusted.require_numbers(arrays)
    untrusted.require_kinds(metadata, {"values": (str,)})
    found = _with_arrays(untrusted.parsed(metadata["values"], untrusted.LARGE), arrays)
    if not isinstance(found, dict):
        raise ValueError("no names and values")
    return found


def mapped(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a safetensors file, mapped into memory: a page is read when it is asked for, changes stay there."""
    untrusted.require_plain(path)
    return untrusted.arrays(np.memmap(path, np.uint8, mode="c"))[0] if path.stat().st_size else {}


def _without_arrays(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """The same value with each array replaced by {"array": its name}, the arrays gathered under names in order."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": {key: _without_arrays(each, arrays) for key, each in value.items()}}
    if isinstance(value, list | tuple):
        return [_without_arrays(each, arrays) for each in value]
    return value


def _with_arrays(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(value, list):
        return [_with_arrays(each, arrays) for each in value]
    if not isinstance(value, dict):
        return value
    inner = next(iter(value.values()), None)
    if value.keys() == {"array"} and isinstance(inner, str) and inner in arrays:
        return arrays[inner]
    if value.keys() == {"dict"} and isinstance(inner, dict):
        return {key: _with_arrays(each, arrays) for key, each in inner.items()}
    raise ValueError("what was learned names an array that is not there")
