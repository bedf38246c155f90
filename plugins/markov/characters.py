"""Characters as numbers that say how a tokenizer treats them, for compiled loops (`tokenization/segmentation.py`).

A number has the code point, plus one, and flags: the kind of pieces that the character belongs to, and whether a space
is implied after it or before it.
"""

from __future__ import annotations

from functools import lru_cache

from genbench_plugins.markov.compiling import inner

from genbench.tokenization.segmentation import implied_separator, is_one_piece

KIND, WHITE, WORD, DIGIT = 3, 1, 2, 3  # 0: a mark, in a piece only with itself
CLOSES, OPENS = 4, 8  # a space is implied between a character that closes and one that opens
FLAGS = 16
NOTHING = 0  # instead of a character where there is none


@lru_cache(maxsize=1 << 16)
def describe(character: str) -> int:
    """Return the number of a character.

    >>> describe("a") % FLAGS == OPENS + CLOSES + WORD, describe(",") % FLAGS == CLOSES
    (True, True)
    """
    kinds = {WHITE: character.isspace(), WORD: is_one_piece(character, "a"), DIGIT: is_one_piece(character, "1")}
    kind = max((kind for kind, belongs in kinds.items() if belongs), default=0)
    closes, opens = implied_separator(character, "a") == " ", implied_separator("a", character) == " "
    return (ord(character) + 1) * FLAGS + kind + CLOSES * closes + OPENS * opens


@inner
def is_white(character: int) -> bool:
    """Return whether a character is white space."""
    return character & KIND == WHITE


@inner
def joins(left: int, right: int) -> bool:
    """Return whether two adjacent characters belong to the same piece; not if there is none on the left."""
    return left == right or (left & KIND != 0 and left & KIND == right & KIND)


@inner
def implies(left: int, right: int) -> bool:
    """Return whether a space is implied between two characters; not if there is none on the left."""
    return left & CLOSES != 0 and right & OPENS != 0
