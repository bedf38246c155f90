"""Dataclasses as JSON values and back: the form in which results are stored, exported and sent to other processes."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
JsonObject = dict[str, Any]


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
            raise ValueError(f"{value!r} has {len(items)} items, and must have {len(kinds)}")
        return tuple(_convert(kind, item) for kind, item in zip(kinds, items, strict=True))
    if origin in (Union, types.UnionType):
        return _convert_alternative(arguments, value)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{value!r} is not one of {arguments}")
        return value

    # plain values; whole numbers stand for floats too
    return value if kind is Any else _require((int, float) if kind is float else kind, value)


def _convert_dataclass(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    values = _require(dict, value)
    known = {name: _convert(field, values[name]) for name, field in _field_types(kind).items() if name in values}
    try:
        return kind(**known)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _convert_alternative(kinds: tuple[Any, ...], value: Any) -> Any:
    """Return a value as the first type of a union that it fits."""
    if value is None and type(None) in kinds:
        return None

    # the first type that fits
    for kind in kinds:
        try:
            return _convert(kind, value)
        except ValueError:
            continue
    raise ValueError(f"{value!r} has the wrong type")


def _require(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{value!r} is a {type(value).__name__}, which is not the type expected here")
    return value
