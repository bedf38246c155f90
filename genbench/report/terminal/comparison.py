"""A comparison in the terminal: a table an author, what the rows have to say, and the samples side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import adaptive, labels
from genbench.experiments.significance import sentence
from genbench.report.formatting import flowing, printable
from genbench.report.terminal import extra_metrics as wider
from genbench.report.terminal import novelty
from genbench.report.terminal import strata as splits
from genbench.report.terminal import style as judged
from genbench.report.terminal.columns import Column, wanted

NARROWEST_PANEL = 36  # columns
EARLIER = "What came out earlier, on the machine of the file's authors:"


def show(comparison: Comparison, console: Console) -> None:
    """Print the whole comparison."""
    for words, style in ((comparison.title, "bold"), (comparison.see, "")):
        if words:
            console.print(Text(printable(flowing(words)), style=style), end="\n\n")
    for author in comparison.corpora:
        rows = comparison.ranked(author)
        for part in figures(comparison, author, rows, console.width):
            console.print(part)
        console.print()
        for part in samples(author, rows, console.width):
            console.print(part)
        console.print()
    if comparison.came_out:
        console.print(Text(EARLIER, style="bold"), Text(printable(flowing(comparison.came_out))), sep="\n")


def figures(comparison: Comparison, author: str, rows: list[Row], width: int) -> Iterator[RenderableType]:
    """All the numbers of an author: the table and its remarks, the bits split by place, what the samples copy."""
    lines = comparison.lines(author)
    yield Text(heading(comparison, author), style="bold")
    if lines:
        yield table(lines, width)
    yield from remarks(comparison, author, rows)
    for by, kinds in comparison.splits(author).items():
        yield from splits.parts(by, kinds)
    if any(line["novelty"] for line in lines):
        yield novelty.table(lines, comparison.human.get(author))
        yield Text(novelty.WHAT, style="bright_black")
    yield from wider.parts(author, list(comparison.corpora), lines)
    yield from judged.parts(comparison, author, lines)


def heading(comparison: Comparison, author: str) -> str:
    """What the rows of an author were trained and tested on."""
    text = comparison.corpora[author]
    books = f"{len(text['books'])} books" if len(text["books"]) > 1 else text["books"][0]
    if text.get("held_out"):
        books += f" ({text['held_out']} held out)"
    return printable(f"{author}: {books}, {text['train']:,} characters to train on, {text['test']:,} to be tested with")


def table(rows: list[Row], width: int) -> Table:
    """Rows that are ok, best first, with as many columns as there is room for."""
    shown = wanted(rows, width)
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), collapse_padding=True, pad_edge=False)
    made.add_column("generator", overflow="fold", min_width=12)
    for column in shown:
        made.add_column(column.heading, justify="right", style=column.style, header_style=column.style, no_wrap=True)
    winners = [column.winner(rows) for column in shown]
    for label, row in zip(labels(rows), rows, strict=True):
        made.add_row(printable(label), *(cell(c, row, w) for c, w in zip(shown, winners, strict=True)))
    return made


def cell(column: Column, row: Row, winner: float | None) -> Text:
    """One value, marked where it is the best of its column."""
    if winner is not None and row[column.key] == winner and not adaptive(row):
        return Text(f"*{column.show(row)}", style="bold green")
    return Text(column.show(row))


def remarks(comparison: Comparison, author: str, rows: list[Row]) -> Iterator[Text]:
    """What stands under the table: verdicts, the marks, the floors, failures and notes."""
    floors = comparison.floors[author]
    for verdict in comparison.verdicts(author):
        yield Text(printable(sentence(verdict)))
    seeds = sorted({line.get("seeds", 1) for line in comparison.lines(author)})
    if seeds and seeds[-1] > 1:
        many = " to ".join(str(number) for number in dict.fromkeys((seeds[0], seeds[-1])))
        yield Text(f"Means over {many} seeds; the intervals are those of the text alone.", style="bright_black")
    yield Text(
        "Ranked by bits per character of the test text, fewer is better; * best of its column. "
        "Token perplexity depends on how a generator cuts text: never compare it.",
        style="bright_black",
    )
    listed = ", ".join(f"{name} {bits:.2f}" for name, bits in floors.items())
    yield Text(
        f"For scale, in bits per character: {listed} (xz also learns from the test text).",
        style="bright_black",
    )
    for label, row in zip(labels(rows), rows, strict=True):
        if row["status"] != "ok":
            yield Text(printable(f"{label} {row['status']}: {row['error']}"), style="red")
    for note, about in notes(rows).items():
        who = ", ".join(about) if len(about) < len(rows) else "all"
        yield Text(printable(f"{who}: {note}"), style="yellow")


def notes(rows: list[Row]) -> dict[str, list[str]]:
    """Each note with the labels of the rows that carry it."""
    found: dict[str, list[str]] = {}
    for label, row in zip(labels(rows), rows, strict=True):
        for note in row["notes"]:
            found.setdefault(note, []).append(label)
    return found


def samples(author: str, rows: list[Row], width: int) -> Iterator[RenderableType]:
    """The samples of one author, side by side for each temperature."""
    labelled = zip(labels(rows), rows, strict=True)
    written = [(label, row["samples"]) for label, row in labelled if row["status"] == "ok" and row["samples"]]
    for place in range(max((len(texts) for _, texts in written), default=0)):
        first = written[0][1][place]
        prompt = f", after {first['prompt']!r}" if first["prompt"] else ""
        yield Rule(Text(printable(f"{author} at temperature {first['temperature']:g}{prompt}"), style="bold"))
        beside = max(1, min(len(written), width // (NARROWEST_PANEL + 1)))
        each = (width - (beside - 1)) // beside
        panels = [_panel(label, texts[place], each) for label, texts in written]
        yield Columns(panels, padding=(0, 1, 0, 0))


def _panel(label: str, sample: dict[str, Any], width: int) -> Panel:
    """The prompt, set apart, what was drawn after it, and how much of that is copied."""
    text = Text(printable(sample["prompt"]), style="bright_black").append(printable(sample["text"]), style="default")
    copied = Text(f"longest copy {sample['longest_copy']:,} characters", style="bright_black")
    return Panel(text, title=Text(printable(label)), subtitle=copied, width=width)
