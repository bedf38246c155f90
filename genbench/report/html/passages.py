"""Passages and beginnings of a text in any script, for the playground."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from genbench.report.formatting import printable
from genbench.tokenization.graphemes import LONGEST, cut_end, joins

# a sentence begins after a paragraph, after a mark that follows three small letters, or after one of other scripts;
# where the script has no capitals, any letter may begin one
CAPITALIZED = regex.compile(r"(?:\n\s*\n|(?<=\p{Ll}{3}[.!?])\s)\s*(?=\p{Lu})")
UNCASED = regex.compile(r"(?:\n\s*\n|(?<=[.!?\u061f\u06d4\u0964\u2026])\s+|(?<=[\u3002\uff01\uff1f])\s*)(?=\p{Lo})")
WORD = regex.compile(r"\s+(?=\S)")
FEWEST = 3  # passages for which a kind of beginnings is used


def shorten(text: str, length: int) -> str:
    """Return the whole words of at most `length` characters at the beginning of a text, on one line.

    A text without spaces is cut between two letters.

    >>> shorten("one two  three", 9), shorten("ACGTACGT", 5)
    ('one two', 'ACGTA')
    """
    words = " ".join(text[: 2 * length].split())
    if len(words) <= length:
        return words
    space = words[: length + 1].rfind(" ")
    return words[:space] if space > length // 2 else cut_end(words, length)


def passages(text: str, length: int) -> list[str]:
    """Return passages of a text, about `length` characters each, without overlap, that a page can show as they are.

    They begin with a sentence; where fewer than FEWEST do, with a word, and in a text without words anywhere.
    """
    for starts in (CAPITALIZED, UNCASED, WORD):
        places = [match.end() for match in starts.finditer(text)]
        if len(chosen := _apart(text, places, length)) >= FEWEST:
            return chosen
    every = range(0, len(text), length)
    return _apart(
        text, [place for place in every if not joins(text[max(0, place - LONGEST) : place], text[place])], length
    )


def _apart(text: str, starts: Sequence[int], length: int) -> list[str]:
    """Return the passages that begin at some of these places, without overlap."""
    chosen, end = [], 0
    for start in starts:
        if start >= end and start + length <= len(text):
            passage = shorten(text[start : start + 2 * length], length)
            end = start + length
            if printable(passage) == passage:
                chosen.append(passage)
    return chosen
