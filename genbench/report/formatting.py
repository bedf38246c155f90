"""Words and numbers as a reader wants them; text from a generator made safe for a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

LARGE = 1e12  # from here on with an exponent
UNSAFE = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # Unicode categories that may drive a terminal or show nothing


def printable(text: str) -> str:
    r"""The text with every character that could drive a terminal replaced by a visible one; newlines stay.

    >>> printable("a\x1b[31mb\tc\n\x00\u202e")
    'a␛[31mb␉c\n␀�'
    """
    return "".join(c if c == "\n" or unicodedata.category(c) not in UNSAFE else _visible(c) for c in text)


def flowing(text: str) -> str:
    r"""The text without the line ends inside its paragraphs; a line that is set in, as of a table, stays one.

    >>> flowing("One\nparagraph.\n\nAnother:\n  a 1\n  b 2\n")
    'One paragraph.\n\nAnother:\n  a 1\n  b 2'
    """
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text.strip())


def _visible(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def count(number: float | None) -> str:
    """A whole number in at most five characters.

    >>> count(None), count(0), count(9876), count(43210), count(1234567)
    ('-', '0', '9,876', '43k', '1.2M')
    """
    if number is None:
        return "-"
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if size * (1 - 5e-5) <= number < LARGE:
            share = number / (1e3 if unit == "k" else size)
            return f"{share:.1f}{unit}" if share < 10 else f"{share:.0f}{unit}"
    return f"{number:,.0f}" if number < LARGE else f"{number:.0e}"


def counted(number: int, what: str) -> str:
    """So many of a thing.

    >>> counted(1, "run"), counted(2, "run")
    ('1 run', '2 runs')
    """
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def decimals(number: float | None, places: int) -> str:
    """A number with this many decimals; a large one in short.

    >>> decimals(1.7163, 3), decimals(123456.7, 1), decimals(None, 1)
    ('1.716', '123k', '-')
    """
    return f"{number:.{places}f}" if number is not None and abs(number) < 1000 else count(number)


def measured(name: str, value: Any) -> str:
    """A figure of a row, by its name.

    >>> measured("bits", 1234.5), measured("bits_per_byte", 1.98766), measured("spelled_share", 0.0213)
    ('1,234', '1.9877', '2.1 %')
    """
    if name == "interval":
        return "-" if value is None else f"{value[0]:.4f} to {value[1]:.4f}"
    if value is None:
        return "-"
    if name.endswith("_share"):
        return f"{value:.1%}".replace("%", " %")
    if name.startswith("bits_per"):
        return f"{value:.4f}"
    return (
        f"{value:,.1f}"
        if name.endswith("perplexity") and value < LARGE
        else f"{value:,.0f}"
        if value < LARGE
        else f"{value:.3g}"
    )


def span(bounds: Sequence[float] | None) -> str:
    """An interval.

    >>> span([1.70, 1.7349]), span(None)
    ('1.70-1.73', '-')
    """
    return f"{bounds[0]:.2f}-{bounds[1]:.2f}" if bounds else "-"


def spread(bounds: Sequence[float] | None) -> str:
    """The least and the most over several seeds.

    >>> spread([1.8931, 1.902]), spread(None)
    ('1.893-1.902', '-')
    """
    return f"{bounds[0]:.3f}-{bounds[1]:.3f}" if bounds else "-"
