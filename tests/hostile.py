"""Texts of unusual characters, and a search for characters that can control a terminal."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

MakeText = Callable[[random.Random, int], str]  # a text of about this many characters
MARKS = [chr(code) for code in range(0x300, 0x370)]
ESCAPES = ["\x1b[31m", "\x1b]0;title\x07", "\x1b[2J", "\x9b2J", "\x7f", "\x00", "\x08", "plain ", "text\n"]
TURNED = ["\u202e", "\u2066", "\u200f", "\ufeff", "\u200d", "\u05d0\u05d1 ", "abc "]
DRIVING_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode: can control a terminal, or are invisible
JOINERS = "\u00ad\u200b\u200c\u200d\u2060"  # are invisible too, but belong to words and move nothing
VISIBLE_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2"  # signs before Arabic and Syriac digits
COLORS = re.compile(r"\x1b\[[0-9;]*m")  # what rich itself writes on a terminal


def _choices(parts: list[str]) -> MakeText:
    """Return a function that builds a text of randomly chosen parts."""
    return lambda rng, size: "".join(rng.choices(parts, k=size))[:size]


TEXTS: dict[str, MakeText] = {
    "one letter": lambda rng, size: "a" * size,
    "one letter a line": lambda rng, size: ("a\n" * size)[:size],
    "one word": lambda rng, size: ("word " * size)[:size],
    "one word in one line": lambda rng, size: "w" + "o" * (size - 2) + "\n",
    "one mark": lambda rng, size: "-" * size,
    "digits": _choices(list("0123456789")),
    "Chinese": lambda rng, size: "".join(chr(0x4E00 + int(rng.paretovariate(0.7)) % 3000) for _ in range(size)),
    "escape sequences": _choices(ESCAPES),
    "turned around": _choices(TURNED),
    "combining marks": lambda rng, size: "".join(
        rng.choice("ae \n") + "".join(rng.choices(MARKS, k=rng.choice([0, 1, 200]))) for _ in range(size // 60 + 1)
    )[:size],
    "white space": _choices([" ", "\n", "\t", "\u3000", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "x"]),
    "emoji": _choices(["\U0001f469\u200d\U0001f467 ", "\U0001f3fd", "\ud7ff", "\U0010ffff"]),
    "a header with no end": lambda rng, size: "*** START OF THE PROJECT GUTENBERG EBOOK" + " of words" * (size // 9),
}


def driving(printed: str) -> set[str]:
    """Return the printed characters that can control a terminal or are invisible, except colors."""
    return {
        character
        for character in COLORS.sub("", printed)
        if character not in "\n\t" + JOINERS + VISIBLE_FORMATS and unicodedata.category(character) in DRIVING_CATEGORIES
    }
