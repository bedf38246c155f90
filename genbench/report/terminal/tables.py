"""A table of figures on a terminal: what has no room beside the rest goes on below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable

LEAST = 12  # columns of the terminal for the names of rows
GAP = 2


@dataclass(frozen=True)
class Figures:
    """Headings and rows, the first cell of each its name; in `styles` the style of a whole row, where it has one."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    styles: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for columns in self._blocks(options.max_width):
            yield self._table(columns)

    def _blocks(self, width: int) -> Iterator[list[int]]:
        """The columns that stand beside each other, again and again as many as there is room for."""
        names = max(map(_wide, (self.headings[0], *(row[0] for row in self.rows))))
        room = width - min(max(names, LEAST), max(LEAST, width // 3)) - GAP
        left, block = room, list[int]()
        for column in range(1, len(self.headings)):
            wide = GAP + max(map(_wide, (self.headings[column], *(row[column] for row in self.rows))))
            if block and wide > left:
                yield block
                left, block = room, []
            block.append(column)
            left -= wide
        yield block

    def _table(self, columns: Sequence[int]) -> Table:
        made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True, pad_edge=False)
        made.add_column(Text(printable(self.headings[0])), overflow="fold", min_width=LEAST)
        for column in columns:
            made.add_column(Text(printable(self.headings[column])), justify="right", no_wrap=True)
        for place, row in enumerate(self.rows):
            cells = (row[column] for column in (0, *columns))
            style = self.styles[place] if self.styles else ""
            made.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell), style=style) for cell in cells))
        return made


def _wide(cell: str | Text) -> int:
    """The columns that a cell takes."""
    return max(map(cell_len, str(cell).split("\n")))
