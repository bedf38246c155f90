"""Read files that somebody else may have written, within limits: JSON, and arrays in the safetensors format.

Every function raises ValueError, with a reason, for data that genbench would not have written. Memory and time are
bounded by the size of the file. Nothing is executed, and no name in a file is used as a path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_CARD_BYTES = 1 << 20  # of a model card or a list of checksums
MAX_JSON_BYTES = 1 << 25  # of other JSON, and of the header of a safetensors file
MAX_JSON_VALUES = 2_000_000  # in a file: lists, objects, names, strings and numbers
MAX_ARRAY_BYTES = 1 << 36  # of a safetensors file
MAX_DIMENSIONS = 32  # of an array: numpy's limit
LENGTH_BYTES = 8  # at the start of a safetensors file: the length of its header
CHUNK = 1 << 22  # numbers that are checked for NaN at a time
DTYPES = {"BOOL": "?", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}

JsonObject = dict[str, Any]
Bytes = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


def require_regular_file(path: Path, max_bytes: int = MAX_ARRAY_BYTES) -> None:
    """Refuse a path that is not a regular file, such as a symbolic link or a pipe, or a file above `max_bytes`."""
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path.name} is missing or not a regular file")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path.name} is larger than {max_bytes >> 20} MB")


def read_file(path: Path, max_bytes: int = MAX_CARD_BYTES) -> bytes:
    """Return the contents of a regular file of at most `max_bytes`."""
    require_regular_file(path, max_bytes)
    return path.read_bytes()


def parse_json(
    data: bytes | str, max_bytes: int = MAX_CARD_BYTES, *, max_values: int = MAX_JSON_VALUES, allow_nan: bool = True
) -> Any:
    """Parse JSON in UTF-8 of at most `max_bytes`; it may begin with a byte order mark.

    Refused are duplicate names, integers of more than 64 bits, deep nesting, lone surrogates and, without `allow_nan`,
    NaN and infinity. The values are counted before they are created: each takes up to a hundred bytes of memory and as
    few as two of the file.

    >>> parse_json(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    if len(data) > max_bytes:
        raise ValueError(f"JSON of more than {max_bytes >> 20} MB")
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    if sum(map(text.count, "[{,:")) > max_values:  # each value follows one of these
        raise ValueError(f"JSON of more than {max_values:,} values")

    # NaN is not JSON, but Python writes it
    constant = None if allow_nan else _refuse_constant
    try:
        value = json.loads(
            text, object_pairs_hook=_object_without_duplicates, parse_int=_parse_integer, parse_constant=constant
        )
        if "\\ud" in text or "\\uD" in text:  # escapes of surrogates, which may be lone
            for part in _strings(value):
                part.encode()
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
    except UnicodeEncodeError:
        raise ValueError("JSON with text that is not Unicode") from None
    return value


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value that are not ASCII, names included, without recursion."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            if not part.isascii():
                yield part
        elif isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            left += part
            left += part.values()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON with {name}")


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> JsonObject:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("JSON with a duplicate name")
    return values


def _parse_integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError("JSON with a number of more than 64 bits")
    return number


def require_types(values: Any, types: Mapping[str, tuple[type, ...]]) -> None:
    """Refuse anything but a dict that has these names with values of these types; a bool is not an int here."""
    if not isinstance(values, dict):
        raise ValueError(f"{type(values).__name__} where names and values are expected")
    for name, allowed in types.items():
        if name not in values:
            raise ValueError(f"{name} is missing")
        if type(values[name]) not in allowed:
            raise ValueError(f"{name} is {type(values[name]).__name__}")


def parse_safetensors(data: Bytes) -> tuple[Arrays, JsonObject]:
    """Return the arrays of a safetensors file, as views into its bytes, and its metadata.

    The format: eight bytes with the length of a JSON header, the header, then the arrays one after the other.
    """
    # the header
    if len(data) < LENGTH_BYTES:
        raise ValueError("not a safetensors file: it ends before its header")
    header_bytes = int.from_bytes(data[:LENGTH_BYTES].tobytes(), "little")
    if header_bytes > min(MAX_JSON_BYTES, len(data) - LENGTH_BYTES):
        raise ValueError("not a safetensors file: its header ends outside the file")
    header = parse_json(data[LENGTH_BYTES : LENGTH_BYTES + header_bytes].tobytes(), MAX_JSON_BYTES)
    if not isinstance(header, dict):
        raise ValueError("not a safetensors file: its header has no names")
    metadata = header.pop("__metadata__", {})

    # the arrays, which fill the rest of the file without gaps or overlaps
    body = data[LENGTH_BYTES + header_bytes :]
    arrays: Arrays = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        dtype, shape, start, stop = _parse_entry(name, entry, len(body))
        spans.append((start, stop))
        arrays[name] = np.asarray(body[start:stop]).view(dtype).reshape(shape)
    if not _are_contiguous(spans, len(body)):
        raise ValueError("arrays that overlap or leave gaps")
    return arrays, metadata if isinstance(metadata, dict) else {}


def _parse_entry(name: str, entry: Any, body_bytes: int) -> tuple[str, tuple[int, ...], int, int]:
    """Return dtype, shape, start and stop of an array, if they fit each other and the body."""
    require_types(entry, {"dtype": (str,), "shape": (list,), "data_offsets": (list,)})
    shape, offsets, dtype = entry["shape"], entry["data_offsets"], DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"array {name[:40]!r} of type {entry['dtype'][:40]!r}")
    if len(shape) > MAX_DIMENSIONS or len(offsets) != 2 or any(type(n) is not int or n < 0 for n in shape + offsets):
        raise ValueError(f"array {name[:40]!r} with an invalid shape or invalid offsets")

    # the array lies in the file, and its size is that of its shape
    start, stop = offsets
    if not start <= stop <= body_bytes or max(shape, default=0) > MAX_ARRAY_BYTES:
        raise ValueError(f"array {name[:40]!r} outside the file")
    if math.prod(shape) * np.dtype(dtype).itemsize != stop - start:
        raise ValueError(f"array {name[:40]!r} of another size than its shape")
    return dtype, tuple(shape), start, stop


def _are_contiguous(spans: Sequence[tuple[int, int]], size: int) -> bool:
    """Return whether spans fill a body of this size, one after the other."""
    position = 0

    # no gap and no overlap: each byte belongs to one array
    for start, stop in sorted(spans):
        if start != position:
            return False
        position = stop
    return position == size


def require_no_nan(arrays: Arrays) -> None:
    """Refuse NaN. Infinity may be intended, as in a mask; where it is not, trying out the model shows it."""
    for values in arrays.values():
        flat = values.reshape(-1)
        starts = range(0, len(flat), CHUNK) if flat.dtype.kind == "f" else ()
        if any(np.isnan(flat[start : start + CHUNK]).any() for start in starts):
            raise ValueError("weights that are not numbers")
