"""The charts of the pages, drawn by matplotlib: points with intervals, and lines with rings at their ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from genbench.report.formatting import printable
from genbench.report.html.colours import SERIES
from genbench.report.html.svg import drawing, sign, svg

WIDTH = 410 / 72  # inches; a page shows it as wide as it has room for
MARKS = "os^DvPX*"  # beside the colours
DASHES = ("-", "--", ":", "-.")  # where there are more series than colours
LONGEST, HALF = 28, 17  # characters of a name in a drawing, and of one that leaves room for another beside it
POINTS = 200  # of a line; more cannot be seen
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """What is drawn of one generator. `place` is its number in the report, which gives its colour and mark."""

    name: str
    place: int
    points: Sequence[Point] = ()
    band: Sequence[Point | None] = ()  # the interval at each point
    end: Point | None = None  # a ring

    @property
    def colour(self) -> str:
        """Its sign (see svg.py)."""
        return sign(self.place % len(SERIES))

    @property
    def mark(self) -> str:
        """Its mark."""
        return MARKS[self.place % len(MARKS)]

    @property
    def dash(self) -> str:
        """How its line is drawn."""
        return DASHES[self.place // len(SERIES) % len(DASHES)]

    @property
    def short(self) -> str:
        """Its name, with room in a drawing."""
        name = printable(self.name).replace("\n", " ")
        return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Chart:
    """What a chart says of itself, and its axes."""

    name: str  # unique in its page
    title: str
    description: str  # for who does not see it
    across: str
    up: str
    log: int = 0  # the base of a logarithmic axis across; 0: none
    kinds: Sequence[str] = ()  # names of the places 0, 1, ... across, instead of numbers


def ranking(chart: Chart, series: Sequence[Series]) -> Markup:
    """A dot for each series at the x of its one point, and its interval as a line, the first on top."""
    with _axes(0.42 * len(series) + 0.85) as (figure, axes):
        for row, each in enumerate(series):
            x = each.points[0][0]
            axes.plot(
                each.band[0] or (x, x), [row, row], color=each.colour, linewidth=3, solid_capstyle="round", alpha=0.55
            )
            axes.plot([x], [row], each.mark, color=each.colour, markersize=9)
        axes.set_yticks(range(len(series)), [each.short for each in series], color=sign("ink"))
        axes.set_ylim(len(series) - 0.5, -0.5)
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
        _finish(axes, chart, "x")
        axes.spines["left"].set_visible(False)
        axes.set_ylabel("")
        return svg(figure, printable(chart.title), printable(chart.description), chart.name)


def lines(chart: Chart, series: Sequence[Series]) -> Markup:
    """A line for each series, its interval behind it, a ring at its end; who is who stands below."""
    once = list({each.name: each for each in series}.values())
    columns = 2 if all(len(each.short) <= HALF for each in once) else 1
    legend = 0.3 * -(-len(once) // columns)  # inches
    with _axes(3.4 + legend) as (figure, axes):
        for each in series:
            _line(axes, each)
        _finish(axes, chart, "y")
        if chart.log:
            _logarithmic(axes, chart.log)
        if chart.kinds:
            axes.set_xticks(range(len(chart.kinds)), [printable(kind) for kind in chart.kinds], rotation=20, ha="right")
        handles = [
            axes.plot([], [], each.mark, linestyle=each.dash, color=each.colour, label=each.short, markersize=6)[0]
            for each in once
        ]
        figure.legend(handles=handles, loc="outside lower left", ncols=columns, frameon=False, labelcolor=sign("ink"))
        return svg(figure, printable(chart.title), printable(chart.description), chart.name)


def scatter(chart: Chart, series: Sequence[Series], front: Sequence[Point]) -> Markup:
    """A mark for each point of each series, and a line along the front; who is who stands below."""
    with _axes(3.4 + 0.3 * -(-len(series) // 2)) as (figure, axes):
        axes.step(*zip(*front, strict=True), where="post", color=sign("faint"), linewidth=1.5)
        for each in series:
            x, y = zip(*each.points, strict=True)
            axes.plot(x, y, each.mark, linestyle="none", color=each.colour, markersize=7, label=each.short)
        _finish(axes, chart, "y")
        _logarithmic(axes, chart.log)
        figure.legend(loc="outside lower left", ncols=2, frameon=False, labelcolor=sign("ink"))
        return svg(figure, printable(chart.title), printable(chart.description), chart.name)


def _line(axes: Axes, each: Series) -> None:
    points = [each.points[at] for at in thinned(len(each.points))]
    x, y = [point[0] for point in points], [point[1] for point in points]
    mark = "" if each.end else each.mark  # a ring is its mark
    axes.plot(x, y, linestyle=each.dash, marker=mark, color=each.colour, linewidth=2, markersize=5)
    there = [(at, bounds) for (at, _), bounds in zip(each.points, each.band, strict=False) if bounds]
    if there:
        axes.fill_between(
            [at for at, _ in there],
            [bounds[0] for _, bounds in there],
            [bounds[1] for _, bounds in there],
            color=each.colour,
            alpha=0.1,
            linewidth=0,
        )
    if each.end:
        axes.plot(*([value] for value in each.end), each.mark, color=each.colour, markersize=9, fillstyle="none", mew=2)


def thinned(number: int, most: int = POINTS) -> list[int]:
    """The places of at most so many of so many points, evenly, the first and the last among them.

    >>> thinned(3), thinned(1000, 3)
    ([0, 1, 2], [0, 500, 999])
    """
    if number <= most:
        return list(range(number))
    return [int(at) for at in np.linspace(0, number - 1, most).round()]


@contextmanager
def _axes(height: float) -> Iterator[tuple[Figure, Axes]]:
    with drawing():
        figure = Figure(figsize=(WIDTH, height), dpi=72, layout="constrained")
        yield figure, figure.subplots()


def _finish(axes: Axes, chart: Chart, grid: str) -> None:
    axes.set_xlabel(chart.across, color=sign("faint"))
    axes.set_ylabel(chart.up, color=sign("faint"))
    axes.patch.set_visible(False)
    axes.tick_params(color=sign("rule"), labelcolor=sign("ink"), length=0)
    axes.grid(axis="x" if grid == "x" else "y", color=sign("rule"), linewidth=1)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == ("left" if grid == "x" else "bottom"))
        spine.set_color(sign("faint"))


def _logarithmic(axes: Axes, base: int) -> None:
    axes.set_xscale("log", base=base)
    low, high = axes.get_xlim()
    within = low > 0 and high / low < 300
    axes.xaxis.set_major_locator(LogLocator(base, subs=(1, 2, 5) if base == 10 and within else (1,), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(_short))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())


def _short(value: float, _: int | None = None) -> str:
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
