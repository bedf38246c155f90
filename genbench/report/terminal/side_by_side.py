"""Texts of several generators as they are drawn: side by side on a terminal, in a pipe one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.stream import speak

EVERY = 1 / 15  # seconds between two pictures
NARROWEST = 30  # columns of a panel; where there would be fewer, they stand one below the other
FEWEST = 3  # lines of a panel
MOST = 4  # screens of text that are looked at for its last lines


def show(prompt: str, texts: Mapping[str, Iterator[str]], console: Console, *, last: bool = True) -> None:
    """Show texts, by who writes them, as they are drawn; where Ctrl-C stops them, what was drawn stays.

    One alone is streamed; several stand side by side on a terminal, and under a heading each in a pipe.
    """
    if len(texts) == 1:
        speak(prompt, next(iter(texts.values())), console, last=last)
        return
    if console.is_terminal and not console.is_dumb_terminal:
        _live(prompt, texts, console)
        return
    for place, (name, pieces) in enumerate(texts.items(), 1):
        console.file.write(f"==> {printable(name)} <==\n")
        speak(prompt, pieces, console, last=last and place == len(texts))


def _live(prompt: str, texts: Mapping[str, Iterator[str]], console: Console) -> None:
    """While they are drawn, the ends of texts that are longer than the screen; then the whole, to scroll back to."""
    drawn = dict.fromkeys(texts, "")
    live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
    try:
        with live:
            _draw(prompt, texts, drawn, live)
    finally:
        console.print(panels(prompt, drawn, console.width))


def _draw(prompt: str, texts: Mapping[str, Iterator[str]], drawn: dict[str, str], live: Live) -> None:
    """A piece of each in turn, until all are at their end."""
    going, shown = dict(texts), 0.0
    while going:
        for name in list(going):
            try:
                drawn[name] += next(going[name])
            except StopIteration:
                del going[name]
        if time.monotonic() - shown > EVERY:
            console, shown = live.console, time.monotonic()
            live.update(panels(prompt, drawn, console.width, console.height - 1), refresh=True)


def panels(prompt: str, drawn: Mapping[str, str], width: int, height: int | None = None) -> RenderableType:
    """Each text in a panel, as many side by side as there is room for; of a height the ends alone."""
    beside = max(1, min(len(drawn), width // NARROWEST))
    rows = -(-len(drawn) // beside)
    lines = None if height is None else max(FEWEST, height // rows - 2)
    named, made = list(drawn.items()), []
    for start in range(0, len(named), beside):
        row = named[start : start + beside]
        each = (width - len(row) + 1) // len(row)
        grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        grid.add_row(*(_panel(name, prompt, text, each, lines) for name, text in row))
        made.append(grid)
    return Group(*made)


def _panel(name: str, prompt: str, text: str, width: int, lines: int | None) -> Panel:
    shown = Text(printable(prompt), style="bright_black").append(printable(text), style="default")
    if lines is not None:
        shown = _end(shown, width - 4, lines)
    return Panel(shown, title=Text(printable(name)), width=width)


def _end(text: Text, width: int, lines: int) -> Text:
    """The last lines of a text."""
    near = text[-MOST * width * lines :] if len(text) > MOST * width * lines else text
    wrapped = near.wrap(Console(width=width), width)
    return Text("\n").join(list(wrapped)[-lines:])
