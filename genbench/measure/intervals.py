"""How sure a figure in bits per character is: a block bootstrap (Künsch 1989; for text: Koehn 2004).

Characters near each other are predicted well or badly together, so whole blocks are drawn, not single characters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK = 1000  # characters
FEWEST = 10  # blocks; with fewer nothing can be said
DRAWS = 2000
Floats = npt.NDArray[np.float64]


def interval(character_bits: Floats, seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of bits per character; None for a text of fewer than ten blocks of 1,000 characters.

    The same seed draws the same blocks, so that intervals of one text are comparable.
    """
    blocks = len(character_bits) // BLOCK
    if blocks < FEWEST:
        return None
    means = character_bits[: blocks * BLOCK].reshape(blocks, BLOCK).mean(axis=1)
    drawn = np.random.default_rng(seed).integers(blocks, size=(DRAWS, blocks))
    low, high = np.quantile(means[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
