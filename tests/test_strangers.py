"""Plugin distributions: built, installed with pip into a fresh environment, listed, checked and compared.

The fresh environment needs no network: a .pth file makes the packages of the running environment (numpy, torch and so
on) available in it, and pip installs genbench and the plugins, built here, without their dependencies.
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
from processes import copy_machine_code

from genbench import templates

ROOT = Path(__file__).parent.parent
EXAMPLES = ("hidden-markov", "indrnn")
SMALL = ("hidden-markov:states=4", "indrnn:hidden=16")
MYPY = """
[mypy]
strict = True
[mypy-optuna.*,matplotlib.*,torch._inductor.*,torch._dynamo.*,torch.distributed.*,torch.ao.*,torch.fx.*,torch.utils.*]
follow_imports = skip
[mypy-torch._functorch.*,torch._higher_order_ops.*,torch.onnx.*,torch.distributions.*,torch._export.*,torch.export.*]
follow_imports = skip
"""  # without these, which the types of a plugin do not need, it takes a third of the time
pytestmark = pytest.mark.slow
Fresh = Callable[..., subprocess.CompletedProcess[str]]


def pip(home: Path, *words: str | Path) -> None:
    """Run pip on another environment without a network."""
    python = home / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "-q", *words]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def install(home: Path, *folders: Path) -> None:
    """Build and install the distributions in some folders, in copies of the folders."""
    copies = [home / "sources" / folder.name for folder in folders]
    for folder, copy in zip(folders, copies, strict=True):
        ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests", "benchmarks")
        shutil.copytree(folder, copy, ignore=ignored)
    pip(home, "install", "--no-index", "--no-deps", "--no-build-isolation", *copies)


def write_troubles(folder: Path) -> Path:
    """Write a distribution with four generators that cannot be used, for four reasons; return its folder."""
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

    # the four generators instead of that of the template
    project = (home / "pyproject.toml").read_text(encoding="utf-8")
    project = project.replace('troubles = "troubles:Troubles"', entries).replace('["troubles"]', str([*sources]))
    (home / "pyproject.toml").write_text(project, encoding="utf-8")
    return home


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with genbench, the example plugins, and a distribution of unusable plugins."""
    environment = tmp_path_factory.mktemp("fresh")
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    packages = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (site / "running.pth").write_text("\n".join(packages), encoding="utf-8")
    (environment / "written").mkdir()
    examples = (ROOT / "examples" / "plugins" / name for name in EXAMPLES)
    install(environment, ROOT, *examples, write_troubles(environment / "written"))

    copy_machine_code(site)
    return environment


@pytest.fixture
def fresh(home: Path, tmp_path: Path) -> Fresh:
    """A function that runs the genbench of the fresh environment in an empty folder."""

    def genbench(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "GENBENCH_HOME": str(tmp_path / "kept"), "OMP_NUM_THREADS": "1", **variables}
        command = [home / "bin" / "genbench", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return genbench


def messages(output: str) -> list[str]:
    """Return the lines that genbench prints about plugins."""
    return [line for line in output.splitlines() if line.startswith("genbench:")]


def test_the_examples_are_listed_and_each_unusable_plugin_costs_one_line(fresh: Fresh) -> None:
    process = fresh("generators", "list")
    assert process.returncode == 0
    listed = {line.split("\t")[0] for line in process.stdout.splitlines()}
    assert {*EXAMPLES, "markov-char", "lstm-char"} <= listed
    assert not {"broken-one", "old-one", "newer-one"} & listed

    # a line for each of the four
    lines = messages(process.stderr)
    assert len(lines) == 4, process.stderr
    for name, reason in (
        ("broken-one", "No module named 'no_such_package'"),
        ("old-one", "it was written for another version of genbench"),
        ("markov-char", "is ignored, because genbench registers that name"),
        ("newer-one", "was written for contract 3, and this genbench supports 2"),
    ):
        (line,) = (line for line in lines if name in line)
        assert reason in line
        assert "to remove it, pip uninstall genbench-troubles, or set GENBENCH_PLUGINS=none" in line


def test_a_broken_plugin_fails_no_other_command(fresh: Fresh) -> None:
    compared = fresh("compare", "pell", "-g", "markov-char:order=2", "-g", "broken-one", "--length", "10")
    assert compared.returncode == 2
    assert "genbench: broken-one of genbench-troubles cannot be imported" in compared.stderr
    assert fresh("generators", "check", "broken-one").returncode == 1
    assert fresh("corpora", "list").stderr == ""


def test_the_examples_are_compared_beside_broken_plugins(fresh: Fresh, prose_file: Path, tmp_path: Path) -> None:
    options = [word for spec in (*SMALL, "markov-char:order=2") for word in ("-g", spec)]
    process = fresh("compare", prose_file.name, *options, "--steps", "20", "--length", "20", "--json", "out.json")
    assert process.returncode == 0, process.stderr
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["results"]
    assert [row["status"] for row in rows] == ["ok"] * 3, [row.get("error") for row in rows]
    assert all(row["bits_per_character"] < 6 for row in rows)


@pytest.mark.parametrize(
    ("allowed", "examples", "warnings"), [("none", set(), 0), ("genbench_indrnn, nothing", {"indrnn"}, 1)]
)
def test_an_environment_variable_selects_the_plugins(
    allowed: str, examples: set[str], warnings: int, fresh: Fresh
) -> None:
    process = fresh("generators", "list", GENBENCH_PLUGINS=allowed)
    listed = {line.split("\t")[0] for line in process.stdout.splitlines()}
    assert listed & {*EXAMPLES, "broken-one"} == examples
    assert {"markov-char", "mixture"} <= listed
    assert len(messages(process.stderr)) == warnings
    left_out = fresh("generators", "show", "hidden-markov", GENBENCH_PLUGINS=allowed)
    assert left_out.returncode == 2
    assert f"GENBENCH_PLUGINS={allowed} excludes its plugin" in left_out.stderr


@pytest.mark.parametrize("spec", SMALL)
def test_an_example_passes_every_check(spec: str, fresh: Fresh) -> None:
    process = fresh("generators", "check", spec, GENBENCH_PLUGINS="genbench-" + spec.partition(":")[0])
    assert process.returncode == 0, process.stdout
    assert not messages(process.stderr)  # no other plugin is named, nor the variable


def test_a_new_distribution_is_installed_checked_and_passes_its_own_test(
    home: Path, fresh: Fresh, tmp_path: Path
) -> None:
    assert fresh("generators", "new", "your-idea", "--package").returncode == 0
    pip(home, "install", "--no-index", "--no-deps", "--no-build-isolation", tmp_path / "your-idea")
    try:
        assert fresh("generators", "check", "your-idea").returncode == 0
        assert fresh("compare", "pell", "-g", "your-idea", "--length", "10").returncode == 0

        # its own test, and strict type checking of both templates
        python = [home / "bin" / "python", "-P", "-m"]
        templates.write("deep-idea", "torch", False, tmp_path / "your-idea")
        (tmp_path / "mypy.ini").write_text(MYPY, encoding="utf-8")
        cache = ROOT / ".mypy_cache" / "strangers"
        mypy = ["mypy", "--config-file", tmp_path / "mypy.ini", "--cache-dir", cache, "your_idea.py", "deep_idea.py"]
        for arguments in (["pytest", "-q"], [*mypy, "tests"]):
            process = subprocess.run(
                [*python, *arguments], cwd=tmp_path / "your-idea", capture_output=True, text=True, check=False
            )
            assert process.returncode == 0, process.stdout
    finally:
        pip(home, "uninstall", "-y", "genbench-your-idea")
