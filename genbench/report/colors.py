"""Colors of the two page themes, of the chart series, and of the surprisal scale.

Each color is a pair: the one for the light theme, the one for the dark theme. `tests/test_html.py` computes their
contrast. Color-blind readers can distinguish the series (after Okabe & Ito 2008, darker or lighter where contrast
requires it), and each series has its own mark. The surprisal scale goes from the background to orange in one hue, so it
does not depend on telling red from green.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right

THEMES = {
    "paper": ("#ffffff", "#1c1e24"),  # background of cards
    "ground": ("#f4f4f1", "#121317"),  # background of the page
    "ink": ("#1b1b20", "#ececf0"),
    "faint": ("#5b5b66", "#a9abb6"),
    "rule": ("#dcdcd6", "#383b45"),
    "link": ("#0b57d0", "#8ab4f8"),
    "copy": ("#6a3fc4", "#bca8ff"),  # underline of copied words
    "wrong": ("#b3261e", "#ffb4a9"),
}
ROLES = ("ink", "faint", "rule", "paper")  # colors of a theme that charts use
# a chart with more series than colors starts again at the first
SERIES = (
    ("#0072b2", "#58a6f0"),
    ("#c65300", "#f0864a"),
    ("#00795a", "#3cc29a"),
    ("#a6408c", "#dd8fc4"),
    ("#856600", "#d9b93b"),
    ("#2784b8", "#8fd0f5"),
    ("#5b3fb0", "#a99af0"),
    ("#55555f", "#c8c8d0"),
)
SERIES_MARKS = "●■▲◆▼✚✖★"  # as html/charts.py draws them

SURPRISAL_LIMITS = (2, 5, 8, 12, 18, 27)  # a word of this many bits or more gets the next color

# from the least to the most surprising words
SURPRISAL = (
    ("#ffffff", "#1c1e24"),
    ("#fff3dc", "#33291b"),
    ("#ffe6bb", "#46341c"),
    ("#ffd594", "#5a3f1b"),
    ("#ffc069", "#6e4818"),
    ("#fca943", "#814f12"),
    ("#f2902a", "#925609"),
)


def surprisal_level(bits: float) -> int:
    """Return the index in SURPRISAL of the color for a word of this many bits.

    >>> surprisal_level(0.5), surprisal_level(2), surprisal_level(40)
    (0, 1, 6)
    """
    return bisect_right(SURPRISAL_LIMITS, bits)


def surprisal_legend() -> list[tuple[int, str]]:
    """Return the index of each color in SURPRISAL with a description of its range of bits."""
    ranges = [f"{low} to {high}" for low, high in itertools.pairwise(SURPRISAL_LIMITS)]
    return list(enumerate([f"below {SURPRISAL_LIMITS[0]}", *ranges, f"{SURPRISAL_LIMITS[-1]} or more"]))
