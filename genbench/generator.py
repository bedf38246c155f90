"""The contract between genbench and a text generator: the abstract class `Generator`.

A generator defines a state, a distribution over the next token given that state, and a rule to advance the state.
Sampling, scoring, saving and conformance checks are derived from these three in the core, so a generator cannot report
one distribution and sample from another. Optional methods beyond these six are listed in `genbench.capabilities`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from genbench import reported
from genbench.errors import ContractError, NotFittedError
from genbench.processes.clock import TrainingClock
from genbench.tokenization.text import Text as Text
from genbench.tokenization.text import replace_surrogates
from genbench.tokenization.tokenizer import Tokenizer

State: TypeAlias = Any
LogProbs = npt.NDArray[np.float64]
Learned = dict[str, Any]
OptionValue: TypeAlias = str | int | float | bool | None
ProgressCallback = Callable[[float], None]  # receives the completed share of a long task, 0 to 1
PartFunction = Callable[[Any], Any]  # of one part of a training
OnMap = Callable[[PartFunction, Iterable[Any]], Iterator[tuple[Any, str]]]  # results, and the machines of their calls
LIMITS = ("budget", "steps", "flops")  # of a training
READ = ("seed", *LIMITS)  # what a training may ignore
PROGRESS_EVERY = 0.2  # seconds between two reports of a task that reports often

MAX_NOTE = 500  # characters of a progress note that are kept


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
        """Return the learned values, including the tokenizer, as JSON values and numpy arrays."""

    @abstractmethod
    def restore(self, learned: Learned) -> None:
        """Set the learned values, including the tokenizer, from what `dump` returned."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.8}  # or top_k, top_p, min_p: see `Sampling`
    contract: ClassVar[int] = 2  # the version of this contract that the class implements
    expected_failures: ClassVar[Mapping[str, str]] = {}  # conformance checks that cannot pass, each with the reason

    if not TYPE_CHECKING:  # only attributes that are missing get here; type checkers should report those

        def __getattr__(self, name: str) -> Any:
            if "tokenizer" not in vars(self) and not name.startswith("__"):
                raise NotFittedError(
                    f"this {type(self).__name__} has no attribute {name!r} and is not trained; "
                    "genbench.train(author, SPEC) trains one"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass(frozen=True)
class Progress:
    """The progress of a training run, for progress bars, learning curves and tests.

    Numbers may be of any type that `float` accepts, such as a tensor with one value; they are stored as Python numbers,
    and those that are not finite as None. Raises ContractError for anything else.
    """

    fraction: float  # of the run, 0 to 1
    step: int = 0
    loss: float | None = None  # running training loss in bits per token
    speed: float | None = None  # characters per second
    note: str = ""
    valid: float | None = None  # bits per character of validation text, if just measured
    remaining: float | None = None  # seconds that are left at most; of a training with a time budget, genbench sets it
    passes: float | None = None  # over the training text so far
    text: str = ""  # what the generator writes at this moment; genbench sets it (`TrainContext.snapshot`)

    def __post_init__(self) -> None:
        numbers = ("fraction", "step", "loss", "speed", "valid", "remaining", "passes")
        values = {name: reported.optional_number(name, getattr(self, name)) for name in numbers}
        vars(self).update(
            values,
            fraction=min(max(values["fraction"] or 0.0, 0.0), 1.0),
            step=reported.count("step", int(values["step"] or 0)),
            note="" if self.note is None else replace_surrogates(str(self.note)[:MAX_NOTE]),
            text=replace_surrogates(str(self.text)[:MAX_NOTE]),
        )


@dataclass
class TrainStats:
    """Statistics of a training, recorded by the generator with `TrainContext.record`.

    Values are converted to Python values, as in `Progress`. Raises ContractError for what cannot be converted, a number
    that is negative or not finite, and for texts and details that are too long.
    """

    parameters: int | None = None  # number of weights, or of n-gram counts
    steps: int | None = None  # optimizer steps
    flops: float | None = None  # floating-point operations of the training
    passes: float = 1.0  # over the training text
    curve: list[list[float]] = field(default_factory=list)  # [seconds, bits per character of validation text]
    notes: list[str] = field(default_factory=list)  # sentences shown below the table of results
    chosen: dict[str, OptionValue] = field(default_factory=dict)  # values that training chose for options left "auto"
    details: dict[str, Any] = field(default_factory=dict)  # further figures by name, as JSON values

    def __post_init__(self) -> None:
        vars(self).update(
            parameters=None if self.parameters is None else reported.count("parameters", self.parameters),
            steps=None if self.steps is None else reported.count("steps", self.steps),
            flops=None if self.flops is None else reported.finite_number("flops", self.flops),
            passes=reported.finite_number("passes", self.passes),
            curve=reported.points("curve", self.curve),
            notes=reported.texts("notes", self.notes),
            chosen=reported.option_values("chosen", self.chosen),
            details=reported.details(self.details),
        )


def ignore(*_: Any) -> None:
    """Do nothing: the default of every callback."""


OnSnapshot = Callable[[Callable[[], Generator], Progress], None]  # a function that returns it as it is now


def map_here(function: PartFunction, parts: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Yield what a function returns for each part, in order, and "" for this machine."""
    for part in parts:
        yield function(part), ""


@dataclass(frozen=True)
class TrainContext:
    """The settings and callbacks of one training run; genbench sets them, the generator reads them.

    `budget` is in seconds by `clock`, `steps` in optimizer steps, `flops` in floating-point operations. If steps or
    flops are set, the budget does not count; if all are None, the generator decides how long to train.
    """

    seed: int = 0
    device: str = "cpu"
    budget: float | None = None
    steps: int | None = None
    flops: float | None = None
    clock: Callable[[], float] = field(default_factory=TrainingClock, repr=False, compare=False)  # seconds so far
    on_read: Callable[[str], None] = field(default=ignore, repr=False, compare=False)  # gets each name of READ
    on_progress: Callable[[Progress], None] = field(default=ignore, repr=False)
    on_checkpoint: Callable[[Learned], None] = field(default=ignore, repr=False)
    last_checkpoint: Callable[[], Learned | None] = field(default=ignore, repr=False)
    on_map: OnMap = field(default=map_here, repr=False, compare=False)
    on_snapshot: OnSnapshot = field(default=ignore, repr=False, compare=False)
    stats: TrainStats = field(default_factory=TrainStats, repr=False, compare=False)

    def __getattribute__(self, name: str) -> Any:
        # a training that never reads its seed, or its limits, has no other result with others
        if name in READ:
            object.__getattribute__(self, "on_read")(name)
        return object.__getattribute__(self, name)

    @property
    def limits(self) -> dict[str, Any]:
        """The budget, steps and operations, for a generator that divides them among parts, which may ignore them."""
        return {name: vars(self)[name] for name in LIMITS}

    def report(self, progress: Progress) -> None:
        """Report the progress of the training. Raises ContractError for anything but a Progress."""
        if not isinstance(progress, Progress):
            shown = reported.describe_value(progress)
            raise ContractError(f"it reports {shown}, but must report a Progress, as in Progress(0.5)")
        self.on_progress(progress)

    def snapshot(self, make: Callable[[], Generator], progress: Progress) -> None:
        """Offer the generator as it is now, every now and then: genbench may sample from it at once.

        `make` returns a generator that predicts, such as a copy with the weights of this moment. It is called only if a
        sample is due; that time counts neither for the budget nor for the seconds of the training.
        """
        self.on_snapshot(make, progress)

    def save(self, state: Learned) -> None:
        """Store a checkpoint (JSON values and numpy arrays); it replaces the previous one."""
        self.on_checkpoint(state)

    def resume(self) -> Learned | None:
        """Return the checkpoint of an interrupted run of the same training, or None."""
        return self.last_checkpoint()

    def map(self, function: PartFunction, parts: Iterable[Any]) -> Iterator[Any]:
        """Yield what a function returns for each part, in order: as `map` does, on all machines of an executor.

        The result must depend on the part alone. The function is defined at the top of a module that every machine has;
        parts and results can be pickled. Parts are taken from the iterable as they are needed. A note of the row says
        how many machines there were.
        """
        machines = set()
        for result, machine in self.on_map(function, parts):
            machines.add(machine)
            yield result
        if len(machines) > 1:
            self.record(notes=[f"parts of its training ran on {len(machines)} machines"])

    def record(
        self,
        *,
        parameters: int | None = None,
        steps: int | None = None,
        flops: float | None = None,
        passes: float | None = None,
        curve: Sequence[Sequence[float]] | None = None,
        notes: Sequence[str] | None = None,
        chosen: Mapping[str, OptionValue] | None = None,
        **details: Any,
    ) -> None:
        """Record statistics of this training. A repeated value replaces the earlier one; notes are appended.

        The keywords are the fields of `TrainStats`; any other keyword is stored in `TrainStats.details`. Raises
        ContractError for an invalid value, which leaves the statistics as they were.
        """
        # single values: None leaves the earlier one
        values: dict[str, Any] = {"parameters": parameters, "steps": steps, "flops": flops, "passes": passes}
        values = {name: value for name, value in {**values, "curve": curve}.items() if value is not None}

        # collections grow
        values["notes"] = self.stats.notes + reported.texts("notes", notes or ())
        values["chosen"] = self.stats.chosen | reported.option_values("chosen", chosen or {})
        values["details"] = self.stats.details | reported.details(details)
        vars(self.stats).update(vars(replace(self.stats, **values)))

    def part(self, name: str, share: float) -> TrainContext:
        """Return the context for one part of a composed generator: a share of the budget, its own seed and checkpoint.

        `share` is from 0 to 1. The part records its statistics in its own `stats`.
        """
        # parts of different names draw different random numbers; what a part is given is read once the part reads it
        seed = int(np.random.SeedSequence([vars(self)["seed"], *name.encode()]).generate_state(1)[0])
        budget, steps, flops = self.limits.values()

        # the checkpoints of all parts are stored in one dict, by name
        return replace(
            self,
            seed=seed,
            budget=None if budget is None else budget * share,
            steps=None if steps is None else max(1, round(steps * share)),
            flops=None if flops is None else flops * share,
            on_progress=lambda progress: self.report(_of_part(progress, name)),
            on_snapshot=lambda make, progress: self.snapshot(make, _of_part(progress, name)),
            on_checkpoint=lambda state: self.save({**(self.resume() or {}), name: state}),
            last_checkpoint=lambda: (self.resume() or {}).get(name),
            stats=TrainStats(),
        )


def _of_part(progress: Progress, name: str) -> Progress:
    return replace(progress, note=f"{name}: {progress.note}".rstrip(": "))


def rescale(progress: ProgressCallback, start: float, width: float) -> ProgressCallback:
    """Return a progress callback for one stage of a task: 0 to 1 is mapped to `start` to `start + width`."""
    return lambda share: progress(start + width * share)


def throttle(progress: ProgressCallback, seconds: float = PROGRESS_EVERY) -> ProgressCallback:
    """Return a progress callback that passes a share on if so many seconds have gone by since the last one."""
    last = time.monotonic()

    def throttled(share: float) -> None:
        nonlocal last
        if time.monotonic() - last > seconds:
            last = time.monotonic()
            progress(share)

    return throttled
