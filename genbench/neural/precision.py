"""Numeric precision and memory settings while training: native bf16, TF32, flushed denormals, malloc."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from functools import cache

import torch

M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1  # parameters of mallopt, from glibc's malloc.h
MMAP_BYTES = 1 << 30
TRIM_BYTES = (1 << 31) - 1  # the largest value: never


@cache
def native_bf16(device: str) -> bool:
    """Return whether a device has native bf16 matrix products; emulated ones are much slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for these
    return device == "cpu" and any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


@contextlib.contextmanager
def training_precision(device: str = "cpu") -> Iterator[None]:
    """Context manager of the numeric settings for training: flush denormal numbers to zero, and use TF32 on CUDA.

    Operations on denormal numbers are many times slower.
    """
    _keep_freed_memory()
    torch.set_flush_denormal(True)

    # the earlier precision is restored at the end
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if device.startswith("cuda") else precision)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision(precision)


def _keep_freed_memory() -> None:
    """Make glibc keep freed memory, because batches allocate it again, and new pages cost a third of the time."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a C library other than glibc has no mallopt
            libc = ctypes.CDLL(None)
            libc.mallopt(M_MMAP_THRESHOLD, MMAP_BYTES)
            libc.mallopt(M_TRIM_THRESHOLD, TRIM_BYTES)
