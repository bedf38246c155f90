"""Stored runs: every comparison as JSON in a folder of its own, from which it can be shown and repeated."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from genbench.errors import UserError, nearest
from genbench.storage import files, untrusted
from genbench.storage.models import models_folder
from genbench.storage.names import MAX_NAME, is_valid_name, plain_name
from genbench.storage.records import JsonObject, from_json

FORMAT = 2
FILE = "run.json"
MAX_BYTES = 1 << 28  # of a run that is read
MAX_VALUES = 1 << 24  # JSON values in it
MAX_NAMED_AUTHORS = 2  # in the name of a run
MAX_REASON = 160  # characters of the reason why a run cannot be read
MAX_SUGGESTIONS = 5  # names in an error message
LAST = "last"  # stands for the newest run
MAX_AUTHOR = 50  # bytes of an author in the name of a run


@dataclass(frozen=True)
class RowSummary:
    """What a list of runs shows of a row."""

    author: str
    generator: str
    status: str
    options: JsonObject = field(default_factory=dict)
    bits_per_character: float | None = None
    spec: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows of a run."""

    created: str
    corpora: JsonObject  # by author
    results: list[RowSummary]


@dataclass(frozen=True)
class StoredRun:
    """A stored run: its folder, the comparison as JSON values, and the part of it that lists show."""

    folder: Path
    comparison: JsonObject  # as `Comparison.to_dict` returned it
    summary: RunSummary

    @property
    def name(self) -> str:
        """The name of the run, which is that of its folder."""
        return self.folder.name


@dataclass(frozen=True)
class RunList:
    """All stored runs: those that can be read, newest first, and why the others cannot, by name."""

    runs: list[StoredRun] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


class OtherVersionError(ValueError):
    """A run was stored by a version of genbench with another format."""


def runs_folder() -> Path:
    """Return the folder of the stored runs, beside the models."""
    return models_folder().parent / "runs"


def require_unused_name(name: str, command: Sequence[str] = ()) -> None:
    """Raise UserError for a name that is not valid, or that another run has.

    An unfinished run of the same command does not count: it is continued.
    """
    if not is_valid_name(name) or name == LAST:
        raise UserError(
            f"{name!r} is not a valid name of a run; use up to {MAX_NAME} letters, digits, dots, - and _, "
            "a letter or a digit first"
        )

    # a folder that is empty, apart from files of killed processes, is free
    folder = runs_folder() / name
    if os.path.lexists(folder / FILE):
        unfinished = read_unfinished(name)
        if unfinished is None:
            raise UserError(
                f"a run {name!r} exists; remove it with genbench runs remove {name}, or choose another name"
            )
        if unfinished.get("command") == list(command):
            return
        raise UserError(
            f"a run {name!r} exists and is not finished: genbench runs rerun {name} finishes it, "
            f"genbench runs remove {name} removes it"
        )
    _remove_abandoned(folder)
    if not _is_free(folder):
        raise UserError(f"{str(folder)!r} exists and is not a run; remove it, or choose another name")


def read_unfinished(name: str) -> JsonObject | None:
    """Return the comparison of a run that was stopped before all rows were done; None for any other."""
    try:
        comparison = read_run(name).comparison
    except (OSError, ValueError):
        return None
    return comparison if comparison.get("stopped") is True else None


def store_run(comparison: Mapping[str, Any], name: str = "") -> StoredRun:
    """Store a comparison, by `name` or a name made of its authors; a number is added where it is taken.

    Raises OSError where it cannot be written.
    """
    # make the folder; remove what killed processes left
    parent = runs_folder()
    parent.mkdir(parents=True, exist_ok=True)
    for folder in (parent, parent.parent / "texts"):
        files.remove_leftovers(folder)
    for folder in parent.iterdir():
        _remove_abandoned(folder)

    # write the comparison into a temporary folder, which becomes the run in one step
    temporary = Path(tempfile.mkdtemp(prefix=files.TEMPORARY_PREFIX, dir=parent))
    temporary.chmod(0o755)  # mkdtemp makes it private
    try:
        for candidate in _candidate_names(name, list(comparison["corpora"])):
            named = {**comparison, "name": candidate}
            if _place(temporary, named, parent / candidate):
                return _parse(parent / candidate, named)
        raise AssertionError("there is always a next number")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _place(temporary: Path, comparison: JsonObject, folder: Path) -> bool:
    """Write a comparison and rename its temporary folder; return whether the name was free.

    The rename decides between processes that want the same name: it replaces an empty folder and no other.
    """
    if not _is_free(folder):
        return False
    _write(temporary, comparison)
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def replace_run(run: StoredRun, comparison: Mapping[str, Any]) -> StoredRun:
    """Store another comparison in the folder of a run; the old one stays where that fails. Raises OSError."""
    named = {**comparison, "name": run.name}
    _write(run.folder, named)
    return _parse(run.folder, named)


def _write(folder: Path, comparison: JsonObject) -> None:
    content = json.dumps({"format": FORMAT, "comparison": comparison}, allow_nan=False)
    files.write_atomic(folder / FILE, content.encode())


def _is_free(folder: Path) -> bool:
    """Return whether there is nothing of this name but an empty folder."""
    if folder.is_dir() and not folder.is_symlink():
        with contextlib.suppress(FileNotFoundError):  # removed in between
            return not any(folder.iterdir())
    return not os.path.lexists(folder)


def _remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left a day ago in a folder that is not a run, and the folder if it is empty."""
    if os.path.lexists(folder / FILE) or not folder.is_dir() or folder.is_symlink():
        return
    old = files.is_leftover(folder)
    files.remove_leftovers(folder)
    if old:
        with contextlib.suppress(OSError):  # it is not empty
            folder.rmdir()


def _candidate_names(name: str, authors: Sequence[str]) -> Iterator[str]:
    r"""Yield the name that was asked for, then numbered ones.

    >>> from itertools import islice
    >>> list(islice(_candidate_names("", ["austen", "my novel", "x"]), 2)), next(_candidate_names("mine", []))
    (['austen-my_novel-and-1-more-1', 'austen-my_novel-and-1-more-2'], 'mine')
    """
    if name:
        yield name

    # the names of the first authors, then a number
    more = [f"and-{len(authors) - MAX_NAMED_AUTHORS}-more"] if len(authors) > MAX_NAMED_AUTHORS else []
    words = [plain_name(author.replace("-", "_"), MAX_AUTHOR) for author in authors[:MAX_NAMED_AUTHORS]]
    base = name or "-".join(words) or "run"
    for number in count(2 if name else 1):
        yield "-".join([base, *more, str(number)])


def scan_runs() -> RunList:
    """Return all runs, those that can be read and the others; folders that are not runs are skipped."""
    scan = RunList()

    # a damaged run must not hide the others
    for name in run_names():
        try:
            scan.runs.append(read_run(name))
        except FileNotFoundError:  # removed in between
            continue
        except (OSError, ValueError) as error:
            scan.unreadable[name] = _reason(error)
    scan.runs.sort(key=lambda run: run.summary.created, reverse=True)
    return scan


def list_runs() -> list[StoredRun]:
    """Return the runs that can be read, newest first."""
    return scan_runs().runs


def run_names() -> list[str]:
    """Return the names of all runs without reading them."""
    try:
        folders = list(runs_folder().iterdir())
    except OSError:  # there is none yet
        return []
    return sorted(path.name for path in folders if path.name[:1] != "." and os.path.lexists(path / FILE))


def find_run(name: str) -> StoredRun:
    """Return the run of this name, the only one whose name begins so, or for "last" the newest. Raises UserError."""
    names = run_names()
    runs = list_runs()[:1] if name == LAST else _matches(name, names)
    if len(runs) == 1:
        return runs[0]

    # say which names there are
    if not names:
        raise UserError(f"there is no run {name!r}, since none is stored; genbench compare stores one")
    reason = f"{len(runs)} runs have names that begin with {name!r}" if runs else f"there is no run {name!r}"
    candidates = [run.name for run in runs] or names
    suggestion = nearest(name, candidates[:MAX_SUGGESTIONS])
    raise UserError(f"{reason}: {suggestion}; genbench runs list shows all {len(names)}")


def _matches(name: str, names: Sequence[str]) -> list[StoredRun]:
    """Return the run of this name, else the runs whose names begin so. Raises UserError if none can be read."""
    matches = [other for other in names if other == name] or [other for other in names if other.startswith(name)]
    runs, problems = list[StoredRun](), list[str]()
    for match in matches:
        try:
            runs.append(read_run(match))
        except FileNotFoundError:  # removed in between
            continue
        except OtherVersionError:
            problems.append(f"run {match!r} was stored by another version of genbench: run the comparison again")
        except (OSError, ValueError) as error:
            problems.append(damaged(match, _reason(error)))

    # one that can be read is enough
    if problems and not runs:
        raise UserError(problems[0])
    return runs


def damaged(name: str, reason: str) -> str:
    """Return the sentence for a run that cannot be used."""
    return f"run {name!r} is damaged ({reason}): genbench runs remove {name}, and run the comparison again"


def remove_runs(names: Iterable[str]) -> list[str]:
    """Remove stored runs by name, once each, after all names were found; return their full names.

    Raises UserError for a name that is not known; a run that cannot be read is removed by its full name.
    """
    known = run_names()
    full_names = dict.fromkeys(name if name in known else find_run(name).name for name in names)
    for name in full_names:
        with contextlib.suppress(FileNotFoundError):  # another process removed it first
            files.remove_folder(runs_folder() / name)
    return list(full_names)


def read_run(name: str) -> StoredRun:
    """Return the run in a folder of this name.

    Raises OSError and ValueError, with a reason, for a file that is not a run of this version.
    """
    folder = runs_folder() / name
    return _parse(folder, _open_stored(read_json(folder / FILE)))


def find_comparison(content: Any) -> JsonObject:
    """Return the comparison in JSON values: those of a stored run, or what `compare --json` wrote.

    Raises ValueError, with a reason, for any other values.
    """
    if isinstance(content, dict) and "format" in content and "comparison" in content:
        content = _open_stored(content)
    if not isinstance(content, dict) or not {"schema_version", "results", "corpora"} <= content.keys():
        raise ValueError("it is not a file of genbench compare --json")
    return content


def read_json(path: Path) -> Any:
    """Return the JSON values in a file of the size of a run. Raises OSError and ValueError, with a reason."""
    content = untrusted.read_file(path, MAX_BYTES)
    return untrusted.parse_json(content, MAX_BYTES, max_values=MAX_VALUES, allow_nan=False)


def _open_stored(content: Any) -> JsonObject:
    """Return the comparison in the JSON of a stored run. Raises ValueError for other JSON or another version."""
    untrusted.require_types(content, {"format": (int,)})
    if content["format"] != FORMAT:
        raise OtherVersionError("stored by another version of genbench")
    untrusted.require_types(content, {"comparison": (dict,)})
    comparison: JsonObject = content["comparison"]
    return comparison


def _parse(folder: Path, comparison: JsonObject) -> StoredRun:
    return StoredRun(folder, comparison, from_json(RunSummary, comparison))


def _reason(error: OSError | ValueError) -> str:
    """Return why a run cannot be read, in one short line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:MAX_REASON]
