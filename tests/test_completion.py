"""Shell completion as bash and zsh request it, and the candidates behind it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genbench import api, registry
from genbench.cli import candidates
from genbench.cli.main import main
from genbench.registry import source_code
from genbench.spec import options_of


def bash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return what bash is offered for the last word; the words are split as bash splits them."""
    monkeypatch.setenv("COMP_WORDS", "\n".join(["genbench", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    monkeypatch.setenv("_GENBENCH_COMPLETE", "complete_bash")
    return answer(monkeypatch, capsys).split("\n")


def answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["genbench"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["gen"], ["generate", "generators"]),
        (["generators", "ch"], ["check"]),
        (["generate", "aus"], ["austen"]),
        (["compare", "pell", "mel"], ["melville"]),
        (["generate", "austen", "--max"], ["--max-overlap"]),
        (["generate", "austen", "-g", "lstm-c"], ["lstm-char"]),
        (["generate", "austen", "--generator", "lstm-c"], ["lstm-char"]),
        (["train", "austen", "-g", "lstm-char", ":", "hid"], ["hidden="]),
        (["train", "austen", "-g", "markov-char", ":", "order", "=", "3,smo"], ["order=3,smoothing="[6:]]),
        (["surprisal", "pell", "-g", "markov-char", "-g", "markovi"], ["markovify"]),
        (["train", "austen", "--device", "c"], ["cpu", "cuda"]),
        (["score", "austen", "--lines", ""], ["join", "keep"]),
        (["compare", "--by", "n"], ["newline"]),
        (["runs", "show", "la"], ["last"]),
        (["attribute", "page.txt", "--among", "carr"], ["carroll"]),
        (["generators", "show", "rnn-"], ["rnn-char", "rnn-word"]),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else None,
)
def test_bash_completes(
    words: list[str], offered: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bash(monkeypatch, capsys, *words) == offered


def test_every_option_of_a_generator_completes_after_its_colon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {"hidden=", "dropout="} <= set(bash(monkeypatch, capsys, "train", "austen", "-g", "lstm-char", ":"))


def test_paths_complete_as_well_as_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").touch()
    (tmp_path / "mined").mkdir()
    (tmp_path / "mine.toml").touch()
    (tmp_path / "mine.py").touch()
    assert bash(monkeypatch, capsys, "generate", "min") == ["mine.txt", "mined/"]
    assert bash(monkeypatch, capsys, "compare", "min") == ["mine.txt", "mined/", "mine.toml"]
    assert bash(monkeypatch, capsys, "train", "pell", "-g", "./mi") == ["./mine.py", "./mined/"]


def test_stored_models_and_runs_complete(
    prose_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.train(api.corpus(prose_file), "markov-char:order=2")
    (run,) = [Path(os.environ["GENBENCH_HOME"]) / "runs" / "mine-1"]
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}", encoding="utf-8")
    assert bash(monkeypatch, capsys, "models", "show", "ferry")[0].startswith("ferry-markov-char-")
    assert bash(monkeypatch, capsys, "runs", "remove", "mi") == ["mine-1"]


def test_zsh_completes_with_descriptions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_GENBENCH_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "genbench generate aus")
    assert '"austen":"Jane Austen"' in answer(monkeypatch, capsys)
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "genbench train austen -g lstm-char:hid")
    assert "hidden=" in answer(monkeypatch, capsys)


@pytest.mark.slow
def test_completion_loads_no_torch() -> None:
    code = "import sys; from genbench.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print(sorted({'torch', 'nltk', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    variables = {"_GENBENCH_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "genbench train austen -g lstm-char:"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert "hidden=" in process.stdout
    assert process.stderr.strip() == "[]"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="bash is not available there")
def test_bash_itself_completes_with_the_script_that_is_installed(tmp_path: Path) -> None:
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    script = (
        'eval "$(_GENBENCH_COMPLETE=source_bash genbench)"; COMP_WORDS=(genbench train austen -g lstm-char : hid); '
        'COMP_CWORD=6; _genbench_completion genbench hid :; echo "${COMPREPLY[@]}"'
    )
    process = subprocess.run(
        ["bash", "--norc", "-c", script], env=os.environ | {"PATH": beside}, capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "hidden="


@pytest.mark.parametrize("name", sorted(registry.registered()))
def test_the_options_read_from_the_source_are_those_of_the_class(name: str) -> None:
    assert candidates.option_names(name) == list(options_of(registry.load_registered(name)))


def test_the_options_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass, field\nfrom genbench import Generator\n\n@dataclass\n"
        "class Mine(Generator):\n    order: int = 3\n    table: dict = field(init=False)\n",
        encoding="utf-8",
    )
    assert candidates.option_names(str(path)) == ["order"]
    path.write_text("class (", encoding="utf-8")
    source_code.syntax_nodes.cache_clear()
    assert candidates.option_names(str(path)) == []
    assert candidates.option_names(str(tmp_path / "none.py")) == []


def test_a_spec_completes_to_names_and_then_to_options_not_given_yet() -> None:
    assert candidates.specs("lstm-") == ["lstm-char", "lstm-subword", "lstm-window", "lstm-word"]
    assert "markov-char:order=3,smoothing=" in candidates.specs("markov-char:order=3,")
    assert "markov-char:order=3,order=" not in candidates.specs("markov-char:order=3,")
    assert candidates.specs("nobody:") == candidates.specs("mixture:parts=(ma") == []


def test_authors_models_and_runs(prose_file: Path) -> None:
    assert ("austen", "Jane Austen") in candidates.authors()
    assert candidates.models() == candidates.run_names() == []
    api.train(api.corpus(prose_file), "markov-char:order=2")
    assert [spec for _, spec in candidates.models()] == ["markov-char:order=2"]


@pytest.mark.slow
def test_candidates_load_no_torch() -> None:
    code = (
        "import sys; from genbench.cli import candidates; assert candidates.specs('lstm-char:'); candidates.authors()"
    )
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True)
