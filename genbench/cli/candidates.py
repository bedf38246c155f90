"""What can be named: authors, generators and their options, kept models and runs; for completion, and fast.

Options are read from a plugin's source, because importing a network's plugin loads torch, which takes seconds.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from genbench.errors import PluginWarning

Found = tuple[str, str]  # a name, and what it is


def authors() -> list[Found]:
    """The authors of the catalogue."""
    from genbench.corpus.catalogue import catalogue

    return [(name, author.full_name) for name, author in catalogue().items()]


def generators() -> list[str]:
    """The names of the generators."""
    from genbench import registry  # numpy comes with it: no other completion waits for that

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return list(registry.found())


def specs(begun: str) -> list[str]:
    """Whole SPECs that a SPEC which is begun may become: names, or options after its colon and its commas."""
    name, colon, given = begun.partition(":")
    if not colon:
        return [each for each in generators() if each.startswith(begun)]
    if "(" in given:
        return []
    before, comma, last = given.rpartition(",")
    taken = {part.partition("=")[0] for part in before.split(",")}
    names = [option for option in options(name) if option.startswith(last) and option not in taken]
    return [f"{name}:{before}{comma}{option}=" for option in names]


def kept() -> list[Found]:
    """The kept models, newest first."""
    from genbench.storage import models

    return [(model.name, model.card["spec"]) for model in models.kept(models.home())]


def compared() -> list[str]:
    """The kept runs."""
    from genbench.storage import runs

    return runs.names()


def options(name: str) -> list[str]:
    """The options of a generator by its name or its file, in their order; none where its source cannot be read."""
    from genbench import registry

    if name.endswith(".py"):
        return _of_file(Path(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        point = registry.found().get(name)
    return _fields(point.module, point.attr) if point else []


def _of_file(path: Path) -> list[str]:
    body = _body(path)
    classes = [node for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    return _with_bases(classes[-1], body) if classes else []


def _fields(module: str, name: str) -> list[str]:
    """The fields of a dataclass, those of the classes it is made from first, wherever they are written."""
    body = _body(_file(module))
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _with_bases(node, body)
    home = _imported(body).get(name)
    return _fields(*home) if home else []


def _with_bases(made: ast.ClassDef, body: list[ast.AST]) -> list[str]:
    imported, local = _imported(body), {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    found: list[str] = []
    for base in made.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        if name in local:
            found += _with_bases(local[name], body)
        elif name in imported:
            found += _fields(*imported[name])
    return list(dict.fromkeys([*found, *_own(made)]))


def _own(made: ast.ClassDef) -> Iterator[str]:
    """The fields that a class itself writes down and that may be given: those with a default."""
    for node in made.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            hidden = "ClassVar" in ast.unparse(node.annotation) or "init=False" in ast.unparse(node.value)
            hidden = hidden or node.target.id.startswith("_")
            if not hidden:
                yield node.target.id


def _imported(body: list[ast.AST]) -> dict[str, tuple[str, str]]:
    """Where each imported name is from: its module and its name there."""
    froms = [node for node in body if isinstance(node, ast.ImportFrom) and node.module]
    return {each.asname or each.name: (str(node.module), each.name) for node in froms for each in node.names}


@cache
def _body(path: Path | None) -> list[ast.AST]:
    """All that a source file says, outside of functions too; nothing where it cannot be read."""
    try:
        return list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) if path else []
    except (OSError, SyntaxError, ValueError):
        return []


def _file(module: str) -> Path | None:
    """The source file of a module; only packages above all are asked for it, and nothing is imported."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not rest:
        return Path(spec.origin) if spec and spec.origin else None
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *rest)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    return None
