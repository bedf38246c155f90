"""Stored runs: every comparison as JSON in a folder of its own, from which it can be shown and repeated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from genbench.errors import UserError, nearest
from genbench.storage import files
from genbench.storage.models import models_folder
from genbench.storage.records import JsonObject

FORMAT = 2
FILE = "run.json"
MAX_NAMED_AUTHORS = 2  # in the name of a run
MAX_SUGGESTIONS = 5  # names in an error message
LAST = "last"  # stands for the newest run
VALID_NAME = re.compile(r"\w[\w.-]{0,59}")


@dataclass(frozen=True)
class StoredRun:
    """A stored run: its folder, and the comparison as JSON values."""

    folder: Path
    comparison: JsonObject  # as `Comparison.to_dict` returned it

    @property
    def name(self) -> str:
        """The name of the run, which is that of its folder."""
        return self.folder.name


def runs_folder() -> Path:
    """Return the folder of the stored runs, beside the models."""
    return models_folder().parent / "runs"


def require_unused_name(name: str) -> None:
    """Raise UserError for a name that is not valid, or that another run has."""
    if not VALID_NAME.fullmatch(name) or name == LAST:
        raise UserError(f"{name!r} is not a valid name of a run; use up to 60 letters, digits, dots, - and _")
    if (runs_folder() / name).exists():
        raise UserError(f"a run {name!r} exists; remove it with genbench runs remove {name}, or choose another name")


def store_run(comparison: Mapping[str, Any], name: str = "") -> StoredRun:
    """Store a comparison, by `name` or a name made of its authors; a number is added where it is taken.

    Raises OSError where it cannot be written.
    """
    # make the folder; remove what killed processes left
    runs_folder().mkdir(parents=True, exist_ok=True)
    for folder in (runs_folder(), runs_folder().parent / "texts"):
        files.remove_leftovers(folder)
    folder = _create_folder(name, list(comparison["corpora"]))

    # write the comparison; without it, the folder is removed again
    try:
        return replace_run(StoredRun(folder, {}), comparison)
    except BaseException:
        folder.rmdir()
        raise


def replace_run(run: StoredRun, comparison: Mapping[str, Any]) -> StoredRun:
    """Store another comparison in the folder of a run; the old one stays where that fails. Raises OSError."""
    named = {**comparison, "name": run.name}
    content = json.dumps({"format": FORMAT, "comparison": named}, allow_nan=False)
    files.write_atomic(run.folder / FILE, content.encode())
    return StoredRun(run.folder, named)


def _create_folder(name: str, authors: Sequence[str]) -> Path:
    """Create a new folder; where another process was first, creation fails and the next name is tried."""
    for candidate in _candidate_names(name, authors):
        folder = runs_folder() / candidate

        # mkdir decides between processes that want the same name
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
    raise AssertionError("there is always a next number")


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
    words = [re.sub(r"[^\w]+", "_", author)[:25] for author in authors[:MAX_NAMED_AUTHORS]]
    base = name or "-".join(words) or "run"
    for number in count(2 if name else 1):
        yield "-".join([base, *more, str(number)])


def list_runs() -> list[StoredRun]:
    """Return all runs, newest first; folders that are not runs are skipped."""
    folders = runs_folder().iterdir() if runs_folder().is_dir() else []
    runs = [run for folder in folders if (run := _read(folder))]
    return sorted(runs, key=lambda run: str(run.comparison["created"]), reverse=True)


def run_names() -> list[str]:
    """Return the names of all runs without reading them."""
    return sorted(path.parent.name for path in runs_folder().glob(f"*/{FILE}"))


def find_run(name: str) -> StoredRun:
    """Return the run of this name, the only one whose name begins so, or for "last" the newest. Raises UserError."""
    names = run_names()
    if name == LAST:
        runs = list_runs()[:1]
    else:
        matches = [other for other in names if other == name] or [other for other in names if other.startswith(name)]
        runs = [run for match in matches if (run := _read(runs_folder() / match))]
        if matches and not runs:
            raise UserError(f"run {matches[0]!r} was stored by another version of genbench: run the comparison again")
    if len(runs) == 1:
        return runs[0]

    # say which names there are
    if not names:
        raise UserError(f"there is no run {name!r}, since none is stored; genbench compare stores one")
    reason = f"{len(runs)} runs have names that begin with {name!r}" if runs else f"there is no run {name!r}"
    candidates = [run.name for run in runs] or names
    suggestion = nearest(name, candidates[:MAX_SUGGESTIONS])
    raise UserError(f"{reason}: {suggestion}; genbench runs list shows all {len(names)}")


def remove_runs(names: Iterable[str]) -> list[str]:
    """Remove stored runs by name, once each, after all names were found; return their full names.

    Raises UserError for a name that is not known; a run of another version is removed by its full name.
    """
    known = run_names()
    full_names = dict.fromkeys(name if name in known else find_run(name).name for name in names)
    for name in full_names:
        files.remove_folder(runs_folder() / name)
    return list(full_names)


def _read(folder: Path) -> StoredRun | None:
    """Return the run in a folder; None where there is none of this format."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        valid = content["format"] == FORMAT and {"corpora", "results", "created"} <= content["comparison"].keys()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return StoredRun(folder, content["comparison"]) if valid else None
