"""Arrays as one compressed text: little-endian bytes one after the other, deflated, in base64.

A browser inflates it with DecompressionStream("deflate").
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def compress_arrays(arrays: Iterable[Array]) -> str:
    """Return the bytes of some arrays as a text."""
    return compress_bytes(b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays))


def compress_bytes(data: bytes) -> str:
    """Return bytes as a text.

    >>> read_bytes(compress_bytes(b"aaa"))
    b'aaa'
    """
    return base64.b64encode(zlib.compress(data, 9)).decode()


def read_bytes(text: str) -> bytes:
    """Return the bytes of a text from `compress_bytes`."""
    return zlib.decompress(base64.b64decode(text))


def read_arrays(text: str, shapes: Iterable[tuple[str, tuple[int, ...]]]) -> Iterator[Array]:
    """Yield the arrays of a text from `compress_arrays`, each with its type ("u1", "i1", "u2", "f4") and shape."""
    data, start = read_bytes(text), 0
    for kind, shape in shapes:
        dtype, count = np.dtype(f"<{kind}"), int(np.prod(shape))
        yield np.frombuffer(data, dtype, count, start).reshape(shape)
        start += count * dtype.itemsize
