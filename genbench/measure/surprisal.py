"""How surprising each word of a text was to a generator: its bits, the same cut of the text for every generator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from genbench.measure.intervals import Floats

PIECE = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")


def pieces(text: str) -> list[str]:
    r"""A text cut into words, each with the white space before it; what ends the text goes with the last.

    >>> pieces("It was\n\nlate. "), pieces("  "), pieces("")
    (['It', ' was', '\n\nlate. '], ['  '], [])
    """
    return PIECE.findall(text)


def by_word(bits: Floats, text: str) -> list[list[Any]]:
    """Each piece of a text with its bits, from those of its characters, (characters,).

    >>> by_word(np.array([1.0, 2.0, 0.5]), "a b")
    [['a', 1.0], [' b', 2.5]]
    """
    words = pieces(text)
    if not words:
        return []
    starts = np.cumsum([0, *map(len, words[:-1])])
    sums = np.add.reduceat(bits, starts)
    return [[word, round(float(each), 2)] for word, each in zip(words, sums, strict=True)]
