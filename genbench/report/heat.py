"""Surprisal as a colour: one scale for the pages and for the terminal.

Surprise goes from the paper to orange: one hue, never red against green. `tests/test_html.py` reckons the contrast.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right

STEPS = (2, 5, 8, 12, 18, 27)  # bits of a word, from which on the next colour is taken
HEAT = (  # on a light page, on a dark one
    ("#ffffff", "#1c1e24"),
    ("#fff3dc", "#33291b"),
    ("#ffe6bb", "#46341c"),
    ("#ffd594", "#5a3f1b"),
    ("#ffc069", "#6e4818"),
    ("#fca943", "#814f12"),
    ("#f2902a", "#925609"),
)


def step(bits: float) -> int:
    """The number of a word's colour.

    >>> step(0.5), step(2), step(40)
    (0, 1, 6)
    """
    return bisect_right(STEPS, bits)


def legend() -> list[tuple[int, str]]:
    """Each colour's number, and for how many bits it stands."""
    named = [f"{low} to {high}" for low, high in itertools.pairwise(STEPS)]
    return list(enumerate([f"below {STEPS[0]}", *named, f"{STEPS[-1]} or more"]))
