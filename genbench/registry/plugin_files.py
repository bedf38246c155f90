"""Load a generator from a .py file that the user names."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from genbench.errors import ContractError, SpecError
from genbench.generator import Generator
from genbench.registry.classes import checked_class, describe_import_error
from genbench.registry.code_files import imported_files

_allowed_files: ContextVar[tuple[Path, ...] | None] = ContextVar("_allowed_files", default=None)


def load_file(path: Path) -> type[Generator]:
    """Run a .py file and return the one generator class that it defines.

    Raises SpecError if there is no such file, ContractError if it cannot be run or does not define exactly one.
    """
    # a SPEC from a model of unknown origin must not run code
    allowed = _allowed_files.get()
    if allowed is not None and path.resolve() not in allowed:
        raise ContractError(f"a model names the plugin file {path}, which is not run; name the file yourself, with -g")
    if not os.path.isfile(path):
        raise SpecError(f"there is no file {str(path)!r}; name a .py file with one Generator in it")

    # collect the generators that the file itself defines; abstract ones only if there is nothing else
    module = _run_file(path.resolve())
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    generators = [c for c in dict.fromkeys(classes) if issubclass(c, Generator)]
    complete = [c for c in generators if not inspect.isabstract(c)] or generators

    # exactly one, or it is unclear which to use
    if len(complete) != 1:
        names = ", ".join(c.__name__ for c in complete) or "none"
        raise ContractError(f"{path} must define exactly one Generator, and defines {names}")
    return checked_class(complete[0], str(path))


@contextmanager
def allow_files(files: tuple[Path, ...] | None) -> Iterator[None]:
    """Refuse, within the context, to run plugin files other than these; None allows all.

    Used for SPECs from files of unknown origin.
    """
    token = _allowed_files.set(files)
    try:
        yield
    finally:
        _allowed_files.reset(token)


def _run_file(path: Path) -> ModuleType:
    """Execute a .py file and return it as a module, under a name that depends on its path."""
    # two files of the same name must not replace each other
    name = f"genbench_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)

    # what it imports from its folder may have changed since this process imported it
    files = set(map(str, imported_files(path)))
    for stale in [name for name, loaded in sys.modules.items() if getattr(loaded, "__file__", None) in files]:
        del sys.modules[stale]

    # SystemExit too: a script that calls sys.exit must not end genbench
    sys.modules[name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ContractError(f"{path} cannot be run: {describe_import_error(error, str(path))}") from error
    return module
