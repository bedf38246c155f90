"""Early stopping of hopeless rows: successive halving, asynchronous (ASHA; Li et al. 2020), by Optuna's pruner.

At 10, 30 and 90 % of its training (with a factor of 3) a row goes on if its bits per character of valid text are among
the best third of those that came so far for the same author. Test text decides nothing. A generator that says nothing
of valid text while it learns, as a chain, is never stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genbench import registry
from genbench import spec as options
from genbench.errors import UserError
from genbench.experiments.executors.base import STOPPED, Events, Executor
from genbench.experiments.job import Job, Row, blank
from genbench.generator import Progress

FIRST = 10  # per cent of the training
INSTALL = "pip install 'genbench[sweep]', or give --halving 0"


class Halving:
    """An executor around another, that stops hopeless jobs: their rows have the status `pruned`."""

    def __init__(self, executor: Executor, factor: int) -> None:
        """Raises UserError for a factor below 2, or where Optuna is not installed."""
        if factor < 2:
            raise UserError(f"halving is {factor}, and must be 2 or more, or 0 to stop no row early")
        try:
            import optuna
        except ImportError as error:
            raise UserError(f"to stop hopeless rows needs Optuna, which is not installed: {INSTALL}") from error
        self.optuna: Any = optuna
        self.executor, self.factor = executor, factor
        self.studies: dict[str, Any] = {}  # one an author: bits of other texts say nothing
        self.trials: dict[int, Any] = {}
        self.stopped: dict[int, Progress] = {}

    @property
    def here(self) -> bool:
        """Where the other runs."""
        return self.executor.here

    def run(self, jobs: Sequence[Job]) -> Events:
        """Events as they come, in the end one row for each job."""
        for place, said in self.executor.run(jobs):
            if isinstance(said, Progress):
                if said.valid is not None and place not in self.stopped and self._hopeless(jobs[place], place, said):
                    self.stopped[place] = said
                    self.executor.stop(place)
                yield place, said
            elif place in self.stopped and said.get("error") == STOPPED:
                yield place, pruned(jobs[place], self.stopped[place])
            else:
                yield place, said

    def stop(self, place: int) -> None:
        """End this job."""
        self.executor.stop(place)

    def _hopeless(self, job: Job, place: int, said: Progress) -> bool:
        if place not in self.trials:
            self.trials[place] = self._study(job.author).ask()
        trial = self.trials[place]
        trial.report(said.valid, round(100 * said.fraction))
        return said.fraction < 1 and bool(trial.should_prune())

    def _study(self, author: str) -> Any:
        if author not in self.studies:
            self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
            pruner = self.optuna.pruners.SuccessiveHalvingPruner(FIRST, self.factor)
            self.studies[author] = self.optuna.create_study(pruner=pruner)
        return self.studies[author]


def pruned(job: Job, said: Progress) -> Row:
    """The row of a job that was stopped, with its last bits of valid text."""
    why = f"at {said.fraction:.0%} of its training it had {said.valid:.3f} bits per character of valid text"
    row = blank(job) | {"options": options.values(registry.make(job.spec)), "steps": said.step}
    return row | {"status": "pruned", "error": why, "valid_bits_per_character": said.valid}
