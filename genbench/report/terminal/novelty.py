"""What samples copy and repeat, beside held-out text: a table under that of the bits, and one text after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from genbench.analysis.diversity import WINDOW
from genbench.analysis.novelty import FEWEST
from genbench.experiments.job import Row
from genbench.experiments.labels import labels
from genbench.report.formatting import decimals
from genbench.report.terminal import tables
from genbench.report.terminal.listings import listing

HEADINGS = (
    "longest\ncopy",
    "copied\n%",
    "unseen\nwords %",
    "unseen\n2-grams",
    "unseen\n4-grams",
    "dis-\ntinct-2",
    "self-\nBLEU",
)
NAMES = tuple(heading.replace("dis-\n", "dis").replace("-\n", "-").replace("\n", " ") for heading in HEADINGS)
HUMAN = "held-out text"
SHOWN = 60  # characters of a copied run
WHAT = (
    f"Longest copy in characters, the mean over the samples; copied: words in runs of {FEWEST} or more that stand in "
    "the training text; unseen: words and n-grams that do not. "
    f"Distinct-2 over windows of {WINDOW} words, self-BLEU over ten."
)
Figures = dict[str, Any]


def cells(figures: Figures) -> list[str]:
    """What a table shows of the figures of several texts."""
    unseen = figures["unseen"]
    return [
        decimals(figures["longest_copy"], 0),
        *(percent(share) for share in (figures["copied_share"], unseen[0], unseen[1], unseen[3])),
        decimals(figures["distinct"][1], 3),
        decimals(figures["self_bleu"], 3),
    ]


def percent(share: float | None) -> str:
    """A share in percent.

    >>> percent(0.0312), percent(None)
    ('3.1', '-')
    """
    return decimals(None if share is None else 100 * share, 1)


def lines(rows: Sequence[Row], human: Figures | None) -> list[list[str]]:
    """A line for each row and temperature, and for held-out text; none where nothing was drawn."""
    found = []
    for label, row in zip(labels(rows), rows, strict=True):
        for figures in row["novelty"]:
            at = f" at {figures['temperature']:g}" if len(row["novelty"]) > 1 else ""
            found.append([label + at, *cells(figures)])
    return [*found, [HUMAN, *cells(human)]] if found and human else found


def table(rows: Sequence[Row], human: Figures | None) -> tables.Figures:
    """The samples' figures, those of held-out text last."""
    found = lines(rows, human)
    styles = ["bright_black" if line[0] == HUMAN else "" for line in found]
    return tables.Figures(["samples of", *HEADINGS], found, styles)


def show(found: Figures, console: Console) -> None:
    """Print what `genbench.novelty` found: each text, the curves of n-grams never seen, and the other figures."""
    rows = [
        [str(place), str(each["longest_copy"]), _where(each), _run(each)]
        for place, each in enumerate(found["texts"], 1)
    ]
    listing(["text", "copy", "from", "the longest run copied"], rows, console)
    console.print()
    drawn, human = found["drawn"], found["human"]
    curves = zip(drawn["unseen"], human["unseen"], strict=True)
    rows = [[str(n), *(percent(share) for share in pair)] for n, pair in enumerate(curves, 1)]
    listing(["words", "never seen, drawn %", "never seen, held out %"], rows, console)
    console.print()
    rows = [list(row) for row in zip(NAMES, cells(drawn), cells(human), strict=True) if not row[0].startswith("unseen")]
    listing(["figure", "drawn", "held out"], rows, console)


def _where(each: Figures) -> str:
    place = each["copied_from"]
    return "-" if place is None else f"{place['book']} at {place['character']:,}".strip()


def _run(each: Figures) -> str:
    place = each["copied_from"]
    return "" if place is None else repr(place["text"][:SHOWN])[1:-1] + ("..." if len(place["text"]) > SHOWN else "")
