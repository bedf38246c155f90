"""Direct labels of lines and points, so that no reader looks from a legend to a line and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from genbench.report.html.svg import placeholder_color

LABEL_HEIGHT = 15.0  # points of a line of text, with the space to the next one
CHARACTER_WIDTH = 7.4  # points
MARGIN = 0.03  # of the width of the axes, between the axes and their labels
ABOVE, BELOW = (7.0, 7.0), (7.0, -15.0)  # points from a mark to the lower left corner of its label


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
            arrowprops={"arrowstyle": "-", "color": label.color, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 5},
        )


def label_points(axes: Axes, labels: Sequence[Label]) -> None:
    """Write labels beside their marks, those that come first first; one that would cover another is left out."""
    taken = list[tuple[float, float, float, float]]()
    figure_width = axes.get_figure(root=True).bbox.width  # type: ignore[union-attr]
    for label in labels:
        x, y = axes.transData.transform((label.x, label.y))
        width = CHARACTER_WIDTH * len(label.text)
        left = -width - ABOVE[0] if x + ABOVE[0] + width > figure_width else ABOVE[0]
        for offset in ((left, ABOVE[1]), (left, BELOW[1])):
            box = (x + offset[0], y + offset[1], x + offset[0] + width, y + offset[1] + LABEL_HEIGHT)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                axes.annotate(
                    *(label.text, (label.x, label.y), offset),
                    textcoords="offset points",
                    fontsize=11,
                    color=placeholder_color("ink"),
                    annotation_clip=False,
                )
                break
