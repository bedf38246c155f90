"""genbench: Markov chains and LSTMs on the same bench.

    import genbench
    print(genbench.compare(["austen"], ["markov-char", "lstm-char"], budget=30))

Nothing heavy is imported before it is used; torch only by the generators that need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.api import corpus as corpus
    from genbench.api import explain as explain
    from genbench.api import export as export
    from genbench.api import generate as generate
    from genbench.api import load as load
    from genbench.api import ready as ready
    from genbench.api import stream as stream
    from genbench.api import train as train
    from genbench.bench.results import Comparison as Comparison
    from genbench.characterwise import Characterwise as Characterwise
    from genbench.comparing import compare as compare
    from genbench.comparing import comparison as comparison
    from genbench.comparing import differences as differences
    from genbench.comparing import rerun as rerun
    from genbench.comparing import run as run
    from genbench.errors import ContractError as ContractError
    from genbench.errors import CorpusError as CorpusError
    from genbench.errors import GenbenchError as GenbenchError
    from genbench.errors import SpecError as SpecError
    from genbench.errors import UserError as UserError
    from genbench.generator import Evidence as Evidence
    from genbench.generator import Generator as Generator
    from genbench.generator import Layer as Layer
    from genbench.generator import Learned as Learned
    from genbench.generator import LogProbs as LogProbs
    from genbench.generator import Probe as Probe
    from genbench.generator import Progress as Progress
    from genbench.generator import Run as Run
    from genbench.generator import State as State
    from genbench.measuring import compress as compress
    from genbench.measuring import decompress as decompress
    from genbench.measuring import novelty as novelty
    from genbench.measuring import read as read
    from genbench.options import complete as complete
    from genbench.registry import make as make
    from genbench.remembering import cells as cells
    from genbench.remembering import distances as distances
    from genbench.remembering import memory as memory
    from genbench.sampling import Sampling as Sampling
    from genbench.scoring import Score as Score
    from genbench.scoring import score as score
    from genbench.sharing import export_model as export_model
    from genbench.sharing import import_model as import_model
    from genbench.styling import attribute as attribute
    from genbench.styling import authors as authors
    from genbench.sweeping import Sweep as Sweep
    from genbench.sweeping import sweep as sweep
    from genbench.text.corpus import Corpus as Corpus
    from genbench.tokenizer import Ids as Ids
    from genbench.tokenizer import Tokenizer as Tokenizer

_HOMES = {
    "api": ("corpus", "explain", "export", "generate", "load", "ready", "stream", "train"),
    "bench.results": ("Comparison",),
    "characterwise": ("Characterwise",),
    "comparing": ("compare", "comparison", "differences", "rerun", "run"),
    "errors": ("ContractError", "CorpusError", "GenbenchError", "SpecError", "UserError"),
    "generator": ("Evidence", "Generator", "Layer", "Learned", "LogProbs", "Probe", "Progress", "Run", "State"),
    "measuring": ("compress", "decompress", "novelty", "read"),
    "options": ("complete",),
    "registry": ("make",),
    "remembering": ("cells", "distances", "memory"),
    "sampling": ("Sampling",),
    "scoring": ("Score", "score"),
    "sharing": ("export_model", "import_model"),
    "styling": ("attribute", "authors"),
    "sweeping": ("Sweep", "sweep"),
    "text.corpus": ("Corpus",),
    "tokenizer": ("Ids", "Tokenizer"),
}
_HOME = {name: f"genbench.{home}" for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'genbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
