"""What somebody else may have written, read within limits: files, JSON, and arrays in the safetensors format.

Everything here raises ValueError, with a reason, for what is not as genbench would have written it; memory and time are
bounded by the size of the file. Nothing is executed, and no name in a file is a path.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SMALL, LARGE, LARGEST = 1 << 20, 1 << 26, 1 << 36  # bytes: of a card or a header, of other JSON, of arrays
HEAD = 8  # bytes
DIMENSIONS = 32  # of an array, as numpy has them
AT_ONCE = 1 << 22  # numbers that are looked at together
DTYPES = {"BOOL": "?", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}

Bytes = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


def require_plain(path: Path, largest: int = LARGEST) -> None:
    """Refuse what is no plain file, such as a symbolic link or a pipe, or is larger than `largest` bytes."""
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path.name} is missing, or no plain file")
    if path.stat().st_size > largest:
        raise ValueError(f"{path.name} is larger than {largest >> 20} MB")


def read(path: Path, largest: int = SMALL) -> bytes:
    """The bytes of a plain file of at most so many."""
    require_plain(path, largest)
    return path.read_bytes()


def parsed(data: bytes | str, largest: int = SMALL) -> Any:
    """The value of a JSON text in UTF-8: no name twice, no number of more than 64 bits, not too deep, not too large.

    >>> parsed(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    if len(data) > largest:
        raise ValueError(f"JSON of more than {largest >> 20} MB")
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        return json.loads(text, object_pairs_hook=_named_once, parse_int=_whole)
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("JSON with a name that stands twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**64:
        raise ValueError("JSON with a number of more than 64 bits")
    return number


def require_kinds(values: Any, kinds: Mapping[str, tuple[type, ...]]) -> None:
    """Refuse what is no mapping with values of these types; true and false are no numbers."""
    if not isinstance(values, dict):
        raise ValueError(f"{type(values).__name__} where names and values are expected")
    for name, allowed in kinds.items():
        if name not in values:
            raise ValueError(f"{name} is missing")
        if type(values[name]) not in allowed:
            raise ValueError(f"{name} is {type(values[name]).__name__}")


def arrays(whole: Bytes) -> tuple[Arrays, dict[str, Any]]:
    """The arrays of a safetensors file, views into its bytes, and its metadata.

    The format: eight bytes with the length of a JSON header, the header, the arrays one after the other.
    """
    if len(whole) < HEAD:
        raise ValueError("no safetensors file: it ends before its header")
    size = int.from_bytes(whole[:HEAD].tobytes(), "little")
    if size > min(LARGE, len(whole) - HEAD):
        raise ValueError("no safetensors file: its header ends outside")
    header = parsed(whole[HEAD : HEAD + size].tobytes(), LARGE)
    if not isinstance(header, dict):
        raise ValueError("no safetensors file: its header has no names")
    metadata = header.pop("__metadata__", {})
    body, found, spans = whole[HEAD + size :], {}, []
    for name, about in header.items():
        dtype, shape, first, last = _described(name, about, len(body))
        spans.append((first, last))
        found[name] = np.asarray(body[first:last]).view(dtype).reshape(shape)
    if _holes(spans, len(body)):
        raise ValueError("arrays that lie upon each other, or not one after the other")
    return found, metadata if isinstance(metadata, dict) else {}


def _described(name: str, about: Any, size: int) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, and where in the body an array begins and ends, if they fit each other and the body."""
    require_kinds(about, {"dtype": (str,), "shape": (list,), "data_offsets": (list,)})
    shape, offsets, dtype = about["shape"], about["data_offsets"], DTYPES.get(about["dtype"])
    if dtype is None:
        raise ValueError(f"array {name[:40]!r} of type {about['dtype'][:40]!r}")
    if len(shape) > DIMENSIONS or len(offsets) != 2 or any(type(n) is not int or n < 0 for n in shape + offsets):
        raise ValueError(f"array {name[:40]!r} with a shape or offsets that are none")
    first, last = offsets
    if not first <= last <= size or max(shape, default=0) > LARGEST:
        raise ValueError(f"array {name[:40]!r} outside the file")
    if math.prod(shape) * np.dtype(dtype).itemsize != last - first:
        raise ValueError(f"array {name[:40]!r} of another size than its shape")
    return dtype, tuple(shape), first, last


def _holes(spans: Sequence[tuple[int, int]], size: int) -> bool:
    """Whether the spans do not fill the body, one after the other."""
    at = 0
    for first, last in sorted(spans):
        if first != at:
            return True
        at = last
    return at != size


def require_numbers(found: Arrays) -> None:
    """Refuse NaN; infinity may be meant, as in a mask, and shows when the model is tried."""
    for values in found.values():
        flat = values.reshape(-1)
        starts = range(0, len(flat), AT_ONCE) if flat.dtype.kind == "f" else ()
        if any(np.isnan(flat[start : start + AT_ONCE]).any() for start in starts):
            raise ValueError("weights that are no numbers")
