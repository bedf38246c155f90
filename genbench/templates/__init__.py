"""The templates of `genbench generators new`: complete plugins, in which only the name is replaced.

tokens.txt       my_idea.py: a bigram model written by hand
torch.txt        my_idea.py: a recurrent network, defined by its core
pyproject.txt    pyproject.toml of a distribution
readme.txt       README.md of a distribution
test.txt         tests/test_my_idea.py of a distribution
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
from genbench.storage.files import write_atomic

Kind = Literal["tokens", "torch"]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write(name: str, kind: str, package: bool, folder: Path) -> list[Path]:
    """Write a plugin called `name` into a folder, as one file or as the folder of a distribution; return the paths.

    Raises UserError for a name that is invalid or in use, for an unknown kind, and if a file or folder exists.
    """
    _require_name(name)
    if kind not in get_args(Kind):
        raise UserError(f"kind is {kind!r}; choose one of {', '.join(get_args(Kind))}")

    # a single file
    module = _module_name(name)
    if not package:
        return [_write_file(folder / f"{module}.py", kind, name)]

    # a distribution
    home = folder / name
    if home.exists():
        raise _exists(home)
    (home / "tests").mkdir(parents=True)
    templates = {"pyproject.toml": "pyproject", "README.md": "readme", f"{module}.py": kind}
    templates[f"tests/test_{module}.py"] = "test"
    return [_write_file(home / path, template, name) for path, template in templates.items()]


def fill(template: str, name: str) -> str:
    """Return a template with its name (my-idea, my_idea, MyIdea) replaced by another.

    >>> fill("test", "your-idea").splitlines()[4]
    'from your_idea import YourIdea'
    """
    text = (files("genbench.templates") / f"{template}.txt").read_text(encoding="utf-8")
    class_name = "".join(part.capitalize() for part in name.split("-"))
    return text.replace("my-idea", name).replace("my_idea", _module_name(name)).replace("MyIdea", class_name)


def _write_file(path: Path, template: str, name: str) -> Path:
    if path.exists():
        raise _exists(path)
    write_atomic(path, fill(template, name).encode())
    return path


def _exists(path: Path) -> UserError:
    return UserError(f"{str(path)!r} exists already; choose another name, or go to another folder")


def _module_name(name: str) -> str:
    return name.replace("-", "_")


def _require_name(name: str) -> None:
    """Raise UserError for a name that is invalid, or in use by a generator or a Python module."""
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot name a generator; use lower-case letters, digits and hyphens, as in my-idea")
    if name in registry.registered():
        raise UserError(f"a generator is called {name!r} already; choose another name")

    # the file must be importable, and must not hide another module
    module = _module_name(name)
    if keyword.iskeyword(module) or importlib.util.find_spec(module):
        raise UserError(f"{module!r} is a Python keyword or an installed module; choose another name")
