"""How large a network is and how much of it is dropped, where its options leave that open.

A rule is fitted on Austen and Alice, on valid text; the trials are in LOG.md. What a machine can do is measured in
tokens a second at REFERENCE units, so that slow cores, and slow cells, get fewer units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

REFERENCE = 256  # units
COST = 1.6  # the power of the units that the time of a token grows with
MULTIPLE = 64


@dataclass(frozen=True)
class Size:
    """What was chosen."""

    hidden: int  # units in each recurrent layer
    dropout: float  # share, on the way out of the core


@dataclass(frozen=True)
class Rule:
    """What was best: `units` where `after` tokens could be read at REFERENCE units, more by powers of the time.

    A text of `text` tokens fills `full` units, a longer one more. As many passes as `free` need no dropout; each
    doubling wants so much more, of a network as large as its text can fill, and less of a smaller one.
    """

    units: int = 384
    after: float = 7.5e6
    growth: float = 0.25
    full: int = 256
    text: int = 115_000
    text_growth: float = 0.3
    free: float = 4.0
    doubling: float = 0.15
    most: float = 0.5

    def hidden(self, reachable: float, tokens: int) -> int:
        """Units for a text of so many tokens, where so many could be read in the run at REFERENCE units.

        >>> Rule().hidden(7.5e6, 1_600_000), Rule().hidden(22.5e6, 1_600_000), Rule().hidden(7.5e6, 115_000)
        (384, 512, 256)
        """
        by_time = self.units * (reachable / self.after) ** self.growth
        return max(MULTIPLE, int(min(by_time, self._filled(tokens)) / MULTIPLE + 0.5) * MULTIPLE)

    def dropout(self, passes: float, hidden: int, tokens: int) -> float:
        """For so many units and a text that is read so many times.

        >>> [Rule().dropout(passes, 256, 115_000) for passes in (2, 8, 34)], Rule().dropout(8, 50, 1_600_000)
        ([0.0, 0.15, 0.46], 0.01)
        """
        wanted = self.doubling * math.log2(max(passes, 1e-9) / self.free) * min(1.0, hidden / self._filled(tokens))
        return round(min(max(wanted, 0.0), self.most), 2)

    def _filled(self, tokens: int) -> float:
        """Units that a text can fill."""
        return float(self.full * (tokens / self.text) ** self.text_growth)


def by_steps(rule: Rule, read: float, tokens: int, hidden: int | None) -> Size:
    """For a run that reads so many tokens, however long that takes; `hidden` is set if that is given."""
    power = rule.growth * COST
    wanted = (rule.units * (read / rule.after / REFERENCE**COST) ** rule.growth) ** (1 / (1 - power))
    chosen = hidden or rule.hidden(read * (wanted / REFERENCE) ** COST, tokens)
    return Size(chosen, rule.dropout(read / tokens, chosen, tokens))


def by_seconds(rule: Rule, seconds: float, speed: Callable[[int], float], tokens: int, hidden: int | None) -> Size:
    """For a budget; `speed` measures tokens a second at so many units; `hidden` is set if that is given."""
    measured = speed(hidden or REFERENCE)
    chosen = hidden or rule.hidden(seconds * measured, tokens)
    read = seconds * measured * ((hidden or REFERENCE) / chosen) ** COST
    return Size(chosen, rule.dropout(read / tokens, chosen, tokens))
