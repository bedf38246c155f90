"""Exported models: every file is checked, nothing is executed, and predictions stay the same."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cli import run

import genbench
from genbench import Sampling, UserError, api, templates
from genbench.corpus.loading import load_corpus
from genbench.errors import GenbenchError
from genbench.experiments.imported import unused_imports
from genbench.experiments.plan import CompareSettings, describe_specs, make_jobs
from genbench.storage import models, sharing
from genbench.storage.cards import FILES
from genbench.storage.seal import make_seal

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

CHAIN = "markov-char:order=3"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return api.export_model("pell", CHAIN, tmp_path / "shared")


def use_another_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use an empty home, as on another machine."""
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "another"))


def update_checksums(folder: Path) -> None:
    """Write valid checksums, as an attacker who changes a model would."""
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    card["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES}
    (folder / "model.json").write_text(json.dumps(card))
    sharing.write_checksums(folder)


@pytest.mark.slow
def test_an_imported_model_predicts_the_same(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pell = genbench.corpus("pell")
    exported = api.load_or_train(pell, CHAIN)
    use_another_home(tmp_path, monkeypatch)
    stored = api.import_model(folder)
    assert [model.name for model in models.list_models(models.models_folder())] == [stored.name]
    imported = genbench.load(stored.name)
    before, after = (model.score(str(pell.test)) for model in (exported, imported))
    assert np.array_equal(before.character_bits, after.character_bits)
    assert len("".join(genbench.stream(imported, "", Sampling(length=60, max_overlap=3)))) == 60
    assert not genbench.train(pell, CHAIN).reused


@pytest.mark.slow
def test_an_imported_model_replaces_no_other_and_is_used_only_where_it_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (own,) = models.list_models(models.models_folder())
    assert run(monkeypatch, "models", "import", str(folder)) == 0
    name = own.name.replace("-markov-char-", "-markov-char-imported-")
    assert f"--imported {name}" in capsys.readouterr().err
    assert {model.name: model.card.imported for model in models.list_models(models.models_folder())} == {
        own.name: False,
        name: True,
    }

    # replaced only on request
    assert run(monkeypatch, "models", "import", str(folder)) == 2
    assert f"{name} is stored already; --replace replaces it" in capsys.readouterr().err
    assert run(monkeypatch, "models", "import", str(folder), "--replace") == 0

    # not reused unless it is named
    models.remove_named([own.name])
    row = genbench.compare("pell", CHAIN, length=0, imported=name).results[0]
    assert row.model == name
    assert any("not trained here" in note for note in row.notes)
    assert not genbench.compare("pell", CHAIN, length=0).results[0].reused
    assert api.load_or_train("pell", CHAIN).id == own.name
    assert api.load_or_train("pell", CHAIN, imported=[name]).id == name
    with pytest.raises(UserError, match=f"no model is called 'nothing': choose from {name};"):
        genbench.compare("pell", CHAIN, imported="nothing")
    models.remove_named([name])
    with pytest.raises(UserError, match="none is imported or fine-tuned; genbench models import DIR"):
        api.load_or_train("pell", CHAIN, imported=["nothing"])


def test_an_imported_model_that_fits_no_row_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "models", "import", str(folder)) == 0
    (name,) = (model.name for model in models.list_models(models.models_folder()) if model.card.imported)

    def sentences(spec: str, **changes: Any) -> list[str]:
        settings = CompareSettings(authors=["pell"], generators=[spec], imported=[name], **changes)
        specs, place = describe_specs(settings.generators), str(models.models_folder())
        return list(unused_imports(make_jobs(settings, [load_corpus("pell")], specs, folder=place)))

    assert sentences(CHAIN) == []
    (sentence,) = sentences("markov-char:order=1", seed=5, budget=5.0)
    assert f"imported model {name} fits no row, so each is trained: another options and budget" in sentence
    assert f"(pell {CHAIN} --budget 30 --seed 0)" in sentence


@pytest.mark.slow
def test_a_folder_that_was_copied_or_edited_by_hand_counts_as_imported(folder: Path, tmp_path: Path) -> None:
    (own,) = models.list_models(models.models_folder())
    copied = shutil.copytree(own.folder, models.models_folder() / "mine")
    assert not models.read_model(copied).card.imported  # type: ignore[union-attr]  # a copy within the store

    # from another store, or with another card
    shutil.copytree(own.folder, tmp_path / "other" / own.name)
    assert [model.card.imported for model in models.list_models(tmp_path / "other")] == [True]
    text = (copied / "model.json").read_text(encoding="utf-8")
    (copied / "model.json").write_text(text.replace('"budget": 30.0', '"budget": 31.0'), encoding="utf-8")
    assert models.read_model(copied).card.imported  # type: ignore[union-attr]

    # it is not used; the own model, which would be, is away
    shutil.rmtree(own.folder)
    assert not genbench.compare("pell", CHAIN, length=0, budget=31.0).results[0].reused


def test_a_model_stays_ones_own_when_cards_get_another_field(folder: Path) -> None:
    (own,) = models.list_models(models.models_folder())
    path = own.folder / "model.json"
    values = json.loads(path.read_text(encoding="utf-8")) | {"seal": ""}
    del values["sources"]  # an earlier version did not write it, and this one reads a default
    values["seal"] = make_seal(own.folder.parent, values)
    path.write_text(json.dumps(values), encoding="utf-8")
    assert [model.card.imported for model in models.list_models(models.models_folder())] == [False]


def test_a_model_is_exported_and_imported_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "models", "export", "pell", str(tmp_path / "shared"), "-g", "markov-char:order=1") == 0
    assert "no interval" not in capsys.readouterr().err  # that is said in the card, and of no concern here
    assert run(monkeypatch, "models", "import", str(tmp_path / "shared")) == 0
    assert "-g markov-char:order=1 --imported pell-markov-char-imported-" in capsys.readouterr().err


def test_every_file_has_a_checksum(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    digests = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(digests) == {"README.md", "arrays.safetensors", "learned.json", "model.json"}
    assert all(sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in digests.items())


def test_the_card_has_text_scores_options_and_versions(folder: Path) -> None:
    card = (folder / "README.md").read_text(encoding="utf-8")
    pell = genbench.corpus("pell")
    bits = genbench.score(api.load_or_train(pell, CHAIN), str(pell.test)).bits_per_character
    for row in ("author | pell", f"| {pell.sha256} |", f"bits per character | {bits:.4f}", "order | 3", "seed | 0"):
        assert row in card
    assert re.search(rf"trained with genbench \| {re.escape(genbench.__version__)}, 20\d\d-", card)
    assert f"numpy | {np.__version__}" in card
    assert "genbench generate" not in card  # would train another model: an imported one is used where it is named


@pytest.mark.parametrize("file", ["README.md", "arrays.safetensors", "learned.json", "model.json"])
def test_a_changed_file_is_refused(file: str, folder: Path) -> None:
    data = bytearray((folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / file).write_bytes(data)
    with pytest.raises(UserError, match=f"{file} of .* is damaged or was changed"):
        api.import_model(folder)


def test_missing_unexpected_and_linked_files_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match=r"evil.py of .* is not in SHA256SUMS"):
        api.import_model(folder)
    (folder / "evil.py").unlink()
    (folder / "learned.json").rename(tmp_path / "learned.json")
    with pytest.raises(UserError, match=r"learned.json of .* is missing"):
        api.import_model(folder)
    (folder / "learned.json").symlink_to(tmp_path / "learned.json")
    with pytest.raises(UserError, match=r"learned.json of .* is damaged"):
        api.import_model(folder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        api.import_model(tmp_path / "nothing")
    with pytest.raises(UserError, match="has no SHA256SUMS"):
        api.import_model(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("")
    with pytest.raises(UserError, match="contains no model"):
        api.import_model(tmp_path)


@pytest.mark.parametrize("spec", ["{evil}", "mixture:parts=({evil})+(markov-char)"])
def test_a_file_that_a_model_names_is_never_executed(
    spec: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil, ran = tmp_path / "evil.py", tmp_path / "ran"
    evil.write_text(f"open({str(ran)!r}, 'w').close()\n")
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    options = {"parts": f"({evil})+(markov-char)"} if "mixture" in spec else {}
    learned = {"dict": {"parts": [], "overall": [], "kinds": [], "weights": []}}
    (folder / "learned.json").write_text(json.dumps({"learned": learned, "words": None}))
    card |= {"spec": spec.format(evil=evil), "options": options}
    (folder / "model.json").write_text(json.dumps(card))
    update_checksums(folder)
    use_another_home(tmp_path, monkeypatch)
    for load in (api.import_model, genbench.load):
        with pytest.raises(GenbenchError, match=r"executed|which is not run"):
            load(str(folder))
    assert not ran.exists()


def test_invalid_contents_are_refused_in_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "learned.json").write_text("[]")
    update_checksums(folder)
    use_another_home(tmp_path, monkeypatch)
    with pytest.raises(UserError, match="cannot be imported: model shared cannot be used"):
        api.import_model(folder)
    assert models.list_models(models.models_folder()) == []


def test_a_model_of_a_plugin_file_needs_that_file_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = templates.write("pet-idea", "tokens", False, tmp_path)
    shared = api.export_model("pell", f"{path}:smoothing=0.25", tmp_path / "shared")
    (tmp_path / "other").mkdir()
    theirs = tmp_path / "other" / "renamed.py"
    theirs.write_bytes(path.read_bytes())
    path.unlink()

    # refused without the file, imported with it
    use_another_home(tmp_path, monkeypatch)
    assert run(monkeypatch, "models", "import", str(shared)) == 2
    assert "trained with a plugin file, pet_idea.py" in capsys.readouterr().err
    assert run(monkeypatch, "models", "import", str(shared), "-g", str(theirs)) == 0
    (stored,) = models.list_models(models.models_folder())
    generator = stored.load().generator
    assert generator.smoothing == 0.25  # type: ignore[attr-defined]

    # refused with another file
    theirs.write_text(theirs.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert run(monkeypatch, "models", "import", str(shared), "-g", str(theirs)) == 2
    assert "has changed since" in capsys.readouterr().err


def test_an_export_overwrites_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for target in (folder, tmp_path / "file", tmp_path / "no" / "such"):
        assert run(monkeypatch, "models", "export", "pell", str(target), "-g", CHAIN) == 2
    assert "create it first" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"shared", "file"}


def test_a_model_of_an_earlier_edition_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(card | {"format": 1}))
    sharing.write_checksums(folder)
    for load in (api.import_model, genbench.load):
        with pytest.raises(UserError, match=r"written by an earlier edition of genbench.* train it again"):
            load(folder)
