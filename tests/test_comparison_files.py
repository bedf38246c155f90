"""Comparison files: what they may say, what is put over it, and the ones that come along."""

import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import genbench
from genbench import Sampling, UserError
from genbench import spec as options
from genbench.cli.compare import compare
from genbench.cli.main import main
from genbench.experiments import config as settings

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted(path for path in ROOT.glob("examples/*.toml") if path.stem != "pair")  # no comparison: minimal pairs
WHOLE = """
title = "Orders"
see = "what to see"
came_out = "what came out"
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
fresh = true
"""
SMALL = "title = 'Two orders'\nsee = 'the bits'\nauthors = ['thorne']\nlength = 9\nseed = 3\n"
SMALL += "generators = ['markov-char:order=2', 'markov-char:order=3']\n"


def written(folder: Path, text: str, name: str = "c.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of `genbench compare words...`, run in this process."""
    monkeypatch.setattr(sys, "argv", ["genbench", "compare", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def asked(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    """What `genbench compare words...` asks of `genbench.compare`."""
    found: dict[str, Any] = {}

    def taken(**given: Any) -> None:
        found.update(given)
        raise UserError("far enough")

    monkeypatch.setattr("genbench.experiments.comparing.compare", taken)
    assert run(monkeypatch, *words) == 2
    return {name: value for name, value in found.items() if name not in ("command", "watcher")}


def test_every_key_reaches_the_comparison(tmp_path: Path) -> None:
    found = genbench.comparison(written(tmp_path, WHOLE))
    assert found == {
        "title": "Orders",
        "see": "what to see",
        "came_out": "what came out",
        "authors": ["thorne"],
        "generators": ["markov-char:order=2", "markov-char:order=3"],
        "budget": 120.0,
        "steps": 5,
        "seed": 1,
        "seeds": 2,
        "prompts": ["The ", "random"],
        "samplings": [Sampling(20, t, 9, 0.9, 0, 1.1) for t in (0.5, 1)],
        "jobs": 1,
        "device": "cpu",
        "lines": "keep",
        "held_out": ["Log"],
        "by": ["newline"],
        "fresh": True,
    }
    inspect.signature(genbench.compare).bind(**found)


def test_the_keys_are_the_options_of_the_command_line_with_its_defaults() -> None:
    options = inspect.signature(compare).parameters
    keys = set(settings.Settings.__annotations__)
    assert keys - set(options) == {"title", "see", "came_out"}
    assert set(options) - keys == {"context", "json", "csv", "markdown", "html", "name"}
    defaults = {name: p.default for name, p in inspect.signature(genbench.compare).parameters.items()}
    defaults |= vars(Sampling())
    for name in keys & set(options):
        assert options[name].default in (None, defaults.get(name)), name


def test_what_is_typed_goes_before_the_file_even_where_it_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, WHOLE)
    assert asked(monkeypatch, file) == genbench.comparison(file)
    typed = ["pell", "-g", "markov-word", "--seed", "0", "--device", "auto", "--length", "300", "--lines", "join"]
    typed += ["--temperature", "0.8", "--prompt", "", "--seeds", "1", "--repetition-penalty", "1"]
    found = asked(monkeypatch, file, *typed)
    assert (found["authors"], found["generators"]) == (["pell"], ["markov-word"])
    assert (found["seed"], found["seeds"], found["device"], found["lines"]) == (0, 1, "auto", "join")
    assert (found["prompts"], found["samplings"]) == ([""], [Sampling(300, 0.8, 9, 0.9, 0, 1.0)])
    assert (found["budget"], found["steps"], found["title"]) == (120.0, 5, "Orders")


@pytest.mark.parametrize(
    ("typed", "limits"),
    [(["--steps", "3"], (None, 3)), (["--budget", "9"], (9, None)), (["--steps", "3", "--budget", "9"], (9, 3))],
)
def test_a_typed_limit_takes_the_place_of_the_one_in_the_file(
    typed: list[str], limits: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = asked(monkeypatch, written(tmp_path, "budget = 60.5"), *typed)
    assert (found.get("budget"), found.get("steps")) == limits


def test_without_a_file_only_what_is_typed_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch) == {"samplings": [Sampling()]}
    assert asked(monkeypatch, "pell", "--fresh")["authors"] == ["pell"]


def test_paths_are_those_beside_the_file_where_they_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    (folder / "books").mkdir(parents=True)
    (folder / "thorne").mkdir()
    for name in ("x.py", "my idea.py", "novel.txt"):
        (folder / name).touch()
    monkeypatch.chdir(tmp_path)
    specs = ["./x.py:weight=2", "my idea.py", "mixture:parts=x.py+(./x.py:a=1)", "markov-char", "gone.py", "/x.py"]
    file = f"authors = ['novel.txt', 'books', 'thorne', 'gone.txt']\ngenerators = {specs}"
    found = genbench.comparison(Path(written(folder, file)).relative_to(tmp_path))
    assert found["authors"] == ["a folder/novel.txt", "a folder/books", "thorne", "gone.txt"]
    there, idea = "a folder/x.py", "a folder/my idea.py"
    expected = [f"{there}:weight=2", idea, f"mixture:parts={there}+({there}:a=1)", *specs[3:]]
    assert found["generators"] == expected
    assert str(options.parse(found["generators"][0]).path) == there


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("temperature = [1]", "a key 'temperature', which no comparison file has: did you mean temperatures"),
        ("[generators]", "generators is {}, and must be a list"),
        ("authors = 'thorne'", "authors is 'thorne', and must be a list of at least one, each text"),
        ("authors = []", "authors is [], and must be a list of at least one"),
        ("prompts = ['a', 1]", "each text"),
        ("temperatures = [1, true]", "each a number"),
        ("steps = 1.5", "steps is 1.5, and must be a whole number"),
        ("seed = true", "seed is True, and must be a whole number"),
        ("fresh = 1", "true or false"),
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
        ("seed = ", "no valid TOML: Invalid value"),
        ("seed = 1\nseed = 2", "no valid TOML"),
        ("title = '\u00e9'".encode("latin-1"), "no valid TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_exit_code_2(
    text: str | bytes, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "c.toml") == 2
    out, err = capsys.readouterr()
    assert named in err
    assert not out
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["gone.toml"], "cannot read 'gone.toml': No such file"),
        (["gone.TOML", "thorne"], "cannot read 'gone.TOML'"),
        (["a.toml", "b.toml"], "'a.toml' and 'b.toml' are 2 comparison files; name one at a time"),
        (["folder.toml"], "cannot read 'folder.toml': Is a directory"),
    ],
)
def test_what_is_no_single_file_is_refused(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.toml").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *words) == 2
    assert named in capsys.readouterr().err


@pytest.mark.slow
def test_a_comparison_file_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, SMALL + "prompts = ['The ', 'random']\ncame_out = 'order 3 won'")
    assert run(monkeypatch, "c.toml", "--json", "o.json", "--seed", "4") == 0
    out = capsys.readouterr().out
    assert out.startswith("Two orders\n\nthe bits\n\nthorne: ")
    assert out.endswith("machine of the file's authors:\norder 3 won\n")
    found = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert (found["title"], found["see"], found["came_out"]) == ("Two orders", "the bits", "order 3 won")
    assert [(row["options"]["order"], row["seed"]) for row in found["results"]] == [(2, 4), (3, 4)]
    prompts = [[sample["prompt"] for sample in row["samples"]] for row in found["results"]]
    assert prompts[0] == prompts[1]
    assert (prompts[0][0], len(prompts[0][1])) == ("The ", 40)


def test_a_comparison_file_runs_from_python(tmp_path: Path) -> None:
    file = written(tmp_path, SMALL)
    found = genbench.compare(**genbench.comparison(file, generators=["markov-char:order=1"], keep=False))
    assert (found.title, [row["options"]["order"] for row in found.results]) == ("Two orders", [1])


def test_the_file_and_the_keys_of_the_docs_are_right(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    section = page[page.index("## Comparison files") : page.index("## From Python")]
    (block,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert settings.read(Path(written(tmp_path, block)))["budget"] == "60s"
    assert set(settings.Settings.__annotations__) <= set(re.findall(r"`(\w+)`", section))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_what_to_see_and_is_documented(path: Path) -> None:
    said = settings.parsed(path)
    command = "sweep" if said.pop("sweep", None) else "compare"
    said = settings.checked(path, said)
    assert said["title"]
    assert 100 < len(said["see"]) < 900
    assert 100 < len(said["came_out"]) < 900
    for spec in said["generators"]:
        options.parse(spec)
    inspect.signature(genbench.compare).bind(**settings.arguments(said))
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{path.name}` \| .+ \| `genbench {command} examples/{path.name}` \|$", page, re.MULTILINE)
    assert page.count(".toml` | ") == len(EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem != "sweep"], ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = settings.read(path)["generators"]
    out = tmp_path / "o.json"
    assert run(monkeypatch, str(path), "thorne", "--steps", "3", "--length", "20", "--json", str(out)) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert [row["status"] for row in found["results"]] == ["ok"] * len(specs)
    assert found["title"] == settings.read(path)["title"]


@pytest.mark.slow
def test_the_example_of_a_sweep_is_swept_and_never_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ROOT / "examples" / "sweep.toml"
    with pytest.raises(UserError, match="genbench sweep takes it"):
        settings.read(path)
    found = genbench.sweep(path, steps=3, halving=0)
    assert [row["status"] for row in found.comparison.results] == ["ok"] * 11
    assert found.best("thorne")
