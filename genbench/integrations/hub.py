"""Models on the Hugging Face Hub: a repository has the files of an exported model, with the card as its page.

Loading executes nothing: the model is JSON and a safetensors file, whose checksums and contents are checked as those of
any model that somebody else made. huggingface_hub is imported by the functions that use the network.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from genbench import registry
from genbench.errors import UserError, missing_package
from genbench.report.export.model_card import model_card
from genbench.storage import sharing
from genbench.storage.cards import CARD, FILES, ModelCard
from genbench.storage.files import new_folder, write_atomic

if TYPE_CHECKING:
    from genbench.model import Model

REPOSITORY_FILES = (CARD, *FILES, sharing.README, sharing.CHECKSUMS)
MESSAGE = "Upload a model of genbench"


def save_pretrained(model: Model, folder: str | Path, scores: Mapping[str, Any] | None = None) -> Path:
    """Write a model, its card with a header for the Hub, and checksums into a new folder; return the folder.

    `scores` are the figures of the test text for the card, as `genbench.api.score_figures` returns them; without them
    the card has none. Raises UserError if the folder is not empty, or the model has no card.
    """
    target = Path(folder)
    with new_folder(target) as temporary:
        model.save(temporary / "model")
        for path in (temporary / "model").iterdir():
            path.rename(temporary / path.name)
        (temporary / "model").rmdir()

        # the card with the header that the Hub reads, then the checksums of all files
        assert model.card is not None  # else it could not be saved
        provider = registry.provider(model.card.spec)
        card = _header(model.card) + model_card(model.card, scores, provider, model.training_words is not None)
        write_atomic(temporary / sharing.README, card.encode())
        sharing.write_checksums(temporary)
    return target


def push_to_hub(
    model: Model,
    repo_id: str,
    *,
    scores: Mapping[str, Any] | None = None,
    private: bool | None = None,
    token: str | None = None,
    revision: str | None = None,
    message: str = MESSAGE,
    endpoint: str | None = None,
) -> str:
    """Write the files of `save_pretrained` into a repository of the Hub in one commit; return its address.

    A repository that does not exist is made. Raises UserError where the model cannot be written or the Hub refuses it.
    """
    hub = _import_hub("pushing a model")
    with tempfile.TemporaryDirectory() as place:
        folder = save_pretrained(model, Path(place) / "model", scores)
        try:
            api = hub.HfApi(endpoint=endpoint, token=token)
            full_name = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
            commit = api.upload_folder(repo_id=full_name, folder_path=folder, commit_message=message, revision=revision)
        except Exception as error:  # the network, the Hub, or the name
            raise _refused(hub, f"{repo_id} was not pushed", error) from error
    return str(commit.commit_url)


def from_pretrained(
    name: str | Path,
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    plugins: Sequence[str | Path] = (),
    endpoint: str | None = None,
) -> Model:
    """Load a model from a folder that `save_pretrained` wrote, else from the repository of this name on the Hub.

    Files are downloaded once, into the cache of huggingface_hub or `cache_dir`. Nothing of them is executed; `plugins`
    are your files that a model of a plugin file may run. Raises UserError where the model is missing, damaged, or needs
    a generator that is not here.
    """
    if Path(name).is_dir():
        return _load_checked(Path(name), plugins)

    # only the files that a model has, whatever else the repository has
    hub = _import_hub(f"there is no folder {str(name)!r}, and the Hub")
    try:
        snapshot = hub.snapshot_download(
            str(name),
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            allow_patterns=list(REPOSITORY_FILES),
            endpoint=endpoint,
        )
    except Exception as error:  # the network, the Hub, or the name
        raise _refused(hub, f"{name} is no folder, and was not loaded from the Hub", error) from error

    # the cache has links to files: a model consists of regular ones
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / str(name).rpartition("/")[2]
        folder.mkdir()
        for file in REPOSITORY_FILES:
            if (Path(snapshot) / file).is_file():
                shutil.copyfile(Path(snapshot) / file, folder / file)
        return _load_checked(folder, plugins)


def _load_checked(folder: Path, plugins: Sequence[str | Path]) -> Model:
    """Return the model in a folder whose files are those of its checksums; it is not one of the store."""
    from genbench.model import Model

    sharing.require_checksums(folder)
    return replace(Model.load(folder, plugins=plugins), id="")


def _import_hub(feature: str) -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise missing_package(feature, "huggingface_hub") from error
    return huggingface_hub


def _refused(hub: ModuleType, what: str, error: Exception) -> UserError:
    """Return what failed and why, in one sentence; the Hub's messages have several lines and addresses."""
    known = {
        hub.errors.GatedRepoError: "its owner restricts access: accept the terms on its page, then hf auth login",
        hub.errors.RepositoryNotFoundError: "there is no such repository, or it is private: hf auth login",
        hub.errors.RevisionNotFoundError: "it has no such revision",
        hub.errors.LocalEntryNotFoundError: "it is not in the cache, and the Hub cannot be reached",
    }
    for kind, reason in known.items():
        if isinstance(error, kind):
            return UserError(f"{what}: {reason}")
    return UserError(f"{what}: {' '.join(str(error).split()) or type(error).__name__}")


def _header(card: ModelCard) -> str:
    """Return the YAML header of a card; strings in JSON are strings in YAML."""
    values = {
        "library_name": "genbench",
        "pipeline_tag": "text-generation",
        "tags": ["genbench", card.generator],
    }
    return "\n".join(["---", *(f"{name}: {json.dumps(value)}" for name, value in values.items()), "---", "", ""])
