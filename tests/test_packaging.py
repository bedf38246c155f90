"""Distributions: built, checked, installed in a fresh environment, and used from an empty folder."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import copy_machine_code

from genbench.errors import UserError
from genbench.storage.examples import example_names, example_path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHON = [sys.executable, "-m"]


def run(*command: str | Path, folder: Path, **variables: str) -> str:
    """Run a command in a folder; return its output. It must succeed."""
    environment = {**os.environ, "PIP_NO_INDEX": "1", "OMP_NUM_THREADS": "1", **variables}
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from it, without a network; return their folder."""
    source = tmp_path_factory.mktemp("source") / "genbench"
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "benchmarks", "docs")
    shutil.copytree(ROOT, source, ignore=ignored)
    run(*PYTHON, "build", "--no-isolation", ".", folder=source)
    return source / "dist"


@pytest.fixture(scope="module")
def genbench(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in a fresh environment, which has the packages of the running one; return the command."""
    environment = tmp_path_factory.mktemp("fresh")
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "running.pth").write_text("\n".join(packages), encoding="utf-8")
    (wheel,) = distributions.glob("*.whl")
    run(*PYTHON, "pip", "--python", environment / "bin/python", "install", "-q", "--no-deps", wheel, folder=environment)
    copy_machine_code(site)
    return environment / "bin/genbench"


@pytest.mark.slow
def test_the_distributions_pass_the_checks_of_twine(distributions: Path) -> None:
    pytest.importorskip("twine", reason="development only: pip install twine")
    files = sorted(distributions.iterdir())
    assert [path.suffix for path in files] == [".whl", ".gz"]
    assert run(*PYTHON, "twine", "check", "--strict", *files, folder=distributions).count("PASSED") == 2


@pytest.mark.slow
def test_the_wheel_works_from_an_empty_folder_with_the_examples_inside(genbench: Path, tmp_path: Path) -> None:
    home = {"GENBENCH_HOME": str(tmp_path / "home")}
    where = run(genbench.parent / "python", "-c", "import genbench; print(genbench.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(genbench.parent.parent)
    words = ["compare", "example:orders", "pell", "-g", "nltk-lm:order=1", "--length", "10", "--csv", "-"]
    assert "pell,nltk-lm" in run(genbench, *words, folder=tmp_path, **home)
    assert "markov-char" in run(genbench, "generators", "list", folder=tmp_path, **home)


@pytest.mark.slow
def test_what_is_installed_fits_together() -> None:
    run(*PYTHON, "pip", "check", folder=ROOT)


# examples


def test_every_example_has_a_name() -> None:
    files = {path.name for path in (ROOT / "examples").iterdir() if path.suffix in (".toml", ".txt")}
    assert {example_path(f"example:{name}").name for name in example_names()} == files
    assert example_path("example:orders.toml") == example_path("example:orders")
    assert example_path("example:recall") == example_path("example:recall.txt")
    assert example_path("orders.toml") == Path("orders.toml")


def test_an_unknown_example_names_the_others() -> None:
    with pytest.raises(UserError, match="there is no example 'order'; did you mean orders"):
        example_path("example:order")


def trees(word: str) -> Iterator[ast.Module]:
    """Yield the syntax trees of the files that contain a word."""
    for path in (ROOT / "genbench").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if word in source:
            yield ast.parse(source)


def messages(word: str) -> Iterator[str]:
    """Yield the texts of the code that contain a word and that users may see: string constants, but not docstrings."""
    for tree in trees(word):
        documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
        docstrings = {id(node.body[0].value) for node in documented if isinstance(node.body[0], ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and word in node.value and id(node) not in docstrings:
                yield node.value


def test_messages_name_examples_that_are_installed() -> None:
    named = [name for text in messages("example:") for name in re.findall(r"example:([\w.-]*\w)", text)]
    assert len(named) >= 4
    for name in named:
        example_path(f"example:{name}")
    assert not list(messages("examples/"))


# metadata


def test_missing_extras_are_hinted_by_names_of_packages() -> None:
    """`missing_package` names packages that an extra has; no message names an extra, since genbench is on no index."""
    extras = {re.split(r"[\[>=]", word)[0] for words in PROJECT["optional-dependencies"].values() for word in words}
    hinted = set()
    for tree in trees("missing_package("):
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in (call for call in calls if ast.unparse(call.func) == "missing_package"):
            hinted |= {ast.literal_eval(argument).partition("[")[0] for argument in call.args[1:]}
    assert {"optuna", "pandas", "gensim", "ray", "icu4py"} <= hinted <= extras
    assert not list(messages("genbench["))


def test_every_dependency_has_its_reason() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    names = {re.split(r"[\[>=]", word)[0] for words in groups for word in words} - {"genbench"}
    assert not [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", table)]


def test_the_declared_versions_of_python_are_those_that_are_required() -> None:
    classifiers = [word for word in PROJECT["classifiers"] if "Python ::" in word]
    assert classifiers == [f"Programming Language :: Python :: 3.{minor}" for minor in range(11, 15)]
    assert PROJECT["requires-python"] == ">=3.11"


def test_only_a_person_publishes_a_release() -> None:
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    triggers = workflow[True]  # YAML 1.1 reads the key "on" as true
    assert list(triggers) == ["workflow_dispatch"]
    publish = workflow["jobs"]["publish"]
    assert publish["environment"] == "pypi"
    assert publish["permissions"] == {"id-token": "write", "attestations": "write"}
    assert workflow["permissions"] == {}
    uses = [step["uses"].partition("@")[0] for step in publish["steps"]]
    assert uses[-2:] == ["actions/attest-build-provenance", "pypa/gh-action-pypi-publish"]
