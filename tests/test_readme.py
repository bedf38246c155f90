"""README and docs stay true: the plugin runs, the file list exists, the defaults are those of the code."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from genbench import registry
from genbench import spec as options
from genbench.cli.main import app
from genbench.testing import CHECKS, Subject

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("check", CHECKS)
def test_the_plugin_of_the_readme_conforms(check: str, tmp_path: Path) -> None:
    path = tmp_path / "unigram.py"
    path.write_text(python_blocks(README)[0], encoding="utf-8")
    CHECKS[check](Subject(lambda: registry.make(str(path))))


@pytest.mark.slow
def test_the_network_and_the_checks_of_the_docs_run(tmp_path: Path) -> None:
    network, checks = python_blocks(DOCS)
    head = "from dataclasses import dataclass\nfrom torch import nn\nfrom genbench import Tokenizer\n"
    head += "from genbench.neural import RecurrentGenerator\n"
    path = tmp_path / "gru.py"
    path.write_text(head + network, encoding="utf-8")
    small = lambda: registry.make(f"{path}:hidden=8")  # noqa: E731
    exec(checks, {"GRUChar": small})


def test_the_files_it_lists_are_there_and_none_is_missing() -> None:
    listed = [
        name for row in re.findall(r"^\| (`.*?) \|", README, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)
    ]
    for name in listed:
        folders = ["", "genbench/", "plugins/"]
        assert any((ROOT / folder / name).exists() for folder in folders), name
    core = {path.name for path in (ROOT / "genbench").glob("*.py")} - {"__init__.py"}
    assert core <= {Path(name).name for name in listed}
    rooms = {path.name for path in (ROOT / "genbench").iterdir() if (path / "__init__.py").exists()}
    assert rooms <= {Path(name).name for name in listed}
    plugins = {path.name for path in (ROOT / "plugins").iterdir() if not path.name.startswith("_")} - {"py.typed"}
    assert plugins <= {Path(name).name for name in listed}


def test_the_options_in_the_docs_are_those_of_the_code() -> None:
    listed = DOCS[DOCS.index("## The generators that come along") :]
    for name in registry.found():
        (row,) = re.findall(rf"^\| [^|]*`{name}`[^|]*\|(.*)$", listed, re.MULTILINE)
        said = dict(re.findall(r"`(\w+)` \(([\w.+-]+)", row))
        known = options.options_of(registry.load(name))
        for key, value in said.items():
            default = known[key].default
            same = float(value) == default if value[-1].isdigit() else value == options.written(default)
            assert same, f"{name}: {key}"
        if "the rest as above" not in row:
            assert set(said) == set(known)


def test_the_commands_it_shows_have_these_options() -> None:
    known = {opt for p in get_command(app).commands["compare"].params for opt in p.opts}  # type: ignore[attr-defined]
    lines = re.findall(r"genbench (compare [^`\n]*)", README + DOCS)
    assert lines
    for line in lines:
        for word in shlex.split(line.split("`")[0]):
            if word.startswith("-"):
                assert word in {*known, "--help"}, line


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "benchmarks" / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page}: {target}"
