"""Stream: the tokens of a training text, and which of them are copies of others.

The text of `2*austen+carroll` has Austen's twice. A network reads it so, but a counting model of the option `base` that
lacks a passage must lack its copies too: it counts each piece once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from genbench.tokenization.text import Text, missing_newlines
from genbench.tokenization.tokenizer import Ids, Tokenizer


@dataclass(frozen=True)
class Stream:
    """The tokens of a training text, and their places in the text whose pieces are there once, (tokens,) each."""

    ids: Ids
    places: Ids

    @property
    def distinct(self) -> Ids:
        """The tokens without copies."""
        return self.ids[np.unique(self.places, return_index=True)[1]]


def read_stream(tokenizer: Tokenizer, text: Text) -> Stream:
    """Return the stream of a text."""
    ids = tokenizer.encode_stream(text)
    if not text.weights:
        return Stream(ids, np.arange(len(ids)))

    newline = len(tokenizer.encode("\n"))
    places, first = [np.arange(newline)], newline
    for piece, weight in text.pieces():
        # all copies but the last one end with a blank line
        sizes = [len(tokenizer.encode_stream(f"{piece}{end}")) - newline for end in (missing_newlines(piece), "")]
        copies = [np.minimum(np.arange(size), max(sizes[1] - 1, 0)) + first for size in sizes]
        places += [*copies[:1] * (weight - 1), copies[1]]
        first += sizes[1]
    return Stream(ids, np.concatenate(places))
