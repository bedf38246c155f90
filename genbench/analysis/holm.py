"""Several differences tested together (Holm 1979): any false one among them is as rare as one alone would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from genbench.analysis.intervals import Estimate, Interval, interval_sign

SIGNIFICANCE = 0.05  # probability that any of the differences of a table is called one wrongly


@dataclass(frozen=True)
class AdjustedTest:
    """The test that a difference is zero, adjusted for the number of differences in its table."""

    p_value: float
    interval: Interval  # excludes zero where the p-value is below 0.05

    @property
    def sign(self) -> int:
        """1 or -1 where the difference is above or below zero, as shown with three decimals; 0 where neither."""
        return interval_sign(self.interval) if self.p_value < SIGNIFICANCE else 0


def adjust_tests(estimates: Sequence[Estimate | None]) -> list[AdjustedTest | None]:
    """Return the adjusted test of each difference of a table, None where there is no estimate of it."""
    tested = [estimate for estimate in estimates if estimate is not None]
    tests = iter(
        # an interval at the level that this difference was tested at
        AdjustedTest(p_value, estimate.interval(1 - SIGNIFICANCE / _factor(p_value, estimate.p_value, len(tested))))
        for estimate, p_value in zip(tested, adjust_p_values([estimate.p_value for estimate in tested]), strict=True)
    )
    return [None if estimate is None else next(tests) for estimate in estimates]


def _factor(adjusted: float, p_value: float, count: int) -> float:
    return max(1.0, adjusted / p_value) if p_value else count


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Return the p-values of several tests, adjusted for their number.

    >>> [round(p, 3) for p in adjust_p_values([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    # the smallest is multiplied by the number of tests, the next by one less; none is below the one before it
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
