"""Print lists with one line a row, and more where a name is long: names are never cut off, so they can be copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.tables import LIST_EDGES, LIST_GAPS, Cells, print_list

MIN_WIDTH = 60  # columns of a terminal; a narrower one gets the paragraphs of `print_list`


def print_lines(
    headings: Cells,
    rows: Sequence[Cells],
    console: Console,
    *,
    numbers: Cells = (),
    least: Mapping[str, int],
    optional: Cells = (),
) -> None:
    """Print one line for each row, without rows nothing; in a pipe tab-separated lines, the headings always.

    The columns of the headings in `numbers` are aligned right. `least` has the columns that may be narrower than their
    longest cells, and the width that they keep; those of `optional` are left out, the first one first, where that does
    not suffice.
    """
    if not console.is_terminal or console.width < MIN_WIDTH:
        print_list(headings, rows, console, numbers, specs=list(least))
        return

    if not rows:
        return

    # the columns that fit, with the widest gap between them that needs no shortening
    lines = [[printable(cell).replace("\n", " ") for cell in row] for row in (headings, *rows)]
    natural = {name: max(map(cell_len, cells)) for name, *cells in zip(headings, *lines, strict=True)}
    rooms = {gap: console.width - LIST_EDGES - gap * (len(natural) - 1) for gap in LIST_GAPS}
    gap = next((gap for gap, room in rooms.items() if sum(natural.values()) + len(natural) - 1 <= room), 0)
    widths = fit_widths(natural, rooms[gap], least, optional)

    # the headings, a rule, and the rows
    columns = [Column(width, name in numbers) for name, width in widths.items()]
    shown = [[cell for name, cell in zip(headings, line, strict=True) if name in widths] for line in lines]
    page = [line for row in shown for line in lay_out(row, columns, 1 + gap, console.width - LIST_EDGES)]
    page.insert(1, "─" * (sum(widths.values()) + (1 + gap) * (len(widths) - 1)))
    console.print()
    for number, line in enumerate(page):
        console.print(Text(f" {line}", style="" if number else "bold"), soft_wrap=True)
    console.print()


@dataclass(frozen=True)
class Column:
    """The width of a column, and whether it is aligned right."""

    width: int
    right: bool = False


def lay_out(cells: Cells, columns: Sequence[Column], gap: int, width: int) -> list[str]:
    """Return the lines of a row; after a cell that is wider than its column, the rest continues in the next line.

    >>> lay_out(["markov-char", "pell", "1.7"], [Column(6), Column(6), Column(4, right=True)], 1, 20)
    ['markov-char', '       pell    1.7']
    """
    lines, line, position = list[str](), "", 0
    for cell, column in zip(cells, columns, strict=True):
        start = position + (max(column.width - cell_len(cell), 0) if column.right else 0)
        if start + cell_len(cell) > width:  # further to the left it may fit
            start = max(width - cell_len(cell), 0)
        if cell_len(line) > start - (gap if line else 0):
            lines.append(line)
            line = ""
        line += " " * (start - cell_len(line)) + cell
        position += column.width + gap
    return [*lines, line]


def fit_widths(natural: Mapping[str, int], available: int, least: Mapping[str, int], optional: Cells) -> dict[str, int]:
    """Return the width of each column that is shown.

    >>> fit_widths({"name": 6, "author": 30, "spec": 20, "date": 10}, 50, {"author": 8, "spec": 8}, ["date"])
    {'name': 6, 'author': 15, 'spec': 16, 'date': 10}
    >>> fit_widths({"name": 6, "author": 30, "spec": 20, "date": 10}, 30, {"author": 8, "spec": 8}, ["date"])
    {'name': 6, 'author': 11, 'spec': 11}
    """
    # leave columns out until the rest fits where names may be longer than their columns
    left_out: set[str] = set()
    for name in (None, *optional):
        left_out |= {name} if name else set()
        shown = {name: width for name, width in natural.items() if name not in left_out}
        shortest = sum(min(width, least.get(name, width)) for name, width in shown.items())
        room = available - (len(shown) - 1)
        if shortest <= room:
            break

    # narrow the widest of the columns that may be narrower until they fit
    while sum(shown.values()) > room:
        longer = [name for name in least if name in shown and shown[name] > least[name]]
        shown[max(longer or shown, key=shown.__getitem__)] -= 1
    return shown
