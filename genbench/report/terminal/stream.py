"""Print generated text as it arrives, and several texts side by side.

On a terminal the text is made safe and wrapped at words; in a pipe it stays unchanged.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.screen import has_colors
from genbench.tokenization.graphemes import cut_start, has_clusters, split_last

DIM, RESET = "\x1b[2m", "\x1b[0m"
REFRESH_SECONDS = 1 / 15
MIN_PANEL_WIDTH = 30  # columns; panels that would be narrower are placed one below the other
MIN_PANEL_LINES = 3
MAX_SCREENS = 4  # amount of text, in screens, that is wrapped to find the last lines


class WordWrapper:
    """Wrap text at words as it arrives: a word is held back until it is complete."""

    def __init__(self, width: int) -> None:
        self.width = self.left = width
        self.word = ""

    def feed(self, text: str) -> str:
        r"""Add text, and return the part that can be written.

        >>> wrapper = WordWrapper(8)
        >>> wrapper.feed("One two thr") + wrapper.feed("ee four\n") + wrapper.flush()
        'One two \nthree \nfour\n'
        """
        return "".join(self._feed_character(character) for character in text)

    def flush(self) -> str:
        """Return the word that is held back, on a new line if it does not fit on the current one."""
        word, self.word = self.word, ""
        width = _visible_width(word)
        new_line = "\n" if width > self.left and self.left < self.width else ""
        self.left = (self.width if new_line else self.left) - width
        return new_line + word

    def _feed_character(self, character: str) -> str:
        """Add one character, and return the part that can be written."""
        # a newline or a space completes the word
        if character == "\n":
            written = self.flush() + character
            self.left = self.width
        elif character == " ":
            written = self.flush()
            written += " " if self.left > 0 else ""
            self.left -= 1

        # other characters are held back, unless the word is wider than the terminal
        else:
            written, word = "", self.word + character
            if _visible_width(word) > self.width:
                self.word, word = split_last(word)  # a letter stays with its marks
                written = self.flush()
            self.word = word
        return written


def _visible_width(word: str) -> int:
    """Return the width of a word on the terminal, without escape sequences."""
    return cell_len(word.replace(DIM, "").replace(RESET, ""))


def record(pieces: Iterable[str], written: list[str]) -> Iterator[str]:
    """Yield the pieces of a text and append each to a list."""
    for piece in pieces:
        written.append(piece)
        yield piece


def print_stream(prompt: str, pieces: Iterable[str], console: Console, *, last: bool = True) -> None:
    """Write a prompt, dim where there are colors, and the pieces of a text as they arrive.

    A blank line follows unless the text is the last one.
    """
    out = console.file
    for piece in _safe_pieces(prompt, pieces, console) if console.is_terminal else chain([prompt], pieces):
        out.write(piece)
        out.flush()
    out.write("\n" if last else "\n\n")
    out.flush()


def _safe_pieces(prompt: str, pieces: Iterable[str], console: Console) -> Iterator[str]:
    """Yield the prompt and the pieces, made safe and wrapped for a terminal."""
    wrapper = WordWrapper(console.width)
    safe_prompt = printable(prompt)
    yield wrapper.feed(f"{DIM}{safe_prompt}{RESET}" if prompt and has_colors(console) else safe_prompt)

    # after an interrupt, the word that is held back is written too
    try:
        for piece in pieces:
            yield wrapper.feed(printable(piece))
    finally:
        console.file.write(wrapper.flush())


def print_streams(prompt: str, texts: Mapping[str, Iterator[str]], console: Console, *, last: bool = True) -> None:
    """Show several texts, by the names of their generators, as they arrive; after Ctrl-C they stay visible.

    A single text is streamed. Several are shown side by side on a terminal, and under a heading each in a pipe.
    """
    if len(texts) == 1:
        print_stream(prompt, next(iter(texts.values())), console, last=last)
        return

    # side by side needs a terminal that can move the cursor
    if console.is_terminal and not console.is_dumb_terminal:
        _show_live(prompt, texts, console)
        return

    # otherwise one after the other
    for number, (name, pieces) in enumerate(texts.items(), 1):
        console.file.write(f"==> {printable(name)} <==\n")
        print_stream(prompt, pieces, console, last=last and number == len(texts))


def _show_live(prompt: str, texts: Mapping[str, Iterator[str]], console: Console) -> None:
    """Show the ends of the texts as they arrive, then print the whole texts, so that the user can scroll back."""
    generated = dict.fromkeys(texts, "")
    live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")
    try:
        with live:
            _generate(prompt, texts, generated, live)
    finally:
        console.print(panels(prompt, generated, console.width))


def _generate(prompt: str, texts: Mapping[str, Iterator[str]], generated: dict[str, str], live: Live) -> None:
    """Add a piece to each text in turn until all are complete."""
    running, refreshed = dict(texts), 0.0
    while running:
        # one piece of each text that is not complete
        for name in list(running):
            try:
                generated[name] += next(running[name])
            except StopIteration:
                del running[name]

        # update the screen a few times a second
        if time.monotonic() - refreshed > REFRESH_SECONDS:
            console, refreshed = live.console, time.monotonic()
            live.update(panels(prompt, generated, console.width, console.height - 1), refresh=True)


def panels(prompt: str, texts: Mapping[str, str], width: int, height: int | None = None) -> RenderableType:
    """Return each text in a panel, as many side by side as fit; with a height, show only the ends of the texts."""
    # the number of panels in a line, and of text lines in a panel without its border
    per_line = max(1, min(len(texts), width // MIN_PANEL_WIDTH))
    rows = -(-len(texts) // per_line)
    lines = None if height is None else max(MIN_PANEL_LINES, height // rows - 2)

    # a grid for each line of panels, which share its width
    named, grids = list(texts.items()), []
    for start in range(0, len(named), per_line):
        row = named[start : start + per_line]
        panel_width = (width - len(row) + 1) // len(row)
        grid = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        grid.add_row(*(_panel(name, prompt, text, panel_width, lines) for name, text in row))
        grids.append(grid)
    return Group(*grids)


def _panel(name: str, prompt: str, text: str, width: int, lines: int | None) -> Panel:
    """Return a panel with the faint prompt and the text, or with their last lines only."""
    content = Text(printable(prompt), style="bright_black", overflow="fold").append(printable(text), style="default")
    inner_width = width - 4  # without border and padding
    if lines is not None:
        content = _last_lines(content, inner_width, lines)
    if has_clusters(content.plain):
        content = _wrap_at_letters(content, inner_width)
    return Panel(content, title=Text(printable(name)), width=width)


def _wrap_at_letters(text: Text, width: int) -> Text:
    """Return a text with a newline at the end of each line: rich would separate some letters and their marks."""
    wrapper, plain = WordWrapper(width), text.plain
    wrapped = wrapper.feed(plain) + wrapper.flush()

    # the places of the new newlines; a space at the end of a line may be missing
    breaks, place = [], 0
    for character in wrapped:
        while place < len(plain) and plain[place] == " " != character and character != "\n":
            place += 1
        if character == "\n" and plain[place : place + 1] != "\n":
            place += plain[place : place + 1] == " "
            breaks.append(place)
        else:
            place += 1
    return Text("\n", no_wrap=True, overflow="crop").join(text.divide(breaks))


def _last_lines(text: Text, width: int, lines: int) -> Text:
    """Return the last lines of a text."""
    # wrapping a long text for every update would be slow: wrap its end only
    longest = MAX_SCREENS * width * lines  # characters
    end = text[len(text) - len(cut_start(text.plain, longest)) :]
    wrapped = end.wrap(Console(width=width), width)
    return Text("\n").join(list(wrapped)[-lines:])
