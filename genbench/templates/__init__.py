"""A new plugin from a template: files that are whole as they are, in which a name is put for another.

tokens.txt, torch.txt    my_idea.py: a bigram by hand, a network by its core
pyproject.txt, readme.txt, test.txt    what makes a distribution of it
"""

from __future__ import annotations

import importlib.util
import keyword
import re
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from genbench import registry
from genbench.errors import UserError
from genbench.storage.files import write_whole

Kind = Literal["tokens", "torch"]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write(name: str, kind: str, package: bool, folder: Path) -> list[Path]:
    """Write a plugin called `name` into a folder: one file, or the folder of a distribution; returns what was written.

    Raises UserError for a name that cannot be one or is taken, for an unknown kind, and where something is in the way.
    """
    _require_name(name)
    if kind not in get_args(Kind):
        raise UserError(f"kind is {kind!r}; choose one of {', '.join(get_args(Kind))}")
    module = _module(name)
    if not package:
        return [_write(folder / f"{module}.py", kind, name)]
    home = folder / name
    if home.exists():
        raise UserError(f"{str(home)!r} is there already; choose another name, or go to another folder")
    (home / "tests").mkdir(parents=True)
    parts = {"pyproject.toml": "pyproject", "README.md": "readme", f"{module}.py": kind}
    parts[f"tests/test_{module}.py"] = "test"
    return [_write(home / path, template, name) for path, template in parts.items()]


def fill(template: str, name: str) -> str:
    """A template with its name (my-idea, my_idea, MyIdea) in the place of the one that it was written with."""
    text = (files("genbench.templates") / f"{template}.txt").read_text(encoding="utf-8")
    named = "".join(part.capitalize() for part in name.split("-"))
    return text.replace("my-idea", name).replace("my_idea", _module(name)).replace("MyIdea", named)


def _write(path: Path, template: str, name: str) -> Path:
    if path.exists():
        raise UserError(f"{str(path)!r} is there already; choose another name, or go to another folder")
    write_whole(path, fill(template, name).encode())
    return path


def _module(name: str) -> str:
    return name.replace("-", "_")


def _require_name(name: str) -> None:
    """Refuse what is no name, and names that something else is called by."""
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name for a generator; take small letters, digits and hyphens, as in my-idea")
    if name in registry.found():
        raise UserError(f"a generator is called {name!r} already; choose another name")
    if keyword.iskeyword(_module(name)) or importlib.util.find_spec(_module(name)):
        raise UserError(f"Python knows {_module(name)!r} already; choose another name")
