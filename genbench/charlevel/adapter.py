"""A generator over words, read and asked character by character, so that it can be mixed with one over characters.

Its steps are those of `genbench/stepping.py`. A whole text is read with the same numbers, but faster, some pieces at a
time (`genbench/block.py`); only pieces with characters that are not known are read step by step.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from genbench.charlevel.block import Block, Piece
from genbench.charlevel.paths import Cuts, smoothed
from genbench.charlevel.stepping import Place, Stepping
from genbench.generator import LogProbs, State
from genbench.tokenization.segmentation import gap, pieces
from genbench.tokenization.tokenizer import Ids

BLOCK = 512  # characters that are read at once, about
Ended = tuple[State, str, int]  # the state after a word, its last character, where it ends
Said = tuple[int, LogProbs, Ids]  # where it starts; the distribution before each id, (n, bytes and letters); the depths


class Characterwise(Stepping):
    """A trained word-level generator with the steps of a character-level one; its ids are bytes and letters."""

    def read(self, ids: Ids) -> tuple[LogProbs, Ids, LogProbs]:
        """Of each byte or letter of a text its log-probability, the depth, and the log-probability of the likeliest."""
        found, depths, peaks = np.empty(len(ids)), np.empty(len(ids), np.int64), np.empty(len(ids))
        for start, log_probs, deep in self.distributions(ids):
            part = slice(start, start + len(deep))
            found[part] = np.take_along_axis(log_probs, ids[part, None], axis=1)[:, 0]
            depths[part], peaks[part] = deep, log_probs.max(axis=1)
        return found, depths, peaks

    def distributions(self, ids: Ids) -> Iterator[Said]:
        """The distribution before each byte or letter of a text, some at a time."""
        text = self.tokenizer.decode(ids)
        if np.array_equal(self.tokenizer.encode(text), ids):
            yield self._stepped(self.start(), ids[:1], 0)[0]
            yield from self._pieces(text, ids)
        else:
            yield self._stepped(self.start(), ids, 0)[0]

    def _pieces(self, text: str, ids: Ids) -> Iterator[Said]:
        """All but the first id: piece by piece."""
        sizes = [1 if self.cuts.knows(letter) else len(letter.encode()) for letter in text]
        first = np.concatenate([[0], np.cumsum(sizes)]).tolist()  # id of each character
        stream, states = self.words.encode(text), {0: self.generator.start()}
        ended: Ended = (states[0], "", 0)  # the last word
        anchor, place = ended, None  # the word before: after what follows it was read, steps need no more to be exact
        for group in grouped(self.cuts, laid_out(self.cuts, text)):
            start, stop = first[group[0].start], first[group[-1].stop]
            states = self._walked(states, stream, group)
            known = all(self.cuts.knows(piece.text) for piece in group)
            if known:
                block, left = Block(self, group, states), len(ids) - start - 1
                yield start + 1, smoothed(block.masses)[:left], block.depths[:left]
                place = None
            else:
                place = place or self._after(anchor, ids[first[anchor[2]] : start + 1])
                said, place = self._stepped(place, ids[start + 1 : stop + 1], start + 1)
                yield said
            for piece in group:
                if not piece.text.isspace():
                    anchor, ended = ended if known else anchor, (states[piece.over], piece.text[-1], piece.stop)

    def _after(self, ended: Ended, ids: Ids) -> Place:
        place = self.after(*ended[:2])
        for token in ids.tolist():
            place = self.advance(place, token)
        return place

    def _stepped(self, place: Place, ids: Ids, start: int) -> tuple[Said, Place]:
        """Step by step, and where that leads."""
        found, depths = np.empty((len(ids), self.tokenizer.size)), np.empty(len(ids), np.int64)
        for row, token in enumerate(ids.tolist()):
            found[row], depths[row] = place.log_probs, place.depth
            place = self.advance(place, token)
        return (start, found, depths), place

    def _walked(self, states: dict[int, State], stream: Ids, group: list[Piece]) -> dict[int, State]:
        """The states that some pieces name, from those of the pieces before them."""
        at = max(states)
        found = {at: states[at]}
        for token in stream[at : max(max(piece.base, piece.over) for piece in group)].tolist():
            found[at + 1] = self.generator.advance(found[at], token)
            at += 1
        return found


def laid_out(cuts: Cuts, text: str) -> Iterator[Piece]:
    """The pieces of a text."""
    left, at, tokens, space = "", 0, 0, None
    for each in pieces(text):
        if each.isspace():
            space = Piece(each, at, tokens, left)
        else:
            found = Piece(each, at, tokens, left, gap(left, each[0]))
            if (space.text if space else "") != found.prefix:
                tokens += cuts.length(space.text) if space else 1
                found.base, found.left, found.prefix = tokens, space.text[-1] if space else "", ""
                if space:
                    space.over = tokens
            if space:
                yield space
            tokens += cuts.length(each)
            found.over, left, space = tokens, each[-1], None
            yield found
        at += len(each)
    if space:
        space.over = tokens + cuts.length(space.text)
        yield space


def grouped(cuts: Cuts, found: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Pieces that can be read together; a strange one stands alone, with the white space beside it."""
    group: list[Piece] = []
    strange = False
    for piece in found:
        if not strange and not cuts.knows(piece.text):
            last = [group.pop()] if group and group[-1].text.isspace() else []
            if group:
                yield group
            group, strange = last, True
        group.append(piece)
        if not piece.text.isspace() and (strange or piece.start - group[0].start >= BLOCK):
            yield group
            group, strange = [], False
    if group:
        yield group
