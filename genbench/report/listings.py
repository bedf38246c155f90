"""Lists in the terminal: authors, generators, and one of each in full."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.report.text import printable


def listing(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Print rows under headings: a table on a terminal, in a pipe a line a row with tabs between."""
    if not console.is_terminal:
        for row in (headings, *rows):
            line(row, console)
        return
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for place, heading in enumerate(headings):
        made.add_column(heading, overflow="fold", no_wrap=not place)  # a name is copied, and shall be whole
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    console.print(made)


def facts(pairs: Sequence[tuple[str, str]], console: Console) -> None:
    """Print names and what they are, one a line; in a pipe with a tab between."""
    if not console.is_terminal:
        for pair in pairs:
            line(pair, console)
        return
    made = Table.grid(padding=(0, 2, 0, 0))
    for name, value in pairs:
        made.add_row(Text(name, style="bold"), Text(printable(value), overflow="fold"))
    console.print(made)


def line(cells: Sequence[str], console: Console) -> None:
    """Print one line, tabs between cells; written past rich, which would make spaces of them."""
    console.file.write("\t".join(printable(cell).replace("\n", " ") for cell in cells) + "\n")
