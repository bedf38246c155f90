"""Row: the result of one generator on one author with one seed, and the dataclasses it contains.

Rows are stored and exported as JSON objects whose keys are the field names; docs/results.md documents them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from genbench.analysis.attribution import Accuracy
from genbench.analysis.intervals import Interval
from genbench.analysis.memory import ContextBits
from genbench.analysis.novelty import CopiedRun, NoveltyStatistics
from genbench.analysis.strata import StratumBits
from genbench.generator import OptionValue
from genbench.storage.cards import MIN_CORE_SHARE, Ancestor, Snapshot
from genbench.storage.records import JsonObject, JsonRecord, from_json

if TYPE_CHECKING:
    from genbench.experiments.job import Job

Status = Literal["ok", "failed", "pruned", "stopped", "not started"]


def temperature_key(temperature: float | None) -> str:
    """Return the name of a temperature that was asked for, such as "0.8"; None is "default"."""
    return "default" if temperature is None else f"{temperature:g}"


@dataclass(frozen=True)
class Sample:
    """One generated text with its surprisal and what it copies from the training text."""

    temperature: float | None  # that was asked for; None: the generator's default, which is in `sampling`
    prompt: str
    text: str  # without the prompt
    surprisal: list[tuple[str, float]] = field(default_factory=list)  # each word, white space before it, and its bits
    longest_copy: int | None = None  # characters
    copied_from: CopiedRun | None = None
    copies: list[list[int]] = field(default_factory=list)  # [start, stop) of each copied run of words, in characters
    copied_share: float | None = None  # of the words, in copied runs of five words and more
    unseen: list[float | None] = field(default_factory=list)  # share of new n-grams, of 1 to 10 words
    sampling: dict[str, float] = field(default_factory=dict)  # how tokens were chosen: temperature, min_p and so on


@dataclass(frozen=True)
class CopyStats(NoveltyStatistics):
    """What the samples of one temperature copy from the training text, and how much they repeat each other; None: those
    of the generator's default.
    """

    temperature: float | None = None


@dataclass(frozen=True)
class StyleScores:
    """How many of a row's samples each judge of style attributes to their author."""

    length: int  # characters of the longest sample
    texts: list[str]
    accuracy: dict[str, Accuracy] = field(default_factory=dict)  # by judge: "bits" for the chains, "rnn", "lstm"


@dataclass(frozen=True)
class Audit:
    """How the score was checked: a process without the texts predicted each token before it was shown that token."""

    share: float  # of the tokens of the test text that were read this way, 0 to 1
    seconds: float
    isolation: list[str] = field(default_factory=list)  # what that process could not use: "files", "network"
    reread: float | None = (
        None  # bits of a passage read a second time in one stream, divided by those of the first time
    )


@dataclass(frozen=True)
class Row(JsonRecord):
    """The result of one generator on one author with one seed; figures that were not measured are None."""

    author: str
    generator: str  # registered name, or the stem of the plugin file
    seed: int = 0
    options: dict[str, OptionValue] = field(default_factory=dict)  # JSON values
    status: Status = "ok"
    error: str | None = None  # why it has no score

    # test text
    bits: float | None = None  # minus log2 of the probability of the whole test text
    bits_per_character: float | None = None
    bits_per_byte: float | None = None
    word_perplexity: float | None = None
    token_perplexity: float | None = None  # per token of this generator, never ranked
    characters: int | None = None
    bytes: int | None = None
    words: int | None = None
    tokens: int | None = None
    spelled_share: float | None = None  # of the tokens, those that spell unknown words
    upper_bound: bool = False  # the bits are those of one of several tokenizations of the text
    canonical_bits: float | None = None  # of a row whose bits are exact by the character: those of its canonical tokens
    canonical_bits_per_character: float | None = None
    interval: Interval | None = None  # 95 % of the bits per character, from the blocks
    block_bits: list[float] = field(default_factory=list)  # of each block of 1,000 characters, the last one shorter
    splits: dict[str, dict[str, StratumBits]] = field(default_factory=dict)  # kind of split, stratum
    audit: Audit | None = None
    pretrained: bool = False  # a model of somebody else, which learned other text: marked, and ranked apart
    doubtful: bool = False  # its figures cannot be those of a model of the training text alone; a note says why

    # validation text: the end of it; in sweeps all of its second half, which nothing was fitted on
    validation_bits_per_character: float | None = None

    # training
    adaptive: bool = False  # whether it learns from the test text while reading it; such rows are ranked apart
    parameters: int | None = None
    steps: int | None = None
    passes: float | None = None  # over the training text
    train_seconds: float | None = None  # wall-clock time
    cpu_seconds: float | None = None  # of the training, processes that the generator started included
    core_share: float | None = None  # CPU seconds over wall-clock seconds of the training
    time_budget: float | None = None  # seconds that ended the training; None where it ended by itself, steps or flops
    flops: float | None = None  # floating-point operations of the training; None where they are not counted
    train_characters_per_second: float | None = None
    curve: list[tuple[float, float]] = field(default_factory=list)  # seconds, bits per character of validation text
    snapshots: list[Snapshot] = field(default_factory=list)  # what it wrote while it was trained
    spec: str = ""  # the SPEC with every option that training chose: given again, it repeats the training
    details: JsonObject = field(default_factory=dict)  # further figures that the generator reported, JSON values
    model: str = ""  # name of the stored model, "" where none was stored
    reused: bool = False  # whether a stored model was loaded instead of trained
    ancestors: list[Ancestor] = field(default_factory=list)  # models whose training this one continues, the parent last
    seeded: bool = False  # whether the training read its seed, so that another seed makes another model

    # speed and memory
    score_characters_per_second: float | None = None
    generate_characters_per_second: float | None = None
    peak_memory_mb: float | None = None

    # samples and extra metrics
    samples: list[Sample] = field(default_factory=list)
    further_samples: dict[str, list[str]] = field(
        default_factory=dict
    )  # by temperature: not shown, for `novelty` alone
    novelty: list[CopyStats] = field(default_factory=list)  # one entry for each temperature
    memory: list[ContextBits] = field(default_factory=list)
    cross_scores: dict[str, float] = field(default_factory=dict)  # bits per character of other authors' test texts
    style: StyleScores | None = None
    notes: list[str] = field(default_factory=list)

    # several seeds as one row (see `seeds.aggregate_seeds`)
    seeds: int = 1
    spread: Interval | None = None  # lowest and highest bits per character of the seeds
    seed_variance: float | None = None  # of the mean bits per character over the seeds

    @classmethod
    def blank(cls, job: Job) -> Row:
        """Return a row of a job with nothing measured; its options are those that are known before the training."""
        return cls(author=job.author, generator=job.generator, seed=job.seed, options=job.options)

    def failed(self, reason: str) -> Row:
        """Return the row with the status "failed" and a reason."""
        return replace(self, status="failed", error=reason)

    def stopped(self, reason: str) -> Row:
        """Return the row with the status "stopped" and what the same command does with it."""
        return replace(self, status="stopped", error=reason)

    def not_started(self, reason: str) -> Row:
        """Return the row with the status "not started" and a reason."""
        return replace(self, status="not started", error=reason)

    @property
    def ok(self) -> bool:
        """Whether the row has a score."""
        return self.status == "ok"

    @property
    def fine_tuned(self) -> bool:
        """Whether its model learned other text before: such rows are marked and ranked apart."""
        return bool(self.ancestors)

    @property
    def comparable(self) -> bool:
        """Whether the row may take part in verdicts: no doubts, no other text, enough of a core for a time budget."""
        if self.doubtful or self.fine_tuned or self.pretrained:
            return False
        return self.time_budget is None or self.core_share is None or self.core_share >= MIN_CORE_SHARE

    @property
    def one_training(self) -> bool:
        """Whether the row shows one of many models that the generator makes from this text, each from another seed."""
        return self.seeded and self.seeds == 1

    @property
    def ranking_bits(self) -> float:
        """Bits per character of the test text; infinite where it was not scored, so that such rows come last."""
        return float("inf") if self.bits_per_character is None else self.bits_per_character

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Row:
        """Return the row that `to_dict` gave; raises ValueError for anything else."""
        return from_json(cls, values)
