"""Charts of the pages, drawn with matplotlib: dots with intervals, lines with names at their ends, scatter plots."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from genbench.report.colors import SERIES
from genbench.report.formatting import printable
from genbench.report.html.chart_labels import LABEL_HEIGHT, Label, label_ends, label_floors, label_points
from genbench.report.html.svg import placeholder_color, svg, svg_settings
from genbench.tokenization.graphemes import cut_end

WIDTH, WIDE = 410 / 72, 960 / 72  # inches; a page scales a chart to the width of its column
BREAK_SHARE = 0.6  # of an axis: a wider gap between values is left out
PADDING, MIN_PADDING = 0.05, 0.1  # at the ends of an axis: of its length; bits per character
TICK_WIDTH = 52  # points of an axis for each of its numbers, at least
BETWEEN_DOTS, CATEGORY = 0.14, 0.7  # of the width of a category: from one dot to the next, of all dots at most
CATEGORY_NAME = 8  # characters of a line of the name of a category
STROKE = ((-0.5, -1.0), (0.5, 1.0))  # a marker: the slanted stroke where an axis is broken
LEGEND_LINE = 0.3  # height of a line of the legend, in inches
MARKERS = "os^DvPX*"  # of the series, in the order of their colors
DASHES = ("-", "--", ":", "-.")  # the next one is used when the colors start again
MAX_NAME = 24  # characters of a name in a chart
MAX_POINTS = 200  # of a line; more would not be visible

Point = tuple[float, float]
Floors = Mapping[str, float]  # figures to compare with, by name
NO_FLOORS: Floors = {}


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
    categories: Sequence[str] = ()  # of dots: names of the positions 0, 1, ... on the x axis


def ranking(chart: Chart, series: Sequence[Series], floors: Floors = NO_FLOORS) -> Markup:
    """Return a chart with a dot and an interval for each series, the first at the top, and a line for each floor.

    Each series has one point; its x is the value. Where a value is far off, the axis is broken before it.
    """
    values = [x for one in series for x in (one.points[0][0], *(one.band[0] or ()))] + list(floors.values())
    ranges = axis_ranges(values)
    with svg_settings():
        figure = Figure(figsize=(WIDTH, 0.36 * len(series) + 0.9), dpi=72, layout="constrained")
        ratios = _width_ratios(values, ranges)
        parts = figure.subplots(1, len(ranges), sharey=True, squeeze=False, width_ratios=ratios)[0]
        for axes, (low, high) in zip(parts, ranges, strict=True):
            axes.set_xlim(low, high)
            _draw_ranking(axes, series)
            _finish(axes, chart, "x")
            axes.spines["left"].set_visible(False)
            axes.set_ylabel("")

        # names instead of numbers on the y axis, the first row at the top
        names = [generator.short_name for generator in series]
        parts[0].set_yticks(range(len(series)), names, color=placeholder_color("ink"))
        parts[0].set_ylim(len(series) - 0.5, -0.5)
        for axes in parts[1:]:
            axes.set_xlabel("")
            axes.tick_params(labelleft=False)

        # as many numbers as each part has room for
        label_floors(figure, parts, floors)
        figure.draw_without_rendering()
        for axes in parts:
            count = max(1, int(axes.get_window_extent().width / TICK_WIDTH))
            axes.xaxis.set_major_locator(MaxNLocator(min(count, 6), steps=[1, 2, 2.5, 5, 10]))
            if count == 1:
                axes.set_xticks([round(sum(axes.get_xlim()) / 2, 1)])
        if len(ranges) > 1:
            _mark_break(*parts)
        return _svg(figure, chart)


def axis_ranges(values: Sequence[float]) -> list[Point]:
    """Return the range of the x axis; two ranges where the widest gap between values takes most of it.

    >>> axis_ranges([1.0, 2.0]), axis_ranges([1.0, 1.1, 1.2, 4.2])
    ([(0.95, 2.05)], [(0.98, 1.22), (4.1, 4.3)])
    """
    ordered = sorted(values)
    span = ordered[-1] - ordered[0]
    before, after = max(pairwise(ordered), key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))
    if len(ordered) < 3 or after - before <= BREAK_SHARE * span:
        pad = PADDING * span or MIN_PADDING
        return [(round(ordered[0] - pad, 4), round(ordered[-1] + pad, 4))]
    return [
        (round(low - pad, 4), round(high + pad, 4))
        for low, high in ((ordered[0], before), (after, ordered[-1]))
        for pad in [2 * PADDING * (high - low) or MIN_PADDING]
    ]


def _width_ratios(values: Sequence[float], ranges: Sequence[Point]) -> list[float]:
    """Return the widths of the parts of a broken axis: three quarters for the part with more values."""
    if len(ranges) == 1:
        return [1.0]
    first = sum(value <= ranges[0][1] for value in values)
    return [3.0, 1.0] if 2 * first >= len(values) else [1.0, 3.0]


def _draw_ranking(axes: Axes, series: Sequence[Series]) -> None:
    """Draw intervals as thick lines, and values as markers on them."""
    low, high = axes.get_xlim()
    for row, generator in enumerate(series):
        x = generator.points[0][0]
        interval, color = generator.band[0] or (x, x), generator.color
        axes.plot(interval, [row, row], color=color, linewidth=3, solid_capstyle="round", alpha=0.55)
        if low <= x <= high:
            axes.plot([x], [row], generator.marker, color=color, markersize=9, clip_on=False)


def _mark_break(left: Axes, right: Axes) -> None:
    """Draw the two slanted strokes that mark where an axis is broken."""
    for axes, x in ((left, 1.0), (right, 0.0)):
        axes.plot(
            *([x], [0.0]),
            marker=STROKE,
            markersize=8,
            mew=1.5,
            color=placeholder_color("faint"),
            transform=axes.transAxes,
            clip_on=False,
        )


def lines(chart: Chart, series: Sequence[Series], floors: Floors = NO_FLOORS) -> Markup:
    """Return a chart with a line for each series, named at its right end, the interval as a band, and floors.

    A series with an `end` has a ring there, and its name beside it if it has no line, as far as there is room. Of
    series of one name only one is named.
    """
    unique = list({generator.name: generator for generator in series}.values())
    drawn = [generator for generator in unique if generator.points]
    height = max(3.4, 0.9 + LABEL_HEIGHT / 72 * (len(drawn) + len(floors)))
    with _axes(height) as (figure, axes):
        for generator in series:
            _draw_line(axes, generator)
        for bits in floors.values():
            axes.axhline(bits, color=placeholder_color("faint"), linestyle="--", linewidth=1)

        # the axes
        _finish(axes, chart, "y")
        if chart.log:
            _set_logarithmic(axes, chart.log)
        if len(drawn) < len(unique):  # room for names beside rings
            axes.margins(x=0.1, y=0.1)

        # names where the lines end
        right = axes.get_xlim()[1]
        labels = [Label(name, right, bits, placeholder_color("faint")) for name, bits in floors.items()]
        for generator in drawn:
            x, y = generator.end or generator.points[-1]
            labels.append(Label(generator.short_name, x, y, generator.color))
        label_ends(axes, labels, 72 * (height - 0.7))

        # names beside rings
        figure.draw_without_rendering()
        rings = [(one, one.end) for one in unique if one.end]
        ink = placeholder_color("ink")
        beside = [Label(one.short_name, end[0], end[1], ink) for one, end in rings if not one.points]
        label_points(axes, beside, [end for _, end in rings])
        return _svg(figure, chart)


def dots(chart: Chart, series: Sequence[Series]) -> Markup:
    """Return a chart with a dot and its interval for each series at each category, side by side, named at the last."""
    last = len(chart.categories) - 1
    labels = []
    height = max(3.4, 0.9 + LABEL_HEIGHT / 72 * len(series))
    with _axes(height) as (figure, axes):
        step = min(BETWEEN_DOTS, CATEGORY / max(1, len(series) - 1))
        for number, generator in enumerate(series):
            shift = step * (number - (len(series) - 1) / 2)
            for (x, y), interval in zip(generator.points, generator.band, strict=True):
                axes.plot([x + shift] * 2, interval or (y, y), color=generator.color, linewidth=3, alpha=0.55)
                axes.plot([x + shift], [y], generator.marker, color=generator.color, markersize=6)
                if x == last:
                    labels.append(Label(generator.short_name, x + shift, y, generator.color))

        # a thin line between the categories
        _finish(axes, chart, "y")
        for edge in range(1, len(chart.categories)):
            axes.axvline(edge - 0.5, color=placeholder_color("rule"), linewidth=1)
        names = ["\n".join(textwrap.wrap(printable(category), CATEGORY_NAME)) for category in chart.categories]
        axes.set_xticks(range(len(names)), names, fontsize=11 if len(names) < 6 else 9.5)
        axes.set_xlim(-0.5, len(names) - 0.5)
        label_ends(axes, labels, 72 * (height - 0.9))
        return _svg(figure, chart)


def scatter(
    chart: Chart,
    series: Sequence[Series],
    front: Sequence[Point],
    names: Sequence[tuple[str, Point]] = (),
    *,
    wide: bool = True,
) -> Markup:
    """Return a chart with a marker for each point of each series, a line along the front, and a legend below.

    `names` are written beside their points, the first ones first, as far as there is room.
    """
    width, columns = (WIDE, 4) if wide else (WIDTH, 2)
    with _axes(4.6 + LEGEND_LINE * -(-len(series) // columns), width) as (figure, axes):
        # the front as steps, then the points on it
        axes.step(*zip(*front, strict=True), where="post", color=placeholder_color("faint"), linewidth=1.5)
        handles: list[Line2D] = []
        for generator in series:
            x, y = zip(*generator.points, strict=True)
            name, color = generator.short_name, generator.color
            handles += axes.plot(x, y, generator.marker, linestyle="none", color=color, markersize=7, label=name)

        # axes, legend and names
        _finish(axes, chart, "y")
        _set_logarithmic(axes, chart.log)
        axes.margins(x=0.08, y=0.1)
        figure.legend(
            handles=handles, loc="outside lower left", ncols=columns, frameon=False, labelcolor=placeholder_color("ink")
        )
        figure.draw_without_rendering()
        marks = [point for generator in series for point in generator.points]
        for (start, level), (end, below) in pairwise(front):
            marks += [(float(at), level) for at in np.geomspace(start, end, 30)] + [(end, (level + below) / 2)]
        label_points(axes, [Label(name, x, y, placeholder_color("ink")) for name, (x, y) in names], marks)
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
def _axes(height: float, width: float = WIDTH) -> Iterator[tuple[Figure, Axes]]:
    """Create a figure of this height and width, in inches, and its axes."""
    with svg_settings():
        figure = Figure(figsize=(width, height), dpi=72, layout="constrained")
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
