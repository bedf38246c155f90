"""Confidence intervals of bits per character, from the bits of consecutive blocks of one text, and of proportions.

Neighboring blocks are alike, and so, a little, are blocks that are far apart: chapters differ. An interval that
ignores this is much too narrow. Here the variance of a mean comes from the slow changes of the text alone: the blocks
are projected on the first eight cosines over the text, and the mean of the squared coefficients estimates the variance
(an orthonormal series estimator: Müller 2007; Lazarus, Lewis, Stock and Watson 2018), with eight degrees of freedom.
Its limits assume that the dependence ends within the text. It does not, so the variance is multiplied by what
fractional noise with memory `MEMORY` would need (as Abadir, Distaso and Giraitis 2009 correct a kernel estimator).
docs/measures.md shows how often such intervals are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genbench.analysis.student_t import critical_value, tail_probability

BLOCK_CHARACTERS = 1000
MIN_BLOCKS = 10  # with fewer blocks there is no interval
COSINES = 8
MEMORY = 0.3  # d of fractional noise: the correlation of blocks falls with their distance to the power 2 * d - 1
INFLATION = 5.254  # variance of the mean of fractional noise over the expected mean of its squared coefficients
DECIMALS = 3  # of bits per character, wherever a difference is shown
Z_95 = 1.959964  # 97.5 % quantile of the standard normal distribution

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """An estimated number with the variance of its error, and the degrees of freedom of that variance."""

    value: float
    variance: float
    degrees: float

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the confidence interval by Student's t.

        >>> [round(bound, 2) for bound in Estimate(2.0, 0.01, 8).interval()]
        [1.77, 2.23]
        """
        width = critical_value(max(1 - confidence, math.ulp(0.5)), self.degrees) * math.sqrt(self.variance)
        return self.value - width, self.value + width

    @property
    def p_value(self) -> float:
        """The probability of an estimate at least as far from 0, on both sides, if the true number were 0."""
        if not self.variance:
            return 0.0 if self.value else 1.0
        return tail_probability(self.value / math.sqrt(self.variance), self.degrees)

    def widened(self, variance: float, degrees: float) -> Estimate:
        """Return the estimate with the variance of another independent error added (Satterthwaite 1946).

        >>> Estimate(2.0, 0.01, 8).widened(0.01, 2)
        Estimate(value=2.0, variance=0.02, degrees=6.4)
        """
        if not variance:
            return self
        total = self.variance + variance
        degrees = total**2 / (self.variance**2 / self.degrees + variance**2 / degrees)
        return Estimate(self.value, total, degrees)


def block_sums(values: Floats) -> Floats:
    """Return the sums over blocks of 1,000 values, (blocks,); the last block may be shorter."""
    sums: Floats = np.add.reduceat(values, np.arange(0, len(values), BLOCK_CHARACTERS)) if len(values) else values[:0]
    return sums


def block_sizes(characters: int, blocks: int | None = None) -> Floats:
    """Return the characters of each block of a text, (blocks,); `blocks` leaves out those after that number.

    >>> block_sizes(2500).tolist(), block_sizes(2500, 2).tolist()
    ([1000.0, 1000.0, 500.0], [1000.0, 1000.0])
    """
    starts = np.arange(0, characters, BLOCK_CHARACTERS)[:blocks]
    return np.minimum(characters - starts, BLOCK_CHARACTERS).astype(np.float64)


def estimate_mean(bits: Floats, characters: Floats) -> Estimate | None:
    """Return the bits per character over consecutive blocks as an estimate; None with fewer than ten blocks.

    `bits` are the bits of each block, (blocks,), and `characters` its size, (blocks,); blocks without characters do
    not count. For two generators on one text, `bits` are the differences of each block.
    """
    # too few blocks would give a misleadingly narrow interval
    if np.count_nonzero(characters) < MIN_BLOCKS:
        return None

    # what each block has more than its share; by the ratio estimator, where blocks differ in size
    total = float(np.sum(characters))
    mean = float(np.sum(bits)) / total
    excess = np.asarray(bits, np.float64) - mean * characters

    # its slow changes, and from them the variance of the sum over all blocks
    coefficients = _cosines(len(excess)) @ excess
    variance = INFLATION * len(excess) * float(np.mean(coefficients**2))
    return Estimate(mean, variance / total**2, COSINES)


def mean_interval(bits: Floats, characters: Floats) -> Interval | None:
    """Return the 95 % confidence interval of `estimate_mean`; None with fewer than ten blocks."""
    estimate = estimate_mean(bits, characters)
    return None if estimate is None else estimate.interval()


@lru_cache(maxsize=8)
def _cosines(blocks: int) -> Floats:
    """Return the first cosines over the blocks, orthonormal, (cosines, blocks): the DCT-II without its constant."""
    orders, middles = np.arange(1, COSINES + 1), np.arange(blocks) + 0.5
    cosines: Floats = math.sqrt(2 / blocks) * np.cos(np.pi / blocks * np.outer(orders, middles))
    return cosines


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
