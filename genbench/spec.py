"""SPECs: `name`, `name:key=value,key=value`, or a path to a .py file; options are the generator's dataclass fields.

A value with commas, colons or plus signs stands in parentheses: `mixture:parts=(markov-char:order=6)+(lstm-char)`.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from genbench.errors import SpecError, nearest
from genbench.generator import Generator

FORM = "name, name:key=value,key=value, or a path to a .py file; see genbench generators list"
WORD = re.compile(r"[^()+:,=]+")  # of a SPEC
NAMED = re.compile(r"[\w-]+:\s*\w+\s*=")  # a registered name with options: a .py in one of them is no path
FILE = re.compile(r"(?P<path>.+?\.py)(?:(?P<colon>:)(?P<rest>.*)|(?P<end>)$)", re.DOTALL)
LONGEST, DEEPEST = 4_000, 20  # of a SPEC: characters, parentheses in parentheses
WORDS: dict[Any, dict[str, Any]] = {
    bool: dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False),
    type(None): {"none": None, "auto": None},
}


@dataclass(frozen=True)
class Spec:
    """A SPEC taken apart; `path` is set where it names a file."""

    name: str
    options: dict[str, str]
    path: Path | None = None


def parse(text: str) -> Spec:
    """Take a SPEC apart; raises SpecError where it is malformed.

    >>> parse("lstm-char:hidden=512,layers=2").options
    {'hidden': '512', 'layers': '2'}
    >>> parse("./my_idea.py:weight=(1,2)")
    Spec(name='my_idea', options={'weight': '1,2'}, path=PosixPath('my_idea.py'))
    """
    if len(text) > LONGEST:
        raise SpecError(
            f"SPEC {text[:40]!r}... has {len(text):,} characters, and may have {LONGEST:,}; give fewer options"
        )
    file = None if NAMED.match(text) else FILE.match(text)
    name, colon, rest = (file["path"], file["colon"], file["rest"]) if file else text.partition(":")
    options: dict[str, str] = {}
    for part in _parts(rest, text) if rest or colon else []:
        key, equals, value = part.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise SpecError(f"SPEC {text!r} has {part!r} where key=value is expected; a SPEC is {FORM}")
        if key.strip() in options:
            raise SpecError(f"SPEC {text!r} gives {key.strip()} twice; give it once")
        options[key.strip()] = _bare(value.strip())
    if not name.strip():
        raise SpecError(f"SPEC {text!r} names no generator; a SPEC is {FORM}")
    path = Path(name) if file else None
    return Spec(path.stem if path else name.strip(), options, path)


def files_of(spec: Spec) -> list[Path]:
    """Every file that a SPEC names: plugins, vectors."""
    named = [spec.path, *(Path(word) for value in spec.options.values() for word in WORD.findall(value))]
    return [path for path in named if path is not None and os.path.isfile(path)]


def with_files(spec: str, place: Callable[[str], str]) -> str:
    """A SPEC with each word that names a file put as `place` says."""
    paths = set(files_of(parse(spec)))
    return WORD.sub(lambda word: place(word[0]) if Path(word[0]) in paths else word[0], spec)


def _parts(text: str, spec: str) -> Iterator[str]:
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not 0 <= depth <= DEEPEST:
            break
        if character == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if depth:
        raise SpecError(f"SPEC {spec!r} has parentheses that do not match, or over {DEEPEST} deep; a SPEC is {FORM}")
    yield text[start:]


def _bare(value: str) -> str:
    """Without the parentheses, if one pair stands around the whole value.

    >>> _bare("(a,b)"), _bare("(a)+(b)")
    ('a,b', '(a)+(b)')
    """
    depth = 0
    for place, character in enumerate(value):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return value[1:-1] if place == len(value) - 1 and value.startswith("(") else value
    return value


@dataclass(frozen=True)
class Option:
    """One hyper-parameter of a generator."""

    name: str
    type: Any
    default: Any
    help: str = ""

    @property
    def choices(self) -> str:
        """What may be given, in words."""
        return " or ".join(_words(part) for part in _alternatives(self.type))


def options_of(generator: type[Generator]) -> dict[str, Option]:
    """The options of a generator class: its dataclass fields, in their order."""
    hints = get_type_hints(generator)
    return {
        f.name: Option(f.name, hints[f.name], default(f), f.metadata.get("help", ""))
        for f in dataclasses.fields(generator)  # type: ignore[arg-type]
        if f.init
    }


def default(field: dataclasses.Field[Any]) -> Any:
    """The default of a dataclass field; MISSING where it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def written(value: Any) -> str:
    """A value as a SPEC has it.

    >>> written(None), written(0.015), written(True)
    ('auto', '0.015', 'true')
    """
    return "auto" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def complete(spec: str, chosen: dict[str, Any]) -> str:
    """A SPEC with more options given, those that the generator chose itself in training, say.

    >>> complete("lstm-char:window=16,hidden=auto", {"hidden": 64})
    'lstm-char:window=16,hidden=64'
    """
    parsed = parse(spec)
    given = parsed.options | {name: written(value) for name, value in chosen.items()}
    pairs = [f"{name}=({value})" if set(value) & set(",:+()") else f"{name}={value}" for name, value in given.items()]
    return ":".join([str(parsed.path or parsed.name), ",".join(pairs)]) if pairs else spec


def values(generator: Generator) -> dict[str, Any]:
    """The options of a generator, complete, as JSON values."""
    return {name: getattr(generator, name) for name in options_of(type(generator))}


def make(generator: type[Generator], name: str, given: dict[str, Any]) -> Generator:
    """A generator with these options, strings converted; SpecError for an unknown option or an impossible value."""
    known = options_of(generator)
    converted = {}
    for key, value in given.items():
        if key not in known:
            raise SpecError(f"{name} has no option {key!r}: {nearest(key, known) if known else 'it has none'}")
        converted[key] = convert(value, known[key], name) if isinstance(value, str) else value
    try:
        return generator(**converted)
    except (ValueError, TypeError) as error:
        raise SpecError(f"{name} refuses its options: {error}") from error


def convert(text: str, option: Option, generator: str) -> Any:
    """The value that a string stands for, by the option's type; raises SpecError."""
    for kind in _alternatives(option.type):
        try:
            return _as(text, kind)
        except (ValueError, KeyError):
            continue
    raise SpecError(f"{generator}: {option.name} is {text!r}, and must be {option.choices} (default {option.default})")


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """The types of a union, text last: it takes everything."""
    found = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return tuple(sorted(found, key=lambda part: part is str))


def _words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    known = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "auto"}
    return known.get(kind, str(kind))


def _as(text: str, kind: Any) -> Any:
    """The value of one type that a string stands for; raises ValueError or KeyError."""
    if get_origin(kind) is Literal:
        return {str(choice): choice for choice in get_args(kind)}[text]
    if kind in WORDS:
        return WORDS[kind][text.lower()]
    if kind is float and not math.isfinite(float(text)):
        raise ValueError(text)
    return kind(text)
