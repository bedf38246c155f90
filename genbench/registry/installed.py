"""Installed generators: entry points of the group `genbench.generators`.

A plugin is imported when its generator is used, never before. A plugin that cannot be loaded causes a PluginWarning.
The environment variable GENBENCH_PLUGINS limits which distributions are considered: a list of their names, separated
by commas, or `none` for genbench's own generators only.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any

from genbench.errors import ContractError, PluginWarning, SpecError, nearest
from genbench.generator import Generator
from genbench.registry.classes import checked_class, describe_import_error
from genbench.spec import Spec

GROUP = "genbench.generators"
OWN_DISTRIBUTION = "genbench"  # its generators are always available
PLUGINS_VARIABLE = "GENBENCH_PLUGINS"
NAME = re.compile(r"[\w.-]+")


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


def find_registered(name: str) -> EntryPoint:
    """Return the entry point that is registered under a name; nothing is imported. Raises SpecError."""
    points = registered()
    if name not in points:
        raise SpecError(f"no generator is called {name!r}: {_suggestion(name, points)}")
    return points[name]


def named_points(spec: Spec) -> list[EntryPoint]:
    """Return the entry points of the registered generators that a SPEC names, at any place."""
    points = registered()
    return [points[name] for name in dict.fromkeys(NAME.findall(spec.text)) if name in points]


def is_own(point: EntryPoint) -> bool:
    """Return whether an entry point is one of genbench itself."""
    return _distribution(point) == OWN_DISTRIBUTION


def load_registered(name: str) -> type[Generator]:
    """Import and return the generator class that is registered under a name.

    Raises SpecError for an unknown name, ContractError if its plugin cannot be used.
    """
    # an error of an installed plugin also says how to remove it
    point = find_registered(name)
    try:
        return checked_class(_import(point), f"{name} ({point.value})")
    except ContractError as error:
        if is_own(point):
            raise
        raise ContractError(f"{error}; {_how_to_remove(point)}") from error


def _allowed_entry_points() -> list[EntryPoint]:
    """Return genbench's own entry points, then those of the distributions that GENBENCH_PLUGINS allows."""
    points = _all_entry_points()
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


def _all_entry_points() -> tuple[EntryPoint, ...]:
    """Return all entry points in a fixed order: with two of one name, the first is used."""
    return _read_entry_points(tuple((folder, time_of_change(folder)) for folder in sys.path))


@lru_cache(maxsize=1)
def _read_entry_points(search_path: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    """Read the entry points of all distributions: again only after a change of the search path or of a folder in it."""
    return tuple(
        sorted(
            entry_points(group=GROUP),
            key=lambda point: (_distribution(point) != OWN_DISTRIBUTION, _distribution(point), point.name),
        )
    )


def time_of_change(folder: str) -> int:
    """Return when something was installed in or removed from a folder, in nanoseconds; 0 where it does not exist."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0


def _distribution(point: EntryPoint) -> str:
    return _distribution_name(point.dist) if point.dist else "?"


@lru_cache(maxsize=64)
def _distribution_name(distribution: Distribution) -> str:
    """Return the normalized name of a distribution, whose metadata are parsed once."""
    return _normalized(distribution.name)


def _normalized(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _how_to_remove(point: EntryPoint) -> str:
    return f"to remove it, pip uninstall {_distribution(point)}, or set {PLUGINS_VARIABLE}=none"


def _suggestion(name: str, points: dict[str, EntryPoint]) -> str:
    """Return a hint for an unknown generator name."""
    # it exists, but GENBENCH_PLUGINS excludes it
    if name in {point.name for point in _all_entry_points()}:
        return f"{PLUGINS_VARIABLE}={os.environ.get(PLUGINS_VARIABLE)} excludes its plugin"

    # a plugin file without its path, or a misspelling
    file = Path(f"{name.replace('-', '_')}.py")
    return f"did you mean ./{file}?" if os.path.isfile(file) else nearest(name, points)


def _import(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        where = f"{point.name} of {_distribution(point)} cannot be imported from {point.value}"
        raise ContractError(f"{where}: {describe_import_error(error)}") from error
