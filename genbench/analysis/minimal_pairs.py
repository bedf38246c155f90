"""Minimal pairs: whether a word still affects a prediction after other words have followed it (Linzen et al. 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from genbench import scoring
from genbench.errors import UserError
from genbench.generator import Generator
from genbench.storage.examples import example_path
from genbench.storage.user_files import read_toml

KEYS = ("far", "between", "then", "depends")
EXAMPLE = "example:pair"


@dataclass(frozen=True)
class MinimalPair:
    """Two beginnings that differ in one word, the words after it, and two words that depend on the difference."""

    far: tuple[str, str]  # the two beginnings
    between: str  # words that one reading omits
    then: str  # words before the dependent word
    depends: tuple[str, str]  # the first word fits the first beginning, the second word the second


@dataclass(frozen=True)
class Effect:
    """The effect of the distant word on the words that depend on it, in bits."""

    effect: float  # log2 odds of the first dependent word after the first beginning, minus those after the second
    bits: list[list[float]]  # of both dependent words after each beginning


@dataclass(frozen=True)
class PairEffects:
    """The effects of one pair."""

    far: tuple[str, str]
    between: str
    then: str
    depends: tuple[str, str]
    near: Effect  # without the words in `between`
    far_away: Effect  # with the words in `between`


LECTURE = MinimalPair(
    far=("The young woman", "The young man"),
    between=", having found a free ticket on the ground while cleaning up the leaves outside of the library,",
    then=" went to the movies with",
    depends=(" her", " his"),
)


def read_pairs(path: Path) -> list[MinimalPair]:
    """Read the pairs of a TOML file, one `[[pair]]` table each. Raises UserError for an invalid file."""
    document = read_toml(example_path(str(path)), EXAMPLE)

    # the tables
    pairs = document.get("pair")
    if not isinstance(pairs, list) or not pairs:
        raise UserError(f"{str(path)!r} has no [[pair]]; see {EXAMPLE}")
    return [_parse_pair(path, pair) for pair in pairs]


def _parse_pair(path: Path, pair: Any) -> MinimalPair:
    """Return a pair from a TOML table. Raises UserError for other keys or types than those of MinimalPair."""
    where = f"a [[pair]] of {str(path)!r}"
    if not isinstance(pair, dict) or set(pair) != set(KEYS):
        raise UserError(f"{where} must have {', '.join(KEYS)}, and no other keys")

    # two texts each
    for key in ("far", "depends"):
        value = pair[key]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(text, str) and text for text in value):
            raise UserError(f"{key} of {where} is {value!r}, but must be a list of two texts")

    # one text each
    if not all(isinstance(pair[key], str) for key in ("between", "then")):
        raise UserError(f"between and then of {where} must be texts")

    (far, other_far), (depends, other_depends) = pair["far"], pair["depends"]
    return MinimalPair((far, other_far), pair["between"], pair["then"], (depends, other_depends))


def pair_effects(generator: Generator, pair: MinimalPair) -> PairEffects:
    """Return the effect of the distant word on the dependent words, with and without the words in `between`.

    An effect of 0 means that the distant word changes nothing; below 0, it makes the wrong word more likely.
    """
    # the reading without the words between shows whether the model knows the dependency at all
    near, far_away = (_effect(generator, pair, between) for between in ("", pair.between))
    return PairEffects(pair.far, pair.between, pair.then, pair.depends, near, far_away)


def _effect(generator: Generator, pair: MinimalPair, between: str) -> Effect:
    """Return the effect of the distant word with these words between it and the dependent words."""
    # all four combinations of beginning and dependent word
    beginnings = [far + between + pair.then for far in pair.far]
    texts = [beginning + word for beginning, word in product(beginnings, pair.depends)]
    character_bits = scoring.score_each(generator, texts)

    # the bits of the dependent word at the end of each
    sizes = [len(word) for word in pair.depends] * 2
    bits = [float(text[len(text) - size :].sum()) for text, size in zip(character_bits, sizes, strict=True)]
    return Effect(bits[1] - bits[0] - (bits[3] - bits[2]), [bits[:2], bits[2:]])
