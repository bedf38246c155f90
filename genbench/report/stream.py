"""Text as it is drawn: made safe on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from genbench.report.text import printable

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


def speak(prompt: str, texts: Iterable[str], out: TextIO, *, last: bool = True) -> None:
    """Write a prompt, set apart on a terminal, and texts as they come; two texts have a blank line between them."""
    terminal = out.isatty()
    out.write(f"{DIM}{printable(prompt)}{PLAIN}" if terminal and prompt else prompt)
    for text in texts:
        out.write(printable(text) if terminal else text)
        out.flush()
    out.write("\n" if last else "\n\n")
    out.flush()
