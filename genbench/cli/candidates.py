"""Names that completion offers: authors, generators and their options, stored models and runs.

Options are read from a plugin's source code, because importing a network's plugin loads torch, which takes seconds.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from genbench.errors import PluginWarning

Candidate = tuple[str, str]  # a name and its description


def authors() -> list[Candidate]:
    """Return the authors of the catalogue."""
    from genbench.corpus.catalogue import load_catalogue

    return [(name, author.full_name) for name, author in load_catalogue().items()]


def generators() -> list[str]:
    """Return the names of the generators."""
    from genbench import registry  # numpy comes with it: no other completion waits for that

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return list(registry.registered())


def specs(prefix: str) -> list[str]:
    """Return the completions of a partial SPEC: names, or options after its colon and its commas."""
    name, colon, options = prefix.partition(":")
    if not colon:
        return [generator for generator in generators() if generator.startswith(prefix)]

    # the parts of a mixture are not completed
    if "(" in options:
        return []

    # options that are not used yet
    before, comma, last = options.rpartition(",")
    used = {part.partition("=")[0] for part in before.split(",")}
    names = [option for option in option_names(name) if option.startswith(last) and option not in used]
    return [f"{name}:{before}{comma}{option}=" for option in names]


def models() -> list[Candidate]:
    """Return the stored models, newest first."""
    from genbench.storage.models import list_models, models_folder

    return [(model.name, model.card.spec) for model in list_models(models_folder())]


def run_names() -> list[str]:
    """Return the names of the stored runs."""
    from genbench.storage import runs

    return runs.run_names()


def option_names(name: str) -> list[str]:
    """Return the options of a generator or plugin file in order; none where its source cannot be read."""
    from genbench import registry

    if name.endswith(".py"):
        return _file_options(Path(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        point = registry.registered().get(name)
    return _class_options(point.module, point.attr) if point else []


def _file_options(path: Path) -> list[str]:
    body = _nodes(path)
    classes = [node for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    return _with_bases(classes[-1], body) if classes else []


def _class_options(module: str, name: str) -> list[str]:
    """Return the fields of a dataclass, those of its base classes first, wherever these are defined."""
    body = _nodes(_source_file(module))

    # the class is defined here, or imported from another module
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _with_bases(node, body)
    origin = _imports(body).get(name)
    return _class_options(*origin) if origin else []


def _with_bases(definition: ast.ClassDef, body: list[ast.AST]) -> list[str]:
    # inherited options, those of the bases first
    imported, local = _imports(body), {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    names: list[str] = []
    for base in definition.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        if name in local:
            names += _with_bases(local[name], body)
        elif name in imported:
            names += _class_options(*imported[name])

    # the options of the class itself
    own = dict(_own_fields(definition))
    names = [name for name in names if own.get(name, True)]  # a class may hide an inherited option
    return list(dict.fromkeys([*names, *(name for name, is_option in own.items() if is_option)]))


def _own_fields(definition: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """Yield the annotated names of a class body, and whether each is an option: a field with a default."""
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, is_class_variable = node.target.id, "ClassVar" in ast.unparse(node.annotation)
            has_default = node.value is not None and "init=False" not in ast.unparse(node.value)
            if is_class_variable or has_default:
                yield name, has_default and not is_class_variable and not name.startswith("_")


def _imports(body: list[ast.AST]) -> dict[str, tuple[str, str]]:
    """Return the origin of each imported name: its module and its name there."""
    statements = [node for node in body if isinstance(node, ast.ImportFrom) and node.module]
    return {alias.asname or alias.name: (str(node.module), alias.name) for node in statements for alias in node.names}


@cache
def _nodes(path: Path | None) -> list[ast.AST]:
    """Return all syntax nodes of a source file; none where it cannot be read."""
    try:
        return list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) if path else []
    except (OSError, SyntaxError, ValueError):
        return []


def _source_file(module: str) -> Path | None:
    """Return the source file of a module without importing it: only its top package is looked up."""
    top, *rest = module.split(".")

    # the top package
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not rest:
        return Path(spec.origin) if spec and spec.origin else None

    # the file of the submodule
    for folder in spec.submodule_search_locations or ():
        path = Path(folder, *rest)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    return None
