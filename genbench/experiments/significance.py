"""Which of two rows predicts better and how sure that is; several seeds of one generator as one row; labels of rows.

Rows are compared by a paired block bootstrap (`genbench.analysis.bootstrap`): the 95 % interval of the difference in
bits per character, from the bits of the same blocks of test text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import BLOCK_CHARACTERS, MIN_BLOCKS, Interval, bootstrap_interval, interval_sign
from genbench.experiments.row import Row
from genbench.spec import format_value

UNIT = "bits per character"


@dataclass(frozen=True)
class Verdict:
    """The comparison of two rows, named by their labels."""

    better: str  # the one with fewer bits per character
    worse: str
    difference: float  # bits per character
    interval: Interval | None  # 95 %; None where the text is too short
    clear: bool  # whether the interval excludes zero at three decimals

    def sentence(self, unit: str = f" {UNIT}") -> str:
        """Return the verdict in words.

        >>> Verdict("a", "b", 0.08, (0.05, 0.11), True).sentence()
        'a ahead of b by 0.080 bits per character [0.050, 0.110]'
        >>> Verdict("a", "b", 0.08, (-0.01, 0.11), False).sentence(unit="")
        'no clear difference between a and b: 0.080 [-0.010, 0.110]'
        >>> Verdict("a", "b", 0.08, None, False).sentence()
        'a needs 0.080 bits per character less than b; no interval with fewer than 10 blocks of 1,000 characters'
        """
        difference = f"{self.difference:z.3f}{unit}"
        if self.interval is None:
            reason = f"no interval with fewer than {MIN_BLOCKS} blocks of {BLOCK_CHARACTERS:,} characters"
            return f"{self.better} needs {difference} less than {self.worse}; {reason}"
        low, high = self.interval
        bounds = f"[{low:z.3f}, {high:z.3f}]"
        if self.clear:
            return f"{self.better} ahead of {self.worse} by {difference} {bounds}"
        return f"no clear difference between {self.better} and {self.worse}: {difference} {bounds}"


@dataclass(frozen=True)
class StratumResult:
    """The rows of a comparison on one stratum of the test text."""

    stratum: str
    share: float  # of the characters of the test text
    bits_per_character: dict[str, float]  # by label of the row
    verdicts: list[Verdict]  # of every pair of rows, the best first


def labels(rows: Sequence[Row]) -> list[str]:
    """Return a label for each row: its generator, and the options and the seed that tell it from the others.

    >>> labels([Row("a", "g", options={"order": 3}), Row("a", "g", options={"order": 4})])
    ['g order=3', 'g order=4']
    """
    return [
        " ".join([row.generator, *_distinguishing_options(row, rows), *(["(adaptive)"] if row.adaptive else [])])
        for row in rows
    ]


def _distinguishing_options(row: Row, rows: Sequence[Row]) -> list[str]:
    others = [other for other in rows if other.generator == row.generator]

    # options that differ between rows of the same generator
    words = [
        f"{key}={f'{value:g}' if isinstance(value, float) else format_value(value)}"
        for key, value in row.options.items()
        if key != "adaptive" and any(other.options.get(key, value) != value for other in others)
    ]
    return [*words, f"seed={row.seed}"] if any(other.seed != row.seed for other in others) else words


def aggregate_seeds(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each generator with its options; over several seeds its figures are means.

    Such a row has the number of `seeds`, and the lowest and highest bits per character among them as `spread`.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(json.dumps([row.generator, row.options], sort_keys=True), []).append(row)
    return [_mean_row(group) if len(group) > 1 else group[0] for group in groups.values()]


def _mean_row(rows: Sequence[Row]) -> Row:
    first = rows[0]
    mean: Row = _mean(list(rows))
    bits = [row.ranking_bits for row in rows]

    # what a mean makes no sense of; the interval is that of the mean bits
    return replace(
        mean,
        options=first.options,
        seed=first.seed,
        samples=first.samples,
        seeds=len(rows),
        spread=(min(bits), max(bits)),
        core_share=min((row.core_share for row in rows if row.core_share is not None), default=None),
        notes=list(dict.fromkeys(note for row in rows for note in row.notes)),
        interval=bootstrap_interval(np.array(mean.block_bits)),
    )


def _mean(values: Sequence[Any]) -> Any:
    """Return the mean of numbers that differ, item by item of lists, dicts and dataclasses; else the first value."""
    first = values[0]
    if all(type(value) in (int, float) for value in values):
        return first if len(set(values)) == 1 else sum(values) / len(values)
    if any(type(value) is not type(first) for value in values):
        return first

    # containers, item by item where they have the same shape
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        return replace(first, **{name: _mean([getattr(value, name) for value in values]) for name in names})
    if isinstance(first, list | tuple) and all(len(value) == len(first) for value in values):
        return type(first)(_mean(items) for items in zip(*values, strict=True))
    if isinstance(first, dict) and all(value.keys() == first.keys() for value in values):
        return {key: _mean([value[key] for value in values]) for key in first}
    return first


def compare_rows(rows: Sequence[Row]) -> list[Verdict]:
    """Return the verdict of every pair of rows, the best first."""
    totals = [_Total(label, row.ranking_bits, row.block_bits) for label, row in zip(labels(rows), rows, strict=True)]
    return _compare_pairs(totals, None)


def compare_strata(rows: Sequence[Row], by: str) -> list[StratumResult]:
    """Return the shares, bits and verdicts of rows on each stratum of a split; empty strata are left out."""
    results = []
    for stratum, first in (rows[0].splits[by] if rows else {}).items():
        if not first.characters:
            continue

        # the bits of each row on this stratum
        totals = []
        for label, row in zip(labels(rows), rows, strict=True):
            counts = row.splits[by][stratum]
            totals.append(_Total(label, counts.bits / counts.characters, counts.block_bits))

        # shares and verdicts
        share = first.characters / (rows[0].characters or 1)
        bits = {total.label: total.bits_per_character for total in totals}
        results.append(StratumResult(stratum, share, bits, _compare_pairs(totals, first.block_characters)))
    return results


@dataclass(frozen=True)
class _Total:
    """The bits of a row on the test text or on one stratum of it."""

    label: str
    bits_per_character: float
    block_bits: Sequence[float]


def _compare_pairs(totals: Sequence[_Total], characters: Sequence[float] | None) -> list[Verdict]:
    ranked = sorted(totals, key=lambda total: total.bits_per_character)
    return [_compare_pair(better, worse, characters) for better, worse in combinations(ranked, 2)]


def _compare_pair(better: _Total, worse: _Total, characters: Sequence[float] | None) -> Verdict:
    """Return the verdict of two rows; `characters` of each block, 1,000 where it is None."""
    sizes = None if characters is None else np.array(characters)

    # paired: the difference of each block
    bounds = bootstrap_interval(np.array(worse.block_bits) - np.array(better.block_bits), sizes)
    return Verdict(
        better=better.label,
        worse=worse.label,
        difference=worse.bits_per_character - better.bits_per_character,
        interval=bounds,
        clear=interval_sign(bounds) > 0,
    )
