"""Which of two rows predicts better, and how sure that is; several seeds of one generator as one row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from genbench.bench.jobs import Row
from genbench.bench.labels import labels
from genbench.measure.intervals import BLOCK, FEWEST, interval

Verdict = dict[str, Any]


def folded(rows: Sequence[Row]) -> list[Row]:
    """One row for each generator with its options: over several seeds its numbers are means.

    Such a row has `seeds`, how many, and `spread`, the least and the most bits per character among them.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(json.dumps([row["generator"], row["options"]], sort_keys=True), []).append(row)
    return [_mean(group) if len(group) > 1 else group[0] for group in groups.values()]


def _mean(rows: list[Row]) -> Row:
    found = {key: _mean_value([row.get(key) for row in rows]) for key in rows[0]}
    bits = [row["bits_per_character"] for row in rows]
    bounds = interval(np.array(found["block_bits"]))
    notes = list(dict.fromkeys(note for row in rows for note in row["notes"]))
    told = {key: rows[0][key] for key in ("options", "seed", "samples")}
    told |= {"seeds": len(rows), "spread": [min(bits), max(bits)], "notes": notes}
    return found | told | {"interval": list(bounds) if bounds else None}


def _mean_value(values: list[Any]) -> Any:
    """The mean of numbers that differ, place by place of lists and dicts of them; of anything else the first."""
    first = values[0]
    if all(type(value) in (int, float) for value in values):
        return first if len(set(values)) == 1 else sum(values) / len(values)
    if all(isinstance(value, list) and len(value) == len(first) for value in values):
        return [_mean_value(list(each)) for each in zip(*values, strict=True)]
    if all(isinstance(value, dict) and value.keys() == first.keys() for value in values):
        return {key: _mean_value([value[key] for value in values]) for key in first}
    return first


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """What can be said of every pair of rows, the best first: by how many bits per character one is better.

    `interval` is the 95 % interval of that difference, by a paired block bootstrap; `sure` whether it lies above 0.
    """
    named = list(zip(labels(rows), rows, strict=True))
    return [_verdict(*sorted(pair, key=lambda one: _bits(one[1]))) for pair in combinations(named, 2)]


def _bits(row: Row) -> float:
    return float(row["bits_per_character"])


def _verdict(better: tuple[str, Row], worse: tuple[str, Row]) -> Verdict:
    bounds = interval(np.array(worse[1]["block_bits"]) - np.array(better[1]["block_bits"]))
    return {
        "better": better[0],
        "than": worse[0],
        "by": _bits(worse[1]) - _bits(better[1]),
        "interval": list(bounds) if bounds else None,
        "sure": bounds is not None and bounds[0] > 0,
    }


def sentence(verdict: Verdict) -> str:
    """A verdict in words.

    >>> sentence({"better": "a", "than": "b", "by": 0.08, "interval": [0.05, 0.11], "sure": True})
    'a better than b by 0.080 bits per character [0.050, 0.110]'
    """
    by = f"{verdict['by']:.3f} bits per character"
    if verdict["interval"] is None:
        few = f"no interval with fewer than {FEWEST} blocks of {BLOCK:,} characters"
        return f"{verdict['better']} before {verdict['than']} by {by}: {few}"
    low, high = verdict["interval"]
    if verdict["sure"]:
        return f"{verdict['better']} better than {verdict['than']} by {by} [{low:.3f}, {high:.3f}]"
    return f"{verdict['better']} not told apart from {verdict['than']}: {by} [{low:.3f}, {high:.3f}]"
