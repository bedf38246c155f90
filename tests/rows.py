"""Rows whose figures fit each other, as those of a finished row do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genbench.experiments.row import Row

BLOCKS = 20  # of 1,000 characters


def scored_row(
    generator: str, bits: float | None = None, *, author: str = "a", blocks: Sequence[float] = (), **fields: Any
) -> Row:
    """Return a row with these bits per character, or with the bits of these blocks; `fields` replaces others."""
    if bits is not None:  # odd blocks are a bit easier than even ones
        blocks = [1000 * bits + (-1) ** place for place in range(BLOCKS)]
    total, characters = sum(map(float, blocks)), 1000 * len(blocks)
    quotient = total / characters if bits is None else bits
    row = Row(
        author,
        generator,
        bits=quotient * characters,
        bits_per_character=quotient,
        bits_per_byte=quotient,
        characters=characters,
        bytes=characters,
        words=characters // 5,
        tokens=characters,
        word_perplexity=2 ** (5 * quotient),
        token_perplexity=2**quotient,
        block_bits=list(map(float, blocks)),
    )
    return replace(row, **fields)
