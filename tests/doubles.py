"""Test doubles: generators so small that the right results are known."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from genbench import Generator, Tokenizer, scoring
from genbench.analysis.strata import Strata
from genbench.experiments.executors.base import Events
from genbench.experiments.job import (
    Job,
    ReportProgress,
    RowInProgress,
    add_test_score,
    measure_job,
    train_job,
    without_tests,
)
from genbench.experiments.row import Audit, Row
from genbench.generator import LogProbs, TrainContext
from genbench.tokenization import Text
from genbench.tokenization.tokenizer import Ids


class Stateless(Generator):
    """Predicts the same distribution everywhere: that of `table`, the log-probability of each token."""

    table: LogProbs

    def start(self) -> Any:
        return None

    def advance(self, state: Any, token: int) -> Any:
        return None

    def log_probs(self, state: Any) -> LogProbs:
        return self.table

    def dump(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.dump(), "table": self.table}

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.table = learned["table"]


@dataclass
class Fixed(Stateless):
    """Gives the last tokens of the vocabulary of `text` the probabilities `shares`, whatever precedes them."""

    text: str = "abcd"
    shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    words: bool = False
    table: LogProbs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.tokenizer = Tokenizer.words(self.text, 1) if self.words else Tokenizer.characters(self.text)
        weights = np.full(self.tokenizer.size, 1e-9)
        weights[self.tokenizer.size - len(self.shares) :] = self.shares
        self.table = np.log(weights / weights.sum())

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        """Do nothing: the table is fixed."""


@dataclass
class Unigram(Stateless):
    """Predicts each character by its frequency: the plugin of the documentation."""

    smoothing: float = 0.5

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = Tokenizer.characters(train)
        counts = np.bincount(self.tokenizer.encode(train), minlength=self.tokenizer.size) + self.smoothing
        self.table = np.log(counts / counts.sum())


def unigram_source() -> str:
    """Return the source of Unigram as a plugin has it: one class, without imports."""
    methods = inspect.getsource(Stateless).split("table: LogProbs\n", 1)[1]
    return inspect.getsource(Unigram).replace("(Stateless)", "(Generator)") + methods


__all__ = ["Fixed", "Ids", "Unigram", "unigram_source"]


def run_job(job: Job, report: ReportProgress) -> Row:
    """Return the row of a job that runs in this process, where nothing but its first tokens is audited."""
    row, model = train_job(without_tests(job), report)
    if model is None:
        return row
    row, preview = measure_job(job, row, model, report)
    if preview is None:
        return row
    with RowInProgress(row, type(model.generator)) as progress:
        score = scoring.score(model.generator, job.test)
        strata = {by: Strata.unpack(packed) for by, packed in job.strata.items()}
        row = add_test_score(row, score, strata, preview.seconds)
        progress.row = replace(row, audit=Audit(0.0, 0.0))
    return progress.row


class InProcessExecutor:
    """Runs jobs one after the other in this process, which has imported torch already; a new one takes seconds."""

    local = True

    def run(self, jobs: Sequence[Job]) -> Events:
        for index, job in enumerate(jobs):
            yield index, run_job(job, lambda progress: None)

    def stop(self, index: int) -> None:
        """Do nothing: no job runs while another one is waiting to be stopped."""
