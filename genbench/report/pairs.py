"""Pairs of rows in little space: the step to the next row, and groups without a clear difference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from genbench.experiments.comparison import compared_lines
from genbench.experiments.row import Row
from genbench.experiments.significance import Verdict, labels
from genbench.report.columns import Column

ALIKE, UNSURE = "≈", "?"  # no clear difference; a difference without an interval
NEXT_HEADING = "to next\nrow"
LEGEND = "To next row: how many bits per character more the next row needs"
MARKS = {ALIKE: "no clear difference", UNSURE: "no interval, since the test text is too short"}


def next_column(lines: Sequence[Row], verdicts: Sequence[Verdict]) -> Column | None:
    """Return the column with the step from each row to the next one; None where no two rows are compared."""
    if not verdicts:
        return None

    # the verdicts name rows by their labels among the compared ones
    compared = compared_lines(lines)
    names = labels(compared)
    by_pair = {(verdict.better, verdict.worse): verdict for verdict in verdicts}
    steps = {
        id(row): pair_cell(by_pair[pair])
        for row, pair in zip(compared, pairwise(names), strict=False)
        if pair in by_pair
    }
    return Column(NEXT_HEADING, "", lambda row: steps.get(id(row), ""))


def pair_cell(verdict: Verdict) -> str:
    """Return the difference of a pair, or the mark of one that is not clear.

    >>> pair_cell(Verdict("a", "b", 0.08, (0.06, 0.10), True, 0.01, (0.05, 0.11)))
    '0.080'
    >>> pair_cell(Verdict("a", "b", 0.08, None, False))
    '0.080?'
    """
    if verdict.clear:
        return f"{verdict.difference:z.3f}"
    return ALIKE if verdict.adjusted_interval else f"{verdict.difference:z.3f}{UNSURE}"


def legend(lines: Sequence[Row], verdicts: Sequence[Verdict]) -> str:
    """Return a sentence on the column of `next_column` and the marks that it has; "" where there is no column."""
    column = next_column(lines, verdicts)
    if column is None:
        return ""
    cells = "".join(map(column.format, lines))
    return "; ".join([LEGEND, *(f"{mark} {meaning}" for mark, meaning in MARKS.items() if mark in cells)]) + "."


def pair_sentences(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the verdict on the two best rows, and one sentence on all rows that are not clearly different."""
    sentences = [verdict.sentence() for verdict in verdicts[:1]]
    if len(verdicts) > 1 and (groups := alike_groups(verdicts)):
        sentences.append(f"No clear difference within: {'; '.join(', '.join(group) for group in groups)}.")
    return sentences


def alike_groups(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """Return the largest groups of neighbours in the ranking of which no pair is clearly different; then other pairs.

    >>> def pair(a, b, clear):
    ...     return Verdict(a, b, 0.1, (0.0, 0.2), clear, 0.5, (0.0, 0.2))
    >>> alike_groups([pair("a", "b", False), pair("a", "c", True), pair("b", "c", False)])
    [['a', 'b'], ['b', 'c']]
    """
    names = list(dict.fromkeys(name for verdict in verdicts for name in (verdict.better, verdict.worse)))
    alike = {(v.better, v.worse) for v in verdicts if not v.clear and v.adjusted_interval is not None}

    # from each row as far as all pairs are alike, unless an earlier group has them all
    groups = list[list[str]]()
    for start in range(len(names)):
        end = start + 1
        while end < len(names) and all((name, names[end]) in alike for name in names[start:end]):
            end += 1
        group = names[start:end]
        if len(group) > 1 and not any(set(group) <= set(other) for other in groups):
            groups.append(group)

    covered = {pair for group in groups for pair in combinations(group, 2)}
    return groups + [list(pair) for pair in combinations(names, 2) if pair in alike - covered]
