"""Print a sweep: bits and cost of each row by author, with the Pareto front marked."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.experiments.row import Row
from genbench.experiments.significance import labels
from genbench.experiments.sweep import COST_UNITS, Sweep
from genbench.report.comparison_tables import TextTable, corpus_heading, failure_sentences, interruption_sentences
from genbench.report.formatting import format_count, format_decimals, printable
from genbench.report.terminal.comparison import show_expected, show_introduction
from genbench.report.terminal.tables import MIN_NAME_WIDTH, plain_table

HEADINGS = (
    "generator",
    "validation\nbits/char",
    "test\nbits/char",
    "training\nseconds",
    "para-\nmeters",
    "memory\nMB",
)
BEST_MARK, FRONT_MARK, NO_MARK = "* ", "+ ", "  "
NOTE = (
    "Ranked by bits per character of the second half of the validation text; weights were fitted and rows stopped by "
    "the first. The test text was scored once for each finished row, and chooses nothing. On the Pareto front (+, the "
    "best of it *) are the rows that no other row improves on in bits at the same cost or less; the cost is {cost}."
)


def show_sweep(sweep: Sweep, console: Console) -> None:
    """Print a table for each author, with remarks below it."""
    # title and notes of the file
    comparison = sweep.comparison
    show_introduction(comparison, console)

    # the table and remarks of each author
    for author in comparison.corpora:
        console.print(Text(corpus_heading(comparison, author), style="bold"))
        console.print(_table(sweep_table(sweep, author)))
        console.print(Text(note(sweep), style="bright_black"))
        for remark, style in remarks(sweep, author):
            console.print(Text(printable(remark), style=style))
        console.print()

    show_expected(comparison, console)


def sweep_table(sweep: Sweep, author: str) -> TextTable:
    """Return the rows of an author ranked by validation bits, with the best row and the Pareto front marked.

    Pruned rows are last. Failed rows are left out: `remarks` names them.
    """
    rows, best = sweep.ranked(author), sweep.best(author)

    # rows are compared by identity: several may be equal
    front = {id(row) for row in sweep.front(author)}
    lines = []
    for label, row in zip(labels(rows), rows, strict=True):
        if row.status in ("ok", "pruned"):
            mark = BEST_MARK if row is best else FRONT_MARK if id(row) in front else NO_MARK
            lines.append([mark + label, *_cells(row)])
    return TextTable(HEADINGS, lines)


def _cells(row: Row) -> list[str]:
    """Return the cells of a row below HEADINGS, without its name."""
    return [
        format_decimals(row.validation_bits_per_character, 3),
        "pruned" if row.status == "pruned" else format_decimals(row.bits_per_character, 3),
        format_decimals(row.train_seconds, 1),
        format_count(row.parameters),
        format_count(row.peak_memory_mb),
    ]


def _table(lines: TextTable) -> Table:
    """Return the table for the terminal, with the front in green."""
    table = plain_table()
    table.add_column(lines.headings[0], overflow="fold", min_width=MIN_NAME_WIDTH)
    for heading in lines.headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, *cells in lines.rows:
        style = "bold green" if name.startswith(BEST_MARK) else "green" if name.startswith(FRONT_MARK) else ""
        table.add_row(Text(printable(name), style=style), *cells)
    return table


def note(sweep: Sweep) -> str:
    """Return the note on how to read the table."""
    return NOTE.format(cost=COST_UNITS[sweep.cost])


def remarks(sweep: Sweep, author: str) -> Iterator[tuple[str, str]]:
    """Yield remarks on the pruned and failed rows of an author, each with its style."""
    rows = sweep.ranked(author)
    pruned = sum(row.status == "pruned" for row in rows)
    if pruned:
        yield f"{pruned} of {len(rows)} rows were stopped early by pruning, with these bits of the first half.", ""

    # why others have no bits
    for sentence in failure_sentences(rows, statuses=["failed"]):
        yield sentence, "red"
    for sentence in interruption_sentences(rows):
        yield sentence, "yellow"
