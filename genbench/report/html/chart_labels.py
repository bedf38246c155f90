"""Direct labels of lines and points, so that no reader looks from a legend to a line and back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genbench.report.html.svg import placeholder_color

LABEL_HEIGHT = 15.0  # points of a line of text, with the space to the next one
CHARACTER_WIDTH, WIDE_CHARACTER = 7.0, 11.5  # points of a character at a mark
FLOOR_CHARACTER = 6.2  # points of a character of the name of a floor
FIRST_WIDE = 0x2E80  # the first character that is as wide as high
MARGIN = 0.03  # of the width of the axes, between the axes and their labels
MARK = 5.0  # points from the middle of a mark to its edge
ASIDE, BESIDE, ABOVE, BELOW = 7.0, -5.0, 6.0, -17.0  # points from a mark to the nearest lower corner of its label

Box = tuple[float, float, float, float]  # left, bottom, right and top in points


@dataclass(frozen=True)
class Label:
    """A label, the place that it is about, and its placeholder color."""

    text: str
    x: float
    y: float
    color: str


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places from `low` to `high`, in any order, as near to those wanted as a gap between them allows.

    Where there is no room for the gaps, the places are evenly spaced.

    >>> spread([1.0, 1.1, 5.0], 1.0, 0.0, 10.0)
    [0.55, 1.55, 5.0]
    >>> spread([9.9, 9.8], 1.0, 0.0, 10.0)
    [10.0, 9.0]
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))

    # clusters of labels that touch: each is centred on the mean of what its labels want
    clusters = list[list[float]]()
    for at in order:
        clusters.append([wanted[at]])
        while len(clusters) > 1 and _start(clusters[-2], gap, low, high) + gap * len(clusters[-2]) > _start(
            clusters[-1], gap, low, high
        ):
            last = clusters.pop()
            clusters[-1] += last
    starts = [_start(cluster, gap, low, high) for cluster in clusters]
    placed = [start + gap * n for cluster, start in zip(clusters, starts, strict=True) for n in range(len(cluster))]
    result = [0.0] * len(wanted)
    for at, place in zip(order, placed, strict=True):
        result[at] = round(place, 9)
    return result


def _start(cluster: Sequence[float], gap: float, low: float, high: float) -> float:
    """Return where the first label of a cluster is placed."""
    height = gap * (len(cluster) - 1)
    return min(max(sum(cluster) / len(cluster) - height / 2, low), high - height)


def label_ends(axes: Axes, labels: Sequence[Label], height: float) -> None:
    """Write labels to the right of axes that are `height` points high, each with a thin line to its place."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    places = spread([label.y for label in labels], LABEL_HEIGHT / height * (high - low), low, high)
    for label, y in zip(labels, places, strict=True):
        axes.annotate(
            label.text,
            (label.x, label.y),
            (1 + MARGIN, y),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            color=placeholder_color("ink"),
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": label.color, "linewidth": 0.8, "relpos": (0, 0.5)}
            | {"shrinkA": 1, "shrinkB": 5},
        )


@dataclass(frozen=True)
class FloorName:
    """The name of a floor above its line, in points: where its middle is, and how many names are below it."""

    text: str
    x: float
    middle: float
    level: int


def _name_floors(
    figure: Figure, parts: Sequence[Axes], floors: Mapping[str, float]
) -> Iterator[tuple[Axes, FloorName]]:
    """Yield the part of the axis and the name of each floor: within the figure, above another one that it would touch.

    The figure has been laid out.
    """
    level, end = 0, -math.inf
    for name, x in sorted(floors.items(), key=lambda floor: floor[1]):
        axes = next(axes for axes in parts if axes.get_xlim()[0] <= x <= axes.get_xlim()[1])
        text = f"{name} {x:z.2f}"
        half = FLOOR_CHARACTER * len(text) / 2
        middle = min(float(axes.transData.transform((x, 0))[0]), figure.bbox.width - half)
        level, end = (level + 1 if middle - half < end else 0), middle + half
        yield axes, FloorName(text, x, middle, level)


def label_floors(figure: Figure, parts: Sequence[Axes], floors: Mapping[str, float]) -> None:
    """Draw a dashed line with its name above for each floor, and make room for the names."""
    figure.draw_without_rendering()
    names = list(_name_floors(figure, parts, floors))
    above = LABEL_HEIGHT * max((name.level + 1 for _, name in names), default=0) / 72 / figure.get_figheight()
    figure.set_layout_engine("constrained", rect=(0, 0, 1, 1 - above))
    faint = placeholder_color("faint")
    for axes, name in names:
        axes.axvline(name.x, color=faint, linestyle="--", linewidth=1)
        shift = name.middle - float(axes.transData.transform((name.x, 0))[0])
        axes.annotate(
            *(name.text, (name.x, 1), (shift, 3 + LABEL_HEIGHT * name.level)),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=11,
            color=faint,
            annotation_clip=False,
            in_layout=False,
        )


def label_points(axes: Axes, labels: Sequence[Label], marks: Sequence[tuple[float, float]] = ()) -> None:
    """Write labels beside their marks, those that come first first; one that would cover another one is left out.

    No label covers one of `marks` either, unless there is no other place. The figure has been laid out.
    """
    places = [tuple(axes.transData.transform(mark)) for mark in marks]
    marked = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in places]
    left, bottom, _, top = axes.get_window_extent().extents
    right = axes.get_figure(root=True).bbox.width  # type: ignore[union-attr]
    taken = list[Box]()
    for label in labels:
        x, y = axes.transData.transform((label.x, label.y))
        width = sum(WIDE_CHARACTER if ord(character) >= FIRST_WIDE else CHARACTER_WIDTH for character in label.text)
        boxes = [
            (offset, (x + offset[0], y + offset[1], x + offset[0] + width, y + offset[1] + LABEL_HEIGHT))
            for side in (ASIDE, -width - ASIDE)
            for offset in ((side, BESIDE), (side, ABOVE), (side, BELOW))
        ]
        free = [
            (offset, box)
            for offset, box in boxes
            if box[0] >= left and box[2] <= right and box[1] >= bottom and box[3] <= top + LABEL_HEIGHT
            if not any(_overlap(box, other) for other in taken)
        ]
        if not free:
            continue
        offset, box = min(free, key=lambda place: sum(_overlap(place[1], mark) for mark in marked))
        taken.append(box)
        axes.annotate(
            *(label.text, (label.x, label.y), (-ASIDE if offset[0] < 0 else ASIDE, offset[1])),
            textcoords="offset points",
            ha="right" if offset[0] < 0 else "left",
            fontsize=11,
            color=label.color,
            annotation_clip=False,
        )


def _overlap(a: Box, b: Box) -> bool:
    """Return whether two boxes have a point in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
