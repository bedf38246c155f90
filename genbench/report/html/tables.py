"""Tables of the pages: those of the terminal, and the numbers of each chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from genbench.analysis.intervals import interval_sign
from genbench.analysis.memory import ContextBits
from genbench.analysis.novelty import NoveltyStatistics
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.significance import StratumResult, Verdict, labels
from genbench.report.columns import columns_for
from genbench.report.comparison_tables import TextTable, novelty_table, strata_table, style_table
from genbench.report.formatting import format_decimals, format_range
from genbench.report.html.charts import Series, thin_out
from genbench.report.pairs import pair_cell

Numbers = dict[str, int]  # number of a generator in the report, by its label

CURVE_POINTS = 24  # points of a learning curve in the table of curves
CURVE_LINES = 400  # lines of that table, unless two points for each curve need more
EXCESS_LEVELS = (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)  # bits per character above the best that start the next color


class Cell(NamedTuple):
    """A text with its CSS class."""

    text: str
    css_class: str = ""


class Line(NamedTuple):
    """A line of a table. The number of its generator determines color and mark; its name may link to a target."""

    name: str
    cells: list[Cell]
    number: int | None = None
    target: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption and the headings of its columns."""

    caption: str
    headings: list[str]
    lines: list[Line]


def ranking(author: str, rows: Sequence[Row], numbers: Sequence[int]) -> Table:
    """Return the result table with all its columns."""
    # the best value of each column
    columns = columns_for(rows)
    winners = [column.winner(rows) for column in columns]

    # a line for each row; columns that must not be compared are grey
    lines = []
    for label, row, number in zip(labels(rows), rows, numbers, strict=True):
        cells = []
        for column, winner in zip(columns, winners, strict=True):
            css_class = "best" if column.is_winner(row, winner) else "faint" if column.style else ""
            cells.append(Cell(column.format(row), css_class))
        lines.append(Line(label, cells, number))

    headings = ["generator", *(column.name for column in columns)]
    return Table(f"{author}: best first, by bits per character of the test text", headings, lines)


def pairs(author: str, verdicts: Sequence[Verdict], numbers: Numbers) -> Table | None:
    """Return the matrix of all pairs, the better row by row and the worse by column; None with fewer than three rows.

    A cell has how many bits per character the worse one needs more, or a mark where that is not clear.
    """
    names = list(dict.fromkeys(name for verdict in verdicts for name in (verdict.better, verdict.worse)))
    if len(names) < 3:
        return None
    by_pair = {(verdict.better, verdict.worse): verdict for verdict in verdicts}
    lines = []
    for rank, better in enumerate(names[:-1], 1):
        cells = [
            Cell(pair_cell(by_pair[better, worse]), "faint" if not by_pair[better, worse].clear else "")
            if (better, worse) in by_pair
            else Cell("")
            for worse in names[1:]
        ]
        lines.append(Line(f"{rank}. {better}", cells, numbers.get(better)))
    lines.append(Line(f"{len(names)}. {names[-1]}", [Cell("")] * (len(names) - 1), numbers.get(names[-1])))
    caption = f"{author}: bits per character that the generator of a column needs more than that of a row; ≈ not clear"
    return Table(caption, ["", *(f"{rank}." for rank in range(2, len(names) + 1))], lines)


def from_text(caption: str, table: TextTable, numbers: Numbers) -> Table:
    """Return a table whose lines have the names of generators; a line with another name is grey."""
    lines = []
    for name, *values in table.rows:
        # a name may end in a temperature, as in "markov-char at 0.8"
        number = numbers.get(name, numbers.get(name.rpartition(" at ")[0]))
        lines.append(Line(name, [Cell(value, "faint" if number is None else "") for value in values], number))
    return Table(caption, table.names, lines)


def novelty(author: str, rows: Sequence[Row], held_out: NoveltyStatistics | None, numbers: Numbers) -> Table | None:
    """Return the table of copying and repetition in the samples, or None if there are no samples."""
    table = novelty_table(rows, held_out)
    return from_text(f"{author}: what the samples copy and repeat", table, numbers) if table else None


def style(comparison: Comparison, author: str, rows: Sequence[Row], numbers: Numbers) -> Table | None:
    """Return the table of samples attributed to their author, or None if the style was not judged."""
    table = style_table(comparison, author, rows)
    return from_text(f"{author}: samples attributed to their author, in percent", table, numbers) if table else None


def strata(author: str, by: str, results: Sequence[StratumResult], numbers: Numbers) -> Table:
    """Return the table of bits per character on each stratum, with the best of each stratum marked."""
    table = from_text(f"{author}: bits per character by {by}", strata_table(by, results), numbers)

    # the first line has the shares, so two generators make three lines
    lines = []
    for line in table.lines:
        best = [len(table.lines) > 2 and result.verdicts[0].better == line.name for result in results]
        cells = [
            cell._replace(css_class="best") if first else cell for cell, first in zip(line.cells, best, strict=True)
        ]
        lines.append(line._replace(cells=cells))
    return Table(table.caption, table.headings, lines)


def learning_curves(author: str, series: Sequence[Series]) -> Table:
    """Return the table of the learning curves: seconds, and bits per character at that time."""
    # fewer points of each curve if there are many curves
    per_curve = max(2, min(CURVE_POINTS, CURVE_LINES // max(1, len(series))))

    # the curve on validation text, then the result on test text
    lines = []
    for curve in series:
        points = [(*curve.points[number], "validation") for number in thin_out(len(curve.points), per_curve)]
        if curve.end:
            points.append((*curve.end, "test"))

        for seconds, bits, text in points:
            cells = [Cell(format_decimals(seconds, 1)), Cell(format_decimals(bits, 3)), Cell(text)]
            lines.append(Line(curve.name, cells, curve.number))
    return Table(f"{author}: learning curves", ["generator", "seconds", "bits/char", "text"], lines)


def memory(author: str, curves: Sequence[tuple[Series, Sequence[ContextBits]]]) -> Table:
    """Return the table of bits by length of context, with the shuffled half and the gain from the rest."""
    lines = []
    for series, points in curves:
        for point in points:
            # a gain is marked if its interval is above 0
            cells = [
                Cell(f"{point.context:,}"),
                Cell(format_decimals(point.bits_per_character, 3)),
                Cell(format_range(point.interval, 3)),
                Cell(format_decimals(point.half_shuffled, 3)),
                Cell(format_decimals(point.beyond, 3), "best" if interval_sign(point.beyond_interval) > 0 else ""),
            ]
            lines.append(Line(series.name, cells, series.number))

    headings = ["generator", "context, characters", "bits/char", "95 % interval", "shuffled", "gain from the rest"]
    return Table(f"{author}: bits by context", headings, lines)


def cross_author(label: str, authors: Sequence[str], bits: Sequence[Sequence[float | None]]) -> Table:
    """Return the table of one generator: a row for each training author, a column for each author's test text."""
    # the lowest bits of each text
    best = [min((value for value in column if value is not None), default=None) for column in zip(*bits, strict=True)]

    # a line for each model
    lines = []
    for author, row in zip(authors, bits, strict=True):
        lines.append(Line(author, [_shaded(value, lowest) for value, lowest in zip(row, best, strict=True)]))
    return Table(label, ["trained on", *authors], lines)


def _shaded(value: float | None, best: float | None) -> Cell:
    """Return a cell with a color for its distance from the best value of the column."""
    if value is None or best is None:
        return Cell("-", "faint")
    level = sum(value - best >= limit for limit in EXCESS_LEVELS)
    return Cell(f"{value:z.3f}", "best" if value == best else f"h{level}")
