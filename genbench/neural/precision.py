"""What training asks of the machine: bf16 where it is native, denormal numbers flushed, freed memory kept at hand."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1  # the names of glibc's malloc.h
LARGEST, NEVER = 1 << 30, (1 << 31) - 1  # bytes


def native_bf16(device: str) -> bool:
    """Whether matrix products in bf16 are native on this device: elsewhere they are several times slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for these
    return device == "cpu" and any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


@contextlib.contextmanager
def training(device: str = "cpu") -> Iterator[None]:
    """While training: numbers next to zero count as zero, which would take many times as long; TF32 on CUDA."""
    _keep_freed_memory()
    torch.set_flush_denormal(True)
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if device.startswith("cuda") else precision)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_float32_matmul_precision(precision)


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed: each window asks for as much again, and fresh pages cost a third of the time."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(MMAP_THRESHOLD, LARGEST)
            libc.mallopt(TRIM_THRESHOLD, NEVER)
