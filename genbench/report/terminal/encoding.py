"""What the encoding of a terminal or a pipe lacks, a Windows console's say, is written as something like it."""

from __future__ import annotations

import codecs
from typing import Any

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


def forgiving(stream: Any) -> None:
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
