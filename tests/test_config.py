"""Comparison files: their keys, arguments on top of them, and the examples."""

import importlib
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from genbench import Sampling, UserError
from genbench.cli.compare import compare as compare_command
from genbench.cli.main import main
from genbench.experiments import config
from genbench.experiments.compare import compare
from genbench.experiments.config import CompareConfig, read_config
from genbench.experiments.sweep import sweep
from genbench.sampling import DEFAULT_LENGTH
from genbench.spec import Spec

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path for path in ROOT.glob("examples/*.toml") if path.stem != "pair")  # pair.toml: minimal pairs
EVERY_KEY = """
title = "Orders"
notes = "what to look at"
expected = "what came out"
authors = ["thorne"]
generators = ["markov-char:order=2", "markov-char:order=3"]
budget = "2m"
steps = 5
seed = 1
seeds = 2
prompts = ["The ", "random"]
temperatures = [0.5, 1]
length = 20
top_k = 9
top_p = 0.9
min_p = 0
repetition_penalty = 1.1
jobs = 1
device = "cpu"
lines = "keep"
held_out = ["Log"]
by = ["newline"]
retrain = true
"""
TWO_ORDERS = "title = 'Two orders'\nnotes = 'the bits'\nauthors = ['thorne']\nlength = 9\nseed = 3\n"
TWO_ORDERS += "generators = ['markov-char:order=2', 'markov-char:order=3']\n"


def write(folder: Path, content: str, name: str = "c.toml") -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return str(folder / name)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `genbench compare` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["genbench", "compare", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        main()
    return int(exit_info.value.code or 0)


def arguments_of(monkeypatch: pytest.MonkeyPatch, *typed: str) -> dict[str, Any]:
    """Return the arguments that `genbench compare` passes to `compare`."""
    received: dict[str, Any] = {}

    def record(**arguments: Any) -> None:
        received.update(arguments)
        raise UserError("far enough")

    importlib.import_module("genbench.api")  # imported first now, it would keep the other function
    monkeypatch.setattr("genbench.experiments.compare.compare", record)
    assert run(monkeypatch, *typed) == 2
    return {name: value for name, value in received.items() if name not in ("command", "listener", "name")}


def test_every_key_reaches_the_comparison(tmp_path: Path) -> None:
    content = read_config(write(tmp_path, EVERY_KEY))
    inspect.signature(compare).bind(**content)
    settings = config.to_settings(content)
    assert (settings.title, settings.notes, settings.expected) == ("Orders", "what to look at", "what came out")
    assert settings.authors == ["thorne"]
    assert settings.generators == ["markov-char:order=2", "markov-char:order=3"]
    assert (settings.budget, settings.steps, settings.seed, settings.seeds) == (120.0, 5, 1, 2)
    assert settings.prompts == ["The ", "random"]
    assert settings.samplings == [Sampling(20, t, 9, 0.9, 0, 1.1) for t in (0.5, 1)]
    assert (settings.jobs, settings.device, settings.lines) == (1, "cpu", "keep")
    assert (settings.held_out, settings.by) == (["Log"], ["newline"])
    assert content["retrain"]


def test_the_keys_are_the_options_of_the_command_line_with_its_defaults() -> None:
    options = inspect.signature(compare_command).parameters
    keys = set(CompareConfig.__annotations__)
    assert keys - set(options) == {"title", "notes", "expected"}
    outputs = {"json", "csv", "markdown", "html", "playground", "name", "watch"}
    assert set(options) - keys == {"context", "books"} | outputs  # gutenberg:NAME:3 has --books 3
    defaults = {name: parameter.default for name, parameter in inspect.signature(compare).parameters.items()}
    defaults |= vars(Sampling(DEFAULT_LENGTH))
    for name in keys & set(options):
        assert options[name].default in (None, defaults.get(name)), name


def test_typed_options_replace_those_of_the_file_even_where_they_are_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, EVERY_KEY)
    assert arguments_of(monkeypatch, file) == read_config(file)
    typed = ["pell", "-g", "markov-word", "--seed", "0", "--device", "auto", "--length", "300", "--lines", "join"]
    typed += ["--temperature", "0.8", "--prompt", "", "--seeds", "1", "--repetition-penalty", "1"]
    arguments = arguments_of(monkeypatch, file, *typed)
    assert (arguments["authors"], arguments["generators"]) == (["pell"], ["markov-word"])
    assert (arguments["seed"], arguments["seeds"], arguments["device"], arguments["lines"]) == (0, 1, "auto", "join")
    assert (arguments["prompts"], arguments["temperatures"]) == ([""], [0.8])
    assert (arguments["length"], arguments["top_k"], arguments["repetition_penalty"]) == (300, 9, 1.0)
    assert (arguments["budget"], arguments["steps"], arguments["title"]) == ("2m", 5, "Orders")


@pytest.mark.parametrize(
    ("typed", "limits"),
    [(["--steps", "3"], (None, 3)), (["--budget", "9"], (9, None)), (["--steps", "3", "--budget", "9"], (9, 3))],
)
def test_a_typed_limit_replaces_both_limits_of_the_file(
    typed: list[str], limits: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = arguments_of(monkeypatch, write(tmp_path, "budget = 60.5"), *typed)
    budget = arguments.get("budget")
    assert (budget and float(budget), arguments.get("steps")) == limits


def test_without_a_file_only_typed_options_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert arguments_of(monkeypatch) == {}
    assert arguments_of(monkeypatch, "pell", "--retrain") == {"authors": ["pell"], "retrain": True}


def test_paths_are_relative_to_the_file_where_they_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    (folder / "books").mkdir(parents=True)
    (folder / "thorne").mkdir()
    for name in ("x.py", "my idea.py", "novel.txt"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path)
    specs = ["./x.py:weight=2", "my idea.py", "mixture:parts=x.py+(./x.py:a=1)", "markov-char", "gone.py", "/x.py"]
    content = f"authors = ['novel.txt', 'books', 'thorne', 'gone.txt']\ngenerators = {specs}"
    arguments = read_config(Path(write(folder, content)).relative_to(tmp_path))
    assert arguments["authors"] == ["a folder/novel.txt", "a folder/books", "thorne", "gone.txt"]
    plugin, idea = "a folder/x.py", "a folder/my idea.py"
    expected = [f"{plugin}:weight=2", idea, f"mixture:parts={plugin}+({plugin}:a=1)", *specs[3:]]
    assert arguments["generators"] == expected
    assert str(Spec.parse(arguments["generators"][0]).path) == plugin


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("temperature = [1]", "unknown key 'temperature': did you mean temperatures"),
        ("[generators]", "generators is {}, but must be a list"),
        ("authors = 'thorne'", "authors is 'thorne', but must be a list of at least one value, each text"),
        ("authors = []", "authors is [], but must be a list of at least one"),
        ("prompts = ['a', 1]", "each text"),
        ("temperatures = [1, true]", "each a number"),
        ("steps = 1.5", "steps is 1.5, but must be a whole number"),
        ("seed = true", "seed is True, but must be a whole number"),
        ("retrain = 1", "true or false"),
        ("budget = true", "text or a number"),
        ("budget = 'soon'", "30s, 2m or 1h"),
        ("budget = 0", "budget is 0"),
        ("budget = inf", "budget is inf"),
        ("seed = 2024-01-01", "a whole number"),
        ("temperatures = [nan]", "temperature is nan"),
        ("repetition_penalty = 0", "repetition-penalty is 0"),
        ("device = 'gpu'", "auto, cpu, cuda, mps"),
        ("generators = ['lstm-chr']", "did you mean lstm-char"),
        ("authors = ['thrne']", "did you mean thorne"),
        ("seed = ", "not valid TOML: Invalid value"),
        ("seed = 1\nseed = 2", "not valid TOML"),
        ("title = '\u00e9'".encode("latin-1"), "not valid TOML"),
    ],
)
@pytest.mark.usefixtures("no_progress")
def test_an_invalid_file_is_one_sentence_and_exit_code_2(
    content: str | bytes,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "c.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "c.toml") == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.toml"], "cannot read 'gone.toml': No such file"),
        (["gone.TOML", "thorne"], "cannot read 'gone.TOML'"),
        (["a.toml", "b.toml"], "'a.toml' and 'b.toml' are 2 comparison files; name one at a time"),
        (["folder.toml"], "cannot read 'folder.toml': Is a directory"),
    ],
)
def test_only_one_readable_file_is_accepted(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_comparison_file_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, TWO_ORDERS + "prompts = ['The ', 'random']\nexpected = 'order 3 won'")
    assert run(monkeypatch, "c.toml", "--json", "o.json", "--seed", "4") == 0
    out = capsys.readouterr().out
    assert out.startswith("Two orders\n\nthe bits\n\nthorne: ")
    assert out.endswith("\norder 3 won\n")
    values = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert (values["title"], values["notes"], values["expected"]) == ("Two orders", "the bits", "order 3 won")
    assert [(row["options"]["order"], row["seed"]) for row in values["results"]] == [(2, 4), (3, 4)]
    prompts = [[sample["prompt"] for sample in row["samples"]] for row in values["results"]]
    assert prompts[0] == prompts[1]
    assert (prompts[0][0], len(prompts[0][1])) == ("The ", 40)


@pytest.mark.slow
def test_a_comparison_file_runs_from_python(tmp_path: Path) -> None:
    content = read_config(write(tmp_path, TWO_ORDERS))
    comparison = compare(**config.override(content, {"generators": ["markov-char:order=1"]}), keep=False)
    assert (comparison.title, [row.options["order"] for row in comparison.results]) == ("Two orders", [1])


def test_the_file_and_the_keys_of_the_docs_are_right(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page[page.index("## Comparison files") : page.index("## In Python")]
    (block,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert read_config(write(tmp_path, block))["budget"] == "60s"
    assert set(CompareConfig.__annotations__) <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_notes_and_is_documented(path: Path) -> None:
    if path.stem == "sweep":
        command, (_, content) = "sweep", config.read_sweep_file(path)
    else:
        command, content = "compare", read_config(path)
    assert content["title"]
    assert 100 < len(content["notes"]) < 900
    assert 100 < len(content["expected"]) < 900
    assert config.to_settings(content).validate()
    inspect.signature(compare).bind(**content)
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{path.name}` \| .+ \| `genbench {command} example:{path.stem}` \|$", page, re.MULTILINE)
    assert page.count(".toml` | ") == len(EXAMPLES)


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem != "sweep"], ids=lambda path: path.stem)
def test_an_example_runs(path: Path, prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = read_config(path)
    out = tmp_path / "o.json"
    assert run(monkeypatch, str(path), str(prose_file), "--steps", "3", "--length", "20", "--json", str(out)) == 0
    values = json.loads(out.read_text(encoding="utf-8"))
    assert [row["status"] for row in values["results"]] == ["ok"] * len(content["generators"])
    assert values["title"] == content["title"]


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_a_sweep_file_is_accepted_by_sweep_alone() -> None:
    path = ROOT / "examples" / "sweep.toml"
    with pytest.raises(UserError, match="run it with genbench sweep"):
        read_config(path)
    result = sweep(path, steps=3, halving=0)
    assert [row.status for row in result.comparison.results] == ["ok"] * 11
    assert result.best("thorne")
