"""Console of the commands: its colors, its encoding, and JSON output."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console

from genbench.report.formatting import pluralize

WIDTH_WITHOUT_TERMINAL = 160  # columns
ENCODING_ERRORS = "genbench.replace"  # the name of the codec error handler `EncodingErrors`

# what is written if the encoding lacks a character
REPLACEMENTS = (
    dict.fromkeys("─━═╌┄╴╶╸╺╼╾┈┉", "-")
    | dict.fromkeys("│┃║╎┆", "|")
    | dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯╞╡╪┏┓┗┛┡┩╇", "+")
    | dict.fromkeys("‘’‚‛′", "'")
    | dict.fromkeys("“”„‟″", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {
        "…": ".",
        "↵": "|",
        "→": ">",
        "←": "<",
        "×": "x",
        "•": "*",
        "\u00a0": " ",
        "±": "~",
        "≈": "~",
        "≤": "<",
        "≥": ">",
    }
)


def make_console(stderr: bool = False) -> Console:
    """Return a console for standard output or standard error, without syntax highlighting.

    In a pipe or a file it is as wide as COLUMNS says, else 160 columns, so that tables are not divided.
    """
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


def has_colors(console: Console) -> bool:
    """Return whether the console shows colors: a terminal with colors, or FORCE_COLOR is set, and NO_COLOR is not."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def print_json(value: Any) -> None:
    """Print a value as one line of JSON in ASCII, so that no encoding loses a character."""
    sys.stdout.write(json.dumps(value, allow_nan=False) + "\n")


class EncodingErrors:
    """The codec error handler of the commands: similar characters for those that an encoding lacks, else "?".

    It counts the question marks, so that no character is lost silently.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.encodings: dict[str, None] = {}  # of the streams, without UTF-8, in order

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        """Return the replacement of the characters, one for one, and the position after them."""
        if not isinstance(error, UnicodeEncodeError):
            raise error
        from genbench.tokenization.text import is_surrogate  # numpy comes with it, and most output needs neither

        lacking = error.object[error.start : error.end]
        replaced = "".join(REPLACEMENTS.get(char, "?") for char in lacking)
        self.lost += replaced.count("?") - sum(map(is_surrogate, lacking))  # no encoding has lone surrogates
        return replaced, error.end

    def sentence(self) -> str:
        """Return what was lost and how to keep it; "" if nothing was."""
        if not self.lost:
            return ""
        characters = pluralize(self.lost, "character")
        encodings = " and ".join(self.encodings)
        return f"{encodings} lacks {characters} of this output, shown as ?; PYTHONIOENCODING=utf-8 keeps them"


def prepare_output(streams: Iterable[Any], environment: Mapping[str, str]) -> EncodingErrors:
    """Let streams replace characters that their encoding lacks, instead of raising an error; return the handler.

    In pipes and files the encoding is UTF-8, unless PYTHONIOENCODING sets another.

    >>> handler = prepare_output([], {})
    >>> "a “b” → é".encode("ascii", ENCODING_ERRORS), handler.lost
    (b'a "b" > ?', 1)
    """
    handler = EncodingErrors()
    codecs.register_error(ENCODING_ERRORS, handler)
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            keep = stream.isatty() or environment.get("PYTHONIOENCODING")
            stream.reconfigure(encoding=None if keep else "utf-8", errors=ENCODING_ERRORS)
            if codecs.lookup(stream.encoding).name != "utf-8":
                handler.encodings[stream.encoding] = None
    return handler
