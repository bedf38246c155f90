"""Minimal pairs: does what depends on a far word survive the words between? (Such tests: Linzen et al. 2016.)"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from genbench import scoring
from genbench.errors import UserError
from genbench.generator import Generator

KEYS = ("far", "between", "then", "depends")


@dataclass(frozen=True)
class Pair:
    """Two beginnings that differ in a far word, words between, how both go on, and the two words that depend on it."""

    far: tuple[str, str]
    between: str
    then: str
    depends: tuple[str, str]  # the first goes with the first beginning, the second with the second


LECTURE = Pair(
    far=("The young woman", "The young man"),
    between=", having found a free ticket on the ground while cleaning up the leaves outside of the library,",
    then=" went to the movies with",
    depends=(" her", " his"),
)


def read(path: Path) -> list[Pair]:
    """The pairs of a TOML file, `[[pair]]` each; raises UserError for what is none."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {str(path)!r}: {error.strerror}; see examples/pair.toml for one") from error
    except ValueError as error:
        raise UserError(f"{str(path)!r} is no valid TOML: {error}; see examples/pair.toml for one") from error
    found = said.get("pair")
    if not isinstance(found, list) or not found:
        raise UserError(f"{str(path)!r} has no [[pair]]; see examples/pair.toml for one")
    return [_pair(path, each) for each in found]


def _pair(path: Path, said: Any) -> Pair:
    if not isinstance(said, dict) or set(said) != set(KEYS):
        raise UserError(f"a [[pair]] of {str(path)!r} must have {', '.join(KEYS)}, and no others")
    for key in ("far", "depends"):
        value = said[key]
        if not isinstance(value, list) or len(value) != 2 or not all(isinstance(each, str) and each for each in value):
            raise UserError(f"{key} of a [[pair]] of {str(path)!r} is {value!r}, and must be a list of two texts")
    if not all(isinstance(said[key], str) for key in ("between", "then")):
        raise UserError(f"between and then of a [[pair]] of {str(path)!r} must be texts")
    return Pair(
        (said["far"][0], said["far"][1]), said["between"], said["then"], (said["depends"][0], said["depends"][1])
    )


def pull(generator: Generator, pair: Pair) -> dict[str, Any]:
    """How far the far word moves the odds of what depends on it, with and without the words between, as JSON values.

    In bits: log2 of the odds of the first against the second word after the first beginning, less that after the
    second. 0 is no memory of it, below 0 the wrong way round.
    """
    found: dict[str, Any] = {
        "far": list(pair.far),
        "between": pair.between,
        "then": pair.then,
        "depends": list(pair.depends),
    }
    for name, between in (("near", ""), ("far_away", pair.between)):
        heads = [far + between + pair.then for far in pair.far]
        texts = [head + word for head, word in product(heads, pair.depends)]
        read = scoring.alone(generator, texts)
        sizes = [len(word) for word in pair.depends] * 2
        bits = [float(each[len(each) - size :].sum()) for each, size in zip(read, sizes, strict=True)]
        found[name] = {"pull": bits[1] - bits[0] - (bits[3] - bits[2]), "bits": [bits[:2], bits[2:]]}
    return found
