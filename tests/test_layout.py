"""The layout of docs/architecture.md: allowed imports, and the length of files and functions."""

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import genbench

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("genbench/**/*.py"), *ROOT.glob("plugins/**/*.py")])
CORE = [path for path in FILES if path.is_relative_to(ROOT / "genbench")]

# From the top to the bottom: a part may import the parts below it and, without cycles, those beside it.
LAYERS = (
    {"cli"},
    {"testing", "templates"},
    {"api"},
    {"integrations"},
    {"report"},
    {"experiments"},
    {"analysis"},
    {"training"},
    {"model"},
    {"storage", "registry", "corpus", "charlevel", "sampling", "scoring", "neural"},
    {"capabilities", "generator", "reported", "spec", "web"},
    {"tokenization"},
    {"errors", "processes"},
)
# results import this package when they are shown or converted, inside their methods: the only imports upwards
SHOWN_BY = "genbench.integrations."
SHOWN = {"corpus", "scoring", "model", "analysis", "experiments"}
NARROWER = {"neural": {"capabilities", "generator", "spec", "tokenization", "errors", "registry", "web"}}
HEAVY = {"torch", "numpy", "numba", "nltk", "matplotlib", "rich"}


def part(path: Path) -> str:
    """Return the package or root module of genbench in which a file lies."""
    return path.relative_to(ROOT / "genbench").with_suffix("").parts[0]


def module_name(path: Path) -> str:
    """Return the dotted name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def shown_by(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    """Yield the imports of integrations in the methods of classes, and those for type annotations."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    methods = [node for cls in classes for node in cls.body if isinstance(node, ast.FunctionDef)]
    guards = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for node in [inner for outer in (*methods, *guards) for inner in ast.walk(outer)]:
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(SHOWN_BY):
            yield node


def imports(path: Path, *, runtime_only: bool = False) -> Iterator[str]:
    """Yield the dotted names of all that a file imports, inside functions too; `runtime_only` skips TYPE_CHECKING.

    Of a result, what it imports to be shown is left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(node) for node in shown_by(tree)} if path in CORE and part(path) in SHOWN else set()
    if runtime_only:
        guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
        skipped |= {id(inner) for guard in guards for inner in ast.walk(guard)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", [p for p in CORE if part(p) != "__init__"], ids=module_name)
def test_imports_point_downwards(path: Path) -> None:
    level = next(index for index, layer in enumerate(LAYERS) if part(path) in layer)
    allowed = NARROWER.get(part(path), set().union(*LAYERS[level:]))
    imported = {name.split(".")[1] for name in imports(path) if name.startswith("genbench.")}
    assert imported - {"__version__"} <= allowed | {part(path)}


@pytest.mark.slow
def test_there_is_no_import_cycle() -> None:
    modules = {module_name(path): path for path in FILES}
    graph = {}
    for name, path in modules.items():
        imported = [target.replace("genbench_plugins", "plugins") for target in imports(path, runtime_only=True)]
        targets = {target if target in modules else target.rpartition(".")[0] for target in imported}
        graph[name] = (targets & set(modules)) - {name, "genbench"}  # genbench itself imports its names lazily
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_root_has_at_most_ten_modules() -> None:
    assert len(list((ROOT / "genbench").glob("*.py"))) <= 10


@pytest.mark.parametrize("path", [p for p in CORE if p.name == "__init__.py"], ids=module_name)
def test_every_package_has_a_docstring(path: Path) -> None:
    assert len(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "") > 30


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_heavy_packages_are_imported_only_where_allowed(path: Path) -> None:
    packages = {name.split(".")[0] for name in imports(path)}
    where = part(path) if path in CORE else "plugins"
    assert not packages & {"genbench_corpora", "plugins", "corpora", "pickle", "click"}
    if where not in ("report", "cli"):
        assert not packages & {"rich", "typer"}
    if not path.is_relative_to(ROOT / "genbench/cli/repl"):
        assert "prompt_toolkit" not in packages
    if where not in ("neural", "plugins", "training"):  # training asks torch which devices there are
        assert "torch" not in packages
    if where != "plugins":
        assert "genbench_plugins" not in packages


@pytest.mark.parametrize("path", [path for path in FILES if path not in CORE], ids=module_name)
def test_plugins_import_no_private_name(path: Path) -> None:
    names = [name for name in imports(path) if name.startswith("genbench.")]
    assert not [name for name in names if any(word.startswith("_") for word in name.split("."))]


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Yield the functions and methods in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.slow
def test_files_and_functions_are_readable() -> None:
    lengths = []
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
        for function in functions(path):
            lines = (function.end_lineno or 0) - function.body[0].lineno + 1
            assert lines <= 50, f"{path}: {function.name} has {lines} lines"
            lengths.append(lines)
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 11
    assert lengths[int(0.9 * len(lengths))] <= 35


@pytest.mark.slow
def test_public_definitions_have_docstrings() -> None:
    """A method may inherit its docstring; forward and backward are documented by torch."""
    functions_and_classes, methods = [], []
    for path in FILES:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        functions_and_classes += [(path, node) for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        classes = [node for node in body if isinstance(node, ast.ClassDef)]
        methods += [(path, node) for cls in classes for node in cls.body if isinstance(node, ast.FunctionDef)]
    inherited = {"forward", "backward"} | {node.name for _, node in methods if ast.get_docstring(node)}
    missing = [(path, node) for path, node in functions_and_classes if not ast.get_docstring(node)]
    missing += [(path, node) for path, node in methods if not ast.get_docstring(node) and node.name not in inherited]
    assert not [f"{path}: {node.name}" for path, node in missing if not node.name.startswith("_")]


@pytest.mark.slow
def test_importing_genbench_loads_nothing_heavy() -> None:
    code = f"import sys, genbench, genbench.neural.distributed; print(sorted({HEAVY - {'numpy'}} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"
    code = f"import sys, genbench, genbench.cli.main; print(sorted({HEAVY} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_public_names_stay_the_same_after_all_modules_are_imported() -> None:
    assert len(dir(genbench)) <= 20
    before = {name: getattr(genbench, name) for name in dir(genbench)}
    for module in pkgutil.walk_packages(genbench.__path__, "genbench."):
        if not module.name.endswith(("__main__", "executors.worker")):
            importlib.import_module(module.name)
    for name, value in before.items():
        assert getattr(genbench, name) is value
        assert not isinstance(value, type(sys)), name
        assert value.__doc__, name


def tracked_files() -> list[Path]:
    """Return the files that git tracks; skip the test without git."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so the tracked files are unknown")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


def test_the_top_level_has_only_the_agreed_entries() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    folders = {"genbench", "plugins", "corpora", "tests", "docs", "examples", "benchmarks", ".ci", ".github"}
    files = {"pyproject.toml", "constraints.txt", "Makefile", ".gitignore", "LICENSE"}
    assert top <= folders | files | {"README.md", "CHANGELOG.md", "CONTRIBUTING.md"}


def test_no_file_names_a_machine() -> None:
    folders = [f"/{folder}/" for folder in ("work", "root")]
    for path in tracked_files():
        text = path.read_bytes().decode(errors="ignore")  # one is a picture
        assert path == Path(__file__) or not any(word in text for word in folders), path
        assert "shared/nltk_data" not in text or path in (ROOT / ".ci/run", Path(__file__)), path


def test_every_package_is_installed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = [path.parent.relative_to(ROOT) for path in (ROOT / "genbench").rglob("__init__.py")]
    plugins = ROOT / "plugins"
    folders += ["genbench_plugins" / path.parent.relative_to(plugins) for path in plugins.rglob("__init__.py")]
    assert {".".join(folder.parts) for folder in folders} | {"genbench_corpora", "genbench_examples"} == set(listed)
