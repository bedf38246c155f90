"""A sweep: the table of bits against cost in the terminal, the same as JSON, and a page with its chart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.experiments.job import Row
from genbench.experiments.labels import labels
from genbench.experiments.pareto import UNITS, VALID, Sweep
from genbench.report.formatting import count, decimals, flowing, printable
from genbench.report.terminal import comparison as terminal

HEADS = ("valid\nbits/char", "test\nbits/char", "training\nseconds", "para-\nmeters", "memory\nMB")
CHOSEN, FRONT = "* ", "+ "  # the best of the front, and the others on it
WHAT = (
    "Ranked by bits per character of the valid text, by which all is chosen; the test text was opened once for each "
    "row that is done. On the front (+, the best of it *) is what no other row betters in bits for as many {cost} or "
    "fewer."
)


def show(sweep: Sweep, console: Console) -> None:
    """Print a table for each author, and what is not in it."""
    comparison = sweep.comparison
    for words, style in ((comparison.title, "bold"), (comparison.see, "")):
        if words:
            console.print(Text(printable(flowing(words)), style=style), end="\n\n")
    for author in comparison.corpora:
        console.print(Text(terminal.heading(comparison, author), style="bold"))
        console.print(table(sweep, author))
        for sentence, style in remarks(sweep, author):
            console.print(Text(printable(sentence), style=style))
        console.print()
    if comparison.came_out:
        console.print(Text(terminal.EARLIER, style="bold"), Text(printable(flowing(comparison.came_out))), sep="\n")


def table(sweep: Sweep, author: str) -> Table:
    """An author's rows by their valid bits, the front marked; the pruned ones below, the failed left to the remarks."""
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True, pad_edge=False)
    made.add_column("generator", overflow="fold", min_width=12)
    for head in HEADS:
        made.add_column(head, justify="right", no_wrap=True)
    for mark, label, cells in lines(sweep, author):
        style = "bold green" if mark == CHOSEN else "green" if mark == FRONT else ""
        made.add_row(Text(mark + printable(label), style=style), *cells)
    return made


def lines(sweep: Sweep, author: str) -> Iterator[tuple[str, str, list[str]]]:
    """For each row that is done or pruned: its mark, its label, and its cells."""
    rows, best = sweep.ranked(author), sweep.best(author)
    front = {id(row) for row in sweep.front(author)}
    for label, row in zip(labels(rows), rows, strict=True):
        if row["status"] != "failed":
            yield CHOSEN if row is best else FRONT if id(row) in front else "  ", label, _cells(row)


def _cells(row: Row) -> list[str]:
    test = "pruned" if row["status"] == "pruned" else decimals(row["bits_per_character"], 3)
    cost = [decimals(row["train_seconds"], 1), count(row["parameters"]), count(row["peak_memory_mb"])]
    return [decimals(row[VALID], 3), test, *cost]


def remarks(sweep: Sweep, author: str) -> Iterator[tuple[str, str]]:
    """What stands under the table, each with its style."""
    yield WHAT.format(cost=UNITS[sweep.cost]), "bright_black"
    rows = sweep.ranked(author)
    gone = sum(row["status"] == "pruned" for row in rows)
    if gone:
        yield (
            f"{gone} of {len(rows)} rows were stopped early as hopeless, with these bits of valid text.",
            "",
        )
    for label, row in zip(labels(rows), rows, strict=True):
        if row["status"] == "failed":
            yield f"{label} failed: {row['error']}", "red"


def as_json(sweep: Sweep) -> str:
    """All of it."""
    return json.dumps(sweep.to_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def as_html(sweep: Sweep) -> str:
    """A page with the chart and the table of each author."""
    from genbench.report.html.sweep import page  # not sooner: matplotlib takes half a second

    return page(sweep)


FORMS: dict[str, Callable[[Sweep], str]] = {"json": as_json, "html": as_html}
