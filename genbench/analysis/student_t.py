"""Student's t distribution (Student 1908), two-sided, with any number of degrees of freedom.

With t = sqrt(degrees) * tan(angle) its density is proportional to cos(angle) ** (degrees - 1), which is integrated by
Gauss-Legendre quadrature; so genbench needs no statistics library.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)  # on -1 to 1
BISECTIONS = 60


def tail_probability(t: float, degrees: float) -> float:
    """Return the probability of a value at least as far from 0 as `t`, on both sides.

    >>> round(tail_probability(2.306, 8), 4), round(tail_probability(0.0, 8), 9), tail_probability(math.inf, 8)
    (0.05, 1.0, 0.0)
    """
    return _angle_probability(math.atan(abs(t) / math.sqrt(degrees)), degrees)


@lru_cache(maxsize=4096)
def critical_value(probability: float, degrees: float) -> float:
    """Return the t whose tail probability on both sides is `probability`, above 0 and at most 1.

    >>> round(critical_value(0.05, 8), 3), round(critical_value(0.05, 1e6), 3)
    (2.306, 1.96)
    """
    # bisection on the angle, as the probability falls from 1 to 0 between 0 and a right angle
    low, high = 0.0, math.pi / 2
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _angle_probability(middle, degrees) > probability else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _angle_probability(angle: float, degrees: float) -> float:
    """Return the share of the integral of cos ** (degrees - 1) from 0 to a right angle that lies beyond `angle`."""
    # the integral from `angle` on, over a few standard deviations where the density is narrow
    end = min(math.pi / 2, angle + 12 / math.sqrt(degrees))
    middle, half = (angle + end) / 2, (end - angle) / 2
    beyond = half * float(WEIGHTS @ np.cos(middle + half * NODES) ** (degrees - 1))

    # the whole of it is half of the beta function of 1/2 and degrees / 2
    whole = math.exp(math.lgamma(0.5) + math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2)) / 2
    return min(1.0, max(0.0, beyond / whole))
