"""Console of the commands: its colors, its encoding, and JSON output."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Any

from rich.console import Console

ENCODING_ERRORS = "genbench.replace"  # the name of the codec error handler below

# what is written if the encoding lacks a character
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
    """Return a console for standard output or standard error, without syntax highlighting."""
    return Console(stderr=stderr, highlight=False)


def has_colors(console: Console) -> bool:
    """Return whether the console shows colors: a terminal with colors, or FORCE_COLOR is set, and NO_COLOR is not."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def print_json(value: Any) -> None:
    """Print a value as one line of JSON in ASCII, so that no encoding loses a character."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


def replace_unencodable(stream: Any) -> None:
    """Make a stream replace characters that its encoding lacks by similar ones, instead of raising an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=ENCODING_ERRORS)


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of characters that the encoding lacks, one for one, and the position after them.

    >>> "a “b” → é".encode("ascii", ENCODING_ERRORS)
    b'a "b" > ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(REPLACEMENTS.get(char, "?") for char in lacking), error.end


codecs.register_error(ENCODING_ERRORS, _replacement)
