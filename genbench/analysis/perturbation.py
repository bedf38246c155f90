"""Sentences that lose a small word, as those do whose words have no vector: "I don't like it" becomes "I like it"."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

SENTENCE = re.compile(r"[A-Z][^.!?\n]{20,200}[.!?]")
SMALL = re.compile(r"(?<= )[a-z]{1,3}(?= )|(?<= )\w+n['\u2019]t(?= )")
NEGATION = re.compile(r"(?<= )(?:no|not|nor|never|\w+n['\u2019]t)(?= )")


def sentences(text: str, most: int) -> list[str]:
    """At most so many sentences with a small word in them, spread evenly over a text."""
    found = [match.group() for match in SENTENCE.finditer(text) if SMALL.search(match.group())]
    most = min(most, len(found))
    return [found[place * len(found) // most] for place in range(most)]


def without(sentence: str, rng: np.random.Generator) -> str:
    """The sentence without one small word: a negation if it has one, else any.

    >>> without("I don't like it.", np.random.default_rng(0))
    'I like it.'
    """
    words: Sequence[re.Match[str]] = [*NEGATION.finditer(sentence)] or [*SMALL.finditer(sentence)]
    lost = words[int(rng.integers(len(words)))]
    return sentence[: lost.start()] + sentence[lost.end() + 1 :]
