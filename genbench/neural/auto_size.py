"""Choose hidden units and dropout from the budget, the machine's speed and the text, for options left at "auto".

The rule was fitted on validation text of Austen and Alice; the trials are in docs/log/networks.md. The speed of a
machine is measured in tokens per second at REFERENCE_UNITS, so that slow processors and slow cells get fewer units.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

REFERENCE_UNITS = 256
COST_EXPONENT = 1.6  # the time per token grows with this power of the hidden units
MULTIPLE = 64  # hidden units are rounded to a multiple of this number


@dataclass(frozen=True)
class NetworkSize:
    """The size of a network."""

    hidden: int  # units per recurrent layer
    dropout: float  # after the core, 0 to 1


@dataclass(frozen=True)
class SizeRule:
    """The parameters of the size rule: power laws around the sizes that were best in trials.

    With time for `reference_tokens` tokens at REFERENCE_UNITS, `units` were best. A text of `reference_text` tokens can
    use `text_units` units. Up to `free_passes` passes over the text need no dropout. Every doubling of the passes adds
    `dropout_per_doubling` in a network as large as its text can use, and less in a smaller one.
    """

    units: int = 384
    reference_tokens: float = 7.5e6
    time_exponent: float = 0.25
    text_units: int = 256
    reference_text: int = 115_000
    text_exponent: float = 0.3
    free_passes: float = 4.0
    dropout_per_doubling: float = 0.15
    max_dropout: float = 0.5

    def hidden(self, reachable: float, tokens: int) -> int:
        """Return the hidden units for a text of `tokens` tokens, with time to read `reachable` at REFERENCE_UNITS.

        >>> SizeRule().hidden(7.5e6, 1_600_000), SizeRule().hidden(22.5e6, 1_600_000), SizeRule().hidden(7.5e6, 115_000)
        (384, 512, 256)
        """
        # the smaller of what the time and the text allow, rounded to a multiple of MULTIPLE
        by_time = self.units * (reachable / self.reference_tokens) ** self.time_exponent
        return max(MULTIPLE, int(min(by_time, self._usable_units(tokens)) / MULTIPLE + 0.5) * MULTIPLE)

    def dropout(self, passes: float, hidden: int, tokens: int) -> float:
        """Return the dropout, 0 to `max_dropout`, for `passes` passes over a text of `tokens` tokens.

        >>> [SizeRule().dropout(n, 256, 115_000) for n in (2, 8, 34)], SizeRule().dropout(8, 50, 1_600_000)
        ([0.0, 0.15, 0.46], 0.01)
        """
        # a network smaller than the text can use overfits less
        fullness = min(1.0, hidden / self._usable_units(tokens))
        dropout = self.dropout_per_doubling * math.log2(max(passes, 1e-9) / self.free_passes) * fullness
        return round(min(max(dropout, 0.0), self.max_dropout), 2)

    def _usable_units(self, tokens: int) -> float:
        """Return the number of units that a text of this length can use."""
        return float(self.text_units * (tokens / self.reference_text) ** self.text_exponent)


RULE_WITH_BASE = SizeRule(units=230)  # for characters where a chain knows what is frequent
WORD_RULE = SizeRule(
    units=192,
    reference_tokens=4.5e6,
    time_exponent=0.35,
    text_units=128,
    reference_text=31_000,
    dropout_per_doubling=0.2,
)  # for words and parts of words


def size_for_steps(rule: SizeRule, tokens_read: float, tokens: int, hidden: int | None) -> NetworkSize:
    """Return the size for a run that reads `tokens_read` tokens in any time; `hidden`, if set, is not changed."""
    # solve for the units whose run takes the time for which the rule chooses these units
    power = rule.time_exponent * COST_EXPONENT
    scaled = tokens_read / rule.reference_tokens / REFERENCE_UNITS**COST_EXPONENT
    units = (rule.units * scaled**rule.time_exponent) ** (1 / (1 - power))

    hidden = hidden or rule.hidden(tokens_read * (units / REFERENCE_UNITS) ** COST_EXPONENT, tokens)
    return NetworkSize(hidden, rule.dropout(tokens_read / tokens, hidden, tokens))


def size_for_budget(
    rule: SizeRule, budget: float, measure_speed: Callable[[int], float], tokens: int, hidden: int | None
) -> NetworkSize:
    """Return the size for a budget in seconds, or in floating-point operations; `hidden`, if set, is not changed.

    `measure_speed` returns the tokens per second, or per operation, of a network with a given number of units.
    """
    # measure, and choose the units
    measured_units = hidden or REFERENCE_UNITS
    speed = measure_speed(measured_units)
    hidden = hidden or rule.hidden(budget * speed, tokens)

    # estimate how much of the text the chosen network reads, for the dropout
    tokens_read = budget * speed * (measured_units / hidden) ** COST_EXPONENT
    return NetworkSize(hidden, rule.dropout(tokens_read / tokens, hidden, tokens))
