"""README and docs stay true: the examples run, every file has its place, and the defaults are those of the code."""

import re
import shlex
from functools import partial
from pathlib import Path

import pytest
from typer.main import get_command

from genbench import registry
from genbench.cli.main import app
from genbench.generator import TrainContext
from genbench.spec import format_value, options_of
from genbench.testing import CHECKS, Subject

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GENERATORS = (ROOT / "docs" / "generators.md").read_text(encoding="utf-8")


def python_blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


@pytest.mark.slow
def test_the_python_example_of_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = python_blocks(README)[0]
    quick, replaced = re.subn(r'budget="\d+s"', "steps=20", example)
    assert replaced == 2

    exec(quick, {})

    # the score, the text of 200 characters, the table
    bits, _, rest = capsys.readouterr().out.partition("\n")
    assert 1 < float(bits) < 5
    assert len(rest) > 200
    assert "markov-char" in rest
    assert "lstm-char" in rest


@pytest.mark.parametrize("check", CHECKS)
def test_the_plugin_of_the_readme_conforms(check: str, tmp_path: Path) -> None:
    path = tmp_path / "unigram.py"
    path.write_text(python_blocks(README)[1], encoding="utf-8")
    CHECKS[check](Subject(lambda: registry.create(str(path))))


@pytest.mark.slow
def test_the_network_and_the_checks_of_the_docs_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = partial(Subject, characters=5_000, tokens=500, context=TrainContext(seed=1, steps=10))
    monkeypatch.setattr("genbench.testing.Subject", quick)
    network, checks = python_blocks(GENERATORS)
    head = "from dataclasses import dataclass\nfrom torch import nn\nfrom genbench import Tokenizer\n"
    head += "from genbench.neural import RecurrentGenerator\n"
    path = tmp_path / "gru.py"
    path.write_text(head + network, encoding="utf-8")
    exec(checks, {"GRUChar": lambda: registry.create(f"{path}:hidden=8,embedding=8,batch=4")})


def test_the_architecture_page_names_every_part() -> None:
    core = {path.name for path in (ROOT / "genbench").iterdir() if (path / "__init__.py").exists()}
    core |= {path.stem for path in (ROOT / "genbench").glob("*.py")} - {"__init__"}
    plugins = {path.stem for path in (ROOT / "plugins").rglob("*.py")} - {"__init__"}
    words = set(re.findall(r"\w+", ARCHITECTURE))
    assert core | plugins <= words


def test_the_table_of_topics_names_existing_files_and_names() -> None:
    rows = re.findall(r"^\| (.*) \| \[`(.*)`\]\(\.\./(.*)\) \| (.*) \|$", ARCHITECTURE, re.MULTILINE)
    assert len(rows) > 45
    for topic, path, link, names in rows:
        assert path == link
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^ *(def|class) {name}\b", source, re.MULTILINE), f"{name} in {path}"
        for other in re.findall(r"`(\w+/[\w/]+\.py)`", topic):
            assert (ROOT / other).exists(), other


@pytest.mark.parametrize("term", ["top-k", "Kneser-Ney", "truncated BPTT", "Holm", "safetensors reader"])
def test_a_reader_finds_a_term_in_the_table_of_topics(term: str) -> None:
    assert re.search(rf"^\| .*{term}.* \| \[`", ARCHITECTURE, re.MULTILINE)


def test_the_options_in_the_docs_are_those_of_the_code() -> None:
    table = GENERATORS[GENERATORS.index("## The generators included") :]
    for name in registry.registered():
        (row,) = re.findall(rf"^\| [^|]*`{name}`[^|]*\|(.*)$", table, re.MULTILINE)
        documented = dict(re.findall(r"`(\w+)` \(([\w.+-]+(?::\w+=\w+)?)", row))
        options = options_of(registry.load_registered(name))
        for key, value in documented.items():
            default = options[key].default
            # both mean None in a SPEC; a SPEC as a value stands in parentheses
            written = {"none", "auto"} if default is None else {format_value(default).strip("()")}
            same = float(value) == default if value[-1].isdigit() else value in written
            assert same, f"{name}: {key}"
        if "the rest as above" not in row:
            assert set(documented) == set(options)


def test_the_commands_in_the_docs_have_these_options() -> None:
    known = {name for parameter in get_command(app).commands["compare"].params for name in parameter.opts}  # type: ignore[attr-defined]
    lines = re.findall(r"genbench (compare [^`\n]*)", README + GENERATORS)
    assert lines
    for line in lines:
        for word in shlex.split(line.split("`")[0]):
            if word.startswith("-"):
                assert word in {*known, "--help"}, line


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md")), ROOT / "benchmarks" / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page}: {target}"


def test_each_reason_to_believe_a_number_has_a_test() -> None:
    section = README.split("## Why a number can be believed")[1].split("\n## ")[0]
    reasons = section.strip().split("\n- ")
    tests = [re.findall(r"\[test\]\((tests/test_\w+\.py)\)", reason) for reason in reasons]
    assert len(reasons) == 3
    assert all(len(found) == 1 and "def test_" in (ROOT / found[0]).read_text(encoding="utf-8") for found in tests)
