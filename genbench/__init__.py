"""genbench: train Markov chains and LSTMs on an author, and compare them.

    import genbench

    print(genbench.compare("austen", ["markov-char", "lstm-char"], budget="30s"))

The names below are the public API; `genbench.api` has the other functions of the command line. A name is imported when
it is used: torch only by the generators that need it.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.api import attribute as attribute
    from genbench.api import compare as compare
    from genbench.api import compress as compress
    from genbench.api import corpus as corpus
    from genbench.api import decompress as decompress
    from genbench.api import explain as explain
    from genbench.api import generate as generate
    from genbench.api import load as load
    from genbench.api import novelty as novelty
    from genbench.api import score as score
    from genbench.api import stream as stream
    from genbench.api import surprisal as surprisal
    from genbench.api import sweep as sweep
    from genbench.api import train as train
    from genbench.errors import UserError as UserError
    from genbench.experiments.comparison import Comparison as Comparison
    from genbench.generator import Generator as Generator
    from genbench.model import Model as Model
    from genbench.sampling import Sampling as Sampling
    from genbench.tokenization.tokenizer import Tokenizer as Tokenizer

__version__ = "0.1.0"

_MODULES = {
    "genbench.api": (
        *("attribute", "compare", "compress", "corpus", "decompress", "explain", "generate"),
        *("load", "novelty", "score", "stream", "surprisal", "sweep", "train"),
    ),
    "genbench.errors": ("UserError",),
    "genbench.experiments.comparison": ("Comparison",),
    "genbench.generator": ("Generator",),
    "genbench.model": ("Model",),
    "genbench.sampling": ("Sampling",),
    "genbench.tokenization.tokenizer": ("Tokenizer",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'genbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return __all__


class _Package(types.ModuleType):
    """Keeps a public name when a subpackage of that name is imported: `genbench.corpus` stays the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _MODULE_OF and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
