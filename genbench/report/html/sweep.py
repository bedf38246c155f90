"""The HTML page of a sweep: bits against cost as a chart and a table for each author."""

from __future__ import annotations

from dataclasses import dataclass, replace

from markupsafe import Markup

from genbench.experiments.significance import labels
from genbench.experiments.sweep import COST_UNITS, Sweep
from genbench.report.comparison_tables import corpus_heading
from genbench.report.formatting import unwrap
from genbench.report.html import charts
from genbench.report.html.charts import Chart, Point, Series
from genbench.report.html.rendering import fill
from genbench.report.html.sections import DIRECTION, MIN_SECONDS
from genbench.report.html.tables import Cell, Line, Table
from genbench.report.terminal import sweep as terminal

Y_LABEL = "validation bits per character"


@dataclass(frozen=True)
class SweepSection:
    """The results of one author of a sweep, as the template shows them."""

    name: str
    heading: str
    charts: list[Markup]  # for a wide window, and for a narrow one
    table: Table
    remarks: list[str]


def sweep_page(sweep: Sweep) -> str:
    """Return a sweep as one self-contained HTML page."""
    comparison = sweep.comparison

    # the variables of the template
    values = {
        "title": comparison.title or f"a sweep over {', '.join(comparison.corpora)}",
        "notes": unwrap(comparison.notes),
        "expected": unwrap(comparison.expected),
        "stopped": comparison.stopped,
        "authors": [_section(sweep, author, number) for number, author in enumerate(comparison.corpora)],
        "sweep_note": terminal.note(sweep),
    }
    return fill("sweep.html", values)


def _section(sweep: Sweep, author: str, number: int) -> SweepSection:
    """Return the results of one author."""
    return SweepSection(
        name=author,
        heading=corpus_heading(sweep.comparison, author),
        charts=_charts(sweep, author, number) if sweep.front(author) else [],
        table=_table(sweep, author),
        remarks=[remark for remark, _ in terminal.remarks(sweep, author)],
    )


def _charts(sweep: Sweep, author: str, number: int) -> list[Markup]:
    """Return a wide and a narrow chart with a marker for each finished row and a line along the Pareto front."""
    # number the generators: the number determines the color
    generators = dict.fromkeys(row.generator for row in sweep.comparison.results)
    numbers = {name: at for at, name in enumerate(generators)}

    # the points of each generator, and the name of each point
    points: dict[str, list[Point]] = {}
    names: list[tuple[str, Point]] = []
    ranked = sweep.ranked(author)
    for label, row in zip(labels(ranked), ranked, strict=True):
        cost, bits = sweep.price(row), row.validation_bits_per_character
        if row.ok and cost is not None and bits is not None:
            point = max(cost, MIN_SECONDS), bits
            points.setdefault(row.generator, []).append(point)
            names.append((label.removeprefix(f"{row.generator} ") if len(generators) == 1 else label, point))
    series = [Series(name, numbers[name], row_points) for name, row_points in points.items()]

    # the points of the front
    front = [
        (max(sweep.price(row) or 0.0, MIN_SECONDS), row.validation_bits_per_character or 0.0)
        for row in sweep.front(author)
    ]

    # where there is no room for all names, those of the front come first
    names.sort(key=lambda named: named[1] not in front)

    # title, description and axes
    unit = COST_UNITS[sweep.cost]
    title = f"{author}: bits against {unit}"
    description = f"A mark for each row, and a line along the rows that none improves on at their cost. {DIRECTION}"
    chart = Chart(f"front-{number}", title, description, unit, Y_LABEL, 10)
    narrow = replace(chart, name=f"narrow-front-{number}")
    return [
        charts.scatter(chart, series, front, names),
        charts.scatter(narrow, series, front, names, wide=False),
    ]


def _table(sweep: Sweep, author: str) -> Table:
    """Return the table of the rows, with the best one in bold."""
    table = terminal.sweep_table(sweep, author)
    lines = []
    for name, *cells in table.rows:
        css_class = "best" if name.startswith(terminal.BEST_MARK) else ""
        lines.append(Line(name, [Cell(cell, css_class) for cell in cells]))
    return Table(author, table.names, lines)
