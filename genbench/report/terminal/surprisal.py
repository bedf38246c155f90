"""The reading view: a text in columns, one a generator, each word on the colour of what it cost that generator.

Where there are no colours, a line a word: the word, and its bits for each generator, with tabs between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genbench.analysis.surprisal import apart, farthest
from genbench.report.formatting import printable
from genbench.report.heat import HEAT, STEPS, step
from genbench.report.terminal.listings import line, listing
from genbench.report.terminal.screen import painted

Found = dict[str, Any]
Pieces = Sequence[Sequence[Any]]  # a word with the white space before it, and its bits
Paragraph = list[tuple[int, str, float]]  # the place of a word in the text, the word, its bits

NARROWEST = 24  # columns of the terminal; where a generator would get fewer, they stand one below the other
INK, FAINT = "#1b1b20", "#5b5b66"
PAPER = f"{INK} on {HEAT[0][0]}"
FEW = ("white", "white", "bright_white", "yellow", "yellow", "bright_red", "bright_red")  # of 16 colours
KEY = (f"0-{STEPS[0]}", *(f"{low}-{high}" for low, high in itertools.pairwise(STEPS)), f"{STEPS[-1]}+")
AROUND = 2  # words before a word in the table, and after it
SHOWN = 10  # lines of the table


def show(found: Found, console: Console) -> None:
    """Print what `genbench.read` found."""
    if painted(console):
        _page(found, console)
    else:
        lines(found, console)
    if console.is_terminal:
        _differences(found, console)
        totals = [
            [name, f"{each['bits']:,.1f}", f"{each['bits_per_character']:.4f}"]
            for name, each in found["generators"].items()
        ]
        listing(["generator", "bits", "bits per character"], totals, console)


def lines(found: Found, console: Console) -> None:
    """A line a word, as `awk -F'\\t'` takes it: the word, and its bits for each generator."""
    columns = [each["words"] for each in found["generators"].values()]
    line(["word", *found["generators"]], console)
    for each in zip(*columns, strict=True):
        line([" ".join(each[0][0].split()), *(f"{bits:.2f}" for _, bits in each)], console)


def _page(found: Found, console: Console) -> None:
    """The text, coloured; generators side by side where there is room."""
    names = list(found["generators"])
    columns = [each["words"] for each in found["generators"].values()]
    far = set(farthest(columns))
    few = console.color_system not in ("256", "truecolor")
    _heading(found, bool(far), few, console)
    beside = len(names) if (console.width + 1) // len(names) > NARROWEST else 1
    for start in range(0, len(names), beside):
        part = slice(start, start + beside)
        if start:
            console.print()
        console.print(_beside(names[part], columns[part], far, few, console.width))


def _heading(found: Found, marked: bool, few: bool, console: Console) -> None:
    title = f"{found['name']}, {found['characters']:,} characters, read by what learned from {found['author']}"
    console.print(Text(printable(title), style="bold"))
    key = Text("bits a word: ")
    for number, label in enumerate(KEY):
        key.append(f" {label} ", style=_style(number, few)).append(" ")
    console.print(key)
    if marked:
        console.print(Text("underlined: the words at which they differ most", style=f"underline {PAPER}"))
    console.print()


def _beside(names: Sequence[str], columns: Sequence[Pieces], far: set[int], few: bool, width: int) -> Table:
    """A row a paragraph, so that what is read stands at the same height in every column."""
    made = Table.grid(padding=0)
    each = (width - len(names) + 1) // len(names)
    for place in range(len(names)):
        if place:
            made.add_column(width=1)
        made.add_column(width=each, style=PAPER)
    made.add_row(
        *_apart([Padding(Text(printable(name), style=f"bold {PAPER}", overflow="fold"), (0, 1)) for name in names])
    )
    for row in zip(*(paragraphs(words) for words in columns), strict=True):
        made.add_row(*_apart([Padding(_paragraph(words, far, few), (1, 1, 0, 1)) for words in row]))
    made.add_row(*_apart([Text(" ") for _ in names]))
    return made


def _apart(cells: Sequence[Any]) -> list[Any]:
    """Cells with an empty one between each two."""
    return [each for cell in cells for each in ("", cell)][1:]


def paragraphs(words: Pieces) -> Iterator[Paragraph]:
    r"""The words of a text by its paragraphs and, in verse, its lines.

    >>> [[word for _, word, _ in each] for each in paragraphs([["a", 1.0], [" b", 2.0], ["\n\nc", 3.0]])]
    [['a', ' b'], ['c']]
    """
    gathered: Paragraph = []
    for place, (piece, bits) in enumerate(words):
        blank, word = apart(piece)
        if "\n" in blank:
            if gathered:
                yield gathered
            gathered, blank = [], blank.rpartition("\n")[2]
        gathered.append((place, blank + word.rstrip(), bits))
    yield gathered


def _paragraph(words: Paragraph, far: set[int], few: bool) -> Text:
    text = Text(overflow="fold")  # a word that is longer than its column is broken, never cut
    for place, piece, bits in words:
        blank, word = apart(piece)
        text.append(printable(blank))
        text.append(printable(word), style=f"{'underline bold ' if place in far else ''}{_style(step(bits), few)}")
    return text


def _style(number: int, few: bool) -> str:
    """The style of a colour by its number, in 16 colours or in many."""
    return f"black on {FEW[number]}" if few else f"{INK} on {HEAT[number][0]}"


def _differences(found: Found, console: Console) -> None:
    """The words at which generators differ most: where they stand, and what each paid, the least marked."""
    columns = [each["words"] for each in found["generators"].values()]
    far = farthest(columns)[:SHOWN]
    if not far:
        return
    room = console.width >= 60 + 10 * len(columns)
    rows = []
    for at in far:
        bits = [column[at][1] for column in columns]
        around = "".join(piece for piece, _ in columns[0][max(0, at - AROUND) : at + AROUND + 1])
        word = apart(columns[0][at][0])[1].rstrip()
        marked = [f"{'*' if value == min(bits) else ''}{value:.1f}" for value in bits]
        rows.append([word, *marked, *([" ".join(around.split())] if room else [])])
    console.print()
    console.print(Text("Where they differ most, in bits", style="bold"))
    listing(["word", *found["generators"], *(["where"] if room else [])], rows, console)
