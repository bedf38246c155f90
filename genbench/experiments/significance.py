"""Which of two rows predicts better, and how sure that is; several seeds of one generator as one row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import BLOCK, FEWEST, interval
from genbench.experiments.job import Row
from genbench.experiments.labels import labels

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
    return _every_pair(
        [_Bits(label, row["bits_per_character"], row["block_bits"]) for label, row in _labelled(rows)], None
    )


def by_kind(rows: Sequence[Row], by: str) -> list[dict[str, Any]]:
    """The same at each kind of place of the test text: its share of the characters, each row's bits, the verdicts."""
    found = []
    for kind, first in (rows[0]["by"][by] if rows else {}).items():
        if not first["characters"]:
            continue
        counts = [(label, row["by"][by][kind]) for label, row in _labelled(rows)]
        bits = [_Bits(label, count["bits"] / count["characters"], count["block_bits"]) for label, count in counts]
        found.append(
            {
                "kind": kind,
                "share": first["characters"] / rows[0]["characters"],
                "bits_per_character": {each.label: each.bits for each in bits},
                "verdicts": _every_pair(bits, first["block_characters"]),
            }
        )
    return found


@dataclass(frozen=True)
class _Bits:
    """What a row needs, for a whole text or for one kind of place."""

    label: str
    bits: float  # per character
    blocks: list[float]  # bits


def _labelled(rows: Sequence[Row]) -> Iterator[tuple[str, Row]]:
    return zip(labels(rows), rows, strict=True)


def _every_pair(found: list[_Bits], characters: list[float] | None) -> list[Verdict]:
    ranked = sorted(found, key=lambda each: each.bits)
    return [_verdict(*pair, characters) for pair in combinations(ranked, 2)]


def _verdict(better: _Bits, worse: _Bits, characters: list[float] | None) -> Verdict:
    sizes = None if characters is None else np.array(characters)
    bounds = interval(np.array(worse.blocks) - np.array(better.blocks), sizes)
    return {
        "better": better.label,
        "than": worse.label,
        "by": worse.bits - better.bits,
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
