"""Finding generators: by entry point (group `genbench.generators`), or in a .py file that the user names.

An installed plugin is imported when its name is asked for, and never before. One that cannot be used costs a
PluginWarning; GENBENCH_PLUGINS=none, or a list of distributions, says whose are looked at.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from genbench import spec as options
from genbench.errors import ContractError, PluginWarning, SpecError, nearest, told
from genbench.generator import Generator

GROUP = "genbench.generators"
OWN = "genbench"  # the distribution whose generators always are there
ALLOWED = "GENBENCH_PLUGINS"
SPOKEN = (1,)  # versions of the contract
_may_run: ContextVar[tuple[Path, ...] | None] = ContextVar("_may_run", default=None)


def found() -> dict[str, EntryPoint]:
    """Every registered generator by name; nothing is imported. A name that is taken costs a PluginWarning."""
    known: dict[str, EntryPoint] = {}
    for point in _allowed():
        first = known.setdefault(point.name, point)
        if first is not point:
            taken = f"the {point.name} of {_home(point)} is left out, because {_home(first)} has that name"
            warnings.warn(f"{taken}; {_rid(point)}", PluginWarning, stacklevel=1)
    return dict(sorted(known.items()))


def _allowed() -> list[EntryPoint]:
    """Genbench's own first, then those of distributions that GENBENCH_PLUGINS names, or of all where it is not set."""
    points = sorted(entry_points(group=GROUP), key=lambda point: (_home(point) != OWN, _home(point), point.name))
    wanted = {_plain(name) for name in os.environ.get(ALLOWED, "").split(",") if name.strip()}
    homes = {_home(point) for point in points}
    for name in sorted(wanted - homes - {"none"}):
        said = f"{ALLOWED} names {name!r}, and no plugin of such a distribution is installed"
        warnings.warn(f"{said}; {nearest(name, {*homes, 'none'} - {OWN})}", PluginWarning, stacklevel=1)
    return [point for point in points if not wanted or _home(point) in {*wanted, OWN}]


def _home(point: EntryPoint) -> str:
    """The distribution that registers it."""
    return _plain(point.dist.name) if point.dist else "?"


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _rid(point: EntryPoint) -> str:
    """How to be rid of a plugin."""
    return f"pip uninstall {_home(point)}, or set {ALLOWED}=none, to be rid of it"


def load(name: str) -> type[Generator]:
    """The generator registered under a name.

    Raises SpecError for an unknown name, ContractError where its plugin cannot be used.
    """
    known = found()
    if name not in known:
        raise SpecError(f"no generator is called {name!r}: {_instead(name, known)}")
    point = known[name]
    try:
        return _generator(_imported(point), f"{name} ({point.value})")
    except ContractError as error:
        raise error if _home(point) == OWN else ContractError(f"{error}; {_rid(point)}") from error


def _imported(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        where = f"{point.name} of {_home(point)} cannot be imported from {point.value}"
        raise ContractError(f"{where}: {_said(error)}") from error


def _instead(name: str, known: dict[str, EntryPoint]) -> str:
    if name in {point.name for point in entry_points(group=GROUP)}:
        return f"{ALLOWED}={os.environ.get(ALLOWED)} leaves its plugin out"
    file = Path(f"{name.replace('-', '_')}.py")
    return f"did you mean ./{file}?" if os.path.isfile(file) else nearest(name, known)


def load_path(path: Path) -> type[Generator]:
    """The one generator that a .py file defines; the file is run.

    Raises SpecError where there is no such file, ContractError where it cannot be run or holds no generator or several.
    """
    allowed = _may_run.get()
    if allowed is not None and path.resolve() not in allowed:
        raise ContractError(f"{path} is a file, and no file that a model names is run; name it yourself, with -g")
    if not os.path.isfile(path):
        raise SpecError(f"there is no file {str(path)!r}; name a .py file with one Generator in it")
    module = _run(path.resolve())
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    generators = [c for c in dict.fromkeys(classes) if issubclass(c, Generator)]
    complete = [c for c in generators if not inspect.isabstract(c)] or generators
    if len(complete) != 1:
        names = ", ".join(c.__name__ for c in complete) or "none"
        raise ContractError(f"{path} must define exactly one Generator, and defines {names}")
    return _generator(complete[0], str(path))


@contextmanager
def only(files: tuple[Path, ...] | None) -> Iterator[None]:
    """Inside, a SPEC that names any other file is refused: for what somebody else wrote down. None allows all."""
    before = _may_run.set(files)
    try:
        yield
    finally:
        _may_run.reset(before)


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
        raise ContractError(f"{path} cannot be run: {_said(error, str(path))}") from error
    return module


def _said(error: BaseException, file: str | None = None) -> str:
    """What went wrong, and what it may mean where genbench itself lacks what is imported from it."""
    ours = isinstance(error, ImportError) and (error.name or "").split(".")[0] == "genbench"
    return told(error, file) + (": it was written for another version of genbench" if ours else "")


def _generator(made: Any, where: str) -> type[Generator]:
    """The same class, if it is a whole generator for a contract that is spoken here."""
    if not (inspect.isclass(made) and issubclass(made, Generator)):
        raise ContractError(f"{where} is not a Generator")
    if made.contract not in SPOKEN:
        newer = isinstance(made.contract, int) and made.contract > max(SPOKEN)
        mend = "pip install --upgrade genbench" if newer else "look for a newer version of it"
        spoken = " and ".join(map(str, SPOKEN))
        raise ContractError(
            f"{where} was written for contract {made.contract!r}, and this genbench speaks {spoken}; {mend}"
        )
    if inspect.isabstract(made):
        raise ContractError(f"{where}: class {made.__name__} lacks {', '.join(sorted(made.__abstractmethods__))}")
    if "__dataclass_fields__" not in vars(made):
        raise ContractError(f"{where} must be a dataclass: put @dataclass above class {made.__name__}")
    fields = dataclasses.fields(made)  # type: ignore[arg-type]
    bare = [f.name for f in fields if f.init and options.default(f) is dataclasses.MISSING]
    if bare:
        raise ContractError(f"{where}: every option needs a default, and {', '.join(bare)} of {made.__name__} has none")
    return made


def distribution(spec: str) -> str:
    """Whose the generator of a SPEC is, as `name version`; the name of the file where it is one."""
    parsed = options.parse(spec)
    point = found().get(parsed.name)
    if parsed.path is not None:
        return parsed.path.name
    return f"{point.dist.name} {point.dist.version}" if point and point.dist else "?"


def summaries() -> dict[str, str]:
    """What each registered generator is, in the first line of its docstring; a broken one costs a PluginWarning."""
    said = {}
    for name in found():
        try:
            said[name] = (inspect.getdoc(load(name)) or "").partition("\n")[0]
        except ContractError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)
    return said


def resolve(spec: options.Spec) -> type[Generator]:
    """The generator class that a SPEC names."""
    return load_path(spec.path) if spec.path else load(spec.name)


def known(text: str) -> bool:
    """Whether a SPEC names a generator that is here; nothing is imported."""
    spec = options.parse(text)
    return spec.path.is_file() if spec.path else spec.name in found()


def make(text: str) -> Generator:
    """A generator from a SPEC such as `lstm-char:hidden=512`, not yet trained."""
    spec = options.parse(text)
    return options.make(resolve(spec), spec.name, dict(spec.options))
