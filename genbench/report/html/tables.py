"""The tables of the pages: the same numbers as in the terminal, and those behind each chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import adaptive, labels
from genbench.report.formatting import decimals
from genbench.report.html.charts import Series, thinned
from genbench.report.terminal import novelty
from genbench.report.terminal import strata as splits
from genbench.report.terminal import style as judged
from genbench.report.terminal.columns import wanted

Figures = dict[str, Any]
Places = dict[str, int]  # the number of a generator in the report, by its label
SHOWN, LINES = 24, 400  # points of a learning curve in its table; lines of the table, if two points a curve are fewer
EXCESS = (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)  # bits per character above the best, from which on the next colour is taken


class Cell(NamedTuple):
    """A value, and its class in CSS."""

    text: str
    kind: str = ""


class Line(NamedTuple):
    """A row of a table; `place` is the number of its generator, which gives its colour and mark.

    `target` is the name of what on the page its head leads to.
    """

    head: str
    cells: list[Cell]
    place: int | None = None
    target: str = ""


@dataclass(frozen=True)
class Table:
    """A table with its caption, and the headings of its columns."""

    caption: str
    heads: list[str]
    lines: list[Line]


def ranking(author: str, rows: Sequence[Row], places: Sequence[int]) -> Table:
    """The result table, as in the terminal where it has all the room."""
    columns = wanted(rows)
    winners = [column.winner(list(rows)) for column in columns]
    lines = []
    for label, row, place in zip(labels(rows), rows, places, strict=True):
        cells = []
        for column, winner in zip(columns, winners, strict=True):
            best = winner is not None and row[column.key] == winner and not adaptive(row)
            cells.append(Cell(column.show(row), "best" if best else "faint" if column.style else ""))
        lines.append(Line(label, cells, place))
    heads = ["generator", *(column.name for column in columns)]
    return Table(f"{author}: best first, by bits per character of the test text", heads, lines)


def plain(caption: str, lines: Sequence[Sequence[str]], heads: Sequence[str], places: Places) -> Table:
    """A table that begins each line with a generator's name, or with what is grey, being none."""
    rows = []
    for name, *values in lines:
        place = places.get(name, places.get(name.rpartition(" at ")[0]))
        rows.append(Line(name, [Cell(each, "faint" if place is None else "") for each in values], place))
    return Table(caption, list(heads), rows)


def copied(author: str, rows: Sequence[Row], human: Figures | None, places: Places) -> Table | None:
    """What the samples copy and repeat; None where nothing was drawn."""
    found = novelty.lines(rows, human)
    heads = ["samples of", *novelty.NAMES]
    return plain(f"{author}: what the samples copy and repeat", found, heads, places) if found else None


def style(comparison: Comparison, author: str, rows: Sequence[Row], places: Places) -> Table | None:
    """Whose style the samples have; None where that was not judged."""
    heads, *found = judged.lines(comparison, author, rows)
    return plain(f"{author}: samples given to their author, in percent", found, heads, places) if found else None


def kinds(author: str, by: str, found: Sequence[Figures], places: Places) -> Table:
    """Bits per character by kind of place, the best of each kind marked."""
    (_, *names), *rest = splits.lines(found)
    made = plain(f"{author}: bits per character by {by}", rest, [by, *names], places)
    lines = []
    for line in made.lines:
        best = [len(rest) > 2 and kind["verdicts"][0]["better"] == line.head for kind in found]
        cells = [Cell(cell.text, "best" if first else cell.kind) for cell, first in zip(line.cells, best, strict=True)]
        lines.append(line._replace(cells=cells))
    return Table(made.caption, made.heads, lines)


def curve(author: str, series: Sequence[Series]) -> Table:
    """The points of the learning curves: seconds, and bits per character there."""
    lines = []
    shown = max(2, min(SHOWN, LINES // max(1, len(series))))
    for each in series:
        many = thinned(len(each.points), shown)
        points = [(*each.points[at], "valid") for at in many] + ([(*each.end, "test")] if each.end else [])
        lines += [
            Line(each.name, [Cell(decimals(x, 1)), Cell(decimals(y, 3)), Cell(text)], each.place)
            for x, y, text in points
        ]
    return Table(f"{author}: learning curves", ["generator", "seconds", "bits/char", "on text"], lines)


def memory(author: str, series: Sequence[tuple[Series, Sequence[Figures]]]) -> Table:
    """Bits by context, what mixing its farther half costs, and what is beyond."""
    lines = []
    for each, found in series:
        for at in found:
            low, high = at.get("interval") or (None, None)
            beyond = at.get("beyond_interval")
            cells = [
                Cell(f"{at['context']:,}"),
                Cell(decimals(at["bits_per_character"], 3)),
                Cell("-" if low is None else f"{low:.3f}-{high:.3f}"),
                Cell(decimals(at.get("half_shuffled"), 3)),
                Cell(decimals(at.get("beyond"), 3), "best" if beyond and beyond[0] > 0 else ""),
            ]
            lines.append(Line(each.name, cells, each.place))
    heads = ["generator", "context, characters", "bits/char", "95 % interval", "mixed", "worth of the rest"]
    return Table(f"{author}: bits by context", heads, lines)


def matrix(label: str, authors: Sequence[str], bits: Sequence[Sequence[float | None]]) -> Table:
    """One generator on all texts: a row the author it learned from, a column the author whose test text it reads."""
    least = [_least(column) for column in zip(*bits, strict=True)]
    lines = []
    for author, row in zip(authors, bits, strict=True):
        cells = [_above(value, best) for value, best in zip(row, least, strict=True)]
        lines.append(Line(author, cells))
    return Table(label, ["learned from", *authors], lines)


def _least(values: Sequence[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _above(value: float | None, best: float | None) -> Cell:
    if value is None or best is None:
        return Cell("-", "faint")
    shade = sum(value - best >= limit for limit in EXCESS)
    return Cell(f"{value:.3f}", "best" if value == best else f"h{shade}")
