"""Descriptions of the registered generators, for which no plugin is imported twice: importing one may load torch.

Those of genbench's own generators are read from their source code; any other plugin is imported to tell whether it can
be used. Both are stored in GENBENCH_HOME until the files of the plugin or what is installed change.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import warnings
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import EntryPoint

from genbench import __version__
from genbench.errors import ContractError, PluginWarning
from genbench.registry.code_files import package_files
from genbench.registry.installed import is_own, load_registered, registered, time_of_change
from genbench.registry.source_code import class_summary
from genbench.storage import files, untrusted

CACHE = "descriptions.json"  # in GENBENCH_HOME: descriptions by the keys of their plugins


def summaries() -> dict[str, str]:
    """Return the first line of each registered generator's docstring; one that cannot be loaded warns."""
    stored, lines, used = _read_cache(), {}, {}
    points = registered()
    code = {package: _code(package) for package in {_package(point) for point in points.values()}}
    for name, point in points.items():
        # one broken plugin must not hide the others, and is tried again each time
        key = _key(point, code[_package(point)])
        try:
            lines[name] = used[key] = stored[key] if key in stored else _first_line(name, point)
        except ContractError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)

    if used != stored:
        _write_cache(used)
    return lines


def _first_line(name: str, point: EntryPoint) -> str:
    """Return the first line of a generator's docstring. Raises ContractError for a plugin that cannot be used."""
    read = class_summary(point.module, point.attr) if is_own(point) else ""
    return read or (inspect.getdoc(load_registered(name)) or "").partition("\n")[0]


def _key(point: EntryPoint, code: str) -> str:
    """Return the checksum of all that decides whether a plugin can be imported, and what it then describes."""
    return sha256(repr([__version__, sys.version, point, code]).encode()).hexdigest()


def _package(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


def _code(package: str) -> str:
    """Return the path, size and time of change of each file of a package, and when anything was last installed.

    Another version of a distribution changes the folder that it is installed in.
    """
    stamps = [(folder, time_of_change(folder)) for folder in sys.path]
    for path in package_files(package):
        with suppress(OSError):  # it is gone
            status = os.stat(path)
            stamps.append((f"{path} {status.st_size}", status.st_mtime_ns))
    return repr(stamps)


def _read_cache() -> dict[str, str]:
    """Return the stored descriptions; none where there are none or the file is not what was written."""
    try:
        stored = untrusted.parse_json(untrusted.read_file(files.home() / CACHE), untrusted.MAX_CARD_BYTES)
    except (OSError, ValueError):
        return {}
    pairs = stored.items() if isinstance(stored, dict) else ()
    return {key: line for key, line in pairs if isinstance(line, str)}


def _write_cache(descriptions: dict[str, str]) -> None:
    """Store descriptions; where that is not possible, the plugins are imported again the next time."""
    with suppress(OSError):
        files.home().mkdir(parents=True, exist_ok=True)
        files.write_atomic(files.home() / CACHE, json.dumps(descriptions).encode())
