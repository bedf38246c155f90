"""Print tables and lists that fit the width of a terminal; in a pipe, tab-separated lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from genbench.report.formatting import printable

MIN_NAME_WIDTH = 12  # columns of the terminal
COLUMN_GAP = 2
LIST_GAPS = (2, 1, 0)  # extra spaces after a column of a list, tried in this order until the list fits
LIST_EDGES = 2  # spaces around a list
FOLDED_WIDTH = 16  # least width of a column whose words may be broken
MAX_MEAN_LINES = 5  # lines of a row on average; beyond that a paragraph is easier to read

Cells = Sequence[str]


def print_text(text: str, console: Console, style: str = "") -> None:
    """Print a sentence; it is wrapped on a terminal only."""
    console.print(Text(printable(text), style=style), soft_wrap=not console.is_terminal)


def print_heading(text: str, console: Console) -> None:
    """Print a heading in bold."""
    print_text(text, console, "bold")


def print_list(
    headings: Cells, rows: Sequence[Cells], console: Console, numbers: Cells = (), specs: Cells = ()
) -> None:
    """Print rows as a table, as paragraphs on a narrow terminal, or as tab-separated lines in a pipe.

    The columns of the headings in `numbers` are aligned right and never wrapped; those in `specs`, which have long
    words, are folded anywhere.
    """
    if not console.is_terminal:
        for row in (headings, *rows):
            print_tabs(row, console)
        return
    for part in fit_list(headings, rows, console.width, numbers, specs):
        console.print(part)


def print_pairs(pairs: Sequence[tuple[str, str]], console: Console) -> None:
    """Print names and values, one pair a line; in a pipe separated by a tab."""
    if not console.is_terminal:
        for pair in pairs:
            print_tabs(pair, console)
        return
    names = max(cell_len(name) for name, _ in pairs)
    for name, value in pairs:
        text = Text(printable(value), overflow="fold")
        if max(map(cell_len, text.plain.split()), default=0) > console.width - names - COLUMN_GAP:
            # a checksum or a path that would be broken is whole in a line of its own, so that it can be copied
            console.print(Text(name, style="bold"))
            console.print(text)
            continue
        grid = Table.grid(Column(width=names + COLUMN_GAP), Column())
        grid.add_row(Text(name, style="bold"), text)
        console.print(grid)


def print_tabs(cells: Cells, console: Console) -> None:
    """Print one tab-separated line."""
    # write to the file itself, because rich would turn tabs into spaces
    console.file.write("\t".join(printable(cell).replace("\n", " ") for cell in cells) + "\n")


def plain_table() -> Table:
    """Return an empty table with a line under its headings and no other lines."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True, pad_edge=False)


@dataclass(frozen=True)
class NumberTable:
    """A table of numbers that fits the terminal: columns that do not fit follow in another table below.

    Names are wrapped first. The first cell of each row is its name, which every table repeats, and the tables are about
    as wide as each other. `styles` has the style of each row.
    """

    headings: Cells
    rows: Sequence[Sequence[str | Text]]
    styles: Cells = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for columns in self._blocks(options.max_width):
            yield self._table(columns)

    def _blocks(self, width: int) -> list[list[int]]:
        """Return the numbers of the columns of each table."""
        # the width of each column, and the space beside the names, of which the longest word is not broken
        widths = [
            max(_cell_width(cell) for cell in (self.headings[column], *(row[column] for row in self.rows)))
            for column in range(len(self.headings))
        ]
        word = max((cell_len(word) for row in self.rows for word in str(row[0]).split()), default=0)
        names = min(max(word, MIN_NAME_WIDTH), max(MIN_NAME_WIDTH, width // 3))
        available = width - names - COLUMN_GAP

        # as few tables as possible, then the narrowest of them, so that none is left with one column
        blocks = _fill(widths, available)
        while len(blocks) > 1 and available > 0 and len(narrower := _fill(widths, available - 1)) == len(blocks):
            blocks, available = narrower, available - 1
        return blocks

    def _table(self, columns: Sequence[int]) -> Table:
        """Return the table of some of the columns."""
        # names may be wrapped, numbers may not
        table = plain_table()
        table.add_column(Text(printable(self.headings[0])), overflow="fold", min_width=MIN_NAME_WIDTH)
        for column in columns:
            table.add_column(Text(printable(self.headings[column])), justify="right", no_wrap=True)

        # a cell that is a Text has its own style
        for number, row in enumerate(self.rows):
            cells = (row[column] for column in (0, *columns))
            style = self.styles[number] if self.styles else ""
            table.add_row(*(cell if isinstance(cell, Text) else Text(printable(cell), style=style) for cell in cells))
        return table


def _fill(widths: Sequence[int], available: int) -> list[list[int]]:
    """Return the columns after the first one in blocks, as many as fit in each and at least one.

    >>> _fill([9, 4, 4, 4], 12)
    [[1, 2], [3]]
    """
    blocks, left = [list[int]()], available
    for column in range(1, len(widths)):
        needed = COLUMN_GAP + widths[column]
        if blocks[-1] and needed > left:
            blocks.append([])
            left = available
        blocks[-1].append(column)
        left -= needed
    return blocks


def _cell_width(cell: str | Text) -> int:
    """Return the width of a cell on the terminal."""
    return max(map(cell_len, str(cell).split("\n")))


def fit_list(
    headings: Cells, rows: Sequence[Cells], width: int, numbers: Cells = (), specs: Cells = ()
) -> Iterator[RenderableType]:
    """Yield a list as one table if that breaks no word, otherwise as a paragraph for each row."""
    lines = [[printable(cell) for cell in row] for row in (headings, *rows)]
    whole, folded = ([heading in names for heading in headings] for names in (numbers, specs))

    # a table with the widest gap between columns that fits
    for gap in LIST_GAPS:
        widths = column_widths(lines, width - LIST_EDGES - (1 + gap) * (len(headings) - 1), whole, folded)
        if widths is not None:
            yield list_table(lines[0], lines[1:], widths, gap, whole)
            return

    # no table fits: a paragraph for each row
    for line in lines[1:]:
        yield Text(line[0], style="bold", overflow="fold")
        yield Padding(_paragraph(lines[0][1:], line[1:]), (0, 0, 0, 2))


def column_widths(
    lines: Sequence[Cells], available: int, whole: Sequence[bool] = (), folded: Sequence[bool] = ()
) -> list[int] | None:
    """Return the width of each column of a list so that no word is broken, or None if that is impossible.

    The first column, which has the names, is wrapped only if the list does not fit otherwise; those in `whole` never.
    The words of those in `folded` may be broken.

    >>> column_widths([["name", "what it is"], ["an a", "one of a few words"]], 22)
    [4, 18]
    >>> column_widths([["name", "what it is"], ["an a", "one of a few words"]], 16)
    [4, 12]
    >>> column_widths([["name", "what"]], 7) is None
    True
    """
    # a column is at least as wide as its longest word, and at most as its longest cell
    columns = list(zip(*lines, strict=True))
    longest_words = [max(cell_len(word) for cell in column for word in ["", *cell.split()]) for column in columns]
    longest_cells = [max(map(cell_len, column)) for column in columns]
    for column, is_whole in enumerate(whole):
        if is_whole:
            longest_words[column] = longest_cells[column]
    for column, is_folded in enumerate(folded):
        if is_folded:
            longest_words[column] = min(longest_words[column], FOLDED_WIDTH)

    # try with the names on one line, then with all columns wrapped
    for minimum in ([longest_cells[0], *longest_words[1:]], longest_words):
        if sum(minimum) <= available:
            # rows that need many lines are easier to read as paragraphs
            widths = _widen(minimum, longest_cells, available - sum(minimum))
            heights = [
                max(-(-cell_len(cell) // (width or 1)) for cell, width in zip(line, widths, strict=True))
                for line in lines
            ]
            return widths if sum(heights) <= MAX_MEAN_LINES * len(heights) else None
    return None


def _widen(widths: Sequence[int], wanted: Sequence[int], left: int) -> list[int]:
    """Return the widths after giving the columns of the terminal that are left to those that lack most."""
    widened = list(widths)
    while left and widened != list(wanted):
        column = max(range(len(widened)), key=lambda column: wanted[column] - widened[column])
        widened[column] += 1
        left -= 1
    return widened


def list_table(headings: Cells, rows: Sequence[Cells], widths: Sequence[int], gap: int, right: Sequence[bool]) -> Table:
    """Return a list as a table with columns of these widths, some of them aligned right."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False)
    for heading, width, is_right in zip(headings, widths, right, strict=True):
        table.add_column(Text(heading), width=width, overflow="fold", justify="right" if is_right else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _paragraph(names: Cells, cells: Cells) -> Text:
    """Return the cells that are not empty as one paragraph, each after its heading."""
    parts = [
        Text(f"{name}: ", style="bright_black").append(cell, style="default")
        for name, cell in zip(names, cells, strict=True)
        if cell
    ]
    return Text("  ").join(parts)
