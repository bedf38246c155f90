"""Models on the Hugging Face Hub: a local folder and a Hub on loopback, with the real huggingface_hub."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub, serve_hub

import genbench
from genbench import Model, UserError, api
from genbench.storage import sharing

SPEC = "markov-char:order=3"


@cache
def pell() -> Model:
    return genbench.train("pell", SPEC, keep=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub on loopback, and an empty cache of huggingface_hub."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # others may have imported it so
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serve_hub() as server:
        yield server


def test_a_saved_model_is_loaded_and_imported_with_the_same_predictions(tmp_path: Path) -> None:
    folder = pell().save_pretrained(tmp_path / "mine")
    again = Model.from_pretrained(folder)
    text = "The affair was over by six."
    assert again.score(text).bits == pell().score(text).bits
    assert again.id == ""
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors", ".md", ""}
    assert sharing.import_model(folder).card.imported


def test_the_card_has_the_header_of_the_hub_and_the_scores_that_are_given(tmp_path: Path) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    figures = api.score_figures(pell(), "The affair was over by six. " * 40)
    pell().save_pretrained(tmp_path / "scored", scores=figures)
    pell().save_pretrained(tmp_path / "plain")
    card = huggingface_hub.ModelCard.load(tmp_path / "scored/README.md")
    assert card.data.library_name == "genbench"
    assert card.data.tags == ["genbench", "markov-char"]
    assert card.data.pipeline_tag == "text-generation"
    assert f"| bits per character | {figures['bits_per_character']:.3f}"[:30] in card.text
    assert "score on the test text" not in (tmp_path / "plain/README.md").read_text()


@pytest.mark.slow
def test_a_model_is_pushed_in_one_commit_and_loaded_from_the_hub(hub: Hub, tmp_path: Path) -> None:
    address = pell().push_to_hub("me/pell-chain", endpoint=hub.address, token="hf_secret")
    assert address.startswith(f"{hub.address}/me/pell-chain/commit/")
    assert sum("/commit/main" in request for request in hub.requests) == 1
    assert hub.tokens == {"Bearer hf_secret"}
    files = hub.repositories["me/pell-chain"]
    assert files.keys() - {".gitattributes"} == {path.name for path in pell().save_pretrained(tmp_path / "a").iterdir()}

    # downloaded once; whatever else is there is neither downloaded nor executed
    files["genbench.py"] = b"raise SystemExit('executed')"
    hub.requests.clear()
    again = Model.from_pretrained("me/pell-chain", endpoint=hub.address)
    assert again.score("The sea.").bits == pell().score("The sea.").bits
    assert not [request for request in hub.requests if "genbench.py" in request]
    downloads = [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]
    hub.requests.clear()
    Model.from_pretrained("me/pell-chain", endpoint=hub.address)
    assert len(downloads) == 5
    assert not [request for request in hub.requests if request.startswith("GET") and "/resolve/" in request]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: files.pop("SHA256SUMS"), "has no SHA256SUMS"),
        (lambda files: files.pop("arrays.safetensors"), "arrays.safetensors of .* is missing"),
        (lambda files: files.update({"learned.json": b"{}"}), "learned.json of .* is damaged or was changed"),
    ],
)
def test_a_repository_with_a_damaged_model_is_refused(hub: Hub, change: Any, reason: str) -> None:
    pell().push_to_hub("me/pell-chain", endpoint=hub.address, token="t")
    change(hub.repositories["me/pell-chain"])
    with pytest.raises(UserError, match=reason):
        Model.from_pretrained("me/pell-chain", endpoint=hub.address)


@pytest.mark.parametrize("card", ['{"format"', "[]", '{"format": 99}'])
def test_a_card_that_is_damaged_or_of_a_later_version_is_named(card: str, tmp_path: Path) -> None:
    folder = pell().save_pretrained(tmp_path / "mine")
    (folder / "model.json").write_text(card)
    sharing.write_checksums(folder)
    for load in (Model.from_pretrained, genbench.load):
        with pytest.raises(UserError, match=r"^the model.json in .*mine is damaged, or of a later version of genbench"):
            load(folder)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("me/none", "me/none is no folder, and was not loaded from the Hub: there is no such repository"),
        ("me/no/such/form", "me/no/such/form is no folder, and was not loaded from the Hub: "),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(hub: Hub, name: str, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        Model.from_pretrained(name, endpoint=hub.address)
    assert str(refused.value).startswith(reason)
    assert "\n" not in str(refused.value)


def test_a_hub_that_cannot_be_reached_is_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="was not pushed: ") as refused:
        pell().push_to_hub("me/pell-chain", endpoint="http://127.0.0.1:9", token="t")
    assert "\n" not in str(refused.value)


def test_without_the_package_folders_work_and_the_rest_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    folder = pell().save_pretrained(tmp_path / "mine")
    assert Model.from_pretrained(folder).card is not None
    with pytest.raises(UserError, match="pushing a model needs huggingface_hub: pip install huggingface_hub"):
        pell().push_to_hub("me/pell-chain")
    with pytest.raises(UserError, match="there is no folder 'me/none', and the Hub needs huggingface_hub: pip install"):
        Model.from_pretrained("me/none")


@pytest.mark.slow
def test_importing_a_model_imports_no_huggingface_hub() -> None:
    code = "import sys, genbench.model, genbench.integrations.hub; print('huggingface_hub' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"


def test_a_folder_that_is_not_empty_and_a_model_without_a_card_are_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(UserError, match="is not empty"):
        pell().save_pretrained(tmp_path / "full")
    with pytest.raises(UserError, match="a model without a card cannot be saved"):
        Model(pell().generator).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert (
        json.loads((pell().save_pretrained(tmp_path / "ok") / "model.json").read_text())["generator"] == "markov-char"
    )
