"""Print the results of the commands memory and gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from genbench.analysis.gates import GateReport
from genbench.analysis.intervals import interval_sign
from genbench.analysis.memory import ContextBits, Gradients, MemoryReport
from genbench.analysis.minimal_pairs import PairEffects
from genbench.analysis.recall import RecallReport
from genbench.report.formatting import format_decimals, format_range, printable
from genbench.report.terminal.screen import has_colors
from genbench.report.terminal.tables import print_heading, print_list, print_text

Values = Sequence[float]
NamedValues = tuple[str, Values]  # name of a gate or a unit, and its value from 0 to 1 at each token

CONTEXT_NOTE = (
    "The context of every target is limited to this many characters. * before a gain: its 95 % interval is above 0."
)
SHUFFLED_NOTE = "Shuffled: the same context, with the words of its farther half in random order."
RECALL_NOTE = "Chance: the bits without any memory. * mastered: at most half of that."
TRACKING_NOTE = (
    "Units are chosen on one half of a validation text, r is measured on the other half; by chance: the same with the "
    "values shifted by a third."
)
LEGEND = {"0": 0.0, "1/4": 0.25, "1/2": 0.5, "3/4": 0.75, "1": 1.0}


def show_memory(report: MemoryReport, console: Console) -> None:
    """Print bits by length of context, gradients by lag, and the effects in minimal pairs."""
    sizes = f"{report.targets} target words, {report.characters:,} characters"
    print_text(f"{report.author}: {sizes}", console)

    # bits by length of context
    for name, model in report.generators.items():
        print_heading(f"{name}: bits per character of the targets, by context", console)
        rows = [_context_cells(point) for point in model.curve]
        print_list(("context", "bits", "95 % interval", "shuffled", "gain from the rest"), rows, console)
    print_text(f"{CONTEXT_NOTE} {SHUFFLED_NOTE}", console)

    # gradients, which only networks have
    for name, model in report.generators.items():
        if gradients := model.gradients:
            print_heading(f"{name}: gradient norm by lag, relative to that at lag 1", console)
            untrained = [f"untrained, x {network.scale:g}" for network in gradients.untrained]
            print_list(["lag", "trained", *untrained], _gradient_rows(gradients), console)

    # minimal pairs
    print_heading("minimal pairs: how far the distant word shifts the odds, in bits", console)
    rows = [[name, *_pair_cells(pair)] for name, model in report.generators.items() for pair in model.pairs]
    print_list(("generator", "distant word", "dependent word", "nothing between", "words between"), rows, console)


def _context_cells(point: ContextBits) -> list[str]:
    """Return the cells for one length of context."""
    # the gain from the rest of the context, marked if its interval is above 0
    bounds, gain = point.beyond_interval, f"{point.beyond:z.3f}"
    if bounds is not None:
        gain = f"{'*' if interval_sign(bounds) > 0 else ''}{gain} [{bounds[0]:z.3f}, {bounds[1]:z.3f}]"

    # the columns of the table
    return [
        f"{point.context:,}",
        f"{point.bits_per_character:z.3f}",
        format_range(point.interval, 3),
        "-" if point.half_shuffled is None else f"{point.half_shuffled:z.3f}",
        gain,
    ]


def _gradient_rows(gradients: Gradients) -> list[list[str]]:
    """Return a row for each lag with the relative norm in the trained network and in the untrained ones."""
    networks = [gradients.trained, *gradients.untrained]
    rows = []
    for number, lag in enumerate(gradients.lags):
        norms = [network.relative[number] for network in networks]
        rows.append([str(lag), *("-" if norm is None else f"{norm:.2g}" for norm in norms)])
    return rows


def _pair_cells(pair: PairEffects) -> list[str]:
    """Return the words of a minimal pair, and the effect without and with words between them."""
    words = [" / ".join(pair.far), " / ".join(pair.depends)]
    return [*words, f"{pair.near.effect:+z.2f}", f"{pair.far_away.effect:+z.2f}"]


def show_recall(report: RecallReport, console: Console) -> None:
    """Print the bits of characters that earlier text determines, by distance: a column for each generator."""
    # a row for each range of distances
    rows = []
    for cells in zip(*report.generators.values(), strict=True):
        first = cells[0]
        marked = [f"{'*' if cell.mastered else ''}{cell.bits:z.2f}" for cell in cells]
        distance = f"{first.kind} {first.min_distance}-{first.max_distance}"
        rows.append([distance, str(first.places), f"{first.chance:z.2f}", *marked])
    print_heading(f"{report.author}: bits of characters that an earlier place decides, by distance", console)
    print_list(["distance", "places", "chance", *report.generators], rows, console)
    print_text(RECALL_NOTE, console)


def show_gates(report: GateReport, units: Sequence[tuple[int, int]], console: Console) -> None:
    """Print gates and memory over a text, in colors or, on a console without colors, as numbers.

    `units` are pairs of a layer, counted from 1, and a unit whose memory is shown too.
    """
    # the values at each token
    values_by_name = gate_values(report, units)

    if has_colors(console):
        _show_colored(report.pieces, values_by_name, console)
    else:
        rows = [
            [repr(piece)[1:-1], *(f"{values[number]:z.2f}" for _, values in values_by_name)]
            for number, piece in enumerate(report.pieces)
        ]
        print_list(["token", *(name for name, _ in values_by_name)], rows, console)

    # summaries over the whole text
    console.print()
    _show_saturation(report, console)
    console.print()
    _show_tracking(report, console)


def _show_colored(pieces: Sequence[str], values_by_name: Sequence[NamedValues], console: Console) -> None:
    """Print the text once for each gate and unit, each token in the color of its value."""
    legend = color_text([f" {name} " for name in LEGEND], list(LEGEND.values()))
    console.print(Text("gates from closed to open, memory from its minimum to its maximum: "), legend, sep="")
    for name, values in values_by_name:
        print_heading(name, console)
        console.print(color_text(pieces, values))


def _show_saturation(report: GateReport, console: Console) -> None:
    """Print the share of values at which each gate is nearly closed or nearly open."""
    rows = [
        [str(layer), gate, f"{100 * saturation.closed:z.1f}", f"{100 * saturation.open:z.1f}"]
        for layer, gates in enumerate(report.saturation, 1)
        for gate, saturation in gates.items()
    ]
    if rows:
        print_list(("layer", "gate", "closed % (below 0.1)", "open % (above 0.9)"), rows, console)


def _show_tracking(report: GateReport, console: Console) -> None:
    """Print the unit that tracks each feature of the text, and its correlation with the feature."""
    rows = []
    for tracked in report.tracking:
        unit = "-" if tracked.unit is None else str(tracked.unit)
        correlations = [format_decimals(value, 2) for value in (tracked.correlation, tracked.chance)]
        rows.append([tracked.feature, str(tracked.layer), unit, *correlations])
    print_list(("tracks", "layer", "unit", "r", "by chance"), rows, console)
    print_text(TRACKING_NOTE, console)


def gate_values(report: GateReport, units: Sequence[tuple[int, int]]) -> list[NamedValues]:
    """Return the mean of each gate and the mean size of the memory by layer, then the memory of single units."""
    values_by_name: list[NamedValues] = []

    # the gates of each layer, and the size of its memory
    for number, layer in enumerate(report.layers, 1):
        suffix = f" of layer {number}" if len(report.layers) > 1 else ""
        for name, gate in layer.gates.items():
            values_by_name.append((f"{name} gate{suffix}", np.mean(gate, axis=1).tolist()))
        size = np.abs(layer.memory).mean(axis=1)  # (tokens,)
        values_by_name.append((f"size of the memory{suffix}", rescale(size.tolist())))

    # units that track a feature of the text, then the requested ones
    tracking = [(best.layer, best.unit, best.feature) for best in report.tracking if best.unit is not None]
    for layer_number, unit, feature in [*tracking, *((number, unit, "") for number, unit in units)]:
        memory = np.array(report.layers[layer_number - 1].memory)[:, unit].tolist()  # (tokens,)
        name = f"memory of unit {unit} in layer {layer_number}" + (f": {feature}" if feature else "")
        values_by_name.append((name, rescale(memory)))
    return values_by_name


def rescale(values: Values) -> Values:
    """Map the lowest value to 0 and the highest to 1; equal values become 0.5.

    >>> rescale([2.0, 3.0, 6.0]), rescale([1.0])
    ([0.0, 0.25, 1.0], [0.5])
    """
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def color_text(pieces: Sequence[str], values: Values) -> Text:
    """Return the text with each token on the color of its value."""
    text = Text()
    for piece, value in zip(pieces, values, strict=True):
        text.append(printable(piece).replace("\n", "\u21b5\n"), style=f"#000000 on {scale_color(value)}")
    return text


def scale_color(value: float) -> str:
    """Return the color of a value: blue at 0, white at a half, red at 1.

    >>> scale_color(0), scale_color(0.5), scale_color(1)
    ('#4060ff', '#ffffff', '#ff6040')
    """
    distance = abs(2 * value - 1)
    far, near = (round(255 - distance * depth) for depth in (191, 159))
    return f"#{far:02x}{near:02x}ff" if value < 0.5 else f"#ff{near:02x}{far:02x}"
