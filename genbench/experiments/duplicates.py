"""Leave out authors and generators that are named twice, also where the same SPEC is written in another way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import rename_paths
from genbench.errors import UserError
from genbench.experiments.plan import DescribedSpec
from genbench.spec import Spec

Item = TypeVar("Item", DescribedSpec, str | Path | Corpus)


def unique_specs(specs: Sequence[DescribedSpec], on_message: Callable[[str], None]) -> list[DescribedSpec]:
    """Return the SPECs of different generators, each once; a message names those that are left out."""
    return _unique(specs, _spec_key, lambda message: on_message(f"{message}; --seeds 2 trains it twice"))


def require_distinct_names(specs: Sequence[Spec]) -> None:
    """Raise UserError for two plugin files of one name: their rows would be taken for seeds of one generator."""
    known: dict[str, str] = {}
    for spec in specs:
        place = os.path.realpath(spec.path) if spec.path else ""
        if known.setdefault(spec.name, place) != place:
            paths = map(os.path.relpath, (known[spec.name], place))
            raise UserError(f"{' and '.join(paths)} have one name, so their rows look alike; rename a file")


def unique_texts(texts: Sequence[str | Path | Corpus], on_message: Callable[[str], None]) -> list[str | Path | Corpus]:
    """Return the different texts, each once; a message names those that are left out."""
    return _unique(texts, _text_key, on_message)


def _unique(items: Sequence[Item], key: Callable[[Item], str], on_message: Callable[[str], None]) -> list[Item]:
    first: dict[str, Item] = {}
    for item in items:
        earlier = first.get(key(item))
        if earlier is None:
            first[key(item)] = item
            continue

        # say what is left out
        name, other = _name(item), _name(earlier)
        on_message(f"{name} is {'named twice' if name == other else f'the same as {other}'}, and compared once")
    return list(first.values())


def _name(item: DescribedSpec | str | Path | Corpus) -> str:
    return item.author if isinstance(item, Corpus) else str(item[0] if isinstance(item, tuple) else item)


def _spec_key(described: DescribedSpec) -> str:
    """Return a text that is equal for SPECs of the same generator with the same options, defaults included."""
    spec, known = described
    return json.dumps([os.path.realpath(spec.path) if spec.path else spec.name, known.values], sort_keys=True)


def _text_key(text: str | Path | Corpus) -> str:
    """Return a text that is equal for the same author, file or folder."""
    if isinstance(text, Corpus):
        return json.dumps([text.author, text.sha256, text.held_out])
    return rename_paths(str(text), lambda path: os.path.realpath(os.path.expanduser(path)), str.lower)
