"""What a proof has of each row: its model in a form that any folder can hold, and the compressed test text."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.analysis.compression import compress
from genbench.errors import GenbenchError, UserError
from genbench.experiments.row import Row
from genbench.model import Model
from genbench.spec import Spec
from genbench.storage import models
from genbench.storage.cards import CARD, FILES, ModelCard
from genbench.storage.files import write_atomic
from genbench.storage.models import StoredModel
from genbench.storage.stored_model import read_stored, source_digest
from genbench.training import ProgressListener

OVERHEAD = 128  # bytes that a compressed text may have besides its bits
TOLERANCE = 1e-4  # bits per character that two computations of a figure may differ by


@dataclass(frozen=True)
class ProvedRow:
    """Where a proof has what a row was computed with; paths are relative to its folder."""

    index: int  # among the results of run.json
    author: str
    label: str
    spec: str  # with every option that training chose
    seed: int
    model: str  # folder
    compressed: str  # file
    bytes: int  # of the file
    characters: int  # at the beginning of the test text that the file contains
    seconds: float  # that its compression took
    plugins: list[str] = field(default_factory=list)  # files whose code runs where the model is loaded
    distribution: str = ""  # the one that has the generator, with its version


def find_row_model(row: Row, run: str) -> StoredModel:
    """Return the stored model of a row. Raises UserError, with the command that keeps it, where there is none."""
    if not row.ok:
        raise UserError(f"{row.status}: {row.error}")
    if row.pretrained:
        raise UserError("it is a pretrained model, scored by lm-evaluation-harness, and not stored here")
    again = f"genbench runs rerun {run} stores it; prove the run that this makes"
    if not row.model:
        raise UserError(f"its model was not stored: {again}")
    stored = read_stored(models.models_folder() / row.model)
    if stored is None:
        raise UserError(f"its model {row.model} is no longer stored: {again}")
    return stored


def require_same_bits(row: Row, model: Model, text: str, listener: ProgressListener, run: str) -> None:
    """Raise UserError where a stored model does not give a text the bits of the row: it is another training's."""
    bits = model.score(text, progress=listener.task(f"scoring {row.author} {row.generator}")).bits_per_character
    if abs(bits - row.ranking_bits) > TOLERANCE:
        raise UserError(
            f"the stored model {model.id} is of another training: {bits:.4f} bits per character, and the row has "
            f"{row.ranking_bits:.4f}; genbench runs rerun {run} makes a run with models that are stored"
        )


def copy_row_model(stored: StoredModel, folder: Path, known: Sequence[str]) -> tuple[str, list[str]]:
    """Copy a stored model and the plugin files that it needs into a proof; return their paths in the folder.

    Its card names the plugin files by these paths, so that nothing of the machine that trained it is needed. `known`
    are paths of plugin files, for a SPEC that names one in relation to another folder. Raises UserError where a plugin
    file has changed or is missing.
    """
    # a damaged model and a plugin that has changed are refused
    by_name = {Path(path).name: path for path in known}
    named = registry.plugin_files(Spec.parse(stored.card.spec))
    card = _rename(stored.card, {path: by_name.get(Path(path).name, path) for path in named})
    replace(stored, card=card).load_once()

    plugins = {path: _copy_plugin(Path(path), folder) for path in registry.plugin_files(Spec.parse(card.spec))}
    target = folder / "models" / stored.name
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(stored.folder / name, target / name)
    card = replace(_rename(card, plugins), sources=list(plugins.values()), source=source_digest(plugins))
    write_atomic(target / CARD, json.dumps(card.to_dict(), ensure_ascii=False, indent=2).encode())
    return f"models/{stored.name}", list(plugins.values())


def _copy_plugin(path: Path, folder: Path) -> str:
    """Copy a plugin file, and what it imports from its own folder, into a proof; return its path there.

    Two of one name go to different folders.
    """
    target = folder / "plugins" / source_digest([path])[:8]
    first, *others = registry.imported_files(path)
    for file in (first, *others):
        copy = target / file.relative_to(first.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return (target / first.name).relative_to(folder).as_posix()


def _rename(card: ModelCard, paths: Mapping[str, str]) -> ModelCard:
    """Return a card that names plugin files by other paths, wherever it names them."""

    def renamed(value: Any) -> Any:
        for old, new in paths.items() if isinstance(value, str) else ():
            value = value.replace(old, new)
        return value

    return replace(
        card,
        spec=renamed(card.spec),
        options={name: renamed(value) for name, value in card.options.items()},
        training=replace(card.training, spec=renamed(card.training.spec)),
        sources=[renamed(name) for name in card.sources],
    )


def load_row_model(folder: Path, model: str, plugins: list[str]) -> Model:
    """Load a model of a proof; the plugin files that it may run are named in relation to the folder."""
    with contextlib.chdir(folder):
        return Model.load(model, plugins=plugins)


def compress_row(model: Model, text: str, path: Path, listener: ProgressListener) -> None:
    """Write a text, compressed by its row's model, to a file. Raises UserError for a generator that cannot do it."""
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(compress(model, text.encode(), listener=listener))
    except GenbenchError as error:
        raise UserError(f"its model cannot compress the text: {error}") from error


def require_same_size(row: Row, characters: int, path: Path) -> None:
    """Raise UserError where a compressed test text is larger than the bits of its row say it is."""
    if characters == row.characters:
        excess = 8 * path.stat().st_size - (row.bits or 0.0)
        if excess > 8 * OVERHEAD + TOLERANCE * characters:
            raise UserError(
                f"its test text takes {path.stat().st_size:,} bytes, and its bits say {(row.bits or 0.0) / 8:,.0f}: "
                "its scores are not its predictions"
            )


def cut(text: str, characters: int | None) -> str:
    r"""Return the first characters of a text, up to the end of a word or line where there is one.

    >>> cut("one two three", 9), cut("one two", None), cut("onetwothree", 5)
    ('one two ', 'one two', 'onetw')
    """
    if characters is None or len(text) <= characters:
        return text
    end = max(text.rfind(space, 0, characters) for space in " \n") + 1
    return text[: end or characters]


def plain_name(*words: str) -> str:
    """Return a file name of words.

    >>> plain_name("my novel", "lstm-char hidden=64")
    'my_novel-lstm-char_hidden_64'
    """
    return "-".join("".join(char if char.isalnum() or char in "-." else "_" for char in word) for word in words)[:100]
