"""How sure a figure in bits per character is: a paired block bootstrap (Künsch 1989; for text: Koehn 2004).

Characters near each other are predicted well or badly together, so whole blocks are drawn, not single characters.
Two generators are compared on the same drawn blocks: the interval of their difference is that of `bits - other bits`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

BLOCK = 1000  # characters
FEWEST = 10  # blocks; with fewer nothing can be said
DRAWS = 2000
Z = 1.959964  # standard deviations that 95 % lie within
Floats = npt.NDArray[np.float64]


def in_blocks(values: Floats) -> Floats:
    """The sums over whole blocks of 1,000 characters, (blocks,); the characters left over at the end are not in it."""
    blocks = len(values) // BLOCK
    found: Floats = np.add.reduce(values[: blocks * BLOCK].reshape(blocks, BLOCK), axis=1)
    return found


def interval(bits: Floats, characters: Floats | None = None, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of bits per character, from the bits of each block and its characters (else 1,000), (blocks,).

    None where fewer than ten blocks have any characters. The same seed draws the same blocks, so that intervals of one
    text can be compared.
    """
    sizes = np.full(len(bits), float(BLOCK)) if characters is None else np.asarray(characters, dtype=np.float64)
    if np.count_nonzero(sizes) < FEWEST:
        return None
    times = _drawn(len(bits), seed)
    counted = times @ sizes
    some = counted > 0  # of a rare kind of place a draw may have none
    low, high = np.quantile((times @ bits)[some] / counted[some], [0.025, 0.975])
    return float(low), float(high)


@lru_cache(maxsize=2)
def _drawn(blocks: int, seed: int) -> Floats:
    """How often each block is in each draw, (draws, blocks); kept, because all rows of a text share it."""
    drawn = np.random.default_rng(seed).integers(blocks, size=(DRAWS, blocks))
    drawn += blocks * np.arange(DRAWS)[:, None]
    return np.bincount(drawn.ravel(), minlength=DRAWS * blocks).reshape(DRAWS, blocks).astype(np.float64)


def share_interval(right: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share that was counted (Wilson 1927).

    >>> [round(bound, 3) for bound in share_interval(9, 10)], share_interval(0, 0)
    ([0.596, 0.982], (0.0, 1.0))
    """
    if not of:
        return 0.0, 1.0
    share, square = right / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = Z / (1 + square / of) * float(np.sqrt(share * (1 - share) / of + square / (4 * of * of)))
    return max(0.0, middle - reach), min(1.0, middle + reach)
