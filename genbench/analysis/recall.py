"""Recall by distance: bits of text that is determined by an earlier character or name of its line, by distance.

The places are closing brackets, and repetitions of the name at the beginning of a line. In `examples/recall.txt`
nothing else determines them: without memory, a bracket costs 2 bits and a name 3 bits there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from genbench import scoring
from genbench.analysis.intervals import Floats
from genbench.analysis.memory import Span
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import UserError
from genbench.model import Model
from genbench.storage.records import JsonRecord
from genbench.training import SILENT, ProgressListener

OPENING = {")": "(", "]": "[", "}": "{", ">": "<"}  # opening bracket of each closing one
REPEATED_NAME = re.compile(r"^([A-Z][a-z]+)\b.*?( \1\b)", re.MULTILINE)
MAX_DISTANCES = (4, 8, 16, 32, 64, 128)  # characters; the upper bound of each range
MASTERED_SHARE = 0.5  # share of the bits that memory can save


@dataclass(frozen=True)
class RecallPlace:
    """A place in a text that is determined by earlier text."""

    kind: str  # "bracket" or "name"
    span: Span  # [start, stop) in characters
    distance: int  # characters from the end of the text that determines it to its first determined character


@dataclass(frozen=True)
class RecallRow:
    """The bits of the places of one kind and one range of distances."""

    kind: str
    min_distance: int  # characters
    max_distance: int
    places: int
    bits: float  # mean over the places
    chance: float  # log2 of the number of different texts of this kind: the bits of a place without memory
    recalled: float | None  # 1 - bits / chance; None if all places have the same text
    mastered: bool  # whether `recalled` is at least one half


@dataclass(frozen=True)
class RecallReport(JsonRecord):
    """The recall of several models at the same places."""

    author: str
    places: int
    generators: dict[str, list[RecallRow]]


def recall(
    models: Mapping[str, Model], corpus: str | Path | Corpus, *, listener: ProgressListener = SILENT
) -> RecallReport:
    """Measure by distance how well models, by name, recall brackets and names of an author's test text.

    Raises UserError if the text has none.
    """
    corpus = load_corpus(corpus, on_progress=listener.download)
    test = str(corpus.test)
    places = find_recall_places(test)

    # score the whole test text, so that each place has its whole context
    rows = {}
    for name, model in models.items():
        bits = scoring.score(model.generator, test, listener.task(f"{name}: scoring")).character_bits
        rows[name] = recall_rows(bits, test, places)
    return RecallReport(corpus.author, len(places), rows)


def require_recall_places(corpus: Corpus) -> None:
    """Raise UserError for a test text without places to recall, before anything is trained."""
    find_recall_places(str(corpus.test))


def find_recall_places(text: str) -> list[RecallPlace]:
    """Return the closing brackets and repeated names of a text, in order. Raises UserError if it has none.

    >>> [(place.kind, place.distance) for place in find_recall_places("(oak;)\\nAda oak, Ada.\\n")]
    [('bracket', 5), ('name', 7)]
    """
    # in the order of the text
    places = sorted([*_brackets(text), *_names(text)], key=lambda place: place.span)
    if not places:
        raise UserError("the test text has no closing bracket and no repeated name; try example:recall.txt")
    return places


def _brackets(text: str) -> Iterator[RecallPlace]:
    """Yield each closing bracket that closes the last opened bracket of its line."""
    opened: list[tuple[str, int]] = []
    for position, character in enumerate(text):
        # a bracket that is not closed in its line is ignored
        if character == "\n":
            opened = []
        elif character in OPENING.values():
            opened.append((character, position))
        elif opened and opened[-1][0] == OPENING.get(character):
            yield RecallPlace("bracket", (position, position + 1), position - opened.pop()[1])


def _names(text: str) -> Iterator[RecallPlace]:
    """Yield the first repetition of the name at the beginning of each line."""
    for match in REPEATED_NAME.finditer(text):
        yield RecallPlace("name", match.span(2), match.start(2) + 1 - (match.end(1) - 1))


def recall_rows(bits: Floats, text: str, places: Sequence[RecallPlace]) -> list[RecallRow]:
    """Return a row for each kind and range of distances that occurs; `bits` are per character, (characters,)."""
    rows = []
    for kind in ("bracket", "name"):
        for low, high in pairwise((0, *MAX_DISTANCES)):
            in_range = [place for place in places if place.kind == kind and low < place.distance <= high]

            # without memory, all texts of the kind are equally likely
            if in_range:
                choices = len({text[slice(*place.span)] for place in places if place.kind == kind})
                rows.append(_row(bits, kind, (low + 1, high), in_range, choices))
    return rows


def _row(bits: Floats, kind: str, distances: Span, places: Sequence[RecallPlace], choices: int) -> RecallRow:
    # mean bits of a place, and the share that the model saves
    chance = math.log2(choices)
    cost = float(np.mean([bits[slice(*place.span)].sum() for place in places]))
    share = 1 - cost / chance if chance else None
    return RecallRow(kind, *distances, len(places), cost, chance, share, share is not None and share >= MASTERED_SHARE)
