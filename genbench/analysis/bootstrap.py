"""Confidence intervals: a paired block bootstrap (Künsch 1989; for text: Koehn 2004), and Wilson's for proportions.

The bits of neighboring characters are correlated, so whole blocks are resampled, not single characters. Two generators
are compared on the same resampled blocks: the interval of their difference is that of `bits - other_bits`.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

BLOCK_CHARACTERS = 1000
MIN_BLOCKS = 10  # with fewer blocks there is no interval
RESAMPLES = 2000
DECIMALS = 3  # of bits per character, wherever a difference is shown
Z_95 = 1.959964  # 97.5 % quantile of the standard normal distribution

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


def block_sums(values: Floats) -> Floats:
    """Return the sums over whole blocks of 1,000 values, (blocks,); values after the last whole block are left out."""
    blocks = len(values) // BLOCK_CHARACTERS
    sums: Floats = np.add.reduce(values[: blocks * BLOCK_CHARACTERS].reshape(blocks, BLOCK_CHARACTERS), axis=1)
    return sums


def bootstrap_interval(bits: Floats, characters: Floats | None = None, seed: int = 0) -> Interval | None:
    """Return the 95 % confidence interval of bits per character; None with fewer than ten blocks.

    `bits` are the bits of each block, (blocks,), and `characters` its size (None: 1,000), (blocks,); blocks without
    characters do not count. The same seed gives the same resampled blocks, so intervals of one text are comparable.
    """
    # too few blocks would give a misleadingly narrow interval
    sizes = np.full(len(bits), float(BLOCK_CHARACTERS)) if characters is None else np.asarray(characters, np.float64)
    if np.count_nonzero(sizes) < MIN_BLOCKS:
        return None

    # sums over the blocks of each resample; where characters are rare, a resample may have none
    counts = _resample_counts(len(bits), seed)
    resampled_characters = counts @ sizes
    nonempty = resampled_characters > 0
    means = (counts @ bits)[nonempty] / resampled_characters[nonempty]

    # the percentile interval
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def interval_sign(interval: Interval | None) -> int:
    """Return 1 where an interval of a difference is above zero, -1 where it is below, and 0 where it is neither.

    The bounds are rounded as they are shown, so that nothing shown as 0.000 is called a difference.

    >>> interval_sign((0.001, 0.2)), interval_sign((-0.2, -0.001)), interval_sign((-0.1, 0.1))
    (1, -1, 0)
    >>> interval_sign((1e-17, 0.0004)), interval_sign(None)
    (0, 0)
    """
    low, high = (round(bound, DECIMALS) for bound in interval or (0.0, 0.0))
    return (low > 0) - (high < 0)


@lru_cache(maxsize=2)
def _resample_counts(blocks: int, seed: int) -> Floats:
    """Return how often each resample contains each block, (resamples, blocks); cached for all generators of a text."""
    # count the blocks of all resamples with one bincount: each resample has a range of indices of its own
    indices = np.random.default_rng(seed).integers(blocks, size=(RESAMPLES, blocks))
    indices += blocks * np.arange(RESAMPLES)[:, None]
    return np.bincount(indices.ravel(), minlength=RESAMPLES * blocks).reshape(RESAMPLES, blocks).astype(np.float64)


def wilson_interval(hits: int, total: int) -> Interval:
    """Return the 95 % confidence interval of a proportion (Wilson 1927).

    >>> [round(bound, 3) for bound in wilson_interval(9, 10)], wilson_interval(0, 0)
    ([0.596, 0.982], (0.0, 1.0))
    """
    if not total:
        return 0.0, 1.0

    # the solutions of |share - p| = z * sqrt(p (1 - p) / total) for p
    share, square = hits / total, Z_95 * Z_95
    center = (share + square / (2 * total)) / (1 + square / total)
    half_width = (
        Z_95 / (1 + square / total) * float(np.sqrt(share * (1 - share) / total + square / (4 * total * total)))
    )
    return max(0.0, center - half_width), min(1.0, center + half_width)
