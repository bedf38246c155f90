"""Stored comparison runs in the terminal: the list of them, and the differences between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from genbench.report.formatting import format_decimals
from genbench.report.terminal.tables import print_list, print_text

Report = dict[str, Any]
NOTE = (
    "Bits per character; the difference is how many more {b} needs, with its 95 % interval. identical: the bits of "
    "every block and every sample are the same."
)


def show_runs(runs: Sequence[tuple[str, Report]], console: Console) -> None:
    """Print the names of runs with their time, their authors, and the best row of each author."""
    rows = []
    for name, run in runs:
        finished = [row for row in run["results"] if row["status"] == "ok"]
        best = [_best([row for row in finished if row["author"] == author]) for author in run["corpora"]]
        created, authors = run["created"][:16].replace("T", " "), ", ".join(run["corpora"])
        rows.append([name, created, authors, f"{len(finished)} of {len(run['results'])}", ", ".join(best)])
    print_list(("run", "when (UTC)", "authors", "rows", "lowest bits/char"), rows, console)


def _best(rows: Sequence[Report]) -> str:
    """Return the row with the fewest bits per character, and how many; "-" where there is no row."""
    best = min(rows, key=lambda row: float(row["bits_per_character"]), default=None)
    return f"{best['generator']} {best['bits_per_character']:.3f}" if best else "-"


def show_differences(report: Report, console: Console) -> None:
    """Print how the rows of two runs differ."""
    a, b = report["a"] or "first", report["b"] or "second"
    rows = []
    for row in report["rows"]:
        name = row["a"] if row["a"] == row["b"] else f"{row['a']} / {row['b']}"
        bits = ["failed" if value is None else format_decimals(value, 3) for value in row["bits"]]
        rows.append([row["author"], name, *bits, format_difference(row)])
    print_list(("author", "generator", a, b, "difference"), rows, console)

    # whether the runs can be compared
    for author, same in report["texts"].items():
        if same != "the same":
            print_text(f"{author}: {'different text: bits cannot be compared' if same == 'another' else same}", console)
    for name, key in ((a, "only_a"), (b, "only_b")):
        if report[key]:
            print_text(f"only in {name}: {', '.join(report[key])}", console)
    print_text(NOTE.format(b=b), console)


def format_difference(row: Report) -> str:
    """Return the difference between the rows of two runs, with its interval.

    >>> row = {"by": 0.0123, "interval": [0.01, 0.02], "sure": True, "identical": False}
    >>> format_difference(row), format_difference(row | {"identical": True}), format_difference(row | {"by": None})
    ('+0.012 [+0.010, +0.020]', 'identical', '-')
    """
    if row["identical"]:
        return "identical"
    if row["by"] is None:
        return "-"
    if row["interval"] is None:
        return f"{row['by']:+.3f}"
    low, high = row["interval"]
    return f"{row['by']:+.3f} [{low:+.3f}, {high:+.3f}]" + ("" if row["sure"] else ", no clear difference")
