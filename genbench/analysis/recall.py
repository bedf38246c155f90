"""Who masters which distance: bits of what an earlier character or name of its line decides, by how far that is back.

Brackets that close, and a name at the beginning of a line that comes again in it. On `examples/recall.txt` nothing else
tells which it is: without memory a bracket costs 2 bits there, a name 3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import Floats
from genbench.analysis.memory import Span
from genbench.errors import UserError

CLOSES = {")": "(", "]": "[", "}": "{", ">": "<"}
NAME = re.compile(r"^([A-Z][a-z]+)\b.*?( \1\b)", re.MULTILINE)
DISTANCES = (4, 8, 16, 32, 64, 128)  # characters, the last of each range
MASTERED = 0.5  # of what there is to remember


@dataclass(frozen=True)
class Recalled:
    """A place whose text is decided further back."""

    kind: str  # bracket or name
    span: Span
    distance: int  # characters from the last one that decides it to the first one that shows it


def places(text: str) -> list[Recalled]:
    """All such places of a text, in its order; UserError for a text without any.

    >>> [(each.kind, each.distance) for each in places("(oak;)\\nAda oak, Ada.\\n")]
    [('bracket', 5), ('name', 7)]
    """
    found = sorted([*_brackets(text), *_names(text)], key=lambda each: each.span)
    if not found:
        raise UserError(
            "the test text has no bracket that closes and no name that comes again; try examples/recall.txt"
        )
    return found


def _brackets(text: str) -> Iterator[Recalled]:
    opened: list[tuple[str, int]] = []
    for place, character in enumerate(text):
        if character == "\n":
            opened = []
        elif character in CLOSES.values():
            opened.append((character, place))
        elif opened and opened[-1][0] == CLOSES.get(character):
            yield Recalled("bracket", (place, place + 1), place - opened.pop()[1])


def _names(text: str) -> Iterator[Recalled]:
    for match in NAME.finditer(text):
        yield Recalled("name", match.span(2), match.start(2) + 1 - (match.end(1) - 1))


def table(bits: Floats, text: str, among: Sequence[Recalled]) -> list[dict[str, Any]]:
    """For each kind and range of distances: how many there are, what they cost, what share is remembered; JSON values.

    `bits` is that of each character of the text. `chance` is log2 of how many there are to tell apart; `recalled` is
    1 - bits / chance, None where there is nothing to tell apart.
    """
    found = []
    for kind in ("bracket", "name"):
        for low, high in pairwise((0, *DISTANCES)):
            there = [each for each in among if each.kind == kind and low < each.distance <= high]
            if there:
                found.append(_cell(bits, text, kind, (low + 1, high), there, among))
    return found


def _cell(
    bits: Floats, text: str, kind: str, distances: Span, there: Sequence[Recalled], among: Sequence[Recalled]
) -> dict[str, Any]:
    chance = math.log2(len({text[slice(*each.span)] for each in among if each.kind == kind}))
    cost = float(np.mean([bits[slice(*each.span)].sum() for each in there]))
    share = 1 - cost / chance if chance else None
    return {
        "kind": kind,
        "from": distances[0],
        "to": distances[1],
        "places": len(there),
        "bits": cost,
        "chance": chance,
        "recalled": share,
        "mastered": share is not None and share >= MASTERED,
    }
