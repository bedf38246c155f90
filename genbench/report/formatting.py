"""Format numbers and text for tables and sentences, and make generated text safe for a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

EXPONENT_FROM = 1e12  # numbers of this size or more are written with an exponent

# Unicode categories of characters that can control a terminal or are invisible
UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# characters of the category Cf that belong to words: without them, Persian, Khmer and others are spelled wrongly; none
# of them moves text. Soft hyphen, zero-width space, non-joiner, joiner, word joiner; visible signs before Arabic digits
WORD_FORMATS = frozenset("\u00ad\u200b\u200c\u200d\u2060\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")

# what starts code, emphasis, links, table cells, formulas, and the addresses that are links without brackets
_MARKUP = re.compile(r"[\\`*|~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|#(?=\s*$)", re.I)


def printable(text: str) -> str:
    r"""Replace each character that can control a terminal by a visible one; keep newlines and the joiners of letters.

    >>> printable("a\x1b[31mb\tc\n\x00\u202e"), printable("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"
    ('a␛[31mb␉c\n␀�', True)
    """
    return "".join(char if _is_safe(char) else _picture(char) for char in text)


def _is_safe(char: str) -> bool:
    return char == "\n" or unicodedata.category(char) not in UNSAFE_CATEGORIES or char in WORD_FORMATS


def _picture(char: str) -> str:
    """Return the Unicode symbol for a control character, or the replacement character for any other one."""
    code = ord(char)

    # the block Control Pictures has the symbols of ASCII's control characters in their order
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def escape_markdown(text: str) -> str:
    r"""Return a text in one line of Markdown, escaped so that it is shown as it is and cannot become markup.

    >>> escape_markdown("a_b [c](https://d) `e` <f>")
    'a_b [c\\](https\\://d) \\`e\\` &lt;f&gt;'
    """
    escaped = printable(text).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\g<0>", escaped)


def unwrap(text: str) -> str:
    r"""Join the lines of each paragraph; an indented line, as in a table, stays on its own line.

    >>> unwrap("One\nparagraph.\n\nAnother:\n  a 1\n  b 2\n")
    'One paragraph.\n\nAnother:\n  a 1\n  b 2'
    """
    return re.sub(r"(?<=\S)\n(?=\S)", " ", text.strip())


def heading_in_one_line(heading: str) -> str:
    r"""Join the lines of a column heading, and remove the hyphen of a divided word.

    >>> heading_in_one_line("para-\nmeters"), heading_in_one_line("bits/\nchar"), heading_in_one_line("self-\nBLEU")
    ('parameters', 'bits/char', 'self-BLEU')
    """
    # first join divided words, then compounds such as self-BLEU, then separate words
    return re.sub(r"(?<=[-/])\n", "", re.sub(r"-\n(?=[a-z])", "", heading)).replace("\n", " ")


def format_count(number: float | None) -> str:
    """Format a whole number in at most five characters.

    >>> format_count(None), format_count(0), format_count(9876), format_count(43210), format_count(1234567)
    ('-', '0', '9,876', '43k', '1.2M')
    """
    if number is None:
        return "-"

    # a number that would round up to the next unit, such as 9,999.6, already gets that unit
    for unit, lower_limit in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if lower_limit * (1 - 5e-5) <= number < EXPONENT_FROM:
            scaled = number / (1e3 if unit == "k" else lower_limit)
            return f"{scaled:z.1f}{unit}" if scaled < 10 else f"{scaled:z.0f}{unit}"
    return f"{number:z,.0f}" if number < EXPONENT_FROM else f"{number:.0e}"


def format_decimals(number: float | None, places: int) -> str:
    """Format a number with this many decimals, or as `format_count` does if it is 1,000 or more.

    >>> format_decimals(1.7163, 3), format_decimals(123456.7, 1), format_decimals(None, 1)
    ('1.716', '123k', '-')
    """
    return f"{number:z.{places}f}" if number is not None and abs(number) < 1000 else format_count(number)


def format_percent(share: float | None) -> str:
    """Format a share as a percentage without the percent sign.

    >>> format_percent(0.0312), format_percent(None)
    ('3.1', '-')
    """
    return format_decimals(None if share is None else 100 * share, 1)


def format_passes(passes: float) -> str:
    """Return how often a training text was read.

    >>> format_passes(0.42), format_passes(3.04)
    ('42% of a pass', '3.0 passes')
    """
    return f"{passes:z.0%} of a pass" if passes < 1 else f"{passes:z.1f} passes"


def format_range(bounds: Sequence[float] | None, places: int) -> str:
    """Format a lower and an upper bound with this many decimals.

    >>> format_range([1.70, 1.7349], 2), format_range(None, 2)
    ('1.70-1.73', '-')
    """
    return f"{bounds[0]:z.{places}f}-{bounds[1]:z.{places}f}" if bounds else "-"


def format_measure(name: str, value: Any) -> str:
    """Format a value in the way that belongs to the name of the measure.

    >>> format_measure("bits", 1234.5), format_measure("spelled_share", 0.0213)
    ('1,234', '2.1 %')
    """
    if value is None:
        return "-"

    # intervals, shares and bits have their own formats
    if name == "interval":
        return f"{value[0]:z.4f} to {value[1]:z.4f}"
    if name.endswith("_share"):
        return f"{value:z.1%}".replace("%", " %")
    if name.startswith("bits_per"):
        return f"{value:z.4f}"

    # perplexities have one decimal, counts have none
    if value >= EXPONENT_FROM:
        return f"{value:.3g}"
    return f"{value:z,.1f}" if name.endswith("perplexity") else f"{value:z,.0f}"


def pluralize(number: int, noun: str) -> str:
    """Format a number with its noun, which gets a plural s unless the number is 1.

    >>> pluralize(1, "run"), pluralize(2, "run")
    ('1 run', '2 runs')
    """
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"
