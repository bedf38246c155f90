"""Print a text with each word in the color of its surprisal, in one column for each generator.

Without colors, print a tab-separated line for each word: the word, and its bits for each generator.
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
Paragraph = list[tuple[int, str, float]]  # position of a word in the text, the word, its bits

MIN_COLUMN_WIDTH = 24  # of a generator; columns that would be narrower are placed one below the other
PAPER_STYLE = f"{THEMES['ink'][0]} on {SURPRISAL[0][0]}"
ANSI_COLORS = ("white", "white", "bright_white", "yellow", "yellow", "bright_red", "bright_red")  # of 16 colors

# short labels of the color scale
LEGEND = (
    f"0-{SURPRISAL_LIMITS[0]}",
    *(f"{low}-{high}" for low, high in itertools.pairwise(SURPRISAL_LIMITS)),
    f"{SURPRISAL_LIMITS[-1]}+",
)

# the table of differences
CONTEXT_WORDS = 2  # before and after each word
MAX_DIFFERENCES = 10  # rows


def show_surprisal(report: SurprisalReport, console: Console) -> None:
    """Print the surprisal of each word for each generator; on a terminal also differences and totals."""
    # the text
    if has_colors(console):
        _show_page(report, console)
    else:
        show_words(report, console)

    # a summary, which would disturb a program that reads the words from a pipe
    if console.is_terminal:
        _show_differences(report, console)
        rows = [
            [name, f"{model.bits:z,.1f}", f"{model.bits_per_character:z.4f}"]
            for name, model in report.generators.items()
        ]
        print_list(["generator", "bits", "bits per character"], rows, console)


def show_words(report: SurprisalReport, console: Console) -> None:
    """Print a tab-separated line for each word: the word, and its bits for each generator."""
    print_tabs(["word", *report.generators], console)
    for words in zip(*report.columns, strict=True):
        print_tabs([" ".join(words[0].text.split()), *(f"{word.bits:z.2f}" for word in words)], console)


def _show_page(report: SurprisalReport, console: Console) -> None:
    """Print the colored text, the generators side by side if they fit."""
    # heading and legend
    names, columns = list(report.generators), report.columns
    marked = set(largest_differences(columns))
    ansi = console.color_system not in ("256", "truecolor")
    _show_heading(report, bool(marked), ansi, console)

    # all generators side by side, or one below the other
    per_row = len(names) if (console.width + 1) // len(names) > MIN_COLUMN_WIDTH else 1
    for start in range(0, len(names), per_row):
        part = slice(start, start + per_row)
        if start:
            console.print()
        console.print(_side_by_side(names[part], columns[part], marked, ansi, console.width))


def _show_heading(report: SurprisalReport, marked: bool, ansi: bool, console: Console) -> None:
    """Print the title and the legend of the colors."""
    # the text and the models
    trained = f"read by models trained on {report.author}"
    title = f"{report.name}, {report.characters:,} characters, {trained}"
    console.print(Text(printable(title), style="bold"))

    # the color scale
    legend = Text("bits per word: ")
    for level, label in enumerate(LEGEND):
        legend.append(f" {label} ", style=_level_style(level, ansi)).append(" ")
    console.print(legend)

    # several generators mark the words on which they differ
    if marked:
        console.print(Text("underlined: words on which they differ most", style=f"underline {PAPER_STYLE}"))
    console.print()


def _side_by_side(names: Sequence[str], columns: Sequence[Words], marked: set[int], ansi: bool, width: int) -> Table:
    """Return a grid with a column for each generator and a row for each paragraph, so that paragraphs stay aligned."""
    # columns of the same width with a gap of one character
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
    """Return the cells with an empty cell between each two."""
    return [part for cell in cells for part in ("", cell)][1:]


def paragraphs(words: Words) -> Iterator[Paragraph]:
    r"""Yield the words of a text by paragraph or, in verse, by line.

    >>> words = [WordSurprisal("a", 1.0), WordSurprisal(" b", 2.0), WordSurprisal("\n\nc", 3.0)]
    >>> [[word for _, word, _ in paragraph] for paragraph in paragraphs(words)]
    [['a', ' b'], ['c']]
    """
    paragraph: Paragraph = []
    for number, (text, bits) in enumerate(words):
        space, word = split_leading_space(text)

        # white space with a newline ends a paragraph; keep the indentation after it
        if "\n" in space:
            if paragraph:
                yield paragraph
            paragraph, space = [], space.rpartition("\n")[2]
        paragraph.append((number, space + word.rstrip(), bits))
    yield paragraph


def _paragraph_text(paragraph: Paragraph, marked: set[int], ansi: bool) -> Text:
    """Return a paragraph in colors; a word longer than its column is broken, not cut off."""
    text = Text(overflow="fold")
    for number, piece, bits in paragraph:
        space, word = split_leading_space(piece)
        mark = "underline bold " if number in marked else ""
        text.append(printable(space))
        text.append(printable(word), style=f"{mark}{_level_style(surprisal_level(bits), ansi)}")
    return text


def _level_style(level: int, ansi: bool) -> str:
    """Return the style of a level of surprisal, in 16 colors if `ansi`, else in true color."""
    return f"black on {ANSI_COLORS[level]}" if ansi else f"{THEMES['ink'][0]} on {SURPRISAL[level][0]}"


def _show_differences(report: SurprisalReport, console: Console) -> None:
    """Print the words on which generators differ most with their bits, the lowest marked, and their context."""
    # a single generator has no differences
    columns = report.columns
    largest = largest_differences(columns)[:MAX_DIFFERENCES]
    if not largest:
        return
    has_room = console.width >= 60 + 10 * len(columns)  # for the context

    # a row for each word
    rows = []
    for number in largest:
        bits = [column[number].bits for column in columns]
        neighbors = columns[0][max(0, number - CONTEXT_WORDS) : number + CONTEXT_WORDS + 1]
        context = " ".join("".join(word.text for word in neighbors).split())
        word = split_leading_space(columns[0][number].text)[1].rstrip()
        marked = [f"{'*' if value == min(bits) else ''}{value:z.1f}" for value in bits]
        rows.append([word, *marked, *([context] if has_room else [])])

    # the table
    console.print()
    print_heading("Where they differ most, in bits", console)
    print_list(["word", *report.generators, *(["context"] if has_room else [])], rows, console)
