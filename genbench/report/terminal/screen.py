"""What commands print on: a console, whether it has colors, its encoding, and JSON."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from rich.console import Console

ENCODING_ERRORS = "genbench.replace"  # the name of the codec error handler below
REPLACEMENTS = (
    dict.fromkeys("─━═╌┄╴╶╸╺╼╾┈┉", "-")
    | dict.fromkeys("│┃║╎┆", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╞╡╪┏┓┗┛┡┩╇", "+")
    | dict.fromkeys("‘’‚‛′", "'")
    | dict.fromkeys("“”„‟″", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"…": ".", "↵": "|", "→": ">", "←": "<", "×": "x", "•": "*", "\u00a0": " ", "±": "~", "≤": "<", "≥": ">"}
)


def make_console(stderr: bool = False) -> Console:
    """Return a console as the commands use it."""
    return Console(stderr=stderr, highlight=False)


def has_colors(console: Console) -> bool:
    """Return whether colors are seen: on a terminal that has them, or where FORCE_COLOR is set, unless NO_COLOR is."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def print_json(value: Any) -> None:
    """Print a value as JSON in ASCII, which every encoding has, so that nothing is lost."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def replace_unencodable(stream: Any) -> None:
    """Make a stream write a similar character for each one that its encoding lacks, instead of raising an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=ENCODING_ERRORS)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """Return what is written for characters that the encoding lacks, one for one, and where to continue.

    >>> "a “b” → é".encode("ascii", ENCODING_ERRORS)
    b'a "b" > ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(REPLACEMENTS.get(char, "?") for char in lacking), error.end


codecs.register_error(ENCODING_ERRORS, _replacement)
