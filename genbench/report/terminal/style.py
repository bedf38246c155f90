"""Whose style samples have: the share that goes to their author, beside human text; and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import labels
from genbench.report.formatting import printable
from genbench.report.terminal import tables
from genbench.report.terminal.novelty import percent

WAYS = {"bits": "by bits", "lstm": "LSTM judge", "rnn": "RNN judge"}
WHAT = (
    "Samples that are given to their author, in percent; held-out text: the author's own test passages of that length. "
    "Read it beside what is copied: a copier is attributed best. A quarter of each training text was set aside for "
    "those who judge."
)
Figures = dict[str, Any]


def lines(comparison: Comparison, author: str, rows: Sequence[Row]) -> list[list[str]]:
    """The headings, and a line for each row and for held-out text; the headings alone where nothing was judged."""
    found = [["style of", "samples", *(f"{name} %" for name in WAYS.values()), "copied %"]]
    for label, row in zip(labels(rows), rows, strict=True):
        if row.get("style"):
            shares = [percent(row["style"][way]["accuracy"]) for way in WAYS]
            copied = percent(row["novelty"][0]["copied_share"]) if row["novelty"] else "-"
            found.append([label, str(row["style"]["bits"]["passages"]), *shares, copied])
    if len(found) > 1 and comparison.style:
        human = comparison.style["human"]
        counts = human["bits"]["given_to"][author]
        shares = [percent(_own(human[way], author)) for way in WAYS]
        own = comparison.human.get(author)
        copied = percent(own["copied_share"]) if own else "-"
        found.append(["held-out text", str(sum(counts.values())), *shares, copied])
    return found


def _own(figures: Figures, author: str) -> float | None:
    """The share of an author's passages that are given to them."""
    given = figures["given_to"][author]
    return given[author] / sum(given.values()) if sum(given.values()) else None


def parts(comparison: Comparison, author: str, rows: Sequence[Row]) -> Iterator[RenderableType]:
    """The table of an author, and how far the judges can be trusted; nothing where nothing was judged."""
    heads, *others = lines(comparison, author, rows)
    if others and comparison.style:
        yield Text("")
        yield _table(heads, others)
        yield Text(WHAT, style="bright_black")
        yield from (Text(printable(line)) for line in trust(comparison.style))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tables.Figures:
    styles = ["bright_black" if row[0] == "held-out text" else "" for row in rows]
    return tables.Figures([head.replace(" ", "\n") for head in heads], rows, styles)


def trust(found: Figures) -> Iterator[str]:
    """What is right of human test passages by length, and of sentences that lose a small word."""
    for way, name in WAYS.items():
        some = [each for each in found["by_length"] if each[way]["passages"]]
        told = [f"{percent(each[way]['mean'])} of {each['length']:,}" for each in some]
        lost = found["lost_word"][way]
        yield (
            f"{name}, human test passages right in percent, by characters: {', '.join(told)}; "
            f"sentences {percent(lost['whole']['accuracy'])}, without a small word "
            f"{percent(lost['without']['accuracy'])} ({percent(lost['changed'])} change)"
        )
