"""Text as HTML with each word in the color of its surprisal, and the page of the command surprisal."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from genbench.analysis.surprisal import SurprisalReport, bits_range, largest_differences, split_leading_space
from genbench.report.colors import surprisal_legend, surprisal_level
from genbench.report.formatting import printable
from genbench.report.html.rendering import fill
from genbench.report.html.tables import Cell, Line, Table
from genbench.scoring import WordSurprisal, split_words

Words = Sequence[WordSurprisal]

PAGE_BYTES = 1_800_000  # for all columns of a page
CONTEXT_WORDS = 4  # before and after a word in the table of differences
WORD = Markup('<span class="{}" data-b="{}">{}</span>')
NAMED_WORD = Markup('<span id="{}" class="{}" data-b="{}">{}</span>')
LEFT_OUT = Markup('<em class="left-out"> … {} more characters are in the JSON file</em>')


def surprisal_page(report: SurprisalReport) -> str:
    """Return the surprisal of a text for several generators as one HTML page of less than 3 MB.

    A longer text is cut off, and the page says so.
    """
    # the words that fit on the page
    columns = report.columns
    marked = largest_differences(columns)
    rows, shown = _paragraphs(columns, {number: rank for rank, number in enumerate(marked, 1)})
    words = [word.text for word in columns[0]] if columns else []

    # the variables of the template
    values = {
        "author": report.author,
        "name": report.name,
        "characters": report.characters,
        "left_out": sum(map(len, words[shown:])),
        "headings": [(name, model.bits, model.bits_per_character) for name, model in report.generators.items()],
        "rows": rows,
        "legend": surprisal_legend(),
        "marked": len(marked),
        "differences": _difference_table(list(report.generators), columns, [at for at in marked if at < shown]),
    }
    return fill("surprisal.html", values)


def _paragraphs(columns: Sequence[Words], ranks: dict[int, int]) -> tuple[list[list[Markup]], int]:
    """Return the text of each paragraph in each column, and the number of words that fit on the page.

    `ranks` has the ranks of the marked words, by their position in the text.
    """
    rows: list[list[Markup]] = []
    size = 0
    for number, words in enumerate(zip(*columns, strict=True)):
        # white space with a newline starts a paragraph
        space = split_leading_space(words[0].text)[0]
        if not rows or "\n" in space:
            rows.append([Markup("") for _ in columns])
            space = space.rpartition("\n")[2]

        # the word in each column
        cells = [
            escape(printable(space)) + _marked_word(words, column, ranks.get(number)) for column in range(len(columns))
        ]

        # stop if the page would become too large
        size += sum(len(cell.encode()) for cell in cells)
        if size > PAGE_BYTES:
            return rows, number
        rows[-1] = [before + cell for before, cell in zip(rows[-1], cells, strict=True)]
    return rows, len(columns[0]) if columns else 0


def _marked_word(words: Words, column: int, rank: int | None) -> Markup:
    """Return a word in one of the columns; `rank` is its rank among the words on which the generators differ most.

    Such a word is marked, and marked in another way for the generator with the fewest bits. Links from the table of
    differences lead to the word in the first column.
    """
    text, bits = words[column]
    word = split_leading_space(text)[1]
    if rank is None:
        return word_markup(word, bits)
    lowest = bits == min(other.bits for other in words)
    return word_markup(word, bits, "far least" if lowest else "far", "" if column else f"far-{rank}")


def _difference_table(names: Sequence[str], columns: Sequence[Words], marked: Sequence[int]) -> Table | None:
    """Return the table of the words on which generators differ most, or None if there are none."""
    if not marked:
        return None

    # a line for each word, the largest difference first
    lines = []
    for rank, number in enumerate(marked, 1):
        neighbors = columns[0][max(0, number - CONTEXT_WORDS) : number + CONTEXT_WORDS + 1]
        context = " ".join("".join(word.text for word in neighbors).split())
        bits = [column[number].bits for column in columns]

        # bits of each generator, their range, and the context
        cells = [Cell(f"{value:z.1f}", "best" if value == min(bits) else "") for value in bits]
        cells += [Cell(f"{bits_range(bits):z.1f}"), Cell(context, "words")]
        lines.append(Line(f"{rank}. {split_leading_space(columns[0][number].text)[1]}", cells, target=f"far-{rank}"))
    return Table("The largest differences, in bits", ["word", *names, "difference", "context"], lines)


def colored_text(
    text: str, surprisal: Sequence[tuple[str, float]], copies: Sequence[Sequence[int]], max_bytes: int
) -> Markup:
    """Return a text as HTML with words colored by surprisal and copied words underlined.

    The text is cut off at about `max_bytes`. `surprisal` is empty if it was not measured; it is ignored if its words do
    not add up to the text. `copies` are ranges [start, end) of characters; a word is copied if its first letter is in
    one of them.
    """
    # without surprisal, the words alone
    words: Sequence[tuple[str, float | None]] = surprisal
    if "".join(word for word, _ in words) != text:
        words = [(word, None) for word in split_words(text)]

    # `start` is the position of the word in the text, `underlined` the state before it
    parts: list[Markup] = []
    size = start = 0
    underlined = False
    for piece, bits in words:
        # the underline starts and ends with a copied run, not with each word
        space, letters = split_leading_space(piece)
        copied = _inside(start + len(space), copies)
        closing = Markup("</u>") if underlined and not copied else Markup("")
        opening = Markup('<u class="copied">') if copied and not underlined else Markup("")
        part = closing + escape(printable(space)) + opening + word_markup(letters, bits)

        # stop if the text becomes too large
        size += len(part.encode())
        if size > max_bytes:
            parts.append(LEFT_OUT.format(f"{len(text) - start:,}"))
            break
        parts.append(part)
        start += len(piece)
        underlined = copied
    return Markup("").join([*parts, Markup("</u>") if underlined else Markup("")])


def _inside(position: int, ranges: Sequence[Sequence[int]]) -> bool:
    """Return whether a position is in one of the ranges [start, end)."""
    return any(start <= position < end for start, end in ranges)


def word_markup(word: str, bits: float | None, css_class: str = "", name: str = "") -> Markup:
    """Return a word, in the color of its bits if they are known; `name` is its id in the page."""
    escaped = escape(printable(word))
    if bits is None or not word:
        return escaped
    classes = f"w h{surprisal_level(bits)} {css_class}".strip()
    if name:
        return NAMED_WORD.format(name, classes, f"{bits:z.1f}", escaped)
    return WORD.format(classes, f"{bits:z.1f}", escaped)
