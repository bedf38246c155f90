"""Find and load generators: from entry points (group `genbench.generators`), or from a .py file named by the user.

An installed plugin is imported when its generator is used, never before. A plugin that cannot be loaded causes a
PluginWarning. The environment variable GENBENCH_PLUGINS limits which distributions are considered: a list of their
names, separated by commas, or `none` for genbench's own generators only.
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

from genbench.errors import ContractError, PluginWarning, SpecError, format_error, nearest
from genbench.generator import Generator
from genbench.spec import Spec, create_generator, field_default

GROUP = "genbench.generators"
OWN_DISTRIBUTION = "genbench"  # its generators are always available
PLUGINS_VARIABLE = "GENBENCH_PLUGINS"
CONTRACT = 2  # the version of the contract that this genbench supports
RENAMED_IN_2 = (
    "rename begin to start and predict to log_probs, return the tokenizer from dump and set it in restore, "
    "and report statistics with context.record"
)

_allowed_files: ContextVar[tuple[Path, ...] | None] = ContextVar("_allowed_files", default=None)


def create(spec: str | Spec) -> Generator:
    """Return the untrained generator of a SPEC such as `lstm-char:hidden=512`.

    Raises SpecError for an unknown name or option, ContractError if a plugin cannot be used.
    """
    spec = Spec.parse(spec)
    return create_generator(resolve(spec), spec.name, spec.options)


def resolve(spec: Spec) -> type[Generator]:
    """Return the generator class of a SPEC."""
    return load_file(spec.path) if spec.path else load_registered(spec.name)


def is_available(spec: str | Spec) -> bool:
    """Return whether a SPEC names a registered generator or an existing file; nothing is imported."""
    spec = Spec.parse(spec)
    return spec.path.is_file() if spec.path else spec.name in registered()


def registered() -> dict[str, EntryPoint]:
    """Return the entry point of every registered generator by name; nothing is imported.

    If two have the same name, the second is ignored with a PluginWarning.
    """
    points: dict[str, EntryPoint] = {}
    for point in _allowed_entry_points():
        # the first entry point with a name is used; genbench's own come first
        first = points.setdefault(point.name, point)
        if first is not point:
            warnings.warn(
                f"the {point.name} of {_distribution(point)} is ignored, because {_distribution(first)} registers "
                f"that name; {_how_to_remove(point)}",
                PluginWarning,
                stacklevel=1,
            )
    return dict(sorted(points.items()))


def summaries() -> dict[str, str]:
    """Return the first line of each registered generator's docstring; one that cannot be loaded warns."""
    lines = {}
    for name in registered():
        # one broken plugin must not hide the others
        try:
            lines[name] = (inspect.getdoc(load_registered(name)) or "").partition("\n")[0]
        except ContractError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)
    return lines


def provider(spec: str | Spec) -> str:
    """Return the distribution that provides a SPEC's generator as `name version`, or the name of its file."""
    # a file has no version
    spec = Spec.parse(spec)
    if spec.path is not None:
        return spec.path.name
    point = registered().get(spec.name)
    return f"{point.dist.name} {point.dist.version}" if point and point.dist else "?"


def load_registered(name: str) -> type[Generator]:
    """Import and return the generator class that is registered under a name.

    Raises SpecError for an unknown name, ContractError if its plugin cannot be used.
    """
    points = registered()
    if name not in points:
        raise SpecError(f"no generator is called {name!r}: {_suggestion(name, points)}")

    # an error of an installed plugin also says how to remove it
    point = points[name]
    try:
        return _checked_class(_import(point), f"{name} ({point.value})")
    except ContractError as error:
        if _distribution(point) == OWN_DISTRIBUTION:
            raise
        raise ContractError(f"{error}; {_how_to_remove(point)}") from error


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
    return _checked_class(complete[0], str(path))


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


def _allowed_entry_points() -> list[EntryPoint]:
    """Return genbench's own entry points, then those of the distributions that GENBENCH_PLUGINS allows."""
    # in a fixed order: with two of one name, the first is used
    points = sorted(
        entry_points(group=GROUP),
        key=lambda point: (_distribution(point) != OWN_DISTRIBUTION, _distribution(point), point.name),
    )
    requested = {_normalized(name) for name in os.environ.get(PLUGINS_VARIABLE, "").split(",") if name.strip()}

    # a name that matches no installed plugin is probably a typing error
    distributions = {_distribution(point) for point in points}
    for name in sorted(requested - distributions - {"none"}):
        choices = nearest(name, {*distributions, "none"} - {OWN_DISTRIBUTION})
        warnings.warn(
            f"{PLUGINS_VARIABLE} names {name!r}, and no plugin of such a distribution is installed; {choices}",
            PluginWarning,
            stacklevel=1,
        )
    return [point for point in points if not requested or _distribution(point) in {*requested, OWN_DISTRIBUTION}]


def _distribution(point: EntryPoint) -> str:
    return _normalized(point.dist.name) if point.dist else "?"


def _normalized(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _how_to_remove(point: EntryPoint) -> str:
    return f"to remove it, pip uninstall {_distribution(point)}, or set {PLUGINS_VARIABLE}=none"


def _suggestion(name: str, points: dict[str, EntryPoint]) -> str:
    """Return a hint for an unknown generator name."""
    # it exists, but GENBENCH_PLUGINS excludes it
    if name in {point.name for point in entry_points(group=GROUP)}:
        return f"{PLUGINS_VARIABLE}={os.environ.get(PLUGINS_VARIABLE)} excludes its plugin"

    # a plugin file without its path, or a misspelling
    file = Path(f"{name.replace('-', '_')}.py")
    return f"did you mean ./{file}?" if os.path.isfile(file) else nearest(name, points)


def _import(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        where = f"{point.name} of {_distribution(point)} cannot be imported from {point.value}"
        raise ContractError(f"{where}: {_import_error(error)}") from error


def _run_file(path: Path) -> ModuleType:
    """Execute a .py file and return it as a module, under a name that depends on its path."""
    # two files of the same name must not replace each other
    name = f"genbench_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)

    # SystemExit too: a script that calls sys.exit must not end genbench
    sys.modules[name] = module  # dataclasses look up their module there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ContractError(f"{path} cannot be run: {_import_error(error, str(path))}") from error
    return module


def _import_error(error: BaseException, file: str | None = None) -> str:
    """Return an error as text, with a hint if the plugin imports a name that this version of genbench does not have."""
    missing = isinstance(error, ImportError) and (error.name or "").split(".")[0] == "genbench"
    if not missing:
        return format_error(error, file)
    return f"{format_error(error, file)}: it was written for another version of genbench; {RENAMED_IN_2}"


def _checked_class(kind: Any, where: str) -> type[Generator]:
    """Return the class if it is a complete generator for the supported contract; raises ContractError otherwise."""
    # a generator class with all abstract methods
    if not (inspect.isclass(kind) and issubclass(kind, Generator)):
        raise ContractError(f"{where} is not a Generator")
    _require_contract(kind, where)
    if inspect.isabstract(kind):
        missing = ", ".join(sorted(kind.__abstractmethods__))
        raise ContractError(f"{where}: class {kind.__name__} lacks {missing}")

    # hyper-parameters are the fields of a dataclass, and each has a default
    if "__dataclass_fields__" not in vars(kind):
        raise ContractError(f"{where} must be a dataclass: put @dataclass above class {kind.__name__}")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    without = [f.name for f in fields if f.init and field_default(f) is dataclasses.MISSING]
    if without:
        raise ContractError(
            f"{where}: every option needs a default, and {', '.join(without)} of {kind.__name__} has none"
        )
    return kind


def _require_contract(kind: type[Generator], where: str) -> None:
    """Raise ContractError for a class that implements another version of the contract."""
    first_edition = kind.contract == 1 or (hasattr(kind, "predict") and "log_probs" in kind.__abstractmethods__)
    if first_edition:
        raise ContractError(f"{where} was written for contract 1, and this genbench supports 2: {RENAMED_IN_2}")

    # newer or older than this genbench supports
    if kind.contract != CONTRACT:
        newer = isinstance(kind.contract, int) and kind.contract > CONTRACT
        remedy = "pip install --upgrade genbench" if newer else "look for a newer version of it"
        raise ContractError(
            f"{where} was written for contract {kind.contract!r}, and this genbench supports {CONTRACT}; {remedy}"
        )
