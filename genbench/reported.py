"""What a generator reports of its training, as Python values within limits: numbers, counts, texts, JSON values.

A generator may report values of any library. What can be converted is converted, such as a tensor with one value, a
number of numpy or a fraction; everything else raises ContractError, which names the field and the value.
"""

from __future__ import annotations

import contextlib
import json
import math
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import PurePath
from typing import Any

from genbench.errors import ContractError, nearest
from genbench.tokenization.text import replace_surrogates

MAX_COUNT = 2**63 - 1  # the largest whole number that arrays and tensors hold
MAX_NUMBER = 1e30  # of operations, or of passes
MAX_NOTE, MAX_NOTES = 2_000, 50  # characters of a note; notes of a training
MAX_POINTS = 1_000  # of a learning curve; a longer one is thinned out
MAX_DETAIL, MAX_DEPTH = 200_000, 20  # characters of further figures as JSON, and lists in lists


def optional_number(name: str, value: Any) -> float | None:
    """Return a number; None for None and for what is not finite."""
    if value is None:
        return None
    number = _as_float(name, value)
    return number if math.isfinite(number) else None


def finite_number(name: str, value: Any) -> float:
    """Return a number from 0 to `MAX_NUMBER`."""
    number = _as_float(name, value)
    if not 0 <= number <= MAX_NUMBER:
        raise _refusal(name, value, f"a number from 0 to {MAX_NUMBER:g}")
    return number


def count(name: str, value: Any) -> int:
    """Return a whole number from 0 to `MAX_COUNT`."""
    item = _item(value)
    number = int(item) if isinstance(item, Integral) else _as_float(name, value)
    if not (0 <= number <= MAX_COUNT and number == int(number)):
        raise _refusal(name, value, f"a whole number from 0 to {MAX_COUNT:,}")
    return int(number)


def texts(name: str, value: Any) -> list[str]:
    """Return sentences; one sentence alone is a list of one."""
    items = [value] if isinstance(value, str) else _sequence(name, value, "a list of sentences")
    if len(items) > MAX_NOTES:
        raise ContractError(f"it reports {len(items):,} {name}, but may report {MAX_NOTES}")
    for item in items:
        if not isinstance(item, str) or len(item) > MAX_NOTE:
            raise _refusal(name, item, f"sentences of at most {MAX_NOTE:,} characters")
    return [replace_surrogates(item) for item in items]


def points(name: str, value: Any) -> list[list[float]]:
    """Return pairs of finite numbers, evenly thinned out to `MAX_POINTS`; pairs with another number are left out."""
    pairs = []
    for pair in _sequence(name, value, "pairs of seconds and bits"):
        numbers = [_as_float(name, number) for number in _sequence(name, pair, "pairs of seconds and bits")]
        if len(numbers) != 2:
            raise _refusal(name, pair, "pairs of seconds and bits")
        if all(map(math.isfinite, numbers)):
            pairs.append(numbers)

    # the first and the last always stay
    size = min(len(pairs), MAX_POINTS)
    return [pairs[index * (len(pairs) - 1) // max(size - 1, 1)] for index in range(size)]


def option_values(name: str, value: Any) -> dict[str, str | int | float | bool | None]:
    """Return values by the name of their option."""
    if not isinstance(value, Mapping):
        raise _refusal(name, value, "values by the name of their option")
    values = {}
    for option, chosen in value.items():
        values[option] = json_value(f"{name}[{option!r}]", chosen)
        if not isinstance(option, str) or isinstance(values[option], list | dict):
            raise _refusal(f"{name}[{option!r}]", chosen, "the value of an option")
    return values


def require_options(chosen: Iterable[str], options: Iterable[str]) -> None:
    """Raise ContractError for a value that was chosen for something else than an option of the generator."""
    known = set(options)
    for name in chosen:
        if name not in known:
            hint = nearest(name, known) if known else "it has none"
            raise ContractError(f"it reports chosen[{name!r}], but has no option of that name: {hint}")


def json_value(name: str, value: Any) -> Any:
    """Return a value as JSON values; numbers that are not finite become None."""
    converted = _as_json(name, value, MAX_DEPTH)
    if len(json.dumps(converted, indent=2)) > MAX_DETAIL:
        raise ContractError(f"it reports {name} with over {MAX_DETAIL:,} characters as JSON; report a summary")
    return converted


def details(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return further figures by name."""
    figures = {replace_surrogates(str(name)): json_value(name, value) for name, value in values.items()}
    json_value("details", figures)  # all of them together have a limit too
    return figures


def describe_value(value: Any) -> str:
    """Return a short text for any value, in one line."""
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # of more digits than Python converts
        return "a number that is too long to show"


def _as_json(name: str, value: Any, depth: int) -> Any:
    """Return a value as JSON values, with at most `depth` containers in one another."""
    if depth == 0:
        raise _refusal(name, value, f"at most {MAX_DEPTH} lists in lists")

    # values that JSON has
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | PurePath):
        return replace_surrogates(str(value))
    if isinstance(value, Mapping):
        return {replace_surrogates(str(key)): _as_json(name, item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(name, item, depth - 1) for item in value]

    # arrays, and numbers of any type
    item = _item(value)
    if hasattr(item, "tolist"):
        return _as_json(name, item.tolist(), depth)
    return _json_number(name, item)


def _json_number(name: str, value: Any) -> bool | int | float | None:
    """Return a number of any type as one that JSON has."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        if abs(int(value)) > MAX_COUNT:
            raise _refusal(name, value, "numbers of at most 64 bits")
        return int(value)
    if not hasattr(value, "__float__"):
        raise _refusal(name, value, "text, numbers, and lists and dicts of them")
    return optional_number(name, value)


def _item(value: Any) -> Any:
    """Return the value of an array or tensor with one value as a Python number; a larger one without gradients."""
    # a plugin's own type may raise anything
    with contextlib.suppress(Exception):
        array = value.detach().cpu() if hasattr(value, "detach") else value
        return array.item() if math.prod(getattr(array, "shape", (0,))) == 1 else array
    return value


def _as_float(name: str, value: Any) -> float:
    try:
        return float(_item(value))
    except Exception as error:
        raise _refusal(name, value, "a number") from error


def _sequence(name: str, value: Any, expected: str) -> list[Any]:
    """Return the items of a list, a tuple or an array."""
    item = _item(value)
    value = item.tolist() if hasattr(item, "tolist") else value
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise _refusal(name, value, expected)
    return list(value)


def _refusal(name: str, value: Any, expected: str) -> ContractError:
    return ContractError(f"it reports {name} as {describe_value(value)}, but must report {expected}")
