"""Lists in the terminal: authors, generators, and one of each in full."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.fitting import listed


def listing(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Print rows under headings: a table on a terminal, paragraphs on one too narrow, in a pipe lines with tabs."""
    if not console.is_terminal:
        for row in (headings, *rows):
            line(row, console)
        return
    for part in listed(headings, rows, console.width):
        console.print(part)


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
