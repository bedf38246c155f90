"""What a comparison measured beyond the author's own test text: bits by context, and bits on the other authors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from genbench.experiments.job import Row
from genbench.experiments.labels import labels
from genbench.report.terminal.tables import Figures

CONTEXT = "Bits per character of the same words, with the context before each cut to so many characters:"
WORTH = "What a longer context is worth; genbench memory tells more, and how sure it is."
ACROSS = "Bits per character of each author's test text (column), by the model of this one:"
Lines = list[list[str]]


def contexts(rows: Sequence[Row]) -> Lines:
    """The headings, and a line for each row that was asked; nothing where none was."""
    asked = [(label, row["memory"]) for label, row in zip(labels(rows), rows, strict=True) if row.get("memory")]
    if not asked:
        return []
    lengths = [str(each["context"]) for each in asked[0][1]]
    bits = [[label, *(f"{each['bits_per_character']:.3f}" for each in curve)] for label, curve in asked]
    return [["context", *lengths], *bits]


def across(author: str, authors: Sequence[str], rows: Sequence[Row]) -> Lines:
    """The headings, and a line for each row that scored the other authors' texts too; nothing where none did."""
    asked = [(label, row) for label, row in zip(labels(rows), rows, strict=True) if row.get("elsewhere")]
    if not asked:
        return []
    found = [[author, *authors]]
    for label, row in asked:
        bits = row["elsewhere"] | {author: row["bits_per_character"]}
        found.append([label, *(f"{bits[each]:.3f}" if each in bits else "-" for each in authors)])
    return found


def parts(author: str, authors: Sequence[str], rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Both as tables."""
    if cut := contexts(rows):
        yield Text(f"\n{CONTEXT}")
        yield _table(cut)
        yield Text(WORTH, style="bright_black")
    if other := across(author, authors, rows):
        yield Text(f"\n{ACROSS}")
        yield _table(other)


def _table(lines: Lines) -> Figures:
    return Figures(lines[0], lines[1:])
