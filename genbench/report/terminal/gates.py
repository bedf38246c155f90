"""Gates and memory over a text: in the terminal's colours, or as numbers where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from genbench.report.formatting import decimals, printable
from genbench.report.terminal.attribution import say
from genbench.report.terminal.listings import listing
from genbench.report.terminal.memory import title
from genbench.report.terminal.screen import painted

Found = dict[str, Any]
Values = Sequence[float]
Line = tuple[str, Values]  # what it is, and a value from 0 to 1 for each token
KEY = ("0", "1/4", "1/2", "3/4", "1")


def show(found: Found, units: Sequence[tuple[int, int]], console: Console) -> None:
    """Print what `genbench.cells` found; `units` are the layer, from 1 on, and the number of units to show alone."""
    drawn = lines(found, units)
    if painted(console):
        console.print(Text("from shut to open, for a memory from its least to its most: "), legend(), sep="")
        for name, values in drawn:
            title(name, console)
            console.print(coloured(found["pieces"], values))
    else:
        rows = [
            [repr(piece)[1:-1], *(f"{values[at]:.2f}" for _, values in drawn)]
            for at, piece in enumerate(found["pieces"])
        ]
        listing(["read", *(name for name, _ in drawn)], rows, console)
    console.print()
    _saturation(found, console)
    console.print()
    rows = [
        [each["what"], str(each["layer"]), "-" if each["unit"] is None else str(each["unit"])]
        + [decimals(each[key], 2) for key in ("r", "chance")]
        for each in found["tracking"]
    ]
    listing(("tracks", "layer", "unit", "r", "by chance"), rows, console)
    say(
        "Units chosen on one half of a valid text, r on the other; by chance: the same for values moved on by a third.",
        console,
    )


def _saturation(found: Found, console: Console) -> None:
    rows = [
        [str(layer), gate, f"{100 * share['shut']:.1f}", f"{100 * share['open']:.1f}"]
        for layer, gates in enumerate(found["saturation"], 1)
        for gate, share in gates.items()
    ]
    if rows:
        listing(("layer", "gate", "shut % (below 0.1)", "open % (above 0.9)"), rows, console)


def lines(found: Found, units: Sequence[tuple[int, int]]) -> list[Line]:
    """What is shown: of each layer the mean of each gate and of the memory's size, then single units."""
    drawn: list[Line] = []
    for number, layer in enumerate(found["layers"], 1):
        where = f" of layer {number}" if len(found["layers"]) > 1 else ""
        drawn += [(f"{name} gate{where}", np.mean(gate, axis=1).tolist()) for name, gate in layer["gates"].items()]
        drawn.append((f"size of the memory{where}", scaled(np.abs(layer["memory"]).mean(axis=1).tolist())))
    tracked = [(each["layer"], each["unit"], each["what"]) for each in found["tracking"] if each["unit"] is not None]
    for layer, unit, what in [*tracked, *((layer, unit, "") for layer, unit in units)]:
        memory = np.array(found["layers"][layer - 1]["memory"])[:, unit].tolist()
        drawn.append((f"memory of unit {unit} in layer {layer}" + (f": {what}" if what else ""), scaled(memory)))
    return drawn


def scaled(values: Values) -> Values:
    """From the least, 0, to the most, 1.

    >>> scaled([2.0, 3.0, 6.0]), scaled([1.0])
    ([0.0, 0.25, 1.0], [0.5])
    """
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def coloured(pieces: Sequence[str], values: Values) -> Text:
    """The text, each token on the colour of its value: blue at 0, white at a half, red at 1."""
    text = Text()
    for piece, value in zip(pieces, values, strict=True):
        text.append(printable(piece).replace("\n", "\u21b5\n"), style=f"#000000 on {colour(value)}")
    return text


def colour(value: float) -> str:
    """A colour of the scale.

    >>> colour(0), colour(0.5), colour(1)
    ('#4060ff', '#ffffff', '#ff6040')
    """
    share = abs(2 * value - 1)
    far, near = (round(255 - share * depth) for depth in (191, 159))
    return f"#{far:02x}{near:02x}ff" if value < 0.5 else f"#ff{near:02x}{far:02x}"


def legend() -> Text:
    """The scale."""
    return coloured([f" {name} " for name in KEY], [0, 0.25, 0.5, 0.75, 1])
