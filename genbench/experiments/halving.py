"""Early stopping of hopeless rows: asynchronous successive halving (ASHA; Li et al. 2020), by Optuna's pruner.

At 10, 30 and 90 % of its training (with a factor of 3) a row continues if its bits per character of validation text are
among the best third of those reported so far for the same author. This is the first half of the validation text, which
trainings get; the second ranks the rows that finish. Test text decides nothing. A generator that does not report
validation bits while it trains, such as a chain, is never stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genbench.errors import UserError, missing_package
from genbench.experiments.executors.base import STOPPED, Events, Executor
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress

FIRST_RUNG = 10  # per cent of the training


class Halving:
    """An executor around another that stops hopeless jobs; their rows have the status "pruned"."""

    def __init__(self, executor: Executor, factor: int) -> None:
        """Raises UserError for a factor below 2, and where Optuna is not installed."""
        if factor < 2:
            raise UserError(f"halving is {factor}, but must be 2 or more, or 0 to stop no row early")

        # Optuna is an extra
        try:
            import optuna
        except ImportError as error:
            raise missing_package("stopping rows early", "optuna", hint="or use --halving 0") from error
        self.optuna: Any = optuna
        self.executor, self.factor = executor, factor
        self.studies: dict[str, Any] = {}  # by author: bits of different texts are not comparable
        self.trials: dict[int, Any] = {}  # by index of the job
        self.stopped: dict[int, Progress] = {}

    @property
    def local(self) -> bool:
        """Whether the jobs run on this machine."""
        return self.executor.local

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row."""
        for index, event in self.executor.run(jobs):
            if isinstance(event, Progress):
                # stop a job whose validation bits are hopeless
                if index not in self.stopped and self._is_hopeless(jobs[index], index, event):
                    self.stopped[index] = event
                    self.executor.stop(index)
                yield index, event
            elif index in self.stopped and event.error == STOPPED:
                yield index, pruned_row(jobs[index], self.stopped[index])
            else:
                yield index, event

    def stop(self, index: int) -> None:
        """Stop a job."""
        self.executor.stop(index)

    def _is_hopeless(self, job: Job, index: int, progress: Progress) -> bool:
        if progress.valid is None:
            return False

        # each job is a trial of its author's study, compared at the same share of the training
        if index not in self.trials:
            self.trials[index] = self._study(job.author).ask()
        trial = self.trials[index]
        trial.report(progress.valid, round(100 * progress.fraction))
        return progress.fraction < 1 and bool(trial.should_prune())

    def _study(self, author: str) -> Any:
        if author not in self.studies:
            self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
            pruner = self.optuna.pruners.SuccessiveHalvingPruner(FIRST_RUNG, self.factor)
            self.studies[author] = self.optuna.create_study(pruner=pruner)
        return self.studies[author]


def pruned_row(job: Job, progress: Progress) -> Row:
    """Return the row of a job that was stopped, with its last bits of the first half of the validation text."""
    reason = (
        f"stopped at {progress.fraction:.0%} of its training with {progress.valid:.3f} bits per character of "
        "the first half of the validation text"
    )
    return replace(
        Row.blank(job),
        status="pruned",
        error=reason,
        steps=progress.step,
        validation_bits_per_character=progress.valid,
    )
