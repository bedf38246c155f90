"""The colours of the pages, each for a light and a dark theme; `tests/test_html.py` reckons their contrast.

Series are told apart by colour-blind readers too (after Okabe & Ito 2008, darker or lighter where contrast asks for
it), and have marks of their own.
"""

from __future__ import annotations

from genbench.report.heat import HEAT as HEAT

PAPER = {
    "paper": ("#ffffff", "#1c1e24"),  # of cards
    "ground": ("#f4f4f1", "#121317"),  # behind them
    "ink": ("#1b1b20", "#ececf0"),
    "faint": ("#5b5b66", "#a9abb6"),
    "rule": ("#dcdcd6", "#383b45"),
    "link": ("#0b57d0", "#8ab4f8"),
    "copy": ("#6a3fc4", "#bca8ff"),  # the line under what is copied
    "wrong": ("#b3261e", "#ffb4a9"),
}
SERIES = (
    ("#0072b2", "#58a6f0"),
    ("#c65300", "#f0864a"),
    ("#00795a", "#3cc29a"),
    ("#a6408c", "#dd8fc4"),
    ("#856600", "#d9b93b"),
    ("#2784b8", "#8fd0f5"),
    ("#5b3fb0", "#a99af0"),
    ("#55555f", "#c8c8d0"),
)
MARKS = "●■▲◆▼✚✖★"  # of the series, as charts.py draws them


def variables(theme: int) -> str:
    """The CSS variables of a theme: 0 is light, 1 dark."""
    named = dict(PAPER)
    named |= {f"series-{place}": pair for place, pair in enumerate(SERIES)}
    named |= {f"heat-{place}": pair for place, pair in enumerate(HEAT)}
    return " ".join(f"--{name}: {pair[theme]};" for name, pair in named.items())


def classes() -> str:
    """The CSS classes of series, in charts and in text, and of the steps of surprise."""
    lines = []
    for place in range(len(SERIES)):
        colour = f"var(--series-{place})"
        lines.append(f".stroke-{place} {{ stroke: {colour}; }} .fill-{place} {{ fill: {colour}; }}")
        lines.append(f".series-{place} {{ color: {colour}; }}")
    lines += [f".h{place} {{ background-color: var(--heat-{place}); }}" for place in range(1, len(HEAT))]
    return "\n".join(lines)
