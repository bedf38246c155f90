"""Kept runs in the terminal: which there are, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from genbench.report.formatting import decimals
from genbench.report.terminal.attribution import say
from genbench.report.terminal.listings import listing

Found = dict[str, Any]
SAME = "identical: the bits of every block and every sample are the same."


def show_all(runs: Sequence[tuple[str, Found]], console: Console) -> None:
    """Print the names of runs, when they were, what they compared and what came first."""
    rows = []
    for name, found in runs:
        ok = [row for row in found["results"] if row["status"] == "ok"]
        done = f"{len(ok)} of {len(found['results'])}"
        first = [_first([row for row in ok if row["author"] == author]) for author in found["corpora"]]
        when, who = found["created"][:16].replace("T", " "), ", ".join(found["corpora"])
        rows.append([name, when, who, done, ", ".join(first)])
    listing(("run", "when (UTC)", "authors", "rows", "fewest bits/char"), rows, console)


def _first(rows: Sequence[Found]) -> str:
    """The row that needs the fewest bits, and how many; "-" where there is none."""
    best = min(rows, key=lambda row: float(row["bits_per_character"]), default=None)
    return f"{best['generator']} {best['bits_per_character']:.3f}" if best else "-"


def show_differences(found: Found, console: Console) -> None:
    """Print what `genbench.differences` found."""
    a, b = found["a"] or "first", found["b"] or "second"
    listing(("author", "generator", a, b, "difference"), [_line(row) for row in found["rows"]], console)
    for author, same in found["texts"].items():
        if same != "the same":
            say(f"{author}: {'another text: bits cannot be compared' if same == 'another' else same}", console)
    for name, key in ((a, "only_a"), (b, "only_b")):
        if found[key]:
            say(f"only in {name}: {', '.join(found[key])}", console)
    say(f"Bits per character; the difference is what {b} needs more, with its 95 % interval. {SAME}", console)


def _line(row: Found) -> list[str]:
    name = row["a"] if row["a"] == row["b"] else f"{row['a']} / {row['b']}"
    bits = ["failed" if each is None else decimals(each, 3) for each in row["bits"]]
    return [row["author"], name, *bits, difference(row)]


def difference(row: Found) -> str:
    """By how much, and how surely.

    >>> row = {"by": 0.0123, "interval": [0.01, 0.02], "sure": True, "identical": False}
    >>> difference(row), difference(row | {"identical": True}), difference(row | {"by": None})
    ('+0.012 [+0.010, +0.020]', 'identical', '-')
    """
    if row["identical"]:
        return "identical"
    if row["by"] is None:
        return "-"
    if row["interval"] is None:
        return f"{row['by']:+.3f}"
    low, high = row["interval"]
    return f"{row['by']:+.3f} [{low:+.3f}, {high:+.3f}]" + ("" if row["sure"] else ", not told apart")
