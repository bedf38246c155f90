"""Models passed on: every file checked, nothing run, the same predictions on the other side."""

import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from test_cli import run

import genbench
from genbench import Sampling, UserError, templates
from genbench.storage import models, sharing

CHAIN = "markov-char:order=3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return genbench.export_model("pell", CHAIN, tmp_path / "shared")


def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person's machine: no model is kept there."""
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "elsewhere"))


def signed_anew(folder: Path) -> None:
    """As somebody would who changes a model on purpose: checksums that fit."""
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    card["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in models.FILES}
    (folder / "model.json").write_text(json.dumps(card))
    (folder / sharing.SUMS).write_text(sharing._sums(folder))


def test_a_model_goes_out_and_comes_in_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pell = genbench.corpus("pell")
    before = genbench.ready(pell, CHAIN)
    elsewhere(tmp_path, monkeypatch)
    model = genbench.import_model(folder)
    (kept,) = models.kept(models.home())
    assert kept.name == model.name
    after = genbench.load(model.name)
    ids = before.tokenizer.encode(pell.test)
    assert np.array_equal(before.token_log_probs(ids), after.token_log_probs(ids))
    assert len("".join(genbench.stream(after, "", Sampling(length=60, max_overlap=3)))) == 60
    assert genbench.compare([pell], [CHAIN], samplings=[]).results[0]["reused"]


def test_every_file_has_a_checksum(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    found = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(found) == {"README.md", "arrays.safetensors", "learned.json", "model.json"}
    assert all(sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in found.items())


def test_the_card_has_text_numbers_options_and_versions(folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    pell = genbench.corpus("pell")
    bits = genbench.score(genbench.ready(pell, CHAIN), pell.test).bits_per_character
    for row in ("author | pell", f"| {pell.sha256} |", f"bits per character | {bits:.4f}", "order | 3", "seed | 0"):
        assert row in card
    assert re.search(rf"trained with genbench \| {re.escape(genbench.__version__)}, 20\d\d-", card)
    assert f"numpy | {np.__version__}" in card


@pytest.mark.parametrize("file", ["README.md", "arrays.safetensors", "learned.json", "model.json"])
def test_a_changed_file_is_refused(file: str, folder: Path) -> None:
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(data)
    with pytest.raises(UserError, match=f"{file} of .* is damaged or was changed"):
        genbench.import_model(folder)


def test_a_missing_a_strange_and_a_linked_file_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match=r"evil.py of .* is not in SHA256SUMS"):
        genbench.import_model(folder)
    (folder / "evil.py").unlink()
    (folder / "learned.json").rename(tmp_path / "learned.json")
    with pytest.raises(UserError, match=r"learned.json of .* is missing"):
        genbench.import_model(folder)
    (folder / "learned.json").symlink_to(tmp_path / "learned.json")
    with pytest.raises(UserError, match=r"learned.json of .* is damaged"):
        genbench.import_model(folder)


def test_what_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        genbench.import_model(tmp_path / "nothing")
    with pytest.raises(UserError, match="has no SHA256SUMS"):
        genbench.import_model(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("")
    with pytest.raises(UserError, match="holds no model"):
        genbench.import_model(tmp_path)


@pytest.mark.parametrize("spec", ["{evil}", "mixture:parts=({evil})+(markov-char)"])
def test_a_file_that_a_model_names_is_never_run(
    spec: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil, ran = tmp_path / "evil.py", tmp_path / "ran"
    evil.write_text(f"open({str(ran)!r}, 'w').close()\n")
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    options = {"parts": f"({evil})+(markov-char)"} if "mixture" in spec else {}
    learned = {"tokenizer": {"kind": "characters", "letters": "a", "words": []}, "facts": {}, "words": None}
    learned["learned"] = {"dict": {"parts": [], "overall": [], "kinds": [], "weights": []}}
    (folder / "learned.json").write_text(json.dumps(learned))
    (folder / "model.json").write_text(json.dumps(card | {"spec": spec.format(evil=evil), "options": options}))
    signed_anew(folder)
    elsewhere(tmp_path, monkeypatch)
    for attempt in (genbench.import_model, genbench.load):
        with pytest.raises(genbench.GenbenchError, match="no file"):
            attempt(str(folder))
    assert not ran.exists()


def test_a_folder_of_nonsense_is_one_sentence(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "learned.json").write_text("[]")
    signed_anew(folder)
    elsewhere(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="cannot be imported: model shared cannot be used"):
        genbench.import_model(folder)
    assert models.kept(models.home()) == []


def test_a_model_of_a_file_wants_the_very_file_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = templates.write("pet-idea", "tokens", False, tmp_path)
    shared = genbench.export_model("pell", f"{path}:smoothing=0.25", tmp_path / "shared")
    (tmp_path / "other").mkdir()
    theirs = tmp_path / "other" / "renamed.py"
    theirs.write_bytes(path.read_bytes())
    path.unlink()
    elsewhere(tmp_path, monkeypatch)
    assert run(monkeypatch, "models", "import", str(shared)) == 2
    assert "trained with a file, pet_idea.py" in capsys.readouterr().err
    assert run(monkeypatch, "models", "import", str(shared), "-g", str(theirs)) == 0
    (model,) = models.kept(models.home())
    assert model.generator().smoothing == 0.25  # type: ignore[attr-defined]
    theirs.write_text(theirs.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert run(monkeypatch, "models", "import", str(shared), "-g", str(theirs)) == 2
    assert "has changed since" in capsys.readouterr().err


def test_an_export_stands_in_nobodys_way(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for place in (folder, tmp_path / "file", tmp_path / "no" / "such"):
        assert run(monkeypatch, "models", "export", "pell", str(place), "-g", CHAIN) == 2
    assert "make it first" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"shared", "file"}
