"""How surprising each word of a text was to a generator: its bits, the same cut of the text for every generator."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import Floats

MARKED = 20  # at most so many words, and at most one in ten
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


def apart(piece: str) -> tuple[str, str]:
    """The white space that a piece begins with, and the rest."""
    letters = piece.lstrip()
    return piece[: len(piece) - len(letters)], letters


def farthest(columns: Sequence[Sequence[Sequence[Any]]]) -> list[int]:
    """The places of the words at which generators differ most, the farthest first; none for one generator.

    >>> farthest([[["a", 1.0], [" b", 2.0]], [["a", 1.5], [" b", 9.0]]])
    [1]
    """
    if len(columns) < 2:
        return []
    far = [spread([bits for _, bits in each]) for each in zip(*columns, strict=True)]
    ranked = sorted(range(len(far)), key=lambda at: -far[at])
    return [at for at in ranked[: min(MARKED, -(-len(far) // 10))] if far[at] > 0]


def spread(bits: Sequence[float]) -> float:
    """How far apart the bits of a word are."""
    return max(bits) - min(bits)
