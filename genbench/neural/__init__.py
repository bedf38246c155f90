"""Recurrent networks as generators: the training loop, optimizers, heads, schedules and parallel scoring.

Torch is imported by the modules of this package alone, and only when one of the names below is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.neural.batches import Alone as Alone
    from genbench.neural.batches import Reading as Reading
    from genbench.neural.embeddings import OneHot as OneHot
    from genbench.neural.probe import NetworkProbe as NetworkProbe
    from genbench.neural.recurrent import RecurrentGenerator as RecurrentGenerator
    from genbench.neural.recurrent_ops import Products as Products
    from genbench.neural.recurrent_ops import through_limit as through_limit
    from genbench.neural.recurrent_ops import through_sigmoid as through_sigmoid
    from genbench.neural.recurrent_ops import through_tanh as through_tanh
    from genbench.neural.word_network import WordNetwork as WordNetwork

_MODULES = {
    "Alone": "batches",
    "NetworkProbe": "probe",
    "OneHot": "embeddings",
    "Products": "recurrent_ops",
    "Reading": "batches",
    "RecurrentGenerator": "recurrent",
    "WordNetwork": "word_network",
    "through_limit": "recurrent_ops",
    "through_sigmoid": "recurrent_ops",
    "through_tanh": "recurrent_ops",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'genbench.neural' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genbench.neural.{_MODULES[name]}"), name)
