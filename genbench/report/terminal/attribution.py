"""Authors told apart: who is near whom, how many passages go to their author, who wrote a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.listings import listing
from genbench.report.terminal.style import trust

Found = dict[str, Any]
FEWEST = "A passage goes to the author whose model needs fewest bits for it. The mean counts each author alike."
NEAR = "Passages of one book share its names and its matter: see --held-out."


def show(found: Found, console: Console) -> None:
    """Print what `genbench.authors` found."""
    names = list(found["authors"])
    sizes = sorted({about["train"] for about in found["authors"].values()})
    trained = " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
    say(
        f"{found['generator']}, {trained} characters of each author, {found['train_seconds']:.1f} s of training",
        console,
    )
    table("bits per character of", "under the model of", names, found["bits"], console)
    table("distance, bits per char.", "from", names, found["distances"], console)
    rows = [[str(each["length"]), *cells(each)] for each in found["attribution"]]
    listing(("passages of", "passages", "right", "95 % interval", "mean"), rows, console)
    if found["judge"]:
        for line in trust(found["judge"]):
            say(line, console)
    say(f"Whole test texts that go to their author: {found['whole_right']} of {len(names)}. {FEWEST} {NEAR}", console)


def table(what: str, under: str, names: Sequence[str], values: Sequence[Sequence[float]], console: Console) -> None:
    """A square table, the least of each row marked where it is not 0."""
    console.print(Text(printable(f"{what} (row) {under} (column)"), style="bold"))
    rows = []
    for name, row in zip(names, values, strict=True):
        marked = [f"{'*' if value and value == min(row) else ''}{value:.3f}" for value in row]
        rows.append([name, *marked])
    listing(["", *(name[: 9 if len(names) < 6 else 7] for name in names)], rows, console)


def cells(each: Found) -> list[str]:
    """How many passages, how many right, how sure.

    >>> cells({"passages": 10, "accuracy": 0.9, "interval": [0.596, 0.982], "mean": 0.85})
    ['10', '90.0 %', '59.6-98.2', '85.0 %']
    >>> cells({"passages": 0, "accuracy": None, "interval": [0.0, 1.0], "mean": None})
    ['0', '-', '-', '-']
    """
    if not each["passages"]:
        return ["0", "-", "-", "-"]
    low, high = each["interval"]
    return [
        str(each["passages"]),
        f"{each['accuracy']:.1%}".replace("%", " %"),
        f"{100 * low:.1f}-{100 * high:.1f}",
        f"{each['mean']:.1%}".replace("%", " %"),
    ]


def show_verdict(found: Found, console: Console) -> None:
    """Print what `genbench.attribute` found."""
    rows = [[each["author"], f"{each['bits']:,.1f}", f"{each['bits_per_character']:.3f}"] for each in found["authors"]]
    listing(("author", "bits", "per character"), rows, console)
    say(sentence(found), console)


def sentence(found: Found) -> str:
    """Who wrote it, and how sure that is.

    >>> sentence({"best": "pell", "authors": [{}, {"author": "thorne"}], "margin": 0.25, "interval": None})
    'pell, before thorne by 0.250 bits per character: no interval below 1,000 characters'
    """
    by = f"{found['best']}, before {found['authors'][1]['author']} by {found['margin']:.3f} bits per character"
    if found["interval"] is None:
        return f"{by}: no interval below 1,000 characters"
    low, high = found["interval"]
    return f"{by} [{low:.3f}, {high:.3f}]" + ("" if found["sure"] else ": not told apart")


def say(sentence: str, console: Console) -> None:
    """A line of text, which a terminal wraps."""
    console.print(Text(printable(sentence)), soft_wrap=not console.is_terminal)
