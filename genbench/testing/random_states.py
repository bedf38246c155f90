"""Whether the global random states are left alone."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from genbench.testing.examples import require


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Every global random state is moved on first, or one that was seeded before would look untouched."""
    torch = sys.modules.get("torch")
    first = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()
    random.random(), np.random.random(), torch and torch.rand(1)
    before = _random_states()
    try:
        yield
        changed = [name for name, state in _random_states().items() if state != before[name]]
    finally:
        random.setstate(first[0])
        np.random.set_state(first[1])
        if torch and first[2] is not None:
            torch.set_rng_state(first[2])
    require(not changed, f"fit changed the global random state of {', '.join(changed)}")


def _random_states() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    legacy = np.random.get_state()
    return {
        "random": random.getstate(),
        "numpy": str([part.tolist() if isinstance(part, np.ndarray) else part for part in legacy]),
        "torch": torch.get_rng_state().tolist() if torch else None,
    }
