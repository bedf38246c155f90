"""Print lists with one line a row: long names are shortened with an ellipsis, and the last columns left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import regex
from rich.cells import cell_len
from rich.console import Console

from genbench.report.formatting import printable
from genbench.report.terminal.tables import LIST_EDGES, LIST_GAPS, Cells, list_table, print_list

MIN_WIDTH = 60  # columns of a terminal; a narrower one gets the paragraphs of `print_list`
ELLIPSIS = "…"


def print_lines(
    headings: Cells,
    rows: Sequence[Cells],
    console: Console,
    *,
    numbers: Cells = (),
    least: Mapping[str, int],
    optional: Cells = (),
) -> None:
    """Print one line for each row, whatever its names; in a pipe tab-separated lines with all of them.

    The columns of the headings in `numbers` are aligned right. `least` has the columns that may be shortened, and the
    width that they keep; those of `optional` are left out, the first one first, where that does not suffice.
    """
    if not console.is_terminal or console.width < MIN_WIDTH:
        print_list(headings, rows, console, numbers, specs=list(least))
        return

    # the columns that fit, with the widest gap between them that needs no shortening
    lines = [[printable(cell).replace("\n", " ") for cell in row] for row in (headings, *rows)]
    natural = {name: max(map(cell_len, cells)) for name, *cells in zip(headings, *lines, strict=True)}
    rooms = {gap: console.width - LIST_EDGES - gap * (len(natural) - 1) for gap in LIST_GAPS}
    gap = next((gap for gap, room in rooms.items() if sum(natural.values()) + len(natural) - 1 <= room), 0)
    widths = fit_widths(natural, rooms[gap], least, optional)

    # a table of them
    shown = [[cell for name, cell in zip(headings, line, strict=True) if name in widths] for line in lines[1:]]
    short = [[shorten(cell, width) for cell, width in zip(line, widths.values(), strict=True)] for line in shown]
    console.print(list_table(list(widths), short, list(widths.values()), gap, [name in numbers for name in widths]))


def fit_widths(natural: Mapping[str, int], available: int, least: Mapping[str, int], optional: Cells) -> dict[str, int]:
    """Return the width of each column that is shown.

    >>> fit_widths({"name": 6, "author": 30, "spec": 20, "date": 10}, 50, {"author": 8, "spec": 8}, ["date"])
    {'name': 6, 'author': 15, 'spec': 16, 'date': 10}
    >>> fit_widths({"name": 6, "author": 30, "spec": 20, "date": 10}, 30, {"author": 8, "spec": 8}, ["date"])
    {'name': 6, 'author': 11, 'spec': 11}
    """
    # leave columns out until the rest fits when it is shortened
    left_out: set[str] = set()
    for name in (None, *optional):
        left_out |= {name} if name else set()
        shown = {name: width for name, width in natural.items() if name not in left_out}
        shortest = sum(min(width, least.get(name, width)) for name, width in shown.items())
        room = available - (len(shown) - 1)
        if shortest <= room:
            break

    # shorten the widest of the columns that may be shortened until they fit
    while sum(shown.values()) > room:
        longer = [name for name in least if name in shown and shown[name] > least[name]]
        shown[max(longer or shown, key=shown.__getitem__)] -= 1
    return shown


def shorten(text: str, width: int) -> str:
    """Return a text of at most this width on the terminal, with an ellipsis in its middle where it is longer.

    >>> shorten("lstm-char:hidden=256", 12), shorten("pell", 4)
    ('lstm-c…n=256', 'pell')
    """
    if cell_len(text) <= width:
        return text

    # whole letters, with their marks, from both ends
    letters = regex.findall(r"\X", text)
    room = max(width - cell_len(ELLIPSIS), 0)
    head = _count_fitting(letters, room - room // 2)
    tail = _count_fitting(letters[::-1], room // 2)
    return "".join(letters[:head]) + ELLIPSIS + "".join(letters[len(letters) - tail :])


def _count_fitting(letters: Sequence[str], width: int) -> int:
    """Return how many letters from the first on fit into a width."""
    return sum(total <= width for total in accumulate(map(cell_len, letters)))
