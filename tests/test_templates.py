"""`genbench generators new`: its files work unchanged, are short, and overwrite nothing."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from test_cli import run

from genbench import UserError, registry, templates
from genbench.errors import SpecError
from genbench.generator import TrainContext
from genbench.testing import CHECKS, Subject

MAX_LINES = 60  # lines that can be read in a minute


@pytest.mark.parametrize("kind", ["tokens", "torch"])
def test_a_new_plugin_is_short_and_passes_strict_linting(kind: str, tmp_path: Path) -> None:
    templates.write("pet-idea", kind, True, tmp_path)
    home = tmp_path / "pet-idea"
    assert len((home / "pet_idea.py").read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    for words in (["check", "--select", "E,F,W,I,B,UP,N,SIM,RUF,PT,C4,RET"], ["format", "--check"]):
        process = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--isolated", "--no-cache", "."],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert process.returncode == 0, process.stdout
    for path in home.rglob("*"):
        assert not path.is_file() or "my-idea" not in path.read_text(encoding="utf-8").lower().replace("_", "-")


@pytest.mark.parametrize("check", CHECKS)
def test_a_new_plugin_conforms(check: str, tmp_path: Path) -> None:
    (path,) = templates.write("pet-idea", "tokens", False, tmp_path)
    CHECKS[check](Subject.of(str(path)))


@pytest.mark.slow
def test_a_new_network_conforms(tmp_path: Path) -> None:
    (path,) = templates.write("pet-net", "torch", False, tmp_path)
    make = partial(registry.create, f"{path}:hidden=16,embedding=16,batch=4")
    subject = Subject(make, characters=5_000, tokens=500, context=TrainContext(seed=1, steps=10))
    for check in CHECKS.values():
        check(subject)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["My_Idea"], "lower-case letters, digits and hyphens"),
        (["lstm-char"], "is called 'lstm-char' already"),
        (["numpy"], "'numpy' is a Python keyword or an installed module"),
        (["class"], "'class' is a Python keyword or an installed module"),
        (["pet-idea", "--kind", "tensorflow"], "choose one of tokens, torch"),
    ],
)
def test_an_invalid_name_is_refused_and_nothing_is_written(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "generators", "new", *words) == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", [False, True])
def test_existing_files_are_never_overwritten(package: bool, tmp_path: Path) -> None:
    templates.write("pet-idea", "tokens", package, tmp_path)
    with pytest.raises(UserError, match="exists already"):
        templates.write("pet-idea", "torch", package, tmp_path)


def test_a_file_of_that_name_is_suggested_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pet_idea.py").write_text("raise SystemExit('it was run')")
    with pytest.raises(SpecError, match=r"did you mean \./pet_idea\.py"):
        registry.create("pet-idea")


@pytest.mark.slow
def test_files_in_the_current_folder_are_not_run_unless_named(tmp_path: Path) -> None:
    for name in ("numpy", "torch", "genbench", "genbench_plugins", "conftest", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w').close()")
    path = tmp_path / "mine.py"
    path.write_text(templates.fill("tokens", "mine"), encoding="utf-8")
    script = Path(sys.executable).with_name("genbench")
    for words in (["generators", "check", "./mine.py"], ["compare", "pell", "-g", "./mine.py", "--length", "10"]):
        process = subprocess.run([script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stderr
    assert not (tmp_path / "ran").exists()
