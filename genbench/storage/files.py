"""Files that appear whole or not at all, and generators as folders of JSON and safetensors.

Nothing that is loaded is executed: a model is JSON and arrays, its generator is found by its registered name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from genbench.errors import ContractError, GenbenchError, UserError, format_error
from genbench.generator import Generator, Learned
from genbench.spec import create_generator, option_values
from genbench.storage import untrusted

if TYPE_CHECKING:
    from genbench.sampling.overlap import TrainingWords

TEMPORARY_PREFIX = ".genbench."  # of files and folders that are renamed once they are complete
LEFTOVER_SECONDS = 86_400  # age from which a temporary file is a leftover of a killed process

ARRAYS, LEARNED = "arrays.safetensors", "learned.json"
MAX_TRIED_BYTES = 1 << 24  # of a model that is restored before it is stored; the memory of rows is measured

NamedArrays = dict[str, np.ndarray[Any, Any]]


def home() -> Path:
    """Return the folder for models, runs and downloads: GENBENCH_HOME, else the user's data folder."""
    import platformdirs

    named = os.environ.get("GENBENCH_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("genbench"))


# Files


def write_atomic(path: Path, data: bytes) -> None:
    """Write a temporary file beside the path, then rename it; until then an older file stays complete.

    A symbolic link is followed: its target is replaced.
    """
    path = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)

    # write it beside the old file, then replace that in one step
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files and folders that killed processes left in a folder a day ago or earlier."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):  # it may have been moved in between
        return
    for path in (folder / name for name in names if name.startswith(TEMPORARY_PREFIX)):
        with contextlib.suppress(OSError):
            if is_leftover(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_leftover(path: Path) -> bool:
    """Return whether a file or folder was last changed a day ago or earlier, so that no process is writing it."""
    try:
        return time.time() - path.lstat().st_mtime > LEFTOVER_SECONDS
    except OSError:  # removed in between
        return False


def remove_folder(folder: Path) -> None:
    """Remove a folder: it disappears at once, by a rename, then its files are deleted. Raises FileNotFoundError."""
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.parent))
    try:
        os.replace(folder, temporary / folder.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def set_aside(folder: Path) -> Iterator[None]:
    """Move a folder, if there is one, away for the context, and delete it after that; after an error it is moved back.

    A process that is killed meanwhile leaves one of both: the folder, or what the context put in its place.
    """
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.parent))
    try:
        with contextlib.suppress(FileNotFoundError):  # there is none
            os.replace(folder, temporary / folder.name)
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):  # there was none, or another process has put its own there
                os.rename(temporary / folder.name, folder)
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `folder`, whole, when the context ends without an error.

    Raises UserError where the folder exists and is not empty, or cannot be made.
    """
    require_new_folder(folder)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder.resolve().parent))

    # the caller fills it; then it takes its place in one step
    try:
        yield temporary
        temporary.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_new_folder(folder: Path) -> None:
    """Refuse a folder that exists and is not empty, or that cannot be made. Raises UserError."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{str(folder)!r} is not empty; name a folder that does not exist yet")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is a file; name a folder that does not exist yet")
    if not folder.resolve().parent.is_dir():
        raise UserError(f"there is no folder {str(folder.parent)!r} for {folder.name}; create it first")


# Generators


def generator_files(generator: Generator, training_words: TrainingWords | None = None) -> dict[str, bytes]:
    """Return what a generator has learned as the contents of `arrays.safetensors` and `learned.json`."""
    arrays, learned = _dump(generator, training_words)
    return {ARRAYS: _safetensors(arrays), LEARNED: learned}


def _dump(generator: Generator, training_words: TrainingWords | None) -> tuple[NamedArrays, bytes]:
    """Return what a generator has learned as arrays, and as JSON that refers to them by name."""
    arrays: NamedArrays = {}
    learned = _extract_arrays(generator.dump(), arrays)
    words = training_words and _extract_arrays(training_words.dump(), arrays)
    return arrays, json.dumps({"learned": learned, "words": words}).encode()


def save_generator(generator: Generator, folder: Path, training_words: TrainingWords | None = None) -> None:
    """Write what a generator has learned into a folder. Raises ContractError where it could not be loaded again."""
    arrays, learned = _dump(generator, training_words)
    if sum(array.nbytes for array in arrays.values()) > MAX_TRIED_BYTES:
        folder.mkdir(parents=True, exist_ok=True)
        _write_arrays(folder / ARRAYS, arrays, learned)
        write_atomic(folder / LEARNED, learned)
        return

    # before anything is written, because it may fail
    data = _safetensors(arrays)
    with _restorable():
        kind = type(generator)
        stored = untrusted.parse_safetensors(np.frombuffer(data, np.uint8))[0]
        _restore(create_generator(kind, kind.__name__, option_values(generator)), learned, stored)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / ARRAYS, data)
    write_atomic(folder / LEARNED, learned)


def _write_arrays(path: Path, arrays: NamedArrays, learned: bytes) -> None:
    """Write large arrays, without a copy in memory, and read them. Raises ContractError where this fails."""
    from safetensors.numpy import save_file

    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent)) / path.name
    try:
        save_file(_in_order(arrays), temporary)
        with _restorable():
            _parse_learned(learned, map_arrays(temporary))
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary.parent, ignore_errors=True)


def load_generator(generator: Generator, folder: Path) -> TrainingWords | None:
    """Restore a new generator of the same options from a folder that `save_generator` wrote.

    Returns the words of its training text where they were stored. Raises ValueError, or whatever the generator's
    `restore` raises, for files that somebody else has written or changed.
    """
    data = untrusted.read_file(folder / LEARNED, untrusted.MAX_JSON_BYTES)
    return _restore(generator, data, map_arrays(folder / ARRAYS))


def _restore(generator: Generator, data: bytes, arrays: NamedArrays) -> TrainingWords | None:
    """Restore a new generator from JSON and arrays; return the words of its training text where they were stored."""
    values = _parse_learned(data, arrays)
    learned: Learned = _insert_arrays(values["learned"], arrays)
    generator.restore(learned)
    if not hasattr(generator, "tokenizer"):
        raise ContractError("restore sets no tokenizer: dump has to return it, and restore to set it")

    # lists of models and authors import this module, but not how texts are sampled
    words = values.get("words")
    if not words:
        return None
    from genbench.sampling.overlap import TrainingWords

    return TrainingWords.restore(_insert_arrays(words, arrays))


def _parse_learned(data: bytes, arrays: NamedArrays) -> dict[str, Any]:
    """Return what a generator has learned as JSON values. Raises ValueError where they or the arrays are not valid."""
    values: dict[str, Any] = untrusted.parse_json(data, untrusted.MAX_JSON_BYTES)
    untrusted.require_types(values, {"learned": (dict,)})
    untrusted.require_no_nan(arrays)
    return values


@contextlib.contextmanager
def _restorable() -> Iterator[None]:
    """Raise ContractError for any error in the context, in which a generator is restored before it is stored."""
    try:
        yield
    except Exception as error:  # a plugin may raise anything
        reason = str(error) if isinstance(error, GenbenchError) else format_error(error)
        raise ContractError(f"the model is not stored, because it could not be loaded again: {reason}") from error


# Arrays and JSON values in one file


def pack(state: Learned) -> bytes:
    """Return JSON values and arrays as one safetensors file, with the values in its metadata."""
    arrays: NamedArrays = {}
    values = json.dumps(_extract_arrays(state, arrays))
    return _safetensors(arrays, {"values": values})


def unpack(data: bytes) -> Learned:
    """Return the values and arrays that `pack` was given. Raises ValueError where the bytes are not such a file."""
    arrays, metadata = untrusted.parse_safetensors(np.frombuffer(data, np.uint8))
    untrusted.require_no_nan(arrays)
    untrusted.require_types(metadata, {"values": (str,)})
    state = _insert_arrays(untrusted.parse_json(metadata["values"], untrusted.MAX_JSON_BYTES), arrays)
    if not isinstance(state, dict):
        raise ValueError("a checkpoint without names and values")
    return state


def map_arrays(path: Path) -> NamedArrays:
    """Return the arrays of a safetensors file, mapped into memory: pages are read on use, changes are not written."""
    untrusted.require_regular_file(path)
    return untrusted.parse_safetensors(np.memmap(path, np.uint8, mode="c"))[0] if path.stat().st_size else {}


def _safetensors(arrays: NamedArrays, metadata: dict[str, str] | None = None) -> bytes:
    from safetensors.numpy import save

    return save(_in_order(arrays), metadata)


def _in_order(arrays: NamedArrays) -> NamedArrays:
    """Return the arrays with their rows one after the other in memory."""
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}


def _extract_arrays(value: Any, arrays: NamedArrays) -> Any:
    """Return the value with each array replaced by {"array": name}; the arrays are added under names in order."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": {key: _extract_arrays(item, arrays) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [_extract_arrays(item, arrays) for item in value]
    return value


def _insert_arrays(value: Any, arrays: NamedArrays) -> Any:
    """Undo `_extract_arrays`. Raises ValueError for a name without an array."""
    if isinstance(value, list):
        return [_insert_arrays(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value

    # the two marks that `_extract_arrays` leaves
    inner = next(iter(value.values()), None)
    if value.keys() == {"array"} and isinstance(inner, str) and inner in arrays:
        return arrays[inner]
    if value.keys() == {"dict"} and isinstance(inner, dict):
        return {key: _insert_arrays(item, arrays) for key, item in inner.items()}
    raise ValueError("a value names an array that is missing")
