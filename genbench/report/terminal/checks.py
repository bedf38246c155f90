"""Print the results of the conformance checks, a line for each check."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.tables import print_tabs

WORDS = {"holds": "passes", "fails": "FAILS", "expected": "fails, as expected"}
STYLES = {"holds": "green", "fails": "bold red", "expected": "yellow"}


class CheckResult(Protocol):
    """The result of a check, such as genbench.testing.CheckResult."""

    @property
    def check(self) -> str:
        """The name of the check."""

    @property
    def outcome(self) -> str:
        """One of the keys of WORDS."""

    @property
    def requirement(self) -> str:
        """The requirement as a sentence."""

    @property
    def example(self) -> str:
        """The smallest example that violates the requirement."""

    @property
    def advice(self) -> str:
        """What to change, or the reason of an expected failure."""


def show_result(result: CheckResult, console: Console) -> None:
    """Print the requirement of a check and its outcome; for a failure also an example and what to change."""
    # the details below the line
    word = WORDS[result.outcome]
    details = [result.example] if result.example else []
    if result.advice:
        details.append(("do: " if result.outcome == "fails" else "because: ") + result.advice)

    # in a pipe, tab-separated lines
    if not console.is_terminal:
        print_tabs((word, result.check, result.requirement), console)
        for detail in details:
            print_tabs(("", detail), console)
        return

    # on a terminal, the words aligned in a column and the rest wrapped
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=6)
    grid.add_column()
    grid.add_row(Text(word, STYLES[result.outcome]), Text(f"{result.check}: ", "bold") + Text(result.requirement))
    for detail in details:
        grid.add_row("", Text(printable(detail)))
    console.print(grid)
