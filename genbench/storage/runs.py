"""Kept runs: every comparison as a folder with one JSON file, by a name that is easy to type.

    GENBENCH_HOME/runs/NAME/run.json    the comparison whole, and what was asked for

A run appears whole or not at all: its name is taken by making the folder, and a folder without the file is no run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from genbench.errors import UserError, nearest
from genbench.storage import files as store
from genbench.storage import models

FORMAT = 1
FILE = "run.json"
NAMED = 2  # authors in a name
MANY = 5  # names in an error
NEWEST = "last"  # stands for the newest run


@dataclass(frozen=True)
class Kept:
    """One kept run: where it is, and what it says of itself."""

    folder: Path
    comparison: dict[str, Any]  # as `Comparison.to_dict` gives it

    @property
    def name(self) -> str:
        """What it is called: the name of its folder."""
        return self.folder.name


def home() -> Path:
    """Where runs are kept: beside the models."""
    return models.home().parent / "runs"


def require_free(name: str) -> None:
    """Refuse a name that cannot be a folder's, or that another run has. Raises UserError."""
    if not re.fullmatch(r"\w[\w.-]{0,59}", name) or name == NEWEST:
        raise UserError(f"a run cannot be called {name!r}; take up to 60 letters, digits, dots, - and _")
    if (home() / name).exists():
        raise UserError(f"a run is called {name!r} already; genbench runs remove {name}, or choose another name")


def keep(comparison: Mapping[str, Any], name: str = "") -> Kept:
    """Keep a comparison under this name, or under one that its authors give and that is free. Raises OSError."""
    home().mkdir(parents=True, exist_ok=True)
    for folder in (home(), home().parent / "texts"):
        store.sweep(folder)
    folder = _taken(name, list(comparison["corpora"]))
    found = {**comparison, "name": folder.name}
    try:
        store.write_whole(folder / FILE, json.dumps({"format": FORMAT, "comparison": found}, allow_nan=False).encode())
    except BaseException:
        folder.rmdir()
        raise
    return Kept(folder, found)


def _taken(name: str, authors: Sequence[str]) -> Path:
    """A new folder; making it fails where another process was first, and the next name is tried."""
    for each in _names(name, authors):
        try:
            (home() / each).mkdir()
            return home() / each
        except FileExistsError:
            continue
    raise AssertionError("there is always a next number")


def _names(name: str, authors: Sequence[str]) -> Iterator[str]:
    r"""The name that was asked for, then numbered ones.

    >>> from itertools import islice
    >>> list(islice(_names("", ["austen", "my novel", "x"]), 2)), next(_names("mine", []))
    (['austen-my_novel-and-1-more-1', 'austen-my_novel-and-1-more-2'], 'mine')
    """
    if name:
        yield name
    more = [f"and-{len(authors) - NAMED}-more"] if len(authors) > NAMED else []
    plain = name or "-".join(re.sub(r"[^\w]+", "_", author)[:25] for author in [*authors[:NAMED]]) or "run"
    for number in count(2 if name else 1):
        yield "-".join([plain, *more, str(number)])


def kept() -> list[Kept]:
    """All runs, newest first; what is no run is passed over."""
    folders = home().iterdir() if home().is_dir() else []
    found = [run for folder in folders if (run := _read(folder))]
    return sorted(found, key=lambda run: str(run.comparison["created"]), reverse=True)


def names() -> list[str]:
    """The names of all runs, without reading them: for completion."""
    return sorted(path.parent.name for path in home().glob(f"*/{FILE}"))


def named(name: str) -> Kept:
    """The run of that name, or whose name alone begins so, or `last`, the newest; UserError where there is none."""
    if name == NEWEST:
        found = kept()[:1]
    else:
        known = names()
        wanted = [each for each in known if each == name] or [each for each in known if each.startswith(name)]
        found = [run for each in wanted if (run := _read(home() / each))]
    if len(found) == 1:
        return found[0]
    known = names()
    if not known:
        raise UserError(f"no run is called {name!r}: none is kept; genbench compare keeps one")
    which = f"{len(found)} runs' names begin with" if found else "no run is called"
    some = [run.name for run in found] or known
    raise UserError(f"{which} {name!r}: {nearest(name, some[:MANY])}; genbench runs list shows all {len(known)}")


def remove(run: Kept) -> None:
    """Remove a kept run: it is out of sight at once, then deleted."""
    store.remove_folder(run.folder)


def _read(folder: Path) -> Kept | None:
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        whole = found["format"] == FORMAT and {"corpora", "results", "created"} <= found["comparison"].keys()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Kept(folder, found["comparison"]) if whole else None
