"""The learning rate over a run, in steps: a warm-up, then a cosine; and how a budget in seconds is kept.

A run has parts. With so many steps given, all parts are planned at once. With a budget, each is planned when it begins,
from the speed of the part before, so that a machine that slows down is followed. How many steps each part had is said
with the row; given again as the option `schedule`, it makes the same run without consulting a clock.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from itertools import pairwise

KNOTS = (0.0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # where parts begin and end, as shares
PARTS = len(KNOTS) - 1
WARM_UP, FINAL = KNOTS[1], 0.02  # shares: of the run, of the learning rate


def rate(fraction: float) -> float:
    """The learning rate at this share of the run, as a share of the highest: warm-up, then a cosine.

    >>> rate(0.015), rate(0.03), round(rate(1.0), 4)
    (0.5, 1.0, 0.02)
    """
    if fraction < WARM_UP:
        return fraction / WARM_UP
    return FINAL + (1 - FINAL) * (1 + math.cos(math.pi * (fraction - WARM_UP) / (1 - WARM_UP))) / 2


def parts(steps: int) -> list[int]:
    """How many steps each part has, of so many in all.

    >>> parts(1000)
    [30, 70, 100, 100, 100, 100, 100, 100, 100, 100, 50, 50]
    """
    ends = [round(steps * knot) for knot in KNOTS]
    return [end - start for start, end in pairwise(ends)]


def written(planned: list[int]) -> str:
    """As the option `schedule` has it.

    >>> written(parts(100)), read("3/7")
    ('3/7/10/10/10/10/10/10/10/10/5/5', [3, 7])
    """
    return "/".join(map(str, planned))


def read(schedule: str) -> list[int]:
    """The steps of each part; ValueError where they are no such numbers."""
    given = schedule.split("/")
    if len(given) > PARTS or not all(part.isdecimal() for part in given):
        raise ValueError(f"schedule is {schedule!r}, and must be up to {PARTS} numbers, as in 30/70/100")
    return [int(part) for part in given]


@dataclass
class Schedule:
    """Where a run is. `planned` has the steps of each part planned so far; `budget` is in seconds."""

    planned: list[int]
    budget: float | None = None
    began: float = field(default_factory=time.perf_counter)
    step: int = 0
    turned: tuple[float, int] = field(init=False, default=(0.0, 0))  # seconds and step when the part began

    @property
    def seconds(self) -> float:
        """Since the start of training."""
        return time.perf_counter() - self.began

    @property
    def done(self) -> bool:
        """Whether all parts are over."""
        return self.budget is None and self.step >= sum(self.planned)

    @property
    def fraction(self) -> float:
        """Of the run, 0 to 1: by steps, each part taken for the share that it stands for."""
        start = 0
        for part, steps in enumerate(self.planned):
            if self.step < start + steps:
                return KNOTS[part] + (KNOTS[part + 1] - KNOTS[part]) * (self.step - start) / steps
            start += steps
        return KNOTS[len(self.planned)]

    @property
    def turning(self) -> bool:
        """Whether a part ends or begins here."""
        return self.step in (sum(self.planned[:part]) for part in range(len(self.planned) + 1))

    def pace(self) -> float:
        """Seconds a step in the part that ends here."""
        seconds, step = self.turned
        return (self.seconds - seconds) / max(self.step - step, 1)

    def plan(self, pace: float, aside: float) -> None:
        """Plan the next part; `aside` is how many seconds the work between parts takes until the end of the run."""
        self.turned = self.seconds, self.step
        if self.budget is None:
            return
        knot = len(self.planned)
        share = (KNOTS[knot + 1] - KNOTS[knot]) / (1 - KNOTS[knot])
        self.planned.append(max(1, round((self.budget - self.seconds - aside) * share / pace)))
        if len(self.planned) == PARTS:
            self.budget = None  # all is planned: from here on steps alone count
