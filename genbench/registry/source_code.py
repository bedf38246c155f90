"""Read generators from the source code of plugins, because importing the plugin of a network loads torch.

What cannot be read from the code alone, such as a class that a function makes, has to be imported.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def class_summary(module: str, name: str) -> str:
    """Return the first line of the docstring of a class, wherever it is defined; "" where it cannot be read."""
    body = syntax_nodes(_source_file(module))
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return inspect.cleandoc(ast.get_docstring(node) or "").partition("\n")[0]

    # it is imported from another module
    origin = _imports(body).get(name)
    return class_summary(*origin) if origin and origin[0] != module else ""


def file_options(path: Path) -> list[str]:
    """Return the options of the last public class in a file, those of its base classes first."""
    body = syntax_nodes(path)
    classes = [node for node in body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    return _with_bases(classes[-1], body) if classes else []


def class_options(module: str, name: str) -> list[str]:
    """Return the fields of a dataclass, those of its base classes first, wherever these are defined."""
    body = syntax_nodes(_source_file(module))

    # the class is defined here, or imported from another module
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _with_bases(node, body)
    origin = _imports(body).get(name)
    return class_options(*origin) if origin else []


def imports_package(module: str, package: str) -> bool:
    """Return whether a module imports names from a package, itself or by the modules beside it."""
    top = module.partition(".")[0]
    origins = {origin for origin, _ in _imports(syntax_nodes(_source_file(module))).values() if origin != module}
    return any(
        f"{origin}.".startswith(f"{package}.") or (origin.startswith(f"{top}.") and imports_package(origin, package))
        for origin in origins
    )


def _with_bases(definition: ast.ClassDef, body: list[ast.AST]) -> list[str]:
    # inherited options, those of the bases first
    imported, local = _imports(body), {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    names: list[str] = []
    for base in definition.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        if name in local:
            names += _with_bases(local[name], body)
        elif name in imported:
            names += class_options(*imported[name])

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


def read_syntax_nodes(path: Path | None) -> list[ast.AST]:
    """Return all syntax nodes of a source file; none where it cannot be read."""
    try:
        return list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))) if path else []
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []


@cache
def syntax_nodes(path: Path | None) -> list[ast.AST]:
    """Return all syntax nodes of a source file, which is read once."""
    return read_syntax_nodes(path)


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
