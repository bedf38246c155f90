"""The columns of the result table: what each shows, which is best, and which give way where there is little room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from genbench.bench.jobs import Row
from genbench.report.text import count, decimals, span


@dataclass(frozen=True)
class Column:
    """One column."""

    heading: str
    key: str
    show: Callable[[Row], str]
    best: Literal["lowest", "highest"] | None = None
    style: str = ""
    room: int = 0  # shown from this width of the terminal on

    def winner(self, rows: list[Row]) -> float | None:
        """The best value of the rows; None where there is nothing to be best in."""
        found = [row[self.key] for row in rows if row["status"] == "ok" and row[self.key] is not None]
        if self.best is None or len(found) < 2 or len(set(found)) < 2:
            return None
        return min(found) if self.best == "lowest" else max(found)


COLUMNS = (
    Column("bits/\nchar", "bits_per_character", lambda row: f"{row['bits_per_character']:.3f}", "lowest"),
    Column("95 %\ninterval", "interval", lambda row: span(row["interval"])),
    Column("bits/\nbyte", "bits_per_byte", lambda row: f"{row['bits_per_byte']:.3f}", "lowest", room=120),
    Column("word\nperpl.", "word_perplexity", lambda row: decimals(row["word_perplexity"], 1), "lowest"),
    Column("token\nperpl.", "token_perplexity", lambda row: decimals(row["token_perplexity"], 1), style="bright_black"),
    Column("spelled\n%", "spelled_share", lambda row: f"{100 * row['spelled_share']:.1f}", room=140),
    Column("para-\nmeters", "parameters", lambda row: count(row["parameters"]), room=100),
    Column("training\nseconds", "train_seconds", lambda row: decimals(row["train_seconds"], 1), "lowest"),
    Column("training\nchar/s", "train_characters_per_second", lambda row: count(row["train_characters_per_second"]), "highest", room=110),
    Column("scoring\nchar/s", "score_characters_per_second", lambda row: count(row["score_characters_per_second"]), "highest", room=130),
    Column("drawing\nchar/s", "generate_characters_per_second", lambda row: count(row["generate_characters_per_second"]), "highest"),
    Column("memory\nMB", "peak_memory_mb", lambda row: count(row["peak_memory_mb"]), "lowest", room=90),
)  # fmt: skip
