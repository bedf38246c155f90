"""Which of two rows predicts better and how sure that is; labels of rows.

Two rows are compared by the differences of their bits on the same blocks of test text (`genbench.analysis.intervals`),
with the variance of the mean over seeds where there are several. The pairs of a table are tested together (Holm 1979):
the probability that any of its pairs is wrongly called different is at most 5 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from genbench.analysis.holm import adjust_tests
from genbench.analysis.intervals import Estimate, Floats, Interval, estimate_mean
from genbench.experiments.row import Row
from genbench.experiments.seeds import row_block_sizes, widen
from genbench.spec import format_value

UNIT = "bits per character"


@dataclass(frozen=True)
class Verdict:
    """The comparison of two rows, named by their labels."""

    better: str  # the one with fewer bits per character
    worse: str
    difference: float  # bits per character
    interval: Interval | None  # 95 %, of this pair alone; None where the text is too short
    clear: bool  # whether `adjusted_p` is below 0.05 and the adjusted interval excludes zero at three decimals
    adjusted_p: float | None = None  # of no difference, adjusted for the number of pairs (Holm 1979)
    adjusted_interval: Interval | None = None  # excludes zero where `adjusted_p` is below 0.05
    one_training: list[str] = field(default_factory=list)  # those of the two that another seed would train differently

    def sentence(self, unit: str = f" {UNIT}") -> str:
        """Return the verdict in words, with the adjusted interval.

        >>> Verdict("a", "b", 0.08, (0.06, 0.10), True, 0.01, (0.05, 0.11)).sentence()
        'a ahead of b by 0.080 bits per character [0.050, 0.110]'
        >>> Verdict("a", "b", 0.08, (0.06, 0.10), True, 0.01, (0.05, 0.11), ["a"]).sentence(unit="")
        'this training of a ahead of b by 0.080 [0.050, 0.110]'
        >>> Verdict("a", "b", 0.08, (0.01, 0.15), False, 0.2, (-0.01, 0.17)).sentence(unit="")
        'no clear difference between a and b: 0.080 [-0.010, 0.170]'
        >>> Verdict("a", "b", 0.08, None, False).sentence()
        'a needs 0.080 bits per character less than b, without an interval'
        """
        difference = f"{self.difference:z.3f}{unit}"
        better, worse = (
            f"this training of {name}" if name in self.one_training else name for name in (self.better, self.worse)
        )
        if self.adjusted_interval is None:
            return f"{better} needs {difference} less than {worse}, without an interval"  # a note of the rows says why
        low, high = self.adjusted_interval
        bounds = f"[{low:z.3f}, {high:z.3f}]"
        if self.clear:
            return f"{better} ahead of {worse} by {difference} {bounds}"
        return f"no clear difference between {better} and {worse}: {difference} {bounds}"


@dataclass(frozen=True)
class StratumResult:
    """The rows of a comparison on one stratum of the test text."""

    stratum: str
    share: float  # of the characters of the test text
    bits_per_character: dict[str, float]  # by label of the row
    verdicts: list[Verdict]  # of every pair of rows, the best first


ADAPTIVE_OPTIONS = ("adapt_rate", "adapt_decay", "cache", "cache_share", "cache_scale")  # act with adaptive=true alone


def labels(rows: Sequence[Row]) -> list[str]:
    """Return a label for each row: its generator, and the options and the seed that tell it from the others.

    >>> labels([Row("a", "g", options={"order": 3}), Row("a", "g", options={"order": 4})])
    ['g order=3', 'g order=4']
    """
    return [" ".join([row.generator, *_distinguishing_options(row, rows), *_marks(row)]) for row in rows]


def _marks(row: Row) -> list[str]:
    """Return why a row is ranked apart, in parentheses."""
    marks = {"adaptive": row.adaptive, "fine-tuned": row.fine_tuned, "pretrained": row.pretrained}
    return [f"({mark})" for mark, applies in marks.items() if applies]


def _distinguishing_options(row: Row, rows: Sequence[Row]) -> list[str]:
    others = [other for other in rows if other.generator == row.generator]

    # options that differ between rows of the same generator
    words = [
        f"{key}={f'{value:g}' if isinstance(value, float) else format_value(value)}"
        for key, value in row.options.items()
        if key != "adaptive" and any(other.options.get(key, value) != value for other in _compared(key, row, others))
    ]
    return [*words, f"seed={row.seed}"] if any(other.seed != row.seed for other in others) else words


def _compared(key: str, row: Row, others: Sequence[Row]) -> Sequence[Row]:
    """Return the rows from which an option may tell a row: one that only adaptive rows use says nothing of others."""
    if key not in ADAPTIVE_OPTIONS:
        return others
    return [other for other in others if other.options.get("adaptive") == row.options.get("adaptive")]


def verdict_notes(verdicts: Sequence[Verdict]) -> list[str]:
    """Return sentences on what the verdicts of a table allow for, and what they leave open."""
    notes = []
    pairs = sum(verdict.adjusted_interval is not None for verdict in verdicts)
    if pairs > 1:
        notes.append(f"Intervals of differences are adjusted for the {pairs} pairs, so that all hold together (Holm).")

    # rows that other seeds would change
    names = list(dict.fromkeys(name for verdict in verdicts for name in verdict.one_training))
    if names:
        subject = f"{', '.join(names)}: trained from one seed, so"
        notes.append(f"{subject} verdicts are about this training; --seeds 3 includes how far seeds differ.")
    return notes


def compare_rows(rows: Sequence[Row]) -> list[Verdict]:
    """Return the verdict of every pair of rows, the best first."""
    return _adjust(_compare_pairs(_totals(rows)))


def compare_with_first(rows: Sequence[Row]) -> list[Verdict]:
    """Return the verdict of the first row and each other one, in their order; the first has the fewest bits."""
    first, *others = _totals(rows)
    return _adjust([_compare_pair(first, other) for other in others])


def _totals(rows: Sequence[Row]) -> list[_Total]:
    return [
        _Total(label, row.ranking_bits, np.array(row.block_bits), row_block_sizes(row), row, row.seed_variance)
        for label, row in zip(labels(rows), rows, strict=True)
    ]


def compare_strata(rows: Sequence[Row], by: str) -> list[StratumResult]:
    """Return the shares, bits and verdicts of rows on each stratum of a split; empty strata are left out.

    The verdicts of all strata are adjusted together, as they are one table.
    """
    results, pairs = [], []
    for stratum, first in (rows[0].splits[by] if rows else {}).items():
        if not first.characters:
            continue

        # the bits of each row on this stratum
        totals = []
        for label, row in zip(labels(rows), rows, strict=True):
            counts = row.splits[by][stratum]
            bits, sizes = counts.bits / counts.characters, np.array(counts.block_characters)
            totals.append(_Total(label, bits, np.array(counts.block_bits), sizes, row, counts.seed_variance))

        # shares and bits, the verdicts follow
        share = first.characters / (rows[0].characters or 1)
        results.append(StratumResult(stratum, share, {total.label: total.bits_per_character for total in totals}, []))
        pairs.append(_compare_pairs(totals))

    # the verdicts, adjusted, back to their strata
    adjusted = iter(_adjust([pair for of_stratum in pairs for pair in of_stratum]))
    return [
        replace(result, verdicts=[next(adjusted) for _ in of_stratum])
        for result, of_stratum in zip(results, pairs, strict=True)
    ]


@dataclass(frozen=True)
class _Total:
    """The bits of a row on the test text or on one stratum of it."""

    label: str
    bits_per_character: float
    block_bits: Floats  # (blocks,)
    block_characters: Floats  # (blocks,)
    row: Row
    seed_variance: float | None

    def widen(self, estimate: Estimate) -> Estimate:
        """Return a difference between this row and another with what the seeds of this row leave open."""
        return widen(estimate, self.seed_variance, self.row.seeds)


Pair = tuple[Verdict, Estimate | None]


def _compare_pairs(totals: Sequence[_Total]) -> list[Pair]:
    ranked = sorted(totals, key=lambda total: total.bits_per_character)
    return [_compare_pair(better, worse) for better, worse in combinations(ranked, 2)]


def _compare_pair(better: _Total, worse: _Total) -> Pair:
    """Return the verdict of two rows, not adjusted yet, with the estimate of their difference."""
    # paired: the difference of each block; then what other seeds would change
    estimate = estimate_mean(worse.block_bits - better.block_bits, better.block_characters)
    if estimate is not None:
        estimate = worse.widen(better.widen(estimate))

    verdict = Verdict(
        better=better.label,
        worse=worse.label,
        difference=worse.bits_per_character - better.bits_per_character,
        interval=None if estimate is None else estimate.interval(),
        clear=False,
        one_training=[total.label for total in (better, worse) if total.row.one_training],
    )
    return verdict, estimate


def _adjust(pairs: Sequence[Pair]) -> list[Verdict]:
    """Return the verdicts of one table, adjusted for their number; those without an estimate as they are."""
    tests = adjust_tests([estimate for _, estimate in pairs])
    return [
        verdict
        if test is None
        else replace(verdict, clear=test.sign > 0, adjusted_p=test.p_value, adjusted_interval=test.interval)
        for (verdict, _), test in zip(pairs, tests, strict=True)
    ]
