"""Stored models and runs by author and generator, and the removal of older models."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.spec import Spec, format_value
from genbench.storage.models import list_models, models_folder, remove_model
from genbench.storage.runs import RunList
from genbench.storage.stored_model import StoredModel


@dataclass(frozen=True)
class Selection:
    """An author and a generator, each "" for all; a SPEC with options stands for the models with these options."""

    author: str = ""  # a name, or the path of a text
    generator: str = ""  # a SPEC

    def models(self, models: Iterable[StoredModel]) -> list[StoredModel]:
        """Return the models of this author and generator."""
        return [
            model
            for model in models
            if self._has_author([model.card.author]) and self._has_generator(model.card.generator, model.card.options)
        ]

    def runs(self, scan: RunList) -> RunList:
        """Return the runs that have this author, and a row of this generator."""
        if self == Selection():
            return scan
        runs = [
            run
            for run in scan.runs
            if self._has_author(run.summary.corpora)
            and any(self._has_generator(row.generator, row.options) for row in run.summary.results)
        ]
        return replace(scan, runs=runs)

    def _has_author(self, names: Iterable[str]) -> bool:
        # a text is called like its file, without the ending
        name = Path(self.author).stem if os.sep in self.author or os.path.isfile(self.author) else self.author
        return not self.author or name in names or self.author in names

    def _has_generator(self, name: str, options: Mapping[str, Any]) -> bool:
        if not self.generator:
            return True
        spec = Spec.parse(self.generator)
        return spec.name == name and all(
            key in options and format_value(options[key]) == value for key, value in spec.options.items()
        )


@dataclass(frozen=True)
class Pruned:
    """What `prune_models` removed and kept."""

    removed: list[StoredModel]
    freed: int  # bytes
    kept: list[StoredModel]
    size: int  # bytes of the models that are kept


def prune_models(keep: int, author: str = "", generator: str = "") -> Pruned:
    """Remove all stored models but the newest `keep` of each author and SPEC; return what was removed.

    `author` and `generator` (a SPEC) limit it to some of the models. Imported models are counted by themselves. Raises
    UserError where `keep` is below 1.
    """
    if keep < 1:
        raise UserError(f"keep is {keep}, but must be 1 or more; genbench models remove MODEL removes a single model")

    # the newest are listed first
    seen, removed, kept = Counter[tuple[str, str, str, bool]](), list[StoredModel](), list[StoredModel]()
    for model in Selection(author, generator).models(list_models(models_folder())):
        card = model.card
        key = (card.author, card.generator, json.dumps(card.options, sort_keys=True), card.imported)
        seen[key] += 1
        (kept if seen[key] <= keep else removed).append(model)

    # their sizes, then away with them
    freed, size = (sum(model.size for model in models) for models in (removed, kept))
    for model in removed:
        remove_model(model.folder)
    return Pruned(removed, freed, kept, size)
