"""Dataclasses as JSON values and back: the form in which results are stored, exported and sent to other processes."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from reprlib import Repr
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
JsonObject = dict[str, Any]

shortened = Repr()  # a short text for any value, also a large or nested one
shortened.maxlevel = 1


class JsonRecord:
    """Base class of dataclasses that can be written as JSON."""

    def to_dict(self) -> JsonObject:
        """Return the record as JSON values: one object with a key for each field."""
        values: JsonObject = to_json(self)
        return values


def to_json(value: Any) -> Any:
    """Return a dataclass, or a list, tuple or dict of them, as JSON values: one object with a key for each field.

    >>> from dataclasses import make_dataclass
    >>> to_json(make_dataclass("Point", ["x", "y"])(1, (2.5, None)))
    {'x': 1, 'y': [2.5, None]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[Record], values: Any) -> Record:
    """Return the dataclass that `to_json` gave these values of; keys that are no fields are ignored.

    Raises ValueError where a value has another type than its field, or a field without a default is missing.
    """
    record: Record = _convert(kind, values)
    return record


@cache
def _field_types(kind: type) -> JsonObject:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _convert(kind: Any, value: Any) -> Any:
    """Return a JSON value as the type of an annotation."""
    if is_dataclass(kind) and isinstance(kind, type):
        return _convert_dataclass(kind, value)

    # containers, and alternatives
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list:
        return [_convert(arguments[0], item) for item in _require(list, value)]
    if origin is dict:
        return {key: _convert(arguments[1], item) for key, item in _require(dict, value).items()}
    if origin is tuple:
        items = _require(list, value)
        kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(items):
            raise ValueError(f"{shortened.repr(value)} has {len(items)} items, and must have {len(kinds)}")
        return tuple(_convert(kind, item) for kind, item in zip(kinds, items, strict=True))
    if origin in (Union, types.UnionType):
        return _convert_alternative(arguments, value)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{shortened.repr(value)} is not one of {arguments}")
        return value

    # plain values; whole numbers stand for floats too
    return value if kind is Any else _require((int, float) if kind is float else kind, value)


def _convert_dataclass(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value

    # the fields; one without a default has to be there
    values, known = _require(dict, value), {}
    for field in fields(kind):
        if field.name in values:
            known[field.name] = _convert_field(field.name, _field_types(kind)[field.name], values[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{field.name} is missing")
    return kind(**known)


def _convert_field(name: str, kind: Any, value: Any) -> Any:
    try:
        return _convert(kind, value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _convert_alternative(kinds: tuple[Any, ...], value: Any) -> Any:
    """Return a value as the first type of a union that it fits."""
    if value is None and type(None) in kinds:
        return None

    # the first type that fits; with one type, its reason says more
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) == 1:
        return _convert(kinds[0], value)
    for kind in kinds:
        try:
            return _convert(kind, value)
        except ValueError:
            continue
    raise ValueError(f"{shortened.repr(value)} has the wrong type")


def _require(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{shortened.repr(value)} is a {type(value).__name__}, which is not the type expected here")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number")
    return value
