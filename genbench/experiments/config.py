"""Comparison files: what to compare, in the words of the command line, as TOML; and what there is to see in it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, TypedDict, get_args, get_origin, get_type_hints

from genbench.corpus.catalogue import catalogue
from genbench.errors import UserError, nearest
from genbench.experiments.durations import seconds
from genbench.sampling.loop import Sampling

SOURCE = re.compile(r"[^:=,+()]+\.py")  # a .py file in a SPEC, or in a part of one
CONTROLS = ("length", "top_k", "top_p", "min_p", "repetition_penalty", "max_overlap")
Asked = dict[str, Any]  # by the names of Settings, some of them
WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class Settings(TypedDict, total=False):
    """All that a comparison file may say."""

    title: str
    see: str  # what to see in the results
    came_out: str  # what came out when its author ran it
    authors: list[str]
    generators: list[str]  # SPECs
    budget: str | float  # "2m", or seconds
    steps: int
    deadline: str | float
    seed: int
    seeds: int
    prompts: list[str]
    temperatures: list[float]
    length: int
    top_k: int
    top_p: float
    min_p: float
    repetition_penalty: float
    max_overlap: float
    jobs: int
    executor: str
    device: str
    lines: str
    held_out: list[str]
    by: list[str]
    style: bool
    memory: bool
    across: bool
    fresh: bool


def read(path: Path) -> Asked:
    """What a file says, checked; its paths are those beside the file, where they are there. Raises UserError."""
    return checked(path, parsed(path))


def parsed(path: Path) -> Asked:
    """What a file says, unchecked. Raises UserError where it cannot be read, or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {str(path)!r}: {error.strerror}; name a comparison file such as examples/memory.toml"
        ) from error
    except (ValueError, RecursionError) as error:  # no TOML, or no UTF-8, or nested too deep
        raise UserError(f"{str(path)!r} is no valid TOML: {error}; see examples/memory.toml for one that is") from error


def checked(path: Path, said: Asked) -> Asked:
    """The same, if every key is one that a comparison file has, with a value that fits. Raises UserError."""
    kinds = get_type_hints(Settings)
    if "sweep" in said:
        raise UserError(f"{str(path)!r} has a table [sweep]: genbench sweep takes it")
    for key, value in said.items():
        if key not in kinds:
            raise UserError(f"{str(path)!r} has a key {key!r}, which no comparison file has: {nearest(key, kinds)}")
        if not _fits(value, kinds[key]):
            raise UserError(f"{str(path)!r}: {key} is {value!r}, and must be {_words(kinds[key])}")
    return _beside(path.parent, said)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is list:
        return isinstance(value, list) and bool(value) and all(_fits(each, get_args(kind)[0]) for each in value)
    kinds = get_args(kind) or (kind,)
    return type(value) in (*kinds, int) if float in kinds else type(value) in kinds


def _words(kind: Any) -> str:
    """What a key may be.

    >>> _words(list[float]), _words(str | float)
    ('a list of at least one, each a number', 'text or a number')
    """
    if get_origin(kind) is list:
        return f"a list of at least one, each {_words(get_args(kind)[0])}"
    return " or ".join(WORDS[each] for each in get_args(kind) or (kind,))


def _beside(folder: Path, said: Asked) -> Asked:
    """The same with each path that leads somewhere from the file's folder made to lead there from here."""

    def here(word: str) -> str:
        found = folder / word
        return str(found) if os.path.exists(found) else word

    found, known = dict(said), catalogue()
    if "authors" in said:
        found["authors"] = [word if word.lower() in known else here(word) for word in said["authors"]]
    if "generators" in said:
        found["generators"] = [SOURCE.sub(lambda path: here(path[0]), spec) for spec in said["generators"]]
    return found


def asked(given: Asked) -> Asked:
    """What was given on a command line; where a comparison file is among the authors, over what that says."""
    named = [word for word in given.get("authors", ()) if word.lower().endswith(".toml")]
    if len(named) > 1:
        raise UserError(f"{' and '.join(map(repr, named))} are {len(named)} comparison files; name one at a time")
    if not named:
        return given
    others = {"authors": [word for word in given["authors"] if word not in named]}
    rest = {key: value for key, value in (given | others).items() if key != "authors" or value}
    return over(read(Path(named[0])), rest)


def over(said: Asked, given: Asked) -> Asked:
    """What a file says, and over it what was given; a budget or steps given take the place of either.

    >>> over({"budget": "60s", "seed": 1}, {"steps": 3})
    {'seed': 1, 'steps': 3}
    """
    limits = {"budget", "steps"} if given.keys() & {"budget", "steps"} else set()
    return {key: value for key, value in said.items() if key not in limits} | given


def arguments(asked: Asked) -> Asked:
    """The same as keyword arguments of `compare`: a budget in seconds, a Sampling for each temperature.

    >>> arguments({"budget": "2m", "temperatures": [0]})["budget"]
    120.0
    """
    found = dict(asked)
    for name in ("budget", "deadline"):
        if isinstance(found.get(name), str):
            found[name] = seconds(found[name], name)
    controls = {name: found.pop(name) for name in CONTROLS if name in found}
    temperatures = found.pop("temperatures", [Sampling.temperature])
    return found | {"samplings": [Sampling(temperature=each, **controls) for each in temperatures]}
