"""The page of a sweep: bits against cost as a chart and a table for each author."""

from __future__ import annotations

from typing import Any

from genbench.experiments.pareto import UNITS, VALID, Sweep
from genbench.report.formatting import flowing
from genbench.report.html import charts
from genbench.report.html.charts import Chart, Series
from genbench.report.html.rendering import fill
from genbench.report.html.sections import SOONEST
from genbench.report.html.sections import UNITS as FEWER
from genbench.report.html.tables import Cell, Line, Table
from genbench.report.terminal import comparison as terminal
from genbench.report.terminal import sweep as sweeps

UP = "bits per character, valid text"


def page(sweep: Sweep) -> str:
    """A sweep as one HTML page, with nothing outside it."""
    comparison = sweep.comparison
    authors = [_author(sweep, author, number) for number, author in enumerate(comparison.corpora)]
    values = {
        "title": comparison.title or f"a sweep over {', '.join(comparison.corpora)}",
        "see": flowing(comparison.see),
        "came_out": flowing(comparison.came_out),
        "stopped": comparison.stopped,
        "authors": authors,
        "what": sweeps.WHAT.format(cost=UNITS[sweep.cost]),
    }
    return fill("sweep.html", values)


def _author(sweep: Sweep, author: str, number: int) -> dict[str, Any]:
    remarks = [sentence for sentence, _ in sweeps.remarks(sweep, author)][1:]
    chart = _chart(sweep, author, number) if sweep.front(author) else None
    heading = terminal.heading(sweep.comparison, author)
    return {"name": author, "heading": heading, "chart": chart, "table": _table(sweep, author), "remarks": remarks}


def _chart(sweep: Sweep, author: str, number: int) -> Any:
    """A mark for each row that is done, a line along the front."""
    places = {name: at for at, name in enumerate(dict.fromkeys(row["generator"] for row in sweep.comparison.results))}
    points: dict[str, list[charts.Point]] = {}
    for row in sweep.ranked(author):
        price = sweep.price(row)
        if row["status"] == "ok" and price is not None and row[VALID] is not None:
            points.setdefault(row["generator"], []).append((max(price, SOONEST), row[VALID]))
    series = [Series(name, places[name], found) for name, found in points.items()]
    front = [(max(sweep.price(row) or 0.0, SOONEST), row[VALID]) for row in sweep.front(author)]
    said = f"A mark for each row, a line along those that nothing betters at their cost. {FEWER}."
    across = UNITS[sweep.cost]
    return charts.scatter(
        Chart(f"front-{number}", f"{author}: bits against {across}", said, across, UP, 10), series, front
    )


def _table(sweep: Sweep, author: str) -> Table:
    heads = ["generator", *(head.replace("-\n", "").replace("\n", " ") for head in sweeps.HEADS)]
    lines = [
        Line(mark + label, [Cell(cell, "best" if mark == sweeps.CHOSEN else "") for cell in cells])
        for mark, label, cells in sweeps.lines(sweep, author)
    ]
    return Table(author, heads, lines)
