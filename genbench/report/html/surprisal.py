"""The page of a reading: one text, a column a generator, each word on the colour of what it cost that generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from genbench.analysis.surprisal import apart, farthest, spread
from genbench.report.formatting import printable
from genbench.report.html import words
from genbench.report.html.rendering import fill
from genbench.report.html.tables import Cell, Line, Table

Found = dict[str, Any]
Pieces = Sequence[Sequence[Any]]
ROOM = 1_800_000  # bytes for all columns
AROUND = 4  # pieces before a word in the table, and after it


def reading(found: Found) -> str:
    """What `genbench read` found as one HTML page; a text that is too long for 3 MB is cut short, and that is said."""
    columns = [each["words"] for each in found["generators"].values()]
    far = farthest(columns)
    rows, shown = _paragraphs(columns, {at: rank for rank, at in enumerate(far, 1)})
    pieces = [piece for piece, _ in columns[0]] if columns else []
    values = {
        "author": found["author"],
        "name": found["name"],
        "characters": found["characters"],
        "left": sum(map(len, pieces[shown:])),
        "heads": [(name, each["bits"], each["bits_per_character"]) for name, each in found["generators"].items()],
        "rows": rows,
        "steps": words.legend(),
        "marked": len(far),
        "table_of": _table(list(found["generators"]), columns, [at for at in far if at < shown]),
    }
    return fill("reading.html", values)


def _paragraphs(columns: Sequence[Pieces], ranks: dict[int, int]) -> tuple[list[list[Markup]], int]:
    """For each paragraph what stands in each column, and how many pieces had room."""
    rows: list[list[Markup]] = []
    size = 0
    for at, each in enumerate(zip(*columns, strict=True)):
        blank = apart(each[0][0])[0]
        if not rows or "\n" in blank:
            rows.append([Markup("") for _ in columns])
            blank = blank.rpartition("\n")[2]
        made = [escape(printable(blank)) + _marked(at, column, each, ranks) for column in range(len(columns))]
        size += sum(len(cell.encode()) for cell in made)
        if size > ROOM:
            return rows, at
        rows[-1] = [before + cell for before, cell in zip(rows[-1], made, strict=True)]
    return rows, len(columns[0]) if columns else 0


def _marked(at: int, column: int, each: Sequence[Sequence[Any]], ranks: dict[int, int]) -> Markup:
    """One word in one column; where generators differ most it is marked, and in the first column can be gone to.

    Who paid least has another mark.
    """
    piece, bits = each[column]
    if at not in ranks:
        return words.word(apart(piece)[1], bits)
    kind = "far least" if bits == min(other for _, other in each) else "far"
    return words.word(apart(piece)[1], bits, kind, "" if column else f"far-{ranks[at]}")


def _table(names: Sequence[str], columns: Sequence[Pieces], far: Sequence[int]) -> Table | None:
    """The words at which generators differ most: where they stand, and what each paid."""
    if not far:
        return None
    lines = []
    for rank, at in enumerate(far, 1):
        around = "".join(piece for piece, _ in columns[0][max(0, at - AROUND) : at + AROUND + 1])
        bits = [column[at][1] for column in columns]
        cells = [Cell(f"{value:.1f}", "best" if value == min(bits) else "") for value in bits]
        more = [Cell(f"{spread(bits):.1f}"), Cell(" ".join(around.split()), "words")]
        lines.append(Line(f"{rank}. {apart(columns[0][at][0])[1]}", [*cells, *more], target=f"far-{rank}"))
    return Table("The largest differences, in bits", ["word", *names, "apart by", "where"], lines)
