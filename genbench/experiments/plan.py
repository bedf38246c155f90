"""CompareSettings: everything that decides a comparison, and the jobs that carry it out.

Whatever can be refused is refused here, before any work begins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.analysis import strata
from genbench.analysis.style_judge import SAMPLES_PER_ROW
from genbench.corpus.compressed import MEMORY_FACTOR
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import require_author
from genbench.corpus.reading import Reading
from genbench.errors import CorpusError, UserError
from genbench.experiments.executors.create import require_executor
from genbench.experiments.job import Job
from genbench.neural.distributed import world_size
from genbench.sampling import DEFAULT_LENGTH, Sampling, require_prompt, resolve_prompt
from genbench.spec import Spec, parse_duration, require_integer
from genbench.storage import models
from genbench.storage.memory import total_memory
from genbench.tokenization.text import replace_surrogates
from genbench.training import SILENT, ProgressListener, TrainSettings

DEFAULT_GENERATORS = ("markov-char", "markov-word", "lstm-char", "lstm-word", "lstm")

# the default time limit of a row: three budgets, a minute, and a second for every 1,000 characters of test text
TIMEOUT_BUDGETS, TIMEOUT_SECONDS, TIMEOUT_CHARACTERS_PER_SECOND = 3, 60.0, 1000


AUDIT, FULL_AUDIT = "15s", "full"  # about twice what a character model takes for the test text of a novel
MAX_ROWS = 10_000  # of a comparison
OPTION = re.compile(r"[A-Za-z_]\w*=\S+")

DescribedSpec = tuple[Spec, registry.Description]


@dataclass(frozen=True)
class CompareSettings:
    """Every argument of `compare` that decides its results, as JSON values; a stored run is repeated from them."""

    authors: list[str] = field(default_factory=list)  # [] means the default authors
    generators: list[str] = field(default_factory=lambda: list(DEFAULT_GENERATORS))  # SPECs
    budget: float | None = None  # seconds of training of each row
    steps: int | None = None
    flops: float | None = None  # floating-point operations of the training of each row
    timeout: float | None = None  # seconds from the start of a row to its end
    audit: str = AUDIT  # time for reading the test text step by step, of each row, or "full"
    seed: int = 0
    seeds: int = 1
    prompts: list[str] = field(default_factory=lambda: [""])
    samplings: list[Sampling] = field(default_factory=lambda: [Sampling(DEFAULT_LENGTH)])
    jobs: int | None = None  # rows side by side
    executor: str = "local"
    device: str = "auto"
    lines: str = "join"
    encoding: str | None = None  # of files that are not UTF-8
    column: str | None = None  # of CSV, TSV and JSON Lines files
    held_out: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)  # splits of the bits
    style: bool = False
    memory: bool = False
    cross_author: bool = False
    imported: list[str] = field(default_factory=list)  # imported models that may be reused
    pretrained: list[str] = field(default_factory=list)  # files and folders that lm-evaluation-harness wrote
    title: str = ""
    notes: str = ""  # what to look at in the results
    expected: str = ""  # earlier results

    # set by `sweep`
    halving: int = 0
    score_validation: bool = False  # fit on the first half of the validation text, and score the second

    def __post_init__(self) -> None:
        # arguments of a command may be no Unicode, and results must be
        for name in ("authors", "held_out", "pretrained"):
            vars(self)[name] = list(map(replace_surrogates, getattr(self, name)))
        for name in ("title", "notes", "expected"):
            vars(self)[name] = replace_surrogates(getattr(self, name))
        vars(self)["column"] = self.column and replace_surrogates(self.column)

    def validate(
        self, texts: Sequence[str | Path | Corpus] = (), listener: ProgressListener = SILENT
    ) -> list[DescribedSpec]:
        """Return the SPECs with their descriptions, after the texts are found, and before any is read.

        Raises UserError for settings that can be refused so early, and ContractError for a plugin that
        cannot be used; a plugin file is imported in another process.
        """
        parse_duration(self.timeout, "timeout")
        parse_audit(self.audit)
        if world_size() > 1:
            raise UserError("torchrun trains one network with several processes: use genbench train, not compare")
        for name in ("jobs", "seeds"):
            require_integer(name, getattr(self, name), 1, MAX_ROWS)
        rows = max(len(self.authors), 1) * len(self.generators) * self.seeds
        require_row_count(rows, "the number of authors, generators and seeds")
        self._require_no_option()

        # reading, imported models, prompts, splits, generators
        Reading(self.lines, self.encoding, self.column)
        models.full_names(self.imported)
        for prompt in self.prompts:
            require_prompt(prompt)
        for split in self.by:
            strata.require_stratifier(split)
        self.train_settings()
        require_executor(self.executor)
        for text in texts:
            require_author(text)
        return describe_specs(self.generators, listener)

    def _require_no_option(self) -> None:
        """Raise UserError for an author that is an option of a generator, such as order=3."""
        for author in self.authors:
            if OPTION.fullmatch(author) and not os.path.exists(author):
                spec = self.generators[-1]
                raise UserError(
                    f"{author!r} is no author; an option belongs to its generator, as in "
                    f"-g {spec}{',' if ':' in spec else ':'}{author}"
                )

    def train_settings(self) -> TrainSettings:
        """Return how the first seed of each row is trained."""
        return TrainSettings(self.budget, self.steps, self.seed, self.device, self.flops).with_default_budget()


def combine_samplings(
    samplings: Sampling | Sequence[Sampling] | None,
    temperatures: float | Sequence[float] = (),
    length: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    max_overlap: float | None = None,
) -> list[Sampling]:
    """Return the samplings with the parameters that are not None changed, once for each temperature."""
    if samplings is None:
        samplings = Sampling(DEFAULT_LENGTH)
    complete = [samplings] if isinstance(samplings, Sampling) else list(samplings)

    # change the parameters that are given
    parameters = {
        "length": length,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "max_overlap": max_overlap,
    }
    changes: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
    complete = [replace(sampling, **changes) for sampling in complete]

    # repeat for each temperature
    if isinstance(temperatures, int | float):
        temperatures = [temperatures]
    if not temperatures:
        return complete
    return [replace(sampling, temperature=temperature) for sampling in complete for temperature in temperatures]


def parse_audit(audit: str) -> float | None:
    """Return the seconds of an audit, None for a full one. Raises UserError.

    >>> parse_audit("1m"), parse_audit("full")
    (60.0, None)
    """
    if audit == FULL_AUDIT:
        return None
    try:
        return parse_duration(audit, "audit")
    except UserError as error:
        raise UserError(f"{error}, or {FULL_AUDIT!r}") from None


def require_row_count(rows: int, what: str) -> None:
    """Raise UserError for more rows than one comparison may have; `what` says where the number comes from."""
    if rows > MAX_ROWS:
        raise UserError(f"{what} asks for {rows:,} rows, but at most {MAX_ROWS:,} are run: choose fewer")


def describe_specs(texts: Sequence[str], listener: ProgressListener = SILENT) -> list[DescribedSpec]:
    """Return parsed SPECs with their descriptions; a plugin file is imported in another process.

    Raises SpecError for an unknown generator or option, ContractError for a plugin that cannot be used.
    """
    specs = [Spec.parse(text) for text in texts]
    with listener.stage("checking the generators"):  # importing torch takes seconds
        return list(zip(specs, registry.describe(specs), strict=True))


def make_jobs(
    settings: CompareSettings,
    corpora: Sequence[Corpus],
    specs: Sequence[DescribedSpec],
    *,
    folder: str = "",
    retrain: bool = False,
) -> list[Job]:
    """Return a job for each author, generator and seed. Raises UserError for two texts of one name."""
    names = [corpus.author for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the texts are called {name!r}; rename one of the files")

    # the texts are prepared once for all jobs of an author
    return [
        replace(
            job,
            spec=spec,
            options=known.values,
            files=known.files,
            counting=known.counting,
            seed=settings.seed + index,
        )
        for corpus in corpora
        for job in [_author_job(settings, corpus, corpora, folder, retrain)]
        for spec, known in specs
        for index in range(settings.seeds)
    ]


def _author_job(
    settings: CompareSettings, corpus: Corpus, corpora: Sequence[Corpus], folder: str, retrain: bool
) -> Job:
    """Return what the jobs of an author have in common: everything but SPEC and seed."""
    _require_memory(corpus)
    train, test = str(corpus.train), str(corpus.test)
    training = settings.train_settings()
    others = {other.author: str(other.test) for other in corpora if other.author != corpus.author}

    # SPEC and seed are filled in by the caller
    job = Job(
        author=corpus.author,
        train=train,
        valid=str(corpus.valid),
        test=test,
        spec=Spec("", {}),
        budget=training.budget,
        steps=training.steps,
        flops=training.flops,
        device=training.device,
        books=list(corpus.books),
        weights=list(map(list, corpus.train.weights)),
        lines=corpus.lines,
        sha256=corpus.sha256,
        held_out=corpus.held_out,
        models=folder,
        retrain=retrain,
        imported=models.full_names(settings.imported),
        prompts=[resolve_prompt(prompt, train, settings.seed + i) for i, prompt in enumerate(settings.prompts)],
        samplings=[sampling for sampling in settings.samplings if sampling.characters],  # length 0 means no samples
        style_samples=SAMPLES_PER_ROW if settings.style else 0,
        score_validation=settings.score_validation,
        memory=settings.memory,
        audit=parse_audit(settings.audit),
        other_tests=others if settings.cross_author else {},
    )
    return replace(job, timeout=job_timeout(job, settings.timeout))


def _require_memory(corpus: Corpus) -> None:
    """Refuse a text that jobs cannot hold in this machine's memory. Raises CorpusError."""
    limit = total_memory()
    if limit is not None and corpus.characters * MEMORY_FACTOR > limit:
        raise CorpusError(
            f"{corpus.author} has {corpus.characters / 1e6:,.0f} MB of text, and this machine {limit / 1e6:,.0f} MB of "
            f"memory: comparing takes {MEMORY_FACTOR} times its size; name a smaller part of it, or use genbench "
            "train, which reads it from disk"
        )


def job_timeout(job: Job, timeout: float | None) -> float | None:
    """Return the seconds that a job may take: `timeout`, or a limit by its budget; None where it has no budget."""
    if timeout is not None or job.budget is None:
        return timeout
    characters = sum(map(len, (job.test, *job.other_tests.values())))
    return TIMEOUT_BUDGETS * job.budget + TIMEOUT_SECONDS + characters / TIMEOUT_CHARACTERS_PER_SECOND
