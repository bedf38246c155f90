"""The contract between genbench and a text generator.

A generator is a state, a distribution over the next token given that state, and a rule to advance the state. Sampling,
scoring, saving and conformance checks are derived from these three in the core, so a generator cannot report one
distribution and sample from another. What a generator may offer beyond the six methods is in `genbench.capabilities`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from genbench.errors import NotFittedError
from genbench.tokenization.text import Text as Text
from genbench.tokenization.tokenizer import Tokenizer

State: TypeAlias = Any
LogProbs = npt.NDArray[np.float64]
Learned = dict[str, Any]
OptionValue: TypeAlias = str | int | float | bool | None
ProgressCallback = Callable[[float], None]  # receives the share of a long task that is done, 0 to 1


class Generator(ABC):
    """A text generator: a dataclass whose fields are its hyper-parameters, all with defaults."""

    tokenizer: Tokenizer  # set by fit and by restore

    @abstractmethod
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        """Learn from `train`, forgetting any earlier fit.

        `valid` may decide when to stop and fit a few weights; counts and vocabulary come from `train` alone.
        """

    @abstractmethod
    def start(self) -> State:
        """Return the state before the first token: as if a newline had just been read."""

    @abstractmethod
    def advance(self, state: State, token: int) -> State:
        """Return the state after one more token: a new value; the old state stays usable."""

    @abstractmethod
    def log_probs(self, state: State) -> LogProbs:
        """Return the natural log-probability of each next token, (vocabulary,); they sum to one, none is -inf."""

    @abstractmethod
    def dump(self) -> Learned:
        """Return what was learned, the tokenizer included, as JSON values and numpy arrays."""

    @abstractmethod
    def restore(self, learned: Learned) -> None:
        """Take back what `dump` returned, the tokenizer included."""

    contract: ClassVar[int] = 2  # the version of this contract that the class implements
    expected_failures: ClassVar[Mapping[str, str]] = {}  # conformance checks it does not pass, each with the reason

    if not TYPE_CHECKING:  # only attributes that are missing get here; type checkers should report those

        def __getattr__(self, name: str) -> Any:
            if "tokenizer" not in vars(self) and not name.startswith("__"):
                raise NotFittedError(
                    f"this {type(self).__name__} has no {name!r}, because it is not trained; "
                    "genbench.train(author, SPEC) trains one"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass(frozen=True)
class Progress:
    """How far a training run is: for progress bars, learning curves and tests."""

    fraction: float  # of the run, 0 to 1
    step: int = 0
    loss: float | None = None  # running training loss in bits per token
    speed: float | None = None  # characters per second
    note: str = ""
    valid: float | None = None  # bits per character of validation text, where it has just been measured


@dataclass
class TrainStats:
    """What a generator reports about its training; see `TrainContext.record`."""

    parameters: int | None = None  # learned numbers: weights, or n-grams counted
    steps: int | None = None  # optimizer steps
    passes: float = 1.0  # over the training text
    curve: list[list[float]] = field(default_factory=list)  # [seconds, bits per character of validation text]
    notes: list[str] = field(default_factory=list)  # sentences shown below the table of results
    chosen: dict[str, OptionValue] = field(default_factory=dict)  # options that were open and what training chose
    details: dict[str, Any] = field(default_factory=dict)  # further figures by name, as JSON values


def ignore(*_: Any) -> None:
    """Do nothing: the default of every callback."""


@dataclass(frozen=True)
class TrainContext:
    """What the bench, not the generator, decides about one training run.

    `budget` is in seconds, `steps` in optimizer steps; with neither, a generator trains as long as it thinks right.
    """

    seed: int = 0
    device: str = "cpu"
    budget: float | None = None
    steps: int | None = None
    on_progress: Callable[[Progress], None] = field(default=ignore, repr=False)
    on_checkpoint: Callable[[Learned], None] = field(default=ignore, repr=False)
    last_checkpoint: Callable[[], Learned | None] = field(default=ignore, repr=False)
    stats: TrainStats = field(default_factory=TrainStats, repr=False, compare=False)

    def report(self, progress: Progress) -> None:
        """Report how far the training is."""
        self.on_progress(progress)

    def save(self, state: Learned) -> None:
        """Store a checkpoint (JSON values and numpy arrays); it replaces the previous one."""
        self.on_checkpoint(state)

    def resume(self) -> Learned | None:
        """Return the checkpoint that an interrupted run of the same training stored, or None."""
        return self.last_checkpoint()

    def record(
        self,
        *,
        parameters: int | None = None,
        steps: int | None = None,
        passes: float | None = None,
        curve: Sequence[Sequence[float]] | None = None,
        notes: Sequence[str] | None = None,
        chosen: Mapping[str, OptionValue] | None = None,
        **details: Any,
    ) -> None:
        """Add to the statistics of this training; a value given again replaces the earlier one, notes add up.

        The names are those of `TrainStats`; other keywords are kept as details.
        """
        stats = self.stats
        stats.parameters = stats.parameters if parameters is None else parameters
        stats.steps = stats.steps if steps is None else steps
        stats.passes = stats.passes if passes is None else passes
        stats.curve = stats.curve if curve is None else [list(point) for point in curve]
        stats.notes += notes or ()
        stats.chosen |= chosen or {}
        stats.details |= details

    def part(self, name: str, share: float) -> TrainContext:
        """Return the context for one part of a composed generator: a share of the budget, its own seed and checkpoint.

        The part's statistics are its own: `part.stats` has them after its fit.
        """
        seed = int(np.random.SeedSequence([self.seed, *name.encode()]).generate_state(1)[0])
        return replace(
            self,
            seed=seed,
            budget=None if self.budget is None else self.budget * share,
            steps=None if self.steps is None else max(1, round(self.steps * share)),
            on_progress=lambda progress: self.report(replace(progress, note=f"{name}: {progress.note}".rstrip(": "))),
            on_checkpoint=lambda state: self.save({**(self.resume() or {}), name: state}),
            last_checkpoint=lambda: (self.resume() or {}).get(name),
            stats=TrainStats(),
        )


def rescale(progress: ProgressCallback, start: float, width: float) -> ProgressCallback:
    """Return a progress callback for one stage of a task, which covers `width` of the whole from `start` on."""
    return lambda share: progress(start + width * share)
