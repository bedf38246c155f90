"""genbench: Markov chains and LSTMs on the same bench.

    import genbench
    print(genbench.compare(["austen"], ["markov-char", "lstm-char"], budget=30))

Nothing heavy is imported before it is used; torch only by the generators that need it.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.analysis.measuring import compress as compress
    from genbench.analysis.measuring import decompress as decompress
    from genbench.analysis.measuring import novelty as novelty
    from genbench.analysis.measuring import read as read
    from genbench.analysis.remembering import cells as cells
    from genbench.analysis.remembering import distances as distances
    from genbench.analysis.remembering import memory as memory
    from genbench.analysis.styling import attribute as attribute
    from genbench.analysis.styling import authors as authors
    from genbench.api import corpus as corpus
    from genbench.api import explain as explain
    from genbench.api import export as export
    from genbench.api import generate as generate
    from genbench.api import load as load
    from genbench.api import ready as ready
    from genbench.api import stream as stream
    from genbench.api import train as train
    from genbench.capabilities import BackoffLevel as BackoffLevel
    from genbench.capabilities import LayerActivations as LayerActivations
    from genbench.capabilities import Probe as Probe
    from genbench.charlevel.adapter import Characterwise as Characterwise
    from genbench.corpus.corpus import Corpus as Corpus
    from genbench.errors import ContractError as ContractError
    from genbench.errors import CorpusError as CorpusError
    from genbench.errors import GenbenchError as GenbenchError
    from genbench.errors import SpecError as SpecError
    from genbench.errors import UserError as UserError
    from genbench.experiments.comparing import compare as compare
    from genbench.experiments.comparing import comparison as comparison
    from genbench.experiments.comparing import differences as differences
    from genbench.experiments.comparing import rerun as rerun
    from genbench.experiments.comparing import run as run
    from genbench.experiments.comparison import Comparison as Comparison
    from genbench.experiments.sweep import Sweep as Sweep
    from genbench.experiments.sweep import sweep as sweep
    from genbench.generator import Generator as Generator
    from genbench.generator import Learned as Learned
    from genbench.generator import LogProbs as LogProbs
    from genbench.generator import Progress as Progress
    from genbench.generator import State as State
    from genbench.generator import TrainContext as TrainContext
    from genbench.registry import make as make
    from genbench.sampling.loop import Sampling as Sampling
    from genbench.scoring import Score as Score
    from genbench.scoring import score as score
    from genbench.spec import complete as complete
    from genbench.storage.sharing import export_model as export_model
    from genbench.storage.sharing import import_model as import_model
    from genbench.tokenization.tokenizer import Ids as Ids
    from genbench.tokenization.tokenizer import Tokenizer as Tokenizer

_HOMES = {
    "api": ("corpus", "explain", "export", "generate", "load", "ready", "stream", "train"),
    "experiments.comparison": ("Comparison",),
    "charlevel.adapter": ("Characterwise",),
    "experiments.comparing": ("compare", "comparison", "differences", "rerun", "run"),
    "errors": ("ContractError", "CorpusError", "GenbenchError", "SpecError", "UserError"),
    "generator": (
        "BackoffLevel",
        "Generator",
        "Layer",
        "Learned",
        "LogProbs",
        "Probe",
        "Progress",
        "TrainContext",
        "State",
    ),
    "analysis.measuring": ("compress", "decompress", "novelty", "read"),
    "spec": ("complete",),
    "registry": ("make",),
    "analysis.remembering": ("cells", "distances", "memory"),
    "sampling.loop": ("Sampling",),
    "scoring": ("Score", "score"),
    "storage.sharing": ("export_model", "import_model"),
    "analysis.styling": ("attribute", "authors"),
    "experiments.sweep": ("Sweep", "sweep"),
    "corpus.corpus": ("Corpus",),
    "tokenization.tokenizer": ("Ids", "Tokenizer"),
}
_HOME = {name: f"genbench.{home}" for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'genbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


class _Package(types.ModuleType):
    """Keeps a public name when a subpackage of the same name is imported: `genbench.corpus` stays the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
