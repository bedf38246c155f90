"""SPEC strings, which name a generator and its options, and their conversion to typed values.

A SPEC is `name`, `name:key=value,key=value`, or a path to a .py file in place of the name; the options are the fields
of the generator's dataclass. A value with commas, colons or plus signs is put in parentheses:
`mixture:parts=(markov-char:order=6)+(lstm-char)`.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from genbench.errors import SpecError, UserError, nearest
from genbench.generator import Generator, OptionValue
from genbench.tokenization.text import replace_surrogates

FORM = "name, name:key=value,key=value, or a path to a .py file; see genbench generators list"
SYNTAX = frozenset("()+:,=")  # characters of a SPEC that have a meaning
REGISTERED_NAME = re.compile(r"[\w-]+:\s*\w+\s*=")  # a name with options; ".py" in an option does not make it a path
PLUGIN_FILE = re.compile(r"(?P<path>.+?\.py)(?:(?P<colon>:)(?P<rest>.*)|(?P<end>)$)", re.DOTALL)
MAX_CHARACTERS, MAX_DEPTH = 4_000, 20  # of a SPEC: characters, nested parentheses
REPEATED, MAX_COPIES = re.compile(r"\s*([0-9]{1,9})\s*\*"), 20  # 3*SPEC in a list of SPECs; how many at most
LITERALS: dict[Any, Mapping[str, OptionValue]] = {
    bool: dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False),
    type(None): {"none": None, "auto": None},
}

# numbers as they are written in a SPEC: in one way each, so that two SPECs of one model are equal
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
DECIMAL = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
MAX_INTEGER = 2**63 - 1  # the largest whole number that arrays and tensors hold

Span = tuple[int, int]  # start and end of a part of a text


@dataclass(frozen=True)
class Spec:
    """A parsed SPEC. If it names a plugin file instead of a registered generator, `path` is set, and `name` is its end.

    >>> Spec.parse("plugins/my_idea.py:order=3").name
    'my_idea.py'
    """

    name: str
    options: dict[str, str]
    path: Path | None = None
    text: str = field(default="", compare=False)  # without spaces around its parts
    head: int = field(default=0, compare=False, repr=False)  # length of the name or the path in `text`
    starts: dict[str, int] = field(default_factory=dict, compare=False, repr=False)  # of the options' values in `text`

    @classmethod
    def parse(cls, text: str | Spec) -> Spec:
        """Parse a SPEC; a `Spec` is returned unchanged. Raises SpecError if it is malformed.

        >>> Spec.parse("lstm-char:hidden=512,layers=2").options
        {'hidden': '512', 'layers': '2'}
        >>> Spec.parse("./my_idea.py:weight=(1,2)").path
        PosixPath('my_idea.py')
        >>> str(Spec.parse(" markov-char: order = 3"))
        'markov-char:order=3'
        """
        if isinstance(text, Spec):
            return text
        if not isinstance(text, str):
            raise SpecError(f"SPEC {text!r} is not text; a SPEC is {FORM}")
        if replace_surrogates(text) != text:
            raise SpecError(f"SPEC {text!r} is not valid Unicode text; rename a file whose name is not UTF-8")
        if len(text) > MAX_CHARACTERS:
            raise SpecError(
                f"SPEC {text[:40]!r}... has {len(text):,} characters, and may have {MAX_CHARACTERS:,}: give fewer"
            )

        # the name, or the path of a plugin file
        file = None if REGISTERED_NAME.match(text) else PLUGIN_FILE.match(text)
        name, colon, rest = (file["path"], file["colon"], file["rest"]) if file else text.partition(":")
        if not name.strip():
            raise SpecError(f"SPEC {text!r} names no generator; a SPEC is {FORM}")
        path = Path(name) if file else None

        # its options, and where their values stand in the text without spaces
        plain = name if file else name.strip()
        head, options, starts = len(plain), dict[str, str](), dict[str, int]()
        for _, part in _split(rest, ",", text) if rest or colon else []:
            key, value = _parse_option(part, text)
            if key in options:
                raise SpecError(f"SPEC {text!r} gives {key} twice; give it once")
            options[key] = _without_parentheses(value)
            plain += f"{',' if starts else ':'}{key}="
            starts[key] = len(plain) + (options[key] != value)
            plain += value
        return cls(path.name if path else plain[:head], options, path, plain, head, starts)

    def __str__(self) -> str:
        return self.text

    def replace_files(self, files: Sequence[Span], replace: Callable[[str], str]) -> str:
        """Return the SPEC with `replace` applied to the names of files at these places of its text.

        >>> Spec.parse("lstm-word:hidden=3,embeddings=3").replace_files([(30, 31)], lambda name: f"/data/{name}")
        'lstm-word:hidden=3,embeddings=/data/3'
        """
        parts, end = [], 0
        for start, stop in files:
            parts += [self.text[end:start], replace(self.text[start:stop])]
            end = stop
        return "".join(parts) + self.text[end:]

    def fill(self, chosen: Mapping[str, Any]) -> str:
        """Return the SPEC with more options set, such as the values that training chose for "auto".

        >>> Spec.parse("lstm-char:batch=16,hidden=auto").fill({"hidden": 64})
        'lstm-char:batch=16,hidden=64'
        """
        options = self.options | {name: format_value(value) for name, value in chosen.items()}
        if not options:
            return self.text

        # a value with syntax characters needs parentheses
        pairs = [
            f"{key}=({value})" if set(value) & SYNTAX - {"="} else f"{key}={value}" for key, value in options.items()
        ]
        return f"{self.path or self.name}:{','.join(pairs)}"


def split_specs(text: str) -> list[tuple[int, str]]:
    """Return the SPECs in the value of an option that lists them, with plus signs between, and where each starts.

    `3*SPEC` lists a SPEC three times. Raises SpecError for a number out of range.

    >>> split_specs("(markov-char:order=6)+lstm-char+(mixture:parts=(a)+(b))")
    [(1, 'markov-char:order=6'), (22, 'lstm-char'), (33, 'mixture:parts=(a)+(b)')]
    >>> split_specs("2*lstm-char+markov-char")
    [(2, 'lstm-char'), (2, 'lstm-char'), (12, 'markov-char')]
    """
    specs = []
    for start, part in _split(text, "+", text):
        # how often the SPEC occurs
        repeated = REPEATED.match(part)
        copies = int(repeated[1]) if repeated else 1
        if not 1 <= copies <= MAX_COPIES:
            raise SpecError(f"SPEC {text!r} lists a part {copies} times, but must list it 1 to {MAX_COPIES} times")

        # the SPEC itself
        begin = repeated.end() if repeated else 0
        spec = _without_parentheses(part[begin:].strip())
        specs += [(start + part.index(spec, begin), spec)] * copies
    return specs


def _parse_option(text: str, spec: str) -> tuple[str, str]:
    """Return the name of an option of a SPEC and its value, both without spaces around them."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key or not value:
        raise SpecError(f"SPEC {spec!r} has {text!r} where key=value is expected; a SPEC is {FORM}")
    return key, value


def _split(text: str, separator: str, spec: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a list that is split at separators outside parentheses, and where each starts."""
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not 0 <= depth <= MAX_DEPTH:
            break

        # a separator at depth 0 ends a part
        if character == separator and depth == 0:
            yield start, text[start:place]
            start = place + 1

    if depth:
        raise SpecError(f"SPEC {spec!r} has parentheses that do not match, or over {MAX_DEPTH} deep; a SPEC is {FORM}")
    yield start, text[start:]


def _without_parentheses(value: str) -> str:
    """Return a value without the parentheses that enclose all of it, if there are any.

    >>> _without_parentheses("(a,b)"), _without_parentheses("(a)+(b)")
    ('a,b', '(a)+(b)')
    """
    depth = 0
    for place, character in enumerate(value):
        # the first pair is closed here: at the end of the value, or before it
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
    names: Literal["", "file", "specs"] = ""  # what its value names: a file, or other generators

    @property
    def choices(self) -> str:
        """The valid values in words."""
        words = [_words(part) for part in _alternatives(self.type)]
        return " or ".join("a file" if self.names == "file" and word == "text" else word for word in words)

    def is_word(self, value: str) -> bool:
        """Return whether the value of an option that names something is one of the words that its type has instead.

        >>> Option("vectors", Literal["none"] | str, "none", names="file").is_word("none")
        True
        >>> Option("base", str | None, None, names="specs").is_word("none")
        True
        """
        literals = [part for part in _alternatives(self.type) if get_origin(part) is Literal]
        words = {str(word) for literal in literals for word in get_args(literal)}
        return value in words or (type(None) in _alternatives(self.type) and value.lower() in LITERALS[type(None)])


def options_of(generator: type[Generator]) -> dict[str, Option]:
    """Return the options of a generator class, its dataclass fields, by name and in order.

    The metadata of a field may have `help`, a description, and `names`: "file" for the path of a file, "specs" for
    SPECs with plus signs between.
    """
    # the annotations of the fields are strings, because of `from __future__ import annotations`
    hints = get_type_hints(generator)
    return {
        f.name: Option(f.name, hints[f.name], field_default(f), f.metadata.get("help", ""), f.metadata.get("names", ""))
        for f in dataclasses.fields(generator)  # type: ignore[arg-type]
        if f.init
    }


def field_default(field: dataclasses.Field[Any]) -> Any:
    """Return the default of a dataclass field; `dataclasses.MISSING` if it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def format_value(value: Any) -> str:
    """Return an option value in SPEC syntax.

    >>> format_value(None), format_value(0.015), format_value(True)
    ('auto', '0.015', 'true')
    """
    return "auto" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def option_values(generator: Generator) -> dict[str, OptionValue]:
    """Return all options of a generator as JSON values."""
    return {name: getattr(generator, name) for name in options_of(type(generator))}


def create_generator(generator: type[Generator], name: str, options: Mapping[str, Any]) -> Generator:
    """Return an untrained generator with these options; strings are converted. Raises SpecError for invalid options."""
    # convert each option to the type of its field
    known = options_of(generator)
    converted = {}
    for key, value in options.items():
        require_option(key, known, name)
        converted[key] = convert(value, known[key], name) if isinstance(value, str) else value

    # the class itself may refuse a value
    try:
        return generator(**converted)
    except (ValueError, TypeError) as error:
        raise SpecError(f"{name} refuses its options: {error}") from error


def require_option(key: str, known: Collection[str], generator: str) -> None:
    """Raise SpecError for an option that a generator does not have."""
    if key not in known:
        raise SpecError(f"{generator} has no option {key!r}: {nearest(key, known) if known else 'it has none'}")


def convert(text: str, option: Option, generator: str) -> Any:
    """Convert a string to the type of an option. Raises SpecError."""
    # the first type of a union that accepts the string
    for kind in _alternatives(option.type):
        try:
            return _as(text, kind)
        except (ValueError, KeyError):
            continue
    raise SpecError(
        f"{generator}: {option.name} is {text!r}, but must be {option.choices}{_number_hint(text)} "
        f"(default {format_value(option.default)})"
    )


def _number_hint(text: str) -> str:
    """Return how to write a whole number that `int` accepts and a SPEC does not; "" for other text.

    >>> _number_hint("+3"), _number_hint("9" * 20)
    (', as in 3', ', with at most 19 digits')
    """
    try:
        number = int(text)
    except ValueError:
        return ""
    return f", as in {number}" if abs(number) <= MAX_INTEGER else f", with at most {len(str(MAX_INTEGER))} digits"


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union, with str last, because it accepts every string."""
    # both `int | None` and `Optional[int]` are unions
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return tuple(sorted(kinds, key=lambda part: part is str))


def _words(kind: Any) -> str:
    """Return the valid values of a type in words."""
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    known = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "auto"}
    return known.get(kind, str(kind))


def _as(text: str, kind: Any) -> Any:
    """Convert a string to one type; raises ValueError or KeyError."""
    # one of several words
    if get_origin(kind) is Literal:
        return {str(choice): choice for choice in get_args(kind)}[text]
    if kind in LITERALS:
        return LITERALS[kind][text.lower()]

    # numbers; "nan", "inf", "1_0" and digits of other scripts are not valid
    if kind is int and not (INTEGER.fullmatch(text) and abs(int(text)) <= MAX_INTEGER):
        raise ValueError(text)
    if kind is float and not (DECIMAL.fullmatch(text) and math.isfinite(float(text))):
        raise ValueError(text)
    return kind(text)


_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
MAX_HOURS = 10_000  # of a duration; timers of the system end at some 290 years


def parse_duration(value: str | float | None, name: str = "budget") -> float | None:
    """Return a duration in seconds; numbers are seconds. Raises UserError.

    >>> parse_duration("30s"), parse_duration("1.5m"), parse_duration("2h"), parse_duration("45"), parse_duration(7)
    (30.0, 90.0, 7200.0, 45.0, 7.0)
    """
    if value is None:
        return None

    # a string needs a number with or without a unit
    seconds: float = math.nan
    if isinstance(value, str):
        match = re.fullmatch(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*(s|m|min|h|)\s*", value)
        seconds = float(match[1]) * _SECONDS[match[2]] if match else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value

    # "not" also refuses NaN
    if not 0 < seconds <= MAX_HOURS * 3600:
        raise UserError(
            f"{name} is {value!r}, but must be a time above 0 such as 30s, 2m or 1h, and at most {MAX_HOURS}h"
        )
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Return a duration as it is typed; `parse_duration` reads it.

    >>> format_duration(5.0), format_duration(60), format_duration(90), format_duration(120.0), format_duration(3600)
    ('5s', '60s', '90s', '2m', '1h')
    """
    if seconds % 3600 == 0:
        return f"{seconds / 3600:.12g}h"
    if seconds % 60 == 0 and seconds >= 120:
        return f"{seconds / 60:.12g}m"
    return f"{round(seconds, 1):.12g}s"


def require_integer(name: str, value: object, lowest: int, highest: int) -> None:
    """Raise UserError for a value that is neither None nor a whole number within the limits."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise UserError(f"{name} is {value!r}, but must be a whole number from {lowest:,} to {highest:,}")
