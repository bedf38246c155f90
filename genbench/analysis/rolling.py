"""Rolling attribution: who is nearest in each window of a long text, and where the author changes.

As stylo's rolling.classify (Eder 2016), with bits per character in place of word frequencies. Changes are found by
dynamic programming: each block of 100 characters is given to an author so that the bits and a penalty for each change
are least. The penalty is calibrated on the authors' validation texts: it is so large that none of them, written by one
author alone, would show a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genbench.analysis.intervals import Floats, Interval, interval_sign, mean_interval
from genbench.errors import UserError
from genbench.storage.records import JsonRecord

BLOCK = 100  # characters
MIN_WINDOW = 1_000  # characters: ten blocks, for an interval
STEPS = 5  # windows that begin within one


@dataclass(frozen=True)
class Window(JsonRecord):
    """The nearest author in a window, and the margin before the second in bits per character."""

    start: int  # characters
    end: int
    author: str
    second: str
    margin: float
    interval: Interval | None  # 95 %, of the margin
    clear: bool  # whether the interval excludes zero at three decimals


@dataclass(frozen=True)
class Segment(JsonRecord):
    """A part of the text that is given to one author, the nearest in it."""

    start: int  # characters
    end: int
    author: str
    answer: str = ""  # of the open-set rule to this part alone: an author, "none of these" or "not clear"; "" for none

    @property
    def attributed(self) -> bool:
        """Whether the open-set rule agrees that the author wrote this part, or gives no answer."""
        return self.answer in {"", self.author}


@dataclass(frozen=True)
class Rolling(JsonRecord):
    """The curve of a text and its parts by author."""

    window: int  # characters
    penalty: float  # bits of a change of the author
    windows: list[Window]
    segments: list[Segment]  # one where no change was found


def roll(bits: Floats, names: Sequence[str], window: int, penalty: float) -> Rolling:
    """Return the rolling attribution of a text; `bits` of each character under each model, (authors, characters).

    Raises UserError for a window below 1,000 characters or longer than the text.
    """
    characters = bits.shape[1]
    if not MIN_WINDOW <= window <= characters:
        raise UserError(
            f"the window has {window:,} characters, but must have {MIN_WINDOW:,} or more and at most those of the "
            f"text, {characters:,}"
        )
    sums = block_bits(bits)
    size = window // BLOCK
    starts = range(0, sums.shape[1] - size + 1, max(1, size // STEPS))
    return Rolling(
        window=size * BLOCK,
        penalty=penalty,
        windows=[_window(sums[:, start : start + size], names, start * BLOCK) for start in starts],
        segments=find_segments(sums, names, penalty, characters),
    )


def block_bits(bits: Floats) -> Floats:
    """Return the bits of each whole block of 100 characters, (authors, blocks)."""
    blocks = bits.shape[1] // BLOCK
    sums: Floats = bits[:, : blocks * BLOCK].reshape(len(bits), blocks, BLOCK).sum(axis=2)
    return sums


def _window(sums: Floats, names: Sequence[str], start: int) -> Window:
    first, second = np.argsort(sums.sum(axis=1), kind="stable")[:2]
    difference = sums[second] - sums[first]
    bounds = mean_interval(difference, np.full(len(difference), float(BLOCK)))
    margin = float(difference.sum()) / (BLOCK * len(difference))
    end = start + BLOCK * len(difference)
    return Window(start, end, names[first], names[second], margin, bounds, interval_sign(bounds) > 0)


def find_segments(sums: Floats, names: Sequence[str], penalty: float, characters: int) -> list[Segment]:
    """Return the parts of a text with the fewest bits and penalties (Viterbi's algorithm).

    `sums` are bits of blocks, (authors, blocks); `characters` those of the text.
    """
    # the least cost of a path to each author, and where it came from
    cost, origins = sums[:, 0].copy(), np.zeros(sums.shape, np.int64)
    for block in range(1, sums.shape[1]):
        cheapest = int(cost.argmin())
        stays = cost <= cost[cheapest] + penalty
        origins[:, block] = np.where(stays, np.arange(len(cost)), cheapest)
        cost = np.where(stays, cost, cost[cheapest] + penalty) + sums[:, block]

    # the best path, backwards
    path = [int(cost.argmin())]
    for block in range(sums.shape[1] - 1, 0, -1):
        path.append(int(origins[path[-1], block]))
    path.reverse()

    edges = [0, *(block for block in range(1, len(path)) if path[block] != path[block - 1])]
    ends = [*(edge * BLOCK for edge in edges[1:]), characters]
    return [Segment(start * BLOCK, end, names[path[start]]) for start, end in zip(edges, ends, strict=True)]


def change_penalty(own_texts: Sequence[Floats]) -> float:
    """Return the bits of a change: the most that any stretch of an author's own text gains under another model.

    `own_texts` has the bits of author i's validation text under each model at index i, (authors, characters) each. At
    least the bits that it takes to write down the place and the author of a change.
    """
    penalty = 0.0
    for author, bits in enumerate(own_texts):
        sums = block_bits(bits)
        if sums.shape[1]:
            penalty = max(penalty, np.log2(sums.shape[1]) + np.log2(len(sums)))
        for other in range(len(sums)):
            penalty = max(penalty, largest_sum(sums[author] - sums[other]))
    return float(penalty)


def largest_sum(values: Floats) -> float:
    """Return the largest sum of consecutive values, 0 where none is positive (Kadane's algorithm).

    >>> largest_sum(np.array([1.0, -3.0, 2.0, 1.0, -1.0]))
    3.0
    """
    best = current = 0.0
    for value in values.tolist():
        current = max(0.0, current + value)
        best = max(best, current)
    return best
