"""A text in the terminal with each word in the color of its surprisal, in columns, one for each generator.

Where there are no colors, a line for each word: the word, and its bits for each generator, with tabs between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genbench.analysis.surprisal import SurprisalReport, largest_differences, split_leading_space
from genbench.report.colors import SURPRISAL, SURPRISAL_LIMITS, THEMES, surprisal_level
from genbench.report.formatting import printable
from genbench.report.terminal.screen import has_colors
from genbench.report.terminal.tables import print_heading, print_list, print_tabs
from genbench.scoring import WordSurprisal

Words = Sequence[WordSurprisal]
Paragraph = list[tuple[int, str, float]]  # the number of a word in the text, the word, its bits

MIN_COLUMN_WIDTH = 24  # of a generator; where columns would be narrower, they are placed one below the other
PAPER_STYLE = f"{THEMES['ink'][0]} on {SURPRISAL[0][0]}"
ANSI_COLORS = ("white", "white", "bright_white", "yellow", "yellow", "bright_red", "bright_red")  # of 16 colors
LEGEND = (
    f"0-{SURPRISAL_LIMITS[0]}",
    *(f"{low}-{high}" for low, high in itertools.pairwise(SURPRISAL_LIMITS)),
    f"{SURPRISAL_LIMITS[-1]}+",
)
CONTEXT_WORDS = 2  # before a word in the table of differences, and after it
MAX_DIFFERENCES = 10  # rows of that table


def show_surprisal(report: SurprisalReport, console: Console) -> None:
    """Print the surprisal of each word to each generator; on a terminal also the largest differences and the sums."""
    if has_colors(console):
        _show_page(report, console)
    else:
        show_words(report, console)

    # a summary, which a pipe does not get
    if console.is_terminal:
        _show_differences(report, console)
        rows = [
            [name, f"{model.bits:,.1f}", f"{model.bits_per_character:.4f}"] for name, model in report.generators.items()
        ]
        print_list(["generator", "bits", "bits per character"], rows, console)


def show_words(report: SurprisalReport, console: Console) -> None:
    """Print a line for each word, for `awk -F'\\t'`: the word, and its bits for each generator."""
    print_tabs(["word", *report.generators], console)
    for words in zip(*report.columns, strict=True):
        print_tabs([" ".join(words[0].text.split()), *(f"{word.bits:.2f}" for word in words)], console)


def _show_page(report: SurprisalReport, console: Console) -> None:
    """Print the colored text, the generators side by side where there is room."""
    names, columns = list(report.generators), report.columns
    marked = set(largest_differences(columns))
    ansi = console.color_system not in ("256", "truecolor")
    _show_heading(report, bool(marked), ansi, console)

    # side by side, or one below the other
    per_row = len(names) if (console.width + 1) // len(names) > MIN_COLUMN_WIDTH else 1
    for start in range(0, len(names), per_row):
        part = slice(start, start + per_row)
        if start:
            console.print()
        console.print(_side_by_side(names[part], columns[part], marked, ansi, console.width))


def _show_heading(report: SurprisalReport, marked: bool, ansi: bool, console: Console) -> None:
    """Print what is shown, and the legend of the colors."""
    trained = f"read by models trained on {report.author}"
    title = f"{report.name}, {report.characters:,} characters, {trained}"
    console.print(Text(printable(title), style="bold"))

    legend = Text("bits per word: ")
    for level, label in enumerate(LEGEND):
        legend.append(f" {label} ", style=_level_style(level, ansi)).append(" ")
    console.print(legend)

    if marked:
        console.print(Text("underlined: words on which they differ most", style=f"underline {PAPER_STYLE}"))
    console.print()


def _side_by_side(names: Sequence[str], columns: Sequence[Words], marked: set[int], ansi: bool, width: int) -> Table:
    """Return a grid with a column for each generator and a row for each paragraph, so that the columns stay level."""
    grid = Table.grid(padding=0)
    column_width = (width - len(names) + 1) // len(names)
    for number in range(len(names)):
        if number:
            grid.add_column(width=1)
        grid.add_column(width=column_width, style=PAPER_STYLE)

    # headings, paragraphs, and an empty line at the end
    headings = [Text(printable(name), style=f"bold {PAPER_STYLE}", overflow="fold") for name in names]
    grid.add_row(*_with_gaps([Padding(heading, (0, 1)) for heading in headings]))
    for row in zip(*(paragraphs(words) for words in columns), strict=True):
        texts = [_paragraph_text(paragraph, marked, ansi) for paragraph in row]
        grid.add_row(*_with_gaps([Padding(text, (1, 1, 0, 1)) for text in texts]))
    grid.add_row(*_with_gaps([Text(" ") for _ in names]))
    return grid


def _with_gaps(cells: Sequence[Any]) -> list[Any]:
    """Return the cells with an empty one between each two."""
    return [part for cell in cells for part in ("", cell)][1:]


def paragraphs(words: Words) -> Iterator[Paragraph]:
    r"""Yield the words of a text by its paragraphs and, in verse, its lines.

    >>> words = [WordSurprisal("a", 1.0), WordSurprisal(" b", 2.0), WordSurprisal("\n\nc", 3.0)]
    >>> [[word for _, word, _ in paragraph] for paragraph in paragraphs(words)]
    [['a', ' b'], ['c']]
    """
    paragraph: Paragraph = []
    for number, (text, bits) in enumerate(words):
        space, word = split_leading_space(text)
        if "\n" in space:
            if paragraph:
                yield paragraph
            paragraph, space = [], space.rpartition("\n")[2]
        paragraph.append((number, space + word.rstrip(), bits))
    yield paragraph


def _paragraph_text(paragraph: Paragraph, marked: set[int], ansi: bool) -> Text:
    """Return a paragraph in colors; a word that is longer than its column is broken, never cut off."""
    text = Text(overflow="fold")
    for number, piece, bits in paragraph:
        space, word = split_leading_space(piece)
        mark = "underline bold " if number in marked else ""
        text.append(printable(space))
        text.append(printable(word), style=f"{mark}{_level_style(surprisal_level(bits), ansi)}")
    return text


def _level_style(level: int, ansi: bool) -> str:
    """Return the style of a level of surprisal, in 16 colors or in many."""
    return f"black on {ANSI_COLORS[level]}" if ansi else f"{THEMES['ink'][0]} on {SURPRISAL[level][0]}"


def _show_differences(report: SurprisalReport, console: Console) -> None:
    """Print the words on which generators differ most, with their context and their bits, the lowest marked."""
    columns = report.columns
    largest = largest_differences(columns)[:MAX_DIFFERENCES]
    if not largest:
        return
    has_room = console.width >= 60 + 10 * len(columns)  # for the context

    # each word with its bits
    rows = []
    for number in largest:
        bits = [column[number].bits for column in columns]
        neighbors = columns[0][max(0, number - CONTEXT_WORDS) : number + CONTEXT_WORDS + 1]
        context = " ".join("".join(word.text for word in neighbors).split())
        word = split_leading_space(columns[0][number].text)[1].rstrip()
        marked = [f"{'*' if value == min(bits) else ''}{value:.1f}" for value in bits]
        rows.append([word, *marked, *([context] if has_room else [])])

    console.print()
    print_heading("Where they differ most, in bits", console)
    print_list(["word", *report.generators, *(["context"] if has_room else [])], rows, console)
