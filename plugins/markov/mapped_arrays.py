"""Arrays in unnamed files that are mapped into memory, and the return of their pages to the system."""

from __future__ import annotations

import mmap
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped_array(size: int, dtype: type[Any]) -> npt.NDArray[Any]:
    """Return an array of zeros, (size,), in an unnamed file; what is never written takes no space there."""
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, dtype, "w+", shape=(size,)))


def release(*arrays: npt.NDArray[Any]) -> None:
    """Return the pages of mapped arrays to the system; they are read from their files again when they are used.

    Without it, a process counts as large as all it has read. Arrays that are not mapped, and systems that cannot do
    this, are left alone.
    """
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            base.madvise(mmap.MADV_DONTNEED)
