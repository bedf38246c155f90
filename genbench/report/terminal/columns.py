"""The columns of the result table: what each shows, which is best, and which give way where there is little room."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from genbench.experiments.job import Row
from genbench.experiments.labels import adaptive
from genbench.report.formatting import count, decimals, span, spread


@dataclass(frozen=True)
class Column:
    """One column."""

    heading: str
    key: str
    show: Callable[[Row], str]
    best: Literal["lowest", "highest"] | None = None
    style: str = ""
    room: int = 0  # shown from this width of the terminal on
    optional: bool = False  # shown only where a row has it

    @property
    def name(self) -> str:
        """The heading in one line."""
        return self.heading.replace("-\n", "").replace("/\n", "/").replace("\n", " ")

    def winner(self, rows: list[Row]) -> float | None:
        """The best value of the rows; None where there is nothing to be best in. Adaptive rows do not compete."""
        if self.best is None:
            return None
        rows = [row for row in rows if row["status"] == "ok" and not adaptive(row)]
        found: list[float] = [row[self.key] for row in rows if row[self.key] is not None]
        if len(set(found)) < 2:
            return None
        return min(found) if self.best == "lowest" else max(found)


def _counted(heading: str, key: str, best: Literal["lowest", "highest"] | None = None, room: int = 0) -> Column:
    return Column(heading, key, lambda row: count(row[key]), best, room=room)


def _decimal(heading: str, key: str, places: int, best: Literal["lowest"] | None = "lowest", room: int = 0) -> Column:
    return Column(heading, key, lambda row: decimals(row[key], places), best, room=room)


COLUMNS = (
    _decimal("bits/\nchar", "bits_per_character", 3),
    Column("95 %\ninterval", "interval", lambda row: span(row["interval"]), room=70),
    Column("spread\nof seeds", "spread", lambda row: spread(row.get("spread")), optional=True),
    _decimal("bits/\nbyte", "bits_per_byte", 3, room=120),
    _decimal("word\nperpl.", "word_perplexity", 1),
    replace(_decimal("token\nperpl.", "token_perplexity", 1, best=None, room=55), style="bright_black"),
    Column("spelled\n%", "spelled_share", lambda row: f"{100 * row['spelled_share']:.1f}", room=140),
    _counted("para-\nmeters", "parameters", room=100),
    _decimal("training\nseconds", "train_seconds", 1, room=45),
    _counted("training\nchar/s", "train_characters_per_second", "highest", room=110),
    _counted("scoring\nchar/s", "score_characters_per_second", "highest", room=130),
    _counted("drawing\nchar/s", "generate_characters_per_second", "highest", room=70),
    _counted("memory\nMB", "peak_memory_mb", "lowest", room=90),
)


def wanted(rows: Sequence[Row], width: float = math.inf) -> list[Column]:
    """The columns for these rows, as many as a terminal of this width has room for."""
    there = [column for column in COLUMNS if not column.optional or any(row.get(column.key) for row in rows)]
    return [column for column in there if column.room <= width]
