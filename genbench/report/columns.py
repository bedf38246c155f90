"""Columns of the result table: their format, their best value, and the terminal width that they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from genbench.experiments.row import Row
from genbench.report.formatting import format_count, format_decimals, format_percent, format_range, heading_in_one_line

Best = Literal["lowest", "highest"]


@dataclass(frozen=True)
class Column:
    """One column of the result table."""

    heading: str
    key: str  # the field of a row
    format: Callable[[Row], str]
    best: Best | None = None
    style: str = ""
    min_width: int = 0  # width of the terminal, in characters, from which the column is shown
    optional: bool = False  # shown only if a row has a value

    @property
    def name(self) -> str:
        """The heading in one line."""
        return heading_in_one_line(self.heading)

    def value(self, row: Row) -> Any:
        """Return the value of the column for a row."""
        return getattr(row, self.key)

    def winner(self, rows: Sequence[Row]) -> float | None:
        """Return the best value of the rows that are not adaptive, or None if fewer than two values differ."""
        if self.best is None:
            return None

        # adaptive rows learn from the test text, doubtful and fine-tuned ones know other text: they cannot win
        ranked = [row for row in rows if row.ok and not _is_apart(row)]
        values: list[float] = [self.value(row) for row in ranked if self.value(row) is not None]

        # mark nothing where all values are equal
        if len(set(values)) < 2:
            return None
        return min(values) if self.best == "lowest" else max(values)

    def is_winner(self, row: Row, winner: float | None) -> bool:
        """Return whether a row has the best value of the column."""
        return winner is not None and self.value(row) == winner and not _is_apart(row)


def _is_apart(row: Row) -> bool:
    """Return whether a row is ranked apart from those that learned the training text alone."""
    return row.adaptive or row.doubtful or row.fine_tuned or row.pretrained


def _count(heading: str, key: str, best: Best | None = None, min_width: int = 0) -> Column:
    """Return a column of whole numbers."""
    return Column(heading, key, lambda row: format_count(getattr(row, key)), best, min_width=min_width)


def _decimal(
    heading: str, key: str, places: int, best: Best | None = "lowest", min_width: int = 0, style: str = ""
) -> Column:
    """Return a column of numbers with a fixed number of decimals."""
    return Column(heading, key, lambda row: format_decimals(getattr(row, key), places), best, style, min_width)


def _extent(row: Row) -> str:
    """Return how far the training of a network got: its steps, and the passes over the training text.

    >>> _extent(Row("austen", "lstm-char", steps=17, passes=0.024)), _extent(Row("austen", "gru", steps=9876, passes=3))
    ('17/2%', '9.9k/3.0')
    """
    if row.steps is None:
        return "-"

    # at most four characters on each side of the slash
    steps = f"{row.steps / 1000:z.1f}k" if 1000 <= row.steps < 9950 else format_count(row.steps)
    passes = row.passes or 0.0
    share = f"{passes:z.0%}" if passes < 1 else f"{passes:z.1f}" if passes < 10 else format_count(passes)
    return f"{steps}/{share}"


# a hyphen at the end of a line divides a word (see heading_in_one_line)
COLUMNS = (
    _decimal("bits/\nchar", "bits_per_character", 3),
    Column("95 %\ninterval", "interval", lambda row: format_range(row.interval, 2), min_width=70),
    Column("spread\nof seeds", "spread", lambda row: format_range(row.spread, 3), optional=True),
    Column("steps/\npasses", "steps", _extent, min_width=80, optional=True),
    _decimal("bits/\nbyte", "bits_per_byte", 3, min_width=120),
    _decimal("word\nperpl.", "word_perplexity", 1),
    _decimal("token\nperpl.", "token_perplexity", 1, best=None, min_width=100, style="bright_black"),
    Column("spelled\n%", "spelled_share", lambda row: format_percent(row.spelled_share), min_width=140),
    _count("para-\nmeters", "parameters", min_width=100),
    _decimal("training\nseconds", "train_seconds", 1, min_width=45),
    _count("training\nchar/s", "train_characters_per_second", "highest", min_width=110),
    _count("scoring\nchar/s", "score_characters_per_second", "highest", min_width=130),
    _count("generation\nchar/s", "generate_characters_per_second", "highest", min_width=70),
    _count("memory\nMB", "peak_memory_mb", "lowest", min_width=90),
)


def columns_for(rows: Sequence[Row], width: float = math.inf) -> list[Column]:
    """Return the columns that have values in these rows and fit on a terminal of this width.

    Bits per byte are shown where they differ from bits per character.
    """
    per_byte, per_character = (_decimal("", key, 3) for key in ("bits_per_byte", "bits_per_character"))
    same = all(per_byte.format(row) == per_character.format(row) for row in rows)
    shown = [column for column in COLUMNS if column.min_width <= width and not (same and column.key == "bits_per_byte")]
    return [column for column in shown if any(_has_value(column, row) for row in rows)]


def _has_value(column: Column, row: Row) -> bool:
    return bool(column.value(row)) if column.optional else column.format(row) != "-"
