"""Print the list of stored runs, and the differences between two runs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from rich.console import Console

from genbench.errors import UserError
from genbench.experiments.diff import ComparisonDifference, RowDifference
from genbench.report.formatting import format_decimals
from genbench.report.terminal.lines import print_lines
from genbench.report.terminal.tables import print_list, print_text
from genbench.spec import Spec
from genbench.storage.runs import RowSummary, RunList

RUN_HEADINGS = ("run", "date (UTC)", "authors", "rows", "lowest bits/char")
LEAST = {"run": 20, "authors": 12, RUN_HEADINGS[4]: 17}  # the widths that long names keep
NOTE = (
    "Bits per character; the difference is how many more {b} needs, with its 95 % interval, adjusted for the number of "
    "rows. identical: the bits of every block and every sample are the same."
)


def show_runs(scan: RunList, console: Console) -> None:
    """Print the name, time and authors of each run, and the best row of each author; then the unreadable runs."""
    rows = []
    for run in scan.runs:
        summary = run.summary

        # the best of the finished rows of each author
        finished = [row for row in summary.results if row.status == "ok"]
        best = [_best([row for row in finished if row.author == author]) for author in summary.corpora]

        # the line of the run
        created, authors = summary.created[:16].replace("T", " "), ", ".join(summary.corpora)
        rows.append([run.name, created, authors, f"{len(finished)}/{len(summary.results)}", ", ".join(best)])

    # a run that cannot be read costs its own line
    rows += [[name, "-", "-", "-", f"unreadable: {reason}"] for name, reason in scan.unreadable.items()]
    print_lines(RUN_HEADINGS, rows, console, numbers=RUN_HEADINGS[3:4], least=LEAST, optional=RUN_HEADINGS[1:2])


def _best(rows: Sequence[RowSummary]) -> str:
    """Return the fewest bits per character and the generator with them, or "-" if there are no rows."""
    scores = [(row.bits_per_character, _typed_name(row)) for row in rows if row.bits_per_character is not None]
    return "{:z.3f} {}".format(*min(scores)) if scores else "-"


def _typed_name(row: RowSummary) -> str:
    """Return the name of a generator as it is typed, which is that of the file for a plugin file."""
    with contextlib.suppress(UserError):  # a SPEC in an edited run may be anything
        path = Spec.parse(row.spec).path if row.spec else None
        if path is not None:
            return path.name
    return row.generator


def show_differences(report: ComparisonDifference, console: Console) -> None:
    """Print the differences between the rows of two runs."""
    a, b = report.a or "first", report.b or "second"

    # a line for each pair of rows
    rows = []
    for row in report.rows:
        name = row.a if row.a == row.b else f"{row.a} / {row.b}"
        bits = ["no score" if value is None else format_decimals(value, 3) for value in row.bits_per_character]
        rows.append([row.author, name, *bits, format_difference(row)])
    print_list(("author", "generator", a, b, "difference"), rows, console)

    # authors and rows that cannot be compared
    for author, match in report.texts.items():
        if match != "the same":
            reason = "different text: bits cannot be compared" if match == "another" else match
            print_text(f"{author}: {reason}", console)
    for name, only in ((a, report.only_a), (b, report.only_b)):
        if only:
            print_text(f"only in {name}: {', '.join(only)}", console)
    print_text(NOTE.format(b=b), console)


def format_difference(row: RowDifference) -> str:
    """Return the difference between two rows with its interval.

    >>> format_difference(RowDifference("pell", "a", "a", (1.7, 1.712), 0.0123, (0.01, 0.02), clear=True))
    '+0.012 [+0.010, +0.020]'
    >>> format_difference(RowDifference("pell", "a", "a", (None, 1.7)))
    '-'
    """
    if row.identical:
        return "identical"
    if row.difference is None:
        return "-"
    if row.interval is None:
        return f"{row.difference:+z.3f}"
    low, high = row.interval
    return f"{row.difference:+z.3f} [{low:+z.3f}, {high:+z.3f}]" + ("" if row.clear else ", no clear difference")
