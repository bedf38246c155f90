"""Which numbers to train with: bf16 where the processor multiplies them natively, checked and not assumed."""

from __future__ import annotations

import torch


def native_bf16(device: str) -> bool:
    """Whether matrix products in bf16 are native on this device: elsewhere they are several times slower than fp32."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for these
    return device == "cpu" and any(bool(getattr(torch.cpu, name, bool)()) for name in checks)
