"""The layout of the design: who may import whom, and files and functions that stay short."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import genbench
import genbench.neural

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("genbench/**/*.py"), *ROOT.glob("plugins/**/*.py")])

CORE = {"errors": set(), "pieces": set(), "untrusted": set(), "cards": {"untrusted"}}
CORE |= {"tokenizer": {"errors", "pieces", "untrusted"}, "overlap": {"errors", "untrusted"}}
CORE["generator"] = {"errors", "tokenizer", "overlap"}
CORE["completion"] = CORE["scoring"] = {"errors", "pieces", "tokenizer", "generator"}
CORE["paths"] = CORE["completion"]
CORE["stepping"] = CORE["paths"] | {"paths"}
CORE["block"] = CORE["stepping"] | {"stepping"}
CORE["characterwise"] = CORE["block"] | {"block"}
CORE["controls"] = {"errors", "generator"}
CORE["drawing"] = CORE["completion"] | {"completion", "controls"}
CORE["novel"] = CORE["drawing"] | {"drawing", "overlap"}
CORE["sampling"] = CORE["novel"] | {"novel"}
CORE["options"] = {"errors", "tokenizer", "generator"}
CORE["store"] = {"errors", "tokenizer", "generator", "overlap", "untrusted"}
CORE["registry"] = {"errors", "generator", "options"}
CORE["text"] = {"errors", "store", "text"}  # store: what is fetched is kept whole
CORE["explain"] = {"errors", "tokenizer", "generator", "text"}
CORE["testing"] = {"errors", "generator", "sampling", "scoring", "store", "text", "registry", "tokenizer", "testing"}
CORE["templates"] = {"errors", "registry", "store"}
CORE["measure"] = {"errors", "pieces", "tokenizer", "generator", "sampling", "scoring", "measure", "text"}
CORE["neural"] = {"errors", "pieces", "tokenizer", "generator", "neural", "ranks"}
CORE["ranks"] = set[str]()
CORE["models"] = CORE["store"] | {"cards", "options", "registry", "scoring", "store", "__init__"}
CORE["checkpoints"] = {"generator", "store", "untrusted", "__init__"}
CORE["bench"] = {
    "__init__",
    "ranks",
    "neural",  # what judges with networks
    "tokenizer",
    "checkpoints",
    "measure",
    "models",
    "store",
    "registry",
    "options",
    "text",
    "scoring",
    "sampling",
    "generator",
    "errors",
    "overlap",
}
CORE["report"] = {
    "report",
    "testing",
    "__init__",
    "bench",
    "explain",
    "measure",
    "store",
    "options",
    "generator",
    "errors",
}
CORE["api"] = CORE["bench"] | {"bench", "report", "explain", "__init__"}
CORE["measuring"] = CORE["api"] | {"api"}
CORE["sharing"] = CORE["measuring"] | {"untrusted"}
CORE["styling"] = CORE["remembering"] = CORE["measuring"] | {"tokenizer"}
CORE["runs"] = {"errors", "models", "store"}
CORE["comparing"] = CORE["measuring"] | {"runs"}
CORE["sweeping"] = CORE["comparing"] | {"comparing"}
CORE["candidates"] = {"errors", "models", "registry", "runs", "text"}
CORE["talk"] = CORE["measuring"] | {"candidates"}
CORE["cli"] = CORE["talk"] | {
    "talk",
    "comparing",
    "runs",
    "measuring",
    "remembering",
    "sharing",
    "styling",
    "sweeping",
    "templates",
    "testing",
}
CORE["__init__"] = set(CORE)


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "genbench" else parts[0]


def imports(path: Path) -> Iterator[str]:
    """The dotted names of all that a file imports, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """The rooms of genbench that a file imports from."""
    names = (name.split(".") for name in imports(path))
    inner = {parts[1] for parts in names if parts[0] == "genbench"}
    return {"__init__" if name == "__version__" else name for name in inner}


@pytest.mark.parametrize("path", [f for f in FILES if "genbench/" in f.as_posix()], ids=lambda f: f.stem)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    assert rooms(path) <= CORE[room(path)] | {room(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda f: f.stem)
def test_heavy_and_outer_packages_stay_in_their_rooms(path: Path) -> None:
    top = {name.split(".")[0] for name in imports(path)}
    assert not top & {"genbench_corpora", "plugins", "corpora", "pickle", "click"}
    if room(path) not in ("report", "cli", "talk"):
        assert not top & {"rich", "typer"}
    if room(path) != "talk":
        assert "prompt_toolkit" not in top
    if room(path) not in ("neural", "plugins") and path.stem not in ("plan",):  # plan asks torch for its devices
        assert "torch" not in top
    if room(path) != "plugins":
        assert "genbench_plugins" not in top


@pytest.mark.parametrize("path", [f for f in FILES if room(f) == "plugins"], ids=lambda f: f.stem)
def test_plugins_import_public_names_only(path: Path) -> None:
    names = [name for name in imports(path) if name.startswith("genbench.")]
    public = {f"genbench.{name}" for name in genbench.__all__}
    public |= {
        f"genbench.neural.{name}" for name in ("RecurrentGenerator", "WordNetwork", "Reading", "Alone", "OneHot")
    }
    public |= {
        f"genbench.neural.{name}"
        for name in ("Products", "NetworkProbe", "through_limit", "through_sigmoid", "through_tanh")
    }
    assert set(names) <= public


def test_files_and_functions_are_short() -> None:
    lengths = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 270, path
        lengths += [
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef)
        ]
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 11
    assert lengths[int(0.9 * len(lengths))] <= 35


def test_every_public_name_is_there_and_explained() -> None:
    for name in genbench.__all__:
        found = getattr(genbench, name)
        assert name in ("Ids", "LogProbs", "State", "Learned") or found.__doc__, name


def test_public_definitions_say_what_they_are() -> None:
    contract = {"fit", "begin", "advance", "predict", "dump", "restore", "token_log_probs", "cut", "core", "forward"}
    contract |= {
        "advance_batch",
        "log_probs_batch",
        "token_log_probs_batch",
        "probe",
        "depth",
        "depths",
        "evidence",
        "trained_start",
        "trained_advance",
        "trained_log_probs",
        "trained_token_log_probs",
        "backward",
        "embed",
        "head",
        "prepare",
        "reading",
        "picked",
        "every",
        "quantiles",
        "quick",
        "project",
    }
    for path in FILES:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        body += [inner for node in body if isinstance(node, ast.ClassDef) for inner in node.body]
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert node.name in contract or ast.get_docstring(node), f"{path}: {node.name}"


def test_importing_genbench_loads_nothing_heavy() -> None:
    code = "import sys, genbench; assert not {'torch', 'numpy', 'nltk', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files are tracked cannot be told")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_the_top_level_is_the_one_that_was_agreed() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    folders = {"genbench", "plugins", "corpora", "tests", "docs", "examples", "benchmarks", ".ci"}
    files = {"pyproject.toml", "constraints.txt", "Makefile", ".gitignore", "LICENSE"}
    assert top <= folders | files | {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LOG.md"}


def test_no_file_names_a_machine() -> None:
    machine = [f"/{folder}/" for folder in ("work", "root")]
    for path in tracked():
        text = path.read_bytes().decode(errors="ignore")  # one is a picture
        assert path == Path(__file__) or not any(word in text for word in machine), path
        assert "shared/nltk_data" not in text or path in (ROOT / ".ci/run", Path(__file__)), path
