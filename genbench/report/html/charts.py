"""Charts of the pages, drawn with matplotlib: points with intervals, lines with a ring at the end, scatter plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from genbench.report.colors import SERIES
from genbench.report.formatting import printable
from genbench.report.html.svg import placeholder_color, svg, svg_settings
from genbench.tokenization.graphemes import cut_end

WIDTH = 410 / 72  # inches; a page scales a chart to the width of its column
LEGEND_LINE = 0.3  # height of a line of the legend, in inches
MARKERS = "os^DvPX*"  # of the series, in the order of their colors
DASHES = ("-", "--", ":", "-.")  # the next one is used when the colors start again
MAX_NAME = 28  # characters of a name in a chart
MAX_PAIRED_NAME = 17  # characters of a name if the legend has two columns
MAX_POINTS = 200  # of a line; more would not be visible

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """The points of one generator; the number of the generator in the report determines its color and marker."""

    name: str
    number: int
    points: Sequence[Point] = ()
    band: Sequence[Point | None] = ()  # the interval at each point
    end: Point | None = None  # drawn as a ring

    @property
    def color(self) -> str:
        """The placeholder of the color (see svg.py)."""
        return placeholder_color(self.number % len(SERIES))

    @property
    def marker(self) -> str:
        """The marker, as matplotlib names it."""
        return MARKERS[self.number % len(MARKERS)]

    @property
    def dash(self) -> str:
        """The line style, as matplotlib names it."""
        return DASHES[self.number // len(SERIES) % len(DASHES)]

    @property
    def short_name(self) -> str:
        """The name, shortened to fit into a chart."""
        name = printable(self.name).replace("\n", " ")
        return name if len(name) <= MAX_NAME else cut_end(name, MAX_NAME - 1) + "…"


@dataclass(frozen=True)
class Chart:
    """Texts and axes of a chart."""

    name: str  # unique in its page
    title: str
    description: str  # for screen readers
    x_label: str
    y_label: str
    log: int = 0  # the base of a logarithmic x axis; 0 for a linear one
    categories: Sequence[str] = ()  # names of the positions 0, 1, ... on the x axis, instead of numbers


def ranking(chart: Chart, series: Sequence[Series]) -> Markup:
    """Return a chart with a dot and an interval for each series, the first at the top.

    Each series has one point; its x is the value.
    """
    with _axes(0.42 * len(series) + 0.85) as (figure, axes):
        # the interval as a thick line, the value as a marker on it
        for row, generator in enumerate(series):
            x = generator.points[0][0]
            interval, color = generator.band[0] or (x, x), generator.color
            axes.plot(interval, [row, row], color=color, linewidth=3, solid_capstyle="round", alpha=0.55)
            axes.plot([x], [row], generator.marker, color=color, markersize=9)

        # names instead of numbers on the y axis, the first row at the top
        names = [generator.short_name for generator in series]
        axes.set_yticks(range(len(series)), names, color=placeholder_color("ink"))
        axes.set_ylim(len(series) - 0.5, -0.5)

        # the x axis and the frame
        axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
        _finish(axes, chart, "x")
        axes.spines["left"].set_visible(False)
        axes.set_ylabel("")
        return _svg(figure, chart)


def lines(chart: Chart, series: Sequence[Series]) -> Markup:
    """Return a chart with a line for each series, the interval as a band, a ring at the end, and a legend below."""
    # the height of the legend: one name for each generator, in two columns if the names are short
    unique = list({generator.name: generator for generator in series}.values())
    columns = 2 if all(len(generator.short_name) <= MAX_PAIRED_NAME for generator in unique) else 1
    legend_height = LEGEND_LINE * -(-len(unique) // columns)

    with _axes(3.4 + legend_height) as (figure, axes):
        # the lines with their bands and rings
        for generator in series:
            _draw_line(axes, generator)

        # the axes
        _finish(axes, chart, "y")
        if chart.log:
            _set_logarithmic(axes, chart.log)
        if chart.categories:
            names = [printable(category) for category in chart.categories]
            axes.set_xticks(range(len(names)), names, rotation=20, ha="right")

        # the legend
        handles = [_legend_handle(axes, generator) for generator in unique]
        _add_legend(figure, columns, handles)
        return _svg(figure, chart)


def scatter(chart: Chart, series: Sequence[Series], front: Sequence[Point]) -> Markup:
    """Return a chart with a marker for each point of each series, a line along the front, and a legend below."""
    with _axes(3.4 + LEGEND_LINE * -(-len(series) // 2)) as (figure, axes):
        # the front as steps, then the points on it
        axes.step(*zip(*front, strict=True), where="post", color=placeholder_color("faint"), linewidth=1.5)
        handles: list[Line2D] = []
        for generator in series:
            x, y = zip(*generator.points, strict=True)
            name, color = generator.short_name, generator.color
            handles += axes.plot(x, y, generator.marker, linestyle="none", color=color, markersize=7, label=name)

        # axes and legend
        _finish(axes, chart, "y")
        _set_logarithmic(axes, chart.log)
        _add_legend(figure, 2, handles)
        return _svg(figure, chart)


def thin_out(count: int, most: int = MAX_POINTS) -> list[int]:
    """Return at most `most` indices of `count` points, evenly spaced, including the first and the last.

    >>> thin_out(3), thin_out(1000, 3)
    ([0, 1, 2], [0, 500, 999])
    """
    if count <= most:
        return list(range(count))
    return [int(number) for number in np.linspace(0, count - 1, most).round()]


@contextmanager
def _axes(height: float) -> Iterator[tuple[Figure, Axes]]:
    """Create a figure of this height, in inches, and its axes."""
    with svg_settings():
        figure = Figure(figsize=(WIDTH, height), dpi=72, layout="constrained")
        yield figure, figure.subplots()


def _draw_line(axes: Axes, series: Series) -> None:
    """Draw the line, the band and the ring of a series."""
    # the line
    points = [series.points[number] for number in thin_out(len(series.points))]
    x, y = [point[0] for point in points], [point[1] for point in points]
    marker = "" if series.end else series.marker  # the ring is the marker
    axes.plot(x, y, linestyle=series.dash, marker=marker, color=series.color, linewidth=2, markersize=5)

    # the band, at the points that have an interval
    band = [(x, bounds) for (x, _), bounds in zip(series.points, series.band, strict=False) if bounds]
    if band:
        low, high = [bounds[0] for _, bounds in band], [bounds[1] for _, bounds in band]
        axes.fill_between([x for x, _ in band], low, high, color=series.color, alpha=0.1, linewidth=0)

    # the ring
    if series.end:
        end_x, end_y = series.end
        axes.plot([end_x], [end_y], series.marker, color=series.color, markersize=9, fillstyle="none", mew=2)


def _legend_handle(axes: Axes, series: Series) -> Line2D:
    """Return an empty line with the style of a series, for the legend."""
    color, name = series.color, series.short_name
    return axes.plot([], [], series.marker, linestyle=series.dash, color=color, label=name, markersize=6)[0]


def _add_legend(figure: Figure, columns: int, handles: Sequence[Line2D]) -> None:
    """Add a legend below the chart."""
    figure.legend(
        handles=handles, loc="outside lower left", ncols=columns, frameon=False, labelcolor=placeholder_color("ink")
    )


def _finish(axes: Axes, chart: Chart, grid: str) -> None:
    """Add labels and a grid along "x" or "y", and remove all other lines."""
    # labels and ticks
    axes.set_xlabel(chart.x_label, color=placeholder_color("faint"))
    axes.set_ylabel(chart.y_label, color=placeholder_color("faint"))
    axes.patch.set_visible(False)
    axes.tick_params(color=placeholder_color("rule"), labelcolor=placeholder_color("ink"), length=0)

    # the grid, behind the data
    axes.grid(axis="x" if grid == "x" else "y", color=placeholder_color("rule"), linewidth=1)
    axes.set_axisbelow(True)

    # one border: the axis that the grid does not show
    for name, spine in axes.spines.items():
        spine.set_visible(name == ("left" if grid == "x" else "bottom"))
        spine.set_color(placeholder_color("faint"))


def _set_logarithmic(axes: Axes, base: int) -> None:
    """Give the x axis a logarithmic scale, with ticks at 1, 2 and 5 if its range is short."""
    # ticks at powers of 10 alone would be too few on a short axis
    axes.set_xscale("log", base=base)
    low, high = axes.get_xlim()
    is_short = low > 0 and high / low < 300
    axes.xaxis.set_major_locator(LogLocator(base, subs=(1, 2, 5) if base == 10 and is_short else (1,), numticks=8))

    # labels as plain numbers, no minor ticks
    axes.xaxis.set_major_formatter(FuncFormatter(_format_tick))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())


def _format_tick(value: float, _: int | None = None) -> str:
    """Format the value of a tick."""
    return f"{value:,.4g}" if value < 1000 else f"{value:z,.0f}"


def _svg(figure: Figure, chart: Chart) -> Markup:
    """Return the figure as an SVG element."""
    return svg(figure, printable(chart.title), printable(chart.description), chart.name)
