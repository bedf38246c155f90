"""Plugins as a stranger would have them: built, installed with pip into a fresh environment, found, checked, compared.

The fresh environment is cheap and needs no network: it sees the packages of the running one (numpy, torch and so on) by
a .pth file that names where they are, and gets genbench and the plugins by pip, built here, without their dependencies.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from genbench import templates

ROOT = Path(__file__).parent.parent
EXAMPLES = ("hidden-markov", "mingru", "small-transformer")
SMALL = ("hidden-markov:states=4", "mingru:hidden=16", "small-transformer:hidden=16,context=8")
pytestmark = pytest.mark.slow
Fresh = Callable[..., subprocess.CompletedProcess[str]]


def pip(home: Path, *words: str | Path) -> None:
    """Run the pip of this environment on another one, with no network."""
    python = home / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "-q", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def install(home: Path, *places: Path) -> None:
    """Build what stands in some folders, in copies of them, and install it."""
    copies = [home / "sources" / place.name for place in places]
    for place, copy in zip(places, copies, strict=True):
        leave = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "benchmarks")
        shutil.copytree(place, copy, ignore=leave)
    pip(home, "install", "--no-index", "--no-deps", "--no-build-isolation", *copies)


def troubles(folder: Path) -> Path:
    """The folder of a distribution whose four generators cannot be used, for four reasons."""
    (home,) = {path.parent for path in templates.write("troubles", "tokens", True, folder) if path.name == "README.md"}
    good = templates.fill("tokens", "trouble")
    sources = {
        "broken_one": "import no_such_package",
        "old_one": "from genbench import Predictor",
        "newer_one": good.replace("contract = 2", "contract = 3"),
        "taken_one": good,
    }
    for module, source in sources.items():
        (home / f"{module}.py").write_text(source, encoding="utf-8")
    names = {module: module.replace("_", "-").replace("taken-one", "markov-char") for module in sources}
    entries = "\n".join(f'{name} = "{module}:Trouble"' for module, name in names.items())
    written = (home / "pyproject.toml").read_text(encoding="utf-8")
    written = written.replace('troubles = "troubles:Troubles"', entries).replace('["troubles"]', str([*sources]))
    (home / "pyproject.toml").write_text(written, encoding="utf-8")
    return home


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with genbench, the examples, and a distribution of troubles."""
    made = tmp_path_factory.mktemp("fresh")
    venv.create(made, with_pip=False)
    (site,) = made.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "running.pth").write_text("\n".join(packages), encoding="utf-8")
    (made / "written").mkdir()
    examples = (ROOT / "examples" / "plugins" / name for name in EXAMPLES)
    install(made, ROOT, *examples, troubles(made / "written"))
    return made


@pytest.fixture
def fresh(home: Path, tmp_path: Path) -> Fresh:
    """The genbench of the fresh environment, in an empty folder."""

    def genbench(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "GENBENCH_HOME": str(tmp_path / "kept"), "OMP_NUM_THREADS": "1", **variables}
        command = [home / "bin" / "genbench", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return genbench


def lines(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("genbench:")]


def test_the_examples_are_found_and_what_is_broken_costs_a_line_each(fresh: Fresh) -> None:
    done = fresh("generators", "list")
    assert done.returncode == 0
    listed = {line.split("\t")[0] for line in done.stdout.splitlines()}
    assert {*EXAMPLES, "markov-char", "lstm-char"} <= listed
    assert not {"broken-one", "old-one", "newer-one"} & listed
    said = lines(done.stderr)
    assert len(said) == 4, done.stderr
    for name, reason in (
        ("broken-one", "No module named 'no_such_package'"),
        ("old-one", "it was written for another version of genbench"),
        ("markov-char", "is left out, because genbench has that name"),
        ("newer-one", "was written for contract 3, and this genbench supports 2"),
    ):
        (line,) = (line for line in said if name in line)
        assert reason in line
        assert "pip uninstall genbench-troubles, or set GENBENCH_PLUGINS=none, to be rid of it" in line


def test_a_broken_plugin_never_costs_another_command(fresh: Fresh) -> None:
    compared = fresh("compare", "pell", "-g", "markov-char:order=2", "-g", "broken-one", "--length", "10")
    assert compared.returncode == 0
    assert "pell markov-char:order=2: " in compared.stderr
    assert len(lines(compared.stderr)) == 1  # the name that is taken; the broken one costs its own row
    assert "failed: broken-one of genbench-troubles cannot be imported" in compared.stderr
    assert fresh("generators", "check", "broken-one").returncode == 1
    assert fresh("corpora", "list").stderr == ""


@pytest.mark.parametrize(
    ("allowed", "examples", "warnings"),
    [("none", set(), 0), ("genbench-mingru", {"mingru"}, 0), ("genbench_mingru, nothing", {"mingru"}, 1)],
)
def test_the_environment_says_which_are_loaded(allowed: str, examples: set[str], warnings: int, fresh: Fresh) -> None:
    done = fresh("generators", "list", GENBENCH_PLUGINS=allowed)
    listed = {line.split("\t")[0] for line in done.stdout.splitlines()}
    assert listed & {*EXAMPLES, "broken-one"} == examples
    assert {"markov-char", "mixture"} <= listed
    assert len(lines(done.stderr)) == warnings
    left_out = fresh("generators", "show", "hidden-markov", GENBENCH_PLUGINS=allowed)
    assert left_out.returncode == 2
    assert f"GENBENCH_PLUGINS={allowed} leaves its plugin out" in left_out.stderr


@pytest.mark.parametrize("spec", SMALL)
def test_an_example_holds_every_check(spec: str, fresh: Fresh) -> None:
    done = fresh("generators", "check", spec, GENBENCH_PLUGINS="genbench-" + spec.partition(":")[0])
    assert done.returncode == 0, done.stdout


def test_the_examples_are_compared(fresh: Fresh, tmp_path: Path) -> None:
    named = [word for spec in SMALL for word in ("-g", spec)]
    done = fresh("compare", "pell", *named, "--steps", "20", "--length", "20", "--json", "out.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]
    assert [row["status"] for row in rows] == ["ok"] * 3, [row.get("error") for row in rows]
    assert all(row["bits_per_character"] < 6 for row in rows)


def test_a_new_distribution_is_installed_found_and_its_own_test_passes(
    home: Path, fresh: Fresh, tmp_path: Path
) -> None:
    assert fresh("generators", "new", "your-idea", "--package").returncode == 0
    pip(home, "install", "--no-index", "--no-deps", "--no-build-isolation", tmp_path / "your-idea")
    try:
        assert fresh("generators", "check", "your-idea").returncode == 0
        assert fresh("compare", "pell", "-g", "your-idea", "--length", "10").returncode == 0
        python = [home / "bin" / "python", "-P", "-m"]
        templates.write("deep-idea", "torch", False, tmp_path / "your-idea")
        typed = [
            "mypy",
            "--strict",
            "--cache-dir",
            str(ROOT / ".mypy_cache" / "strangers"),
            "your_idea.py",
            "deep_idea.py",
        ]
        for words in (["pytest", "-q"], [*typed, "tests"]):
            done = subprocess.run(
                [*python, *words], cwd=tmp_path / "your-idea", capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout
    finally:
        pip(home, "uninstall", "-y", "genbench-your-idea")
