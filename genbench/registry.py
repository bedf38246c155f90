"""Finding generators: by entry point (group `genbench.generators`), or in a .py file that the user names."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from genbench import options
from genbench.errors import ContractError, SpecError, nearest
from genbench.generator import Generator

GROUP = "genbench.generators"


def found() -> dict[str, EntryPoint]:
    """Every registered generator by name; nothing is imported."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load(name: str) -> type[Generator]:
    """The generator registered under a name.

    Raises SpecError for an unknown name, ContractError where its plugin cannot be imported.
    """
    known = found()
    if name not in known:
        raise SpecError(f"no generator is called {name!r}: {nearest(name, known)}")
    try:
        made = known[name].load()
    except (Exception, SystemExit) as error:
        raise ContractError(f"{name} cannot be imported from {known[name].value}: {_said(error)}") from error
    return _generator(made, f"{name} ({known[name].value})")


def load_path(path: Path) -> type[Generator]:
    """The one generator that a .py file defines; the file is run.

    Raises SpecError where there is no such file, ContractError where it cannot be run or holds no generator or several.
    """
    if not path.is_file():
        raise SpecError(f"there is no file {str(path)!r}; name a .py file with one Generator in it")
    module = _run(path.resolve())
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    generators = [c for c in dict.fromkeys(classes) if issubclass(c, Generator) and not inspect.isabstract(c)]
    if len(generators) != 1:
        names = ", ".join(c.__name__ for c in generators) or "none"
        raise ContractError(f"{path} must define exactly one complete Generator, and defines {names}")
    return _generator(generators[0], str(path))


def _run(path: Path) -> ModuleType:
    name = f"genbench_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ContractError(f"{path} cannot be run: {_said(error)}") from error
    return module


def _generator(made: Any, where: str) -> type[Generator]:
    if not (inspect.isclass(made) and issubclass(made, Generator)):
        raise ContractError(f"{where} is not a Generator")
    if "__dataclass_fields__" not in vars(made):
        raise ContractError(f"{where} must be a dataclass: put @dataclass above class {made.__name__}")
    return made


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def summary(name: str) -> str:
    """What a registered generator is, in the first line of its docstring; or why it cannot be imported."""
    try:
        return (inspect.getdoc(load(name)) or "").partition("\n")[0]
    except ContractError as error:
        return f"broken: {error}"


def resolve(spec: options.Spec) -> type[Generator]:
    """The generator class that a SPEC names."""
    return load_path(spec.path) if spec.path else load(spec.name)


def make(text: str) -> Generator:
    """A generator from a SPEC such as `lstm-char:hidden=512`, not yet trained."""
    spec = options.parse(text)
    return options.make(resolve(spec), spec.name, dict(spec.options))
