"""Comparison files: the arguments of `compare` as TOML, with the words of the command line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast, get_args, get_origin, get_type_hints

from genbench.corpus.catalogue import load_catalogue
from genbench.errors import UserError, nearest
from genbench.experiments.plan import CompareSettings, combine_samplings
from genbench.spec import parse_duration
from genbench.storage.examples import example_path
from genbench.storage.records import JsonObject
from genbench.storage.user_files import read_toml

EXAMPLE = "example:memory"
PLUGIN_PATH = re.compile(r"[^:=,+()]+\.py")  # a .py file in a SPEC, or in an option of one
LIMITS = {"budget", "steps", "flops"}  # of a training
SAMPLING_KEYS = ("temperatures", "length", "top_k", "top_p", "min_p", "repetition_penalty", "max_overlap")
TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class CompareConfig(TypedDict, total=False):
    """The keys that a comparison file may have: keyword arguments of `compare`."""

    title: str
    notes: str  # what to look at in the results
    expected: str  # the results that the author of the file obtained
    authors: list[str]
    generators: list[str]  # SPECs
    budget: str | float  # "2m", or seconds
    steps: int
    flops: float
    timeout: str | float
    audit: str  # "30s", or "full"
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
    encoding: str
    column: str
    held_out: list[str]
    by: list[str]
    style: bool
    memory: bool
    cross_author: bool
    imported: list[str]  # imported models that may be reused
    pretrained: list[str]  # files and folders that lm-evaluation-harness wrote
    retrain: bool


def read_config(path: str | Path) -> CompareConfig:
    """Return the keyword arguments of `compare` in a comparison file, or in an example such as "example:memory".

    Paths in it are relative to the file, where they exist there. Raises UserError for a file that cannot be read, and
    for keys or values that no comparison file has.
    """
    path = example_path(str(path))
    return _validate(path, read_toml(path, EXAMPLE))


def read_sweep_file(path: Path) -> tuple[JsonObject, CompareConfig]:
    """Return the [sweep] table of a comparison file, and its other keys. Raises UserError."""
    path = example_path(str(path))
    content = read_toml(path, EXAMPLE)
    table = content.pop("sweep", None)
    if not isinstance(table, dict):
        raise UserError(f"{str(path)!r} has no table [sweep] of lists of options, as example:sweep has")
    if "pretrained" in content:
        raise UserError(f"{str(path)!r} has pretrained rows, which a sweep cannot rank: they have no validation text")
    return table, _validate(path, content)


def resolve_arguments(arguments: Mapping[str, Any]) -> CompareConfig:
    """Return the arguments of a command line, on top of those of the comparison file that is among the authors.

    Raises UserError for two comparison files, and as `read_config` does.
    """
    authors = arguments.get("authors", ())
    files = [name for name in authors if str(example_path(name)).lower().endswith(".toml")]
    if len(files) > 1:
        raise UserError(f"{' and '.join(map(repr, files))} are {len(files)} comparison files; name one at a time")
    if not files:
        return cast(CompareConfig, dict(arguments))

    # the arguments of the command line on top of those of the file
    others = {"authors": [name for name in authors if name not in files]}
    rest = {key: value for key, value in {**arguments, **others}.items() if key != "authors" or value}
    return override(read_config(files[0]), rest)


def override(content: CompareConfig, arguments: Mapping[str, Any]) -> CompareConfig:
    """Return a file's arguments with others on top; budget, steps or flops replace all three.

    >>> override({"budget": "60s", "seed": 1}, {"steps": 3})
    {'seed': 1, 'steps': 3}
    """
    replaced = LIMITS if arguments.keys() & LIMITS else set()
    merged = {key: value for key, value in content.items() if key not in replaced} | dict(arguments)
    return cast(CompareConfig, merged)


def to_settings(content: CompareConfig) -> CompareSettings:
    """Return the settings of a comparison that a file describes.

    >>> to_settings({"budget": "2m", "temperatures": [0]}).budget
    120.0
    """
    values: JsonObject = dict(content)
    values.pop("retrain", None)
    for name in ("budget", "timeout"):
        values[name] = parse_duration(values.get(name), name)
    parameters = {name: values.pop(name) for name in SAMPLING_KEYS if name in values}
    return CompareSettings(**values, samplings=combine_samplings(None, **parameters))


def _validate(path: Path, content: Mapping[str, Any]) -> CompareConfig:
    """Return the content of a file if every key and value is valid, with its paths resolved. Raises UserError."""
    types = get_type_hints(CompareConfig)
    if "sweep" in content:
        raise UserError(f"{str(path)!r} has a table [sweep]: run it with genbench sweep")

    # the first mistake is reported, with what is valid
    for key, value in content.items():
        if key not in types:
            raise UserError(f"{str(path)!r} has an unknown key {key!r}: {nearest(key, types)}")
        if not _fits(value, types[key]):
            raise UserError(f"{str(path)!r}: {key} is {value!r}, but must be {_describe_type(types[key])}")
    return cast(CompareConfig, _resolve_paths(path.parent, content))


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is list:
        return isinstance(value, list) and bool(value) and all(_fits(item, get_args(kind)[0]) for item in value)
    kinds = get_args(kind) or (kind,)
    return type(value) in (*kinds, int) if float in kinds else type(value) in kinds


def _describe_type(kind: Any) -> str:
    """Return the type of a key in words.

    >>> _describe_type(list[float]), _describe_type(str | float)
    ('a list of at least one value, each a number', 'text or a number')
    """
    if get_origin(kind) is list:
        return f"a list of at least one value, each {_describe_type(get_args(kind)[0])}"
    return " or ".join(TYPE_NAMES[part] for part in get_args(kind) or (kind,))


def _resolve_paths(folder: Path, content: Mapping[str, Any]) -> JsonObject:
    """Return the content with each path that exists relative to the file's folder made one from here."""

    def resolve(word: str) -> str:
        path = folder / word
        return str(path) if os.path.exists(path) else word

    # names of the catalogue are not paths
    resolved, known = dict(content), load_catalogue()
    if "authors" in content:
        resolved["authors"] = [name if name.lower() in known else resolve(name) for name in content["authors"]]
    if "pretrained" in content:
        resolved["pretrained"] = list(map(resolve, content["pretrained"]))
    if "generators" in content:
        resolved["generators"] = [
            PLUGIN_PATH.sub(lambda path: resolve(path[0]), spec) for spec in content["generators"]
        ]
    return resolved
