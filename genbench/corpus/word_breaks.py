"""Words of scripts that are written without spaces: Chinese, Japanese, Thai, Lao, Khmer, Burmese.

ICU's word iterator (the Unicode text segmentation of UAX 29, with ICU's dictionaries) finds where words end. It never
separates two letters of a script that is written with spaces.
"""

from __future__ import annotations

import importlib

import regex

from genbench.errors import missing_package

_WORD_CHARACTER = regex.compile(r"[\p{L}\p{M}\p{N}]")


def separate_words(text: str) -> tuple[str, int]:
    """Return a text with a space between words that have none between them, and the number of these spaces.

    Everything else stays as it is. Raises UserError where the package icu4py is missing.
    """
    try:
        breakers = importlib.import_module("icu4py.breakers")
    except ImportError:
        raise missing_package("segmenting a text", "icu4py") from None

    # line by line: no word goes across two
    parts: list[str] = []
    spaces = 0
    for line in text.splitlines(keepends=True):
        previous = ""
        for piece in breakers.WordBreaker(line, "und"):
            if previous and _WORD_CHARACTER.match(piece) and _WORD_CHARACTER.match(previous[-1]):
                parts.append(" ")
                spaces += 1
            parts.append(piece)
            previous = piece
    return "".join(parts), spaces
