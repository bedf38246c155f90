"""Words and numbers as a reader wants them; text from a generator made safe for a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from genbench import options
from genbench.bench.jobs import Row
from genbench.bench.results import adaptive

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


def labels(rows: Sequence[Row]) -> list[str]:
    """A name for each row that tells it from the others: options and seeds only where they differ.

    >>> row = {"generator": "g", "options": {"order": 3}, "seed": 0}
    >>> labels([row, {**row, "options": {"order": 4}}])
    ['g order=3', 'g order=4']
    """
    return [" ".join([row["generator"], *_differing(row, rows), *_marks(row)]) for row in rows]


def _marks(row: Row) -> list[str]:
    return ["(adaptive)"] if adaptive(row) else []


def _differing(row: Row, rows: Sequence[Row]) -> list[str]:
    same = [other for other in rows if other["generator"] == row["generator"]]
    found = [
        f"{key}={_short(value)}"
        for key, value in row["options"].items()
        if key != "adaptive" and any(other["options"].get(key, value) != value for other in same)
    ]
    seeds = any(other["seed"] != row["seed"] for other in same)
    return [*found, f"seed={row['seed']}"] if seeds else found


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else options.written(value)
