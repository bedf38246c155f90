"""Proofs of runs: what a stranger can check, and that nothing in the folder can be changed unnoticed."""

import hashlib
import importlib.util
import json
import lzma
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from doubles import InProcessExecutor, unigram_source
from processes import HEADER
from test_cli import run as run_command

import genbench
from genbench import UserError, api
from genbench.experiments.proof.prove import Proof, prove
from genbench.experiments.proof.versions import pinned_versions
from genbench.experiments.proof.wheel import pack_wheel
from genbench.storage import models

CHAIN = "markov-char:order=3"


def make_run(authors: Any, generators: list[str], **options: Any) -> genbench.Comparison:
    """Return a comparison whose rows were computed in this process, and stored."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genbench.experiments.compare.create_executor", lambda *_: InProcessExecutor())
        return genbench.compare(authors, generators, length=0, **options)


def ferry(folder: Path) -> str:
    """Return the path of a text of some 12,000 characters, whose test text has a whole block of 1,000."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ferry.txt").write_text("".join(PROSE.replace("six", f"{n} o'clock") for n in range(40)))
    return str(folder / "ferry.txt")


@pytest.fixture(scope="module")
def chain_proof(tmp_path_factory: pytest.TempPathFactory) -> Proof:
    """Return a proof of two rows of one author, one of them adaptive."""
    folder = tmp_path_factory.mktemp("proofs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(folder / "home"))
        return prove(make_run(ferry(folder), [CHAIN, f"{CHAIN},adaptive=true"]), folder / "proof")


@pytest.fixture
def proof(chain_proof: Proof, tmp_path: Path) -> Path:
    """Return a copy of it, which a test may change."""
    return Path(shutil.copytree(chain_proof.folder, tmp_path / "proof"))


def verify(folder: Path, *arguments: str) -> int:
    """Return the exit code of a proof's script, run in this process."""
    return int(load_script(folder).main(list(arguments)))


def load_script(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_copy", folder / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode  # a __pycache__ would be one more file
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def seal(folder: Path) -> None:
    """Write the checksums of a folder anew, as somebody would who wants to deceive."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(line for line in lines if not line.endswith("  SHA256SUMS\n")))


def edit_json(path: Path, edit: Callable[[Any], None]) -> None:
    values = json.loads(path.read_text())
    edit(values)
    path.write_text(json.dumps(values))


@pytest.mark.slow
def test_every_row_is_decoded_and_agrees(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(proof) == 0
    printed = capsys.readouterr().out
    assert printed.count("decoded; agrees") == 2
    assert "all agree within 0.0001 bits per character (2 decoded)" in printed


def test_the_checksums_are_those_of_sha256sum_and_the_digest_is_that_of_their_list(
    proof: Path, chain_proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=proof, check=True)
    assert hashlib.sha256((proof / "SHA256SUMS").read_bytes()).hexdigest() == chain_proof.digest
    verify(proof, "--score")
    assert f"proof {chain_proof.digest}" in capsys.readouterr().out


def test_the_text_is_that_of_the_author_and_the_compressed_one_proves_the_bits(proof: Path, tmp_path: Path) -> None:
    test = str(genbench.corpus(ferry(tmp_path)).test)
    assert lzma.decompress(next((proof / "texts").iterdir()).read_bytes()).decode() == test
    results = json.loads((proof / "run.json").read_text())["results"]
    for row, file in zip(results, sorted((proof / "compressed").iterdir()), strict=True):
        assert row["bits"] < 8 * file.stat().st_size <= row["bits"] + 8 * 64


def test_any_changed_missing_or_added_file_is_named(proof: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # one bit in each file, the script excepted, which runs here from its source
    files = [path for path in proof.rglob("*") if path.is_file() and path.name not in ("SHA256SUMS", "verify.py")]
    script = load_script(proof)
    for path in files:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        name = path.relative_to(proof).as_posix()
        assert list(script.check_files()) == [f"{name} has been changed"]
        path.write_bytes(data)
    assert list(script.check_files()) == []

    # a missing and an added file
    (proof / "README.md").rename(proof / "other.md")
    assert list(script.check_files()) == ["README.md is missing", "other.md is not in SHA256SUMS"]
    assert verify(proof, "--score") == 1
    assert "problems: 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "edit", "problem"),
    [
        ("run.json", lambda run: run["results"][0].update(bits=run["results"][0]["bits"] - 2), "in the table"),
        ("run.json", lambda run: run["results"][0].update(bits_per_character=1.9), "does not follow from the bits"),
        ("run.json", lambda run: run["results"][0].update(characters=6000), "characters is"),
        ("run.json", lambda run: run["results"][0]["block_bits"].pop(), "block_bits in the table"),
        ("run.json", lambda run: run["verdicts"].update(ferry=[{}]), "verdicts in run.json do not follow"),
        ("proof.json", lambda values: values["texts"]["ferry"].update(sha256="0" * 64), "is another text"),
        (
            "proof.json",
            lambda values: values["rows"][0].update(model=values["rows"][1]["model"]),
            "its model has the options",
        ),
        ("proof.json", lambda values: values["rows"][0].update(model="models/none"), "models/none is missing"),
        ("proof.json", lambda values: values["rows"].pop(), "1 rows that are neither checked nor named"),
        ("run.json", lambda run: run["results"][0].update(options={"order": 5}), "its model has the options"),
    ],
)
def test_figures_that_are_wrong_are_named_even_with_new_checksums(
    proof: Path, capsys: pytest.CaptureFixture[str], file: str, edit: Callable[[Any], None], problem: str
) -> None:
    edit_json(proof / file, edit)
    seal(proof)
    assert verify(proof, *(["--score"] if file == "run.json" else [])) == 1
    assert problem in capsys.readouterr().out


@pytest.mark.parametrize("name", ["run.json", "proof.json", "SHA256SUMS"])
def test_a_folder_without_one_of_its_lists_is_no_proof(
    proof: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (proof / name).unlink()
    assert verify(proof, "--score") == 1
    assert f"this is no proof: [Errno 2] No such file or directory: '{proof / name}'" in capsys.readouterr().out


def test_a_model_that_was_changed_does_not_have_the_bits_of_the_table(
    proof: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # a chain of another text in its place, whose files and card fit each other
    row = json.loads((proof / "proof.json").read_text())["rows"][0]
    shutil.rmtree(proof / row["model"])
    genbench.train("pell", CHAIN, keep=False).save(proof / row["model"])
    seal(proof)
    assert verify(proof, "--score") == 1
    assert "bits per character, " in capsys.readouterr().out


def test_where_predictions_are_rounded_otherwise_the_text_is_scored(
    proof: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the last digit of each probability, as another processor may have it
    from genbench.analysis import compression

    counts = compression.cumulative_counts
    monkeypatch.setattr(compression, "cumulative_counts", lambda values: counts(values + 1e-9))
    assert verify(proof) == 0
    printed = capsys.readouterr().out
    assert printed.count("scored, since this processor or version rounds predictions in another way; agrees") == 2
    assert "decoded" not in printed


@pytest.mark.slow
def test_a_network_and_the_beginning_of_its_text(
    tmp_path: Path, prose_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(str(prose_file), ["lstm-char:hidden=8", CHAIN], steps=2)
    proof = prove(run, tmp_path / "proof", characters=200)
    assert all(150 < row.characters <= 200 for row in proof.rows)
    assert "hidden=8" in proof.rows[0].spec
    assert "schedule" in proof.rows[0].spec
    assert verify(proof.folder) == 0
    assert capsys.readouterr().out.count("decoded; agrees") == 2
    assert "(the first" in (proof.folder / "README.md").read_text()


@pytest.mark.slow
def test_plugin_files_are_copied_named_and_run_only_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nimport beside_mine\n"
    (tmp_path / "mine.py").write_text(beside + HEADER + unigram_source())
    (tmp_path / "beside_mine.py").write_text("")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    mixed = f"mixture:parts=({CHAIN})+({tmp_path}/mine.py)"
    proof = prove(make_run(ferry(tmp_path), ["./mine.py", mixed]), "proof")
    for name in ("mine.py", "beside_mine.py"):  # nothing of the machine that trained it is needed
        (tmp_path / name).unlink()
    monkeypatch.chdir("/")
    models_of_here = models.models_folder()
    shutil.rmtree(models_of_here)

    assert not proof.missing
    folder = tmp_path / "proof"
    assert proof.rows[0].plugins == proof.rows[1].plugins
    assert proof.rows[0].plugins[0] in (folder / "README.md").read_text()
    assert verify(folder) == 1
    assert capsys.readouterr().out.count("not checked") == 3
    assert verify(folder, "--plugins") == 0
    assert capsys.readouterr().out.count("decoded; agrees") == 2


@pytest.mark.slow
def test_rows_without_a_model_are_left_out_and_named(tmp_path: Path) -> None:
    comparison = make_run(ferry(tmp_path), [CHAIN, "markov-word"])
    models.remove_named([comparison.results[1].model])
    proof = prove(comparison, tmp_path / "proof")
    assert len(proof.rows) == 1
    assert len(proof.missing) == 1
    assert "ferry markov-word: " in proof.missing[0]
    assert f"genbench runs rerun {comparison.name}" in proof.missing[0]
    assert proof.missing[0] in json.loads((tmp_path / "proof/proof.json").read_text())["missing"]
    assert verify(tmp_path / "proof", "--score") == 0


@pytest.mark.slow
def test_a_stored_model_of_another_training_proves_nothing(tmp_path: Path) -> None:
    comparison = make_run(ferry(tmp_path), [CHAIN])
    stored = models.get_model(models.models_folder(), comparison.results[0].model)
    other = genbench.train(ferry(tmp_path), "markov-char:order=2", keep=False)
    assert other.card is not None
    shutil.rmtree(stored.folder)
    other.save(stored.folder)
    with pytest.raises(UserError, match="is of another training"):
        prove(comparison, tmp_path / "proof")
    assert not (tmp_path / "proof").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["none"], "there is no run 'none'"),
        (["last", "--characters", "0"], "characters is 0, but must be"),
        (["last", "-o", "full"], "'full' is not empty"),
    ],
)
def test_bad_arguments_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    make_run(ferry(tmp_path), [CHAIN])
    assert run_command(monkeypatch, "prove", *arguments) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.slow
def test_a_text_that_has_changed_and_a_run_of_nameless_texts(tmp_path: Path, prose_file: Path) -> None:
    comparison = make_run(str(prose_file), [CHAIN])
    prose_file.write_text(prose_file.read_text() + "One more line, which is in the test text.\n")
    with pytest.raises(UserError, match="the text of ferry has changed since run ferry-1 was made"):
        prove(comparison, tmp_path / "proof")

    text = genbench.corpus(str(prose_file))
    nameless = make_run(text, [CHAIN])
    with pytest.raises(UserError, match=r"pass them as texts=\[...\]"):
        prove(nameless, tmp_path / "proof")
    assert api.prove(nameless, tmp_path / "proof", texts=[text]).rows


@pytest.mark.slow
def test_the_command_writes_a_folder_named_after_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(ferry(tmp_path), [CHAIN], name="mine")
    assert run_command(monkeypatch, "prove", "last") == 0
    printed = capsys.readouterr()
    assert "ferry markov-char: " in printed.out
    assert "wrote mine-proof; python mine-proof/verify.py checks it" in printed.err
    assert verify(tmp_path / "mine-proof", "--score") == 0


@pytest.mark.slow
def test_the_wheel_has_the_code_that_runs_and_pip_can_install_it(tmp_path: Path) -> None:
    wheel = pack_wheel(tmp_path)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(tmp_path / "site"), str(wheel)], check=True)
    source = Path(genbench.__file__).parent
    for name in ("__init__.py", "experiments/proof/verify.py", "report/html/templates/style.css"):
        assert (tmp_path / "site/genbench" / name).read_bytes() == (source / name).read_bytes()
    assert (tmp_path / "site/genbench_corpora/catalogue.toml").is_file()
    assert "markov-char" in next((tmp_path / "site").glob("*.dist-info/entry_points.txt")).read_text()

    # nothing of this machine, and the same bytes again
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "direct_url" in name or "__pycache__" in name]
    first = wheel.read_bytes()
    assert pack_wheel(tmp_path).read_bytes() == first


def test_pinned_versions_are_those_that_are_installed() -> None:
    versions = pinned_versions(["genbench"])
    assert versions["numpy"] == np.__version__
    assert {"genbench", "torch", "regex", "urllib3"} <= versions.keys()
    assert "pytest" not in versions  # an extra
