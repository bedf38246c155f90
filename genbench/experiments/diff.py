"""Two comparisons side by side: the rows that belong together, and by how much they differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import interval
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import labels

SAID = ("bits", "block_bits", "samples")  # what must be the same in rows that are


def differences(a: Comparison, b: Comparison) -> dict[str, Any]:
    """What differs between two comparisons, as JSON values.

    `rows` pairs the rows of one author, generator, options and seed; then those of one author, generator and seed
    where only the options differ. `by` is what b needs more, in bits per character, with its 95 % interval (paired
    block bootstrap) where both scored the same text; `identical`: the bits of every block and the samples are.
    """
    pairs = list(_pairs(a.results, b.results))
    left, right = {id(one) for one, _ in pairs}, {id(other) for _, other in pairs}
    return {
        "a": a.name,
        "b": b.name,
        "texts": {each: _text(a, b, each) for each in dict.fromkeys([*a.corpora, *b.corpora])},
        "rows": [_row(one, other, a, b) for one, other in pairs],
        "only_a": [_named(row, a.results) for row in a.results if id(row) not in left],
        "only_b": [_named(row, b.results) for row in b.results if id(row) not in right],
    }


def _pairs(left: Sequence[Row], right: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """The rows that belong together, each in one pair at most, in the order of the first comparison."""
    partners: dict[int, Row] = {}
    for key in (_exactly, _nearly):
        taken = {id(row) for row in partners.values()}
        one = [row for row in left if id(row) not in partners]
        other = [row for row in right if id(row) not in taken]
        for row in one:
            same = [each for each in other if key(each) == key(row)]
            if len(same) == 1 and sum(key(each) == key(row) for each in one) == 1:
                partners[id(row)] = same[0]
    yield from ((row, partners[id(row)]) for row in left if id(row) in partners)


def _exactly(row: Row) -> Any:
    return row["author"], row["generator"], row["options"], row["seed"]


def _nearly(row: Row) -> Any:
    return row["author"], row["generator"], row["seed"]


def _text(a: Comparison, b: Comparison, author: str) -> str:
    """Whether an author's text is the same in both."""
    there = [each.corpora[author] for each in (a, b) if author in each.corpora]
    if len(there) < 2:
        return "in one only"
    same = all(there[0].get(key) == there[1].get(key) for key in ("sha256", "held_out", "train", "test"))
    return "the same" if same else "another"


def _row(one: Row, other: Row, a: Comparison, b: Comparison) -> dict[str, Any]:
    bits = [row["bits_per_character"] if row["status"] == "ok" else None for row in (one, other)]
    found: dict[str, Any] = {"author": one["author"], "bits": bits}
    found |= {"a": _named(one, a.results), "b": _named(other, b.results)}
    found |= {"by": None, "interval": None, "sure": False, "identical": False}
    if None in bits or _text(a, b, one["author"]) != "the same":
        return found
    more = np.array(other["block_bits"]) - np.array(one["block_bits"])
    bounds = interval(more)
    return found | {
        "by": other["bits_per_character"] - one["bits_per_character"],
        "interval": bounds and list(bounds),
        "sure": bool(bounds and not bounds[0] <= 0 <= bounds[1]),
        "identical": all(_plain(one[key]) == _plain(other[key]) for key in SAID),
    }


def _plain(value: Any) -> Any:
    """Samples as what was drawn, without what was said of them."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [(each["temperature"], each["prompt"], each["text"]) for each in value]
    return value


def _named(row: Row, rows: Sequence[Row]) -> str:
    same = [each for each in rows if each["author"] == row["author"]]
    return labels(same)[next(at for at, each in enumerate(same) if each is row)]
