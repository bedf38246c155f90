"""Colors: the two themes of the pages, the series of the charts, and the scale of surprisal.

Each color is a pair: on a light page, on a dark one. `tests/test_html.py` computes their contrast. The series can be
distinguished by color-blind readers too (after Okabe & Ito 2008, darker or lighter where contrast requires it), and
have marks of their own. Surprisal goes from the paper to orange: one hue, never red against green.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right

THEMES = {
    "paper": ("#ffffff", "#1c1e24"),  # of cards
    "ground": ("#f4f4f1", "#121317"),  # behind them
    "ink": ("#1b1b20", "#ececf0"),
    "faint": ("#5b5b66", "#a9abb6"),
    "rule": ("#dcdcd6", "#383b45"),
    "link": ("#0b57d0", "#8ab4f8"),
    "copy": ("#6a3fc4", "#bca8ff"),  # the line under copied words
    "wrong": ("#b3261e", "#ffb4a9"),
}
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

SURPRISAL_LIMITS = (2, 5, 8, 12, 18, 27)  # bits of a word from which on the next color is used
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
    """Return the number of a word's color on the scale of surprisal.

    >>> surprisal_level(0.5), surprisal_level(2), surprisal_level(40)
    (0, 1, 6)
    """
    return bisect_right(SURPRISAL_LIMITS, bits)


def surprisal_legend() -> list[tuple[int, str]]:
    """Return the number of each color of the scale, and the bits that it stands for."""
    ranges = [f"{low} to {high}" for low, high in itertools.pairwise(SURPRISAL_LIMITS)]
    return list(enumerate([f"below {SURPRISAL_LIMITS[0]}", *ranges, f"{SURPRISAL_LIMITS[-1]} or more"]))
