"""Learning-rate schedule (linear warm-up, then cosine), and the conversion of a budget in seconds to steps.

A run has twelve parts. With a number of steps, all parts are planned at once. With a budget, a part is planned when it
starts, from the speed of the previous part, so that the plan follows a clock that slows down. The clock counts CPU
seconds (`TrainContext.clock`), which pass only while the training runs. The steps of all parts are recorded; passed
as the option `schedule`, they repeat the same run without a clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

KNOTS = (0.0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)  # borders of the parts, as run fractions
PARTS = len(KNOTS) - 1
WARM_UP = KNOTS[1]  # share of the run
FINAL_RATE = 0.02  # share of the peak learning rate


def learning_rate_share(fraction: float, warm_up: float = WARM_UP) -> float:
    """Return the learning rate at a fraction of the run, as a share of its peak: linear warm-up, then cosine.

    >>> learning_rate_share(0.015), learning_rate_share(0.03), round(learning_rate_share(1.0), 4)
    (0.5, 1.0, 0.02)
    """
    if fraction < warm_up:
        return fraction / warm_up
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * (fraction - warm_up) / (1 - warm_up))) / 2


def split_steps(steps: int) -> list[int]:
    """Return the number of steps of every part of a run.

    >>> split_steps(1000)
    [30, 70, 100, 100, 100, 100, 100, 100, 100, 100, 50, 50]
    """
    # round the ends, not the lengths, so that the parts add up to all steps
    ends = [round(steps * knot) for knot in KNOTS]
    return [end - start for start, end in pairwise(ends)]


def format_schedule(planned: list[int]) -> str:
    """Format the steps of the parts as a value of the option `schedule`.

    >>> format_schedule(split_steps(100)), parse_schedule("3/7")
    ('3/7/10/10/10/10/10/10/10/10/5/5', [3, 7])
    """
    return "/".join(map(str, planned))


def parse_schedule(text: str) -> list[int]:
    """Parse a value of the option `schedule` into the steps of the parts; raise ValueError if it is not valid."""
    parts = text.split("/")
    if len(parts) > PARTS or not all(part.isdecimal() for part in parts):
        raise ValueError(f"schedule is {text!r}, but must be up to {PARTS} numbers, as in 30/70/100")
    return [int(part) for part in parts]


@dataclass
class Schedule:
    """The progress of one training run, and the plan of its parts."""

    planned: list[int]  # steps of the parts planned so far
    budget: float | None = None  # seconds
    clock: Callable[[], float] = time.perf_counter  # its seconds are those of the budget
    started: float | None = None  # by the clock; None: now
    step: int = 0
    part_start: tuple[float, int] = field(init=False, default=(0.0, 0))  # seconds and step when the part started

    def __post_init__(self) -> None:
        if self.started is None:
            self.started = self.clock()

    @property
    def seconds(self) -> float:
        """The seconds since the start of training, by the clock."""
        return self.clock() - (self.started or 0.0)

    @property
    def done(self) -> bool:
        """Whether all parts are over."""
        return self.budget is None and self.step >= sum(self.planned)

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent and a step was taken, so that no further part should be planned."""
        return self.budget is not None and self.step > 0 and self.seconds >= self.budget

    @property
    def fraction(self) -> float:
        """The completed fraction of the run, 0 to 1: linear in the steps between the two knots of a part."""
        # find the part of the current step, and interpolate between its knots
        start = 0
        for part, steps in enumerate(self.planned):
            if self.step < start + steps:
                return KNOTS[part] + (KNOTS[part + 1] - KNOTS[part]) * (self.step - start) / steps
            start += steps

        # at the end of the planned parts
        return KNOTS[len(self.planned)]

    @property
    def at_part_boundary(self) -> bool:
        """Whether a part starts or ends at this step."""
        return self.step in (sum(self.planned[:part]) for part in range(len(self.planned) + 1))

    def seconds_per_step(self) -> float:
        """Return the seconds per step of the part that ends at this step."""
        seconds, step = self.part_start
        return (self.seconds - seconds) / max(self.step - step, 1)

    def plan_part(self, seconds_per_step: float, reserved: float) -> None:
        """Plan the next part; `reserved` is the time in seconds that the remaining validations need."""
        self.part_start = self.seconds, self.step
        if self.budget is None:
            return

        # convert this part's share of the remaining time to steps
        part = len(self.planned)
        share = (KNOTS[part + 1] - KNOTS[part]) / (1 - KNOTS[part])
        self.planned.append(max(1, round((self.budget - self.seconds - reserved) * share / seconds_per_step)))

        # with everything planned, the steps alone decide when the run ends
        if len(self.planned) == PARTS:
            self.budget = None

    def end(self) -> None:
        """Plan no steps for the parts that are left."""
        self.planned += [0] * (PARTS - len(self.planned))
        self.budget = None
