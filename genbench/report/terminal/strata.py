"""Bits split by kinds of place: a row a generator, a column a kind, and who is better where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from genbench.analysis.strata import BY
from genbench.experiments.significance import sentence
from genbench.report.formatting import decimals, printable
from genbench.report.terminal.tables import Figures

Kinds = Sequence[dict[str, Any]]
SPREAD = (
    "A token's bits are spread evenly over its characters: compare positions among generators over characters only."
)


def lines(kinds: Kinds) -> list[list[str]]:
    """The names of the kinds, their shares of the text, and each generator's bits per character there."""
    shares = [f"{100 * kind['share']:.1f} %" for kind in kinds]
    rows = [["", *(kind["kind"] for kind in kinds)], ["share", *shares]]
    for label in kinds[0]["bits_per_character"] if kinds else ():
        rows.append([label, *(decimals(kind["bits_per_character"][label], 3) for kind in kinds)])
    return rows


def parts(by: str, kinds: Kinds) -> Iterator[RenderableType]:
    """A table, and under it what can be said of the best generator at each kind of place beside the next."""
    yield Text(f"\nBits per character {' '.join((BY[by].__doc__ or '').split()).lower().rstrip('.')}:")
    yield _table(kinds)
    for kind in kinds:
        for verdict in kind["verdicts"][:1]:
            yield Text(printable(f"{kind['kind']}: {sentence(verdict).replace(' bits per character', '')}"))
    if by in ("position", "word-frequency"):
        yield Text(SPREAD, style="bright_black")


def _table(kinds: Kinds) -> Figures:
    heads, shares, *rows = lines(kinds)
    marked: list[list[str | Text]] = []
    for label, *bits in rows:
        best = [len(rows) > 1 and kind["verdicts"][0]["better"] == label for kind in kinds]
        cells = [Text(f"*{b}", style="bold green") if first else Text(b) for b, first in zip(bits, best, strict=True)]
        marked.append([label, *cells])
    return Figures(heads, [shares, *marked], ["bright_black", *("" for _ in rows)])
