"""What determines a training besides the generator: TrainSettings and TrainingText."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace

from genbench import __version__, registry
from genbench.corpus.corpus import Corpus
from genbench.corpus.split import split_validation
from genbench.errors import UserError
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, parse_duration, require_integer
from genbench.storage import models
from genbench.storage.cards import FIRST_HALF, Ancestor, Origin
from genbench.storage.records import JsonObject
from genbench.storage.texts import KeptTexts
from genbench.tokenization.text import Text

DEFAULT_BUDGET = 30.0  # seconds
MAX_SEED = 2**32 - 1
MAX_STEPS = 10**9
MAX_FLOPS = 1e24
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class TrainSettings:
    """How long a training lasts, its seed and its device.

    `with_default_budget` sets 30 seconds if nothing limits the training. Raises UserError for invalid values.
    """

    budget: float | None = None  # seconds, as `TrainContext.clock` counts them
    steps: int | None = None
    seed: int = 0
    device: str = "auto"
    flops: float | None = None  # floating-point operations

    def __post_init__(self) -> None:
        # budget, steps and operations
        parse_duration(self.budget)
        require_integer("steps", self.steps, 1, MAX_STEPS)
        if self.flops is not None and not (_is_number(self.flops) and 1 <= self.flops <= MAX_FLOPS):
            raise UserError(f"flops is {self.flops!r}, but must be a number from 1 to {MAX_FLOPS:g}, such as 1e12")
        if self.flops is not None and self.steps is not None:
            raise UserError("steps and flops both say how long a training lasts: choose one of them")

        # seed and device
        require_integer("seed", self.seed, 0, MAX_SEED)
        if self.device not in DEVICES:
            raise UserError(f"device is {self.device!r}; choose one of {', '.join(DEVICES)}")

    def require_device(self) -> None:
        """Raise UserError if this machine does not have the device."""
        if self.device not in ("cuda", "mps"):
            return

        # imported here, because only networks need torch
        import torch

        available = torch.cuda.is_available() if self.device == "cuda" else torch.backends.mps.is_available()
        if not available:
            raise UserError(f"this machine's PyTorch finds no {self.device} device; choose --device cpu or auto")

    def with_default_budget(self) -> TrainSettings:
        """Return the same settings, with a budget of 30 seconds if neither budget, steps nor flops are set."""
        limited = any(limit is not None for limit in (self.budget, self.steps, self.flops))
        return self if limited else replace(self, budget=DEFAULT_BUDGET)


@dataclass(frozen=True)
class TrainingText:
    """The text of one training, and its description for the model card."""

    author: str
    train: str | Text
    valid: str | Text  # the whole validation text, whatever part of it `fitting_text` is
    sha256: str = ""  # of the whole cleaned text
    held_out: str = ""
    books: list[str] = field(default_factory=list)
    lines: str = "join"
    kept: KeptTexts | None = None  # the texts that both are joined from; None: one each
    made_from: list[Origin] = field(default_factory=list)  # of a model that is merged, updated, or forgets a text
    ancestors: list[Ancestor] = field(default_factory=list)  # of a training that continues that of another model
    earlier_words: TrainingWords | None = None  # of the texts of the ancestors
    fitted_on: str = ""  # FIRST_HALF where the second half of the validation text chooses; "": all of it fits

    @property
    def fitting_text(self) -> Text:
        """The validation text that a generator gets: it may stop a training and fit weights."""
        valid = Text(self.valid)
        return split_validation(valid)[0] if self.fitted_on == FIRST_HALF else valid

    @property
    def kept_texts(self) -> KeptTexts:
        """The texts that are stored with a model that counts them."""
        return self.kept or KeptTexts([Text(self.train)], [Text(self.valid)])

    @property
    def choosing_text(self) -> Text:
        """The second half of the validation text, by which trained generators are compared."""
        return split_validation(Text(self.valid))[1]

    @classmethod
    def from_corpus(cls, corpus: Corpus) -> TrainingText:
        """Return the training and validation text of a corpus, without its test text."""
        # without the test text, no generator can learn from it
        books = list(corpus.books)
        return cls(corpus.author, corpus.train, corpus.valid, corpus.sha256, corpus.held_out, books, corpus.lines)


def describe_training(spec: Spec, text: TrainingText, settings: TrainSettings) -> JsonObject:
    """Return what makes two trainings the same apart from SPEC and options, as a card stores it: text, code, settings.

    The code is this version of genbench, and all of the installed packages whose generators the SPEC names.
    """
    return {
        "genbench": __version__,
        "code": models.files_digest(registry.installed_files(spec)),
        "author": text.author,
        "sha256": text.sha256,
        "held_out": text.held_out,
        "fitted_on": text.fitted_on,
        "seed": settings.seed,
        "budget": settings.budget,
        "steps": settings.steps,
        "flops": settings.flops,
        "device": settings.device,
        "parent": text.ancestors[-1].fingerprint if text.ancestors else "",
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def resolve_device(name: str) -> str:
    """Return the device to train on; "auto" is CUDA or MPS if torch is imported and has it, else the CPU."""
    if name != "auto":
        return name

    # networks have imported torch by now
    torch = sys.modules.get("torch")  # a chain does not need torch and should not wait for its import
    if torch is None:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
