"""Bits split by kinds of place: a row a generator, a column a kind, and who is better where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from genbench.bench.verdicts import sentence
from genbench.measure.places import BY
from genbench.report.text import decimals, printable

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


def _table(kinds: Kinds) -> Table:
    (_, *names), shares, *rows = lines(kinds)
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True, pad_edge=False)
    made.add_column("", overflow="fold", min_width=12)
    for name in names:
        made.add_column(name, justify="right")
    made.add_row(*shares, style="bright_black")
    for label, *bits in rows:
        best = [len(rows) > 1 and kind["verdicts"][0]["better"] == label for kind in kinds]
        marked = [Text(f"*{b}", style="bold green") if first else Text(b) for b, first in zip(bits, best, strict=True)]
        made.add_row(Text(printable(label)), *marked)
    return made
