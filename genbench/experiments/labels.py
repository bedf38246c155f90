"""A name for each row, as short as tells it from the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genbench import spec as options
from genbench.experiments.job import Row


def labels(rows: Sequence[Row]) -> list[str]:
    """A name for each row that tells it from the others: options and seeds only where they differ.

    >>> row = {"generator": "g", "options": {"order": 3}, "seed": 0}
    >>> labels([row, {**row, "options": {"order": 4}}])
    ['g order=3', 'g order=4']
    """
    return [" ".join([row["generator"], *_differing(row, rows), *_marks(row)]) for row in rows]


def adaptive(row: Row) -> bool:
    """Whether a row's generator learns from the test text as it reads it: such rows are ranked apart."""
    return bool(row.get("facts", {}).get("adaptive"))


def _marks(row: Row) -> list[str]:
    return ["(adaptive)"] if adaptive(row) else []


def _differing(row: Row, rows: Sequence[Row]) -> list[str]:
    same = [other for other in rows if other["generator"] == row["generator"]]
    found = [
        f"{key}={_short(value)}"
        for key, value in row["options"].items()
        if key != "adaptive" and any(other["options"].get(key, value) != value for other in same)
    ]
    seeds = any(other["seed"] != row["seed"] for other in same)
    return [*found, f"seed={row['seed']}"] if seeds else found


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else options.written(value)
