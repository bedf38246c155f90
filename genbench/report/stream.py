"""Text as it is drawn: made safe on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from genbench.report.screen import painted
from genbench.report.text import printable

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


def speak(prompt: str, texts: Iterable[str], console: Console, *, last: bool = True) -> None:
    """Write a prompt, set apart where there are colours, and texts as they come; two have a blank line between them."""
    out, safe = console.file, console.is_terminal
    shown = printable(prompt) if safe else prompt
    out.write(f"{DIM}{shown}{PLAIN}" if prompt and painted(console) else shown)
    for text in texts:
        out.write(printable(text) if safe else text)
        out.flush()
    out.write("\n" if last else "\n\n")
    out.flush()
