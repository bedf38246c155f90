"""Lists in the terminal: authors, generators, and one of each in full."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.report.text import printable


def listing(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Print rows under headings; the first column is never cut."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        made.add_column(heading, no_wrap=place == 0, overflow="fold")
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    console.print(made)


def facts(pairs: Sequence[tuple[str, str]], console: Console) -> None:
    """Print names and what they are, one a line."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        made.add_row(Text(name, style="bold"), Text(printable(value), overflow="fold"))
    console.print(made)
