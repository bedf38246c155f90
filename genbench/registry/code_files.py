"""The files of code that decide what a generator does, found without running any: they are part of a model's key.

Of a plugin file, what it imports from its own folder; of an installed generator, the package that provides it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.machinery import all_suffixes
from importlib.util import find_spec
from pathlib import Path

from genbench.processes.isolation import CODE
from genbench.registry.installed import named_points
from genbench.registry.source_code import read_syntax_nodes
from genbench.spec import Spec

INSTALLED = {"site-packages", "dist-packages"}  # folders whose modules belong to many distributions
OWN = Path(__file__).resolve().parents[1]  # the folder of genbench, which is beside a plugin file in a checkout
IMPORTERS = {"import_module", "__import__"}


def imported_files(path: Path) -> list[Path]:
    """Return a .py file and what it imports from its own folder, and what these files import from there.

    genbench itself is not among them: loading its modules again would give another Generator.

    Import statements count wherever they stand, and so do constants: `import_module("helper")`, and a string that
    is the name of a .py file beside the file. A name that is put together while the file runs is not found.
    """
    first = path.resolve()
    found, waiting = {first: None}, [first]
    while waiting:
        file = waiting.pop()
        for name in _imported_names(file, first.parent):
            files = [module for module in _module_files(first.parent, name) if not module.is_relative_to(OWN)]
            new = [module for module in files if module not in found]
            found |= dict.fromkeys(new)
            waiting += [module for module in new if module.suffix == ".py"]
    return list(found)


def installed_files(spec: Spec) -> list[Path]:
    """Return all files of code of the packages whose generators a SPEC names, at any place."""
    packages = {point.module.partition(".")[0] for point in named_points(spec)}
    return [path for package in sorted(packages) for path in package_files(package)]


def package_files(package: str) -> list[Path]:
    """Return the files of a top-level package; of a module on its own, those that it imports from its folder."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return []

    # a package, which may have several folders
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if folders:
        return sorted(path for folder in folders for path in Path(folder).rglob("*") if path.suffix in CODE)
    file = Path(spec.origin) if spec and spec.origin else None
    if file is None or not file.is_file():
        return []
    return [file] if file.parent.name in INSTALLED else imported_files(file)


def _imported_names(file: Path, folder: Path) -> Iterator[str]:
    """Yield the dotted names, seen from the folder, of what a file may import; most are not in the folder."""
    package = file.relative_to(folder).parent.parts
    for node in read_syntax_nodes(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # a relative import is one from the package of the file, or above it
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPORTERS:
            yield from map(_constant, node.args[:1])
        elif _constant(node).endswith(".py") and (file.parent / _constant(node)).is_file():
            yield ".".join([*package, _constant(node).removesuffix(".py")])


def _constant(node: ast.AST) -> str:
    """Return the text of a string constant; "" for any other node."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _module_files(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files in a folder that importing a dotted name runs: its packages, and the module."""
    place = folder
    for part in name.split("."):
        if not part.isidentifier():
            return
        place /= part
        yield from _code_files(place, "__init__")
        yield from _code_files(place.parent, part)


def _code_files(folder: Path, stem: str) -> Iterator[Path]:
    """Yield the files of a module in a folder, which an isolated process cannot list."""
    paths = (folder / f"{stem}{suffix}" for suffix in all_suffixes())
    yield from (path for path in paths if path.suffix in CODE and path.is_file())
