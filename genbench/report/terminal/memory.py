"""What memory buys, in the terminal: bits by context, gradients by lag, pairs, and who masters which distance."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.attribution import say
from genbench.report.terminal.listings import listing

Found = dict[str, Any]
CUT = "The context of every target is cut to so many characters; a * beyond: its 95 % interval lies above 0."
HALF = "Mixed: as much context, the words of its farther half in another order."


def show(found: Found, console: Console) -> None:
    """Print what `genbench.memory` found."""
    say(f"{found['author']}: {found['targets']} target words, {found['characters']:,} characters", console)
    for name, each in found["generators"].items():
        title(f"{name}: bits per character of the targets, by context", console)
        rows = [_cut(row) for row in each["curve"]]
        listing(("context", "bits", "95 % interval", "mixed", "worth of the rest"), rows, console)
    say(f"{CUT} {HALF}", console)
    for name, each in found["generators"].items():
        if each["gradients"]:
            title(f"{name}: gradient norm at a lag beside that at lag 1", console)
            heads = ["lag", "trained", *(f"untrained, x {one['scale']:g}" for one in each["gradients"]["untrained"])]
            listing(heads, _lags(each["gradients"]), console)
    title("minimal pairs: how far the far word moves the odds, in bits", console)
    rows = [[name, *_pulls(pair)] for name, each in found["generators"].items() for pair in each["pairs"]]
    listing(("generator", "far", "depends", "nothing between", "words between"), rows, console)


def _cut(row: Found) -> list[str]:
    low, high = row["interval"] or (None, None)
    mixed = row["half_shuffled"]
    return [
        f"{row['context']:,}",
        f"{row['bits_per_character']:.3f}",
        "-" if low is None else f"{low:.3f}-{high:.3f}",
        "-" if mixed is None else f"{mixed:.3f}",
        _beyond(row),
    ]


def _beyond(row: Found) -> str:
    bounds = row["beyond_interval"]
    if bounds is None:
        return f"{row['beyond']:.3f}"
    return f"{'*' if bounds[0] > 0 else ''}{row['beyond']:.3f} [{bounds[0]:.3f}, {bounds[1]:.3f}]"


def _lags(found: Found) -> list[list[str]]:
    columns = [found["trained"], *found["untrained"]]
    return [
        [str(lag), *("-" if each["relative"][at] is None else f"{each['relative'][at]:.2g}" for each in columns)]
        for at, lag in enumerate(found["lags"])
    ]


def _pulls(pair: Found) -> list[str]:
    far, depends = (" / ".join(pair[key]) for key in ("far", "depends"))
    return [far, depends, *(f"{pair[key]['pull']:+.2f}" for key in ("near", "far_away"))]


def show_distances(found: Found, console: Console) -> None:
    """Print what `genbench.distances` found: a row a range of distances, a column a generator."""
    names, tables = list(found["generators"]), list(found["generators"].values())
    rows = []
    for cells in zip(*tables, strict=True):
        first = cells[0]
        marked = [f"{'*' if cell['mastered'] else ''}{cell['bits']:.2f}" for cell in cells]
        kind, places = f"{first['kind']} {first['from']}-{first['to']}", str(first["places"])
        rows.append([kind, places, f"{first['chance']:.2f}", *marked])
    title(f"{found['author']}: bits of what an earlier place decides, by how many characters that is back", console)
    listing(["distance", "places", "chance", *names], rows, console)
    say("Chance: what it costs without memory. * mastered: at most half of that.", console)


def title(text: str, console: Console) -> None:
    """A heading."""
    console.print(Text(printable(text), style="bold"), soft_wrap=not console.is_terminal)
