"""A list on a terminal: a table where no word has to be broken for it, else a paragraph a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable

GAPS = (2, 1, 0)  # spaces after a column of a list, beside the one that is always there: the less room, the fewer
EDGES = 2  # spaces around a table
DEEPEST = 5  # lines of a row on average, beyond which a paragraph is easier to read

Cells = Sequence[str]


def columns(rows: Sequence[Cells], room: int) -> list[int] | None:
    """The width of each column of a list so that no word is broken; None where there is no room for that.

    The first column, of names, is as wide as it wants to be, if that can be.

    >>> columns([["name", "what it is"], ["an a", "one of a few words"]], 22)
    [4, 18]
    >>> columns([["name", "what it is"], ["an a", "one of a few words"]], 16), columns([["name", "what"]], 7)
    ([4, 12], None)
    """
    turned = list(zip(*rows, strict=True))
    least = [max(cell_len(word) for cell in column for word in ["", *cell.split()]) for column in turned]
    wanted = [max(map(cell_len, column)) for column in turned]
    for found in ([wanted[0], *least[1:]], least):
        if sum(found) <= room:
            _widen(found, wanted, room - sum(found))
            deep = [
                max(-(-cell_len(cell) // (width or 1)) for cell, width in zip(row, found, strict=True)) for row in rows
            ]
            return found if sum(deep) <= DEEPEST * len(deep) else None
    return None


def _widen(found: list[int], wanted: list[int], left: int) -> None:
    """Give what is left of the room to the columns that lack most."""
    while left and found != wanted:
        place = max(range(len(found)), key=lambda place: wanted[place] - found[place])
        found[place], left = found[place] + 1, left - 1


def listed(headings: Cells, rows: Sequence[Cells], width: int) -> Iterator[RenderableType]:
    """A list as a table, or as a paragraph a row."""
    shown = [[printable(cell) for cell in row] for row in (headings, *rows)]
    for gap in GAPS:
        widths = columns(shown, width - EDGES - (1 + gap) * (len(headings) - 1))
        if widths is not None:
            yield _list(shown[0], shown[1:], widths, gap)
            return
    for row in shown[1:]:
        yield Text(row[0], style="bold", overflow="fold")
        yield Padding(_paragraph(shown[0][1:], row[1:]), (0, 0, 0, 2))


def _paragraph(names: Cells, cells: Cells) -> Text:
    """What a row says besides its name."""
    said = [
        Text(f"{name}: ", style="bright_black").append(cell, style="default")
        for name, cell in zip(names, cells, strict=True)
        if cell
    ]
    return Text("  ").join(said)


def _list(headings: Cells, rows: Sequence[Cells], widths: Sequence[int], gap: int) -> Table:
    made = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False)
    for heading, width in zip(headings, widths, strict=True):
        made.add_column(Text(heading), width=width, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made
