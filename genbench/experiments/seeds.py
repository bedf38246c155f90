"""Several seeds of one generator as one row: means, their spread, and the variance that training adds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from genbench.analysis.intervals import Estimate, Floats, Interval, block_sizes, estimate_mean
from genbench.analysis.strata import StratumBits
from genbench.experiments.row import Row


def aggregate_seeds(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each generator with its options; over several seeds its figures are means.

    Such a row has the number of `seeds`, the lowest and highest bits per character among them as `spread`, and the
    variance of their mean as `seed_variance`.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(json.dumps([row.generator, row.options, row.pretrained], sort_keys=True), []).append(row)
    return [_mean_row(group) if len(group) > 1 else group[0] for group in groups.values()]


def row_interval(row: Row) -> Interval | None:
    """Return the 95 % interval of the bits per character of a row, of several seeds that of their mean."""
    estimate = estimate_mean(np.array(row.block_bits), row_block_sizes(row))
    return None if estimate is None else widen(estimate, row.seed_variance, row.seeds).interval()


def row_block_sizes(row: Row) -> Floats:
    """Return the characters of each block of the test text of a row, (blocks,)."""
    return block_sizes(row.characters or 0, len(row.block_bits))


def widen(estimate: Estimate, seed_variance: float | None, seeds: int) -> Estimate:
    """Return an estimate from the mean of several seeds with the variance that their number leaves."""
    return estimate if seed_variance is None else estimate.widened(seed_variance, seeds - 1)


def _mean_row(rows: Sequence[Row]) -> Row:
    first = rows[0]
    mean: Row = _mean(list(rows))
    bits = [row.ranking_bits for row in rows]

    # what a mean makes no sense of
    mean = replace(
        mean,
        options=first.options,
        seed=first.seed,
        samples=first.samples,
        snapshots=first.snapshots,
        further_samples=first.further_samples,
        seeds=len(rows),
        spread=(min(bits), max(bits)),
        seeded=any(row.seeded for row in rows),
        seed_variance=_variance_of_mean(bits),
        splits={by: _mean_strata(by, mean, rows) for by in mean.splits},
        core_share=min((row.core_share for row in rows if row.core_share is not None), default=None),
        notes=list(dict.fromkeys(note for row in rows for note in row.notes)),
    )
    return replace(mean, interval=row_interval(mean))


def _mean_strata(by: str, mean: Row, rows: Sequence[Row]) -> dict[str, StratumBits]:
    """Return the strata of a mean row, each with the variance of the mean over the seeds."""
    return {
        name: replace(
            stratum,
            seed_variance=_variance_of_mean(
                [row.splits[by][name].bits / (stratum.characters or 1) for row in rows if by in row.splits]
            ),
        )
        for name, stratum in mean.splits[by].items()
    }


def _variance_of_mean(values: Sequence[float]) -> float | None:
    return float(np.var(values, ddof=1)) / len(values) if len(values) > 1 else None


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
