"""What a terminal or a pipe can take: colours, and the characters of its encoding."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any, TextIO

from rich.console import Console

FORGIVING = "genbench.forgiving"  # the name of the handler of what an encoding lacks
STANDS_FOR = (
    dict.fromkeys("─━═╌┄╴╶╸╺╼╾┈┉", "-")
    | dict.fromkeys("│┃║╎┆", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╞╡╪┏┓┗┛┡┩╇", "+")
    | dict.fromkeys("‘’‚‛′", "'")
    | dict.fromkeys("“”„‟″", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"…": ".", "↵": "|", "→": ">", "←": "<", "×": "x", "•": "*", "\u00a0": " ", "±": "~", "≤": "<", "≥": ">"}
)


def console(stderr: bool = False) -> Console:
    """A console as the commands use it."""
    return Console(stderr=stderr, highlight=False)


def painted(console: Console) -> bool:
    """Whether colours are seen: on a terminal that has some, or where FORCE_COLOR asks, unless NO_COLOR is set."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def forgiving(stream: TextIO) -> None:
    """Make a stream write what its encoding lacks as something like it, one character for one, and never fail."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=FORGIVING)


def _instead(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that the encoding lacks.

    >>> "a “b” → é".encode("ascii", FORGIVING)
    b'a "b" > ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(STANDS_FOR.get(character, "?") for character in lacking), error.end


codecs.register_error(FORGIVING, _instead)


def values(found: Any) -> None:
    """Print JSON; in ASCII where the encoding of standard output has not every character, so that nothing is lost."""
    utf = (sys.stdout.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    sys.stdout.write(json.dumps(found, ensure_ascii=not utf, allow_nan=False) + "\n")
