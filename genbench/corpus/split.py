"""One book in three contiguous parts: to train on, to validate on, to test on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from genbench.errors import CorpusError

TRAIN, VALID = 0.8, 0.1  # of the characters; the rest is the test part
REACH = 0.025  # of the characters: how far a cut may move to find a better place


def split(text: str) -> tuple[str, str, str]:
    r"""The train, valid and test parts: none is empty, and one after the other they are the text again.

    A cut comes after the paragraph break nearest to its target, else after the nearest line break, else
    exactly at the target. Raises CorpusError for fewer than three characters.

    >>> split("0123456\n9")
    ('0123456', '\n', '9')
    """
    if len(text) < 3:
        raise CorpusError(f"a text of {len(text)} characters cannot be split in three")
    first = min(_cut(text, TRAIN), len(text) - 2)  # the limits matter to texts of a few characters
    second = min(max(_cut(text, TRAIN + VALID), first + 1), len(text) - 1)
    return text[:first], text[first:second], text[second:]


def _cut(text: str, share: float) -> int:
    target, reach = round(share * len(text)), int(REACH * len(text))
    for pattern in (r"\n{2,}", r"\n"):
        places = list(_ends(pattern, text, target - reach, target + reach))
        if places:
            return min(places, key=lambda place: abs(place - target))
    return target


def _ends(pattern: str, text: str, low: int, high: int) -> Iterator[int]:
    """Where matches end, from `low` to `high`, both included."""
    for match in re.finditer(pattern, text):
        if low <= match.end() <= high:
            yield match.end()
