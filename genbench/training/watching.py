"""Watch a network learn: what it writes while it is trained, shown every few seconds and kept at a few moments.

A generator that is trained in steps offers itself with `TrainContext.snapshot`; a `Watcher` decides whether to sample
from it. All samples continue the same prompt, with the same random numbers, so that they differ by what was learned.
No test text is here: the prompt is the user's, or from the training text.

Sampling is in no figure: the clock of the training stands still, and so does the count of its seconds. It takes at
most a hundredth of the time so far for samples that are only shown, and two hundredths of the training in all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from genbench.generator import Generator, Progress
from genbench.processes.clock import uncounted
from genbench.sampling import Sampling, generate, resolve_prompt
from genbench.sampling.parameters import RANDOM_PROMPT
from genbench.storage.cards import Snapshot
from genbench.tokenization.text import Text

MARKS = (1.0, 5.0, 15.0, 60.0)  # seconds of training after which a sample is kept; then each four times the last
GROWTH = 4.0
LENGTH = 120  # characters of a sample after its prompt
KEPT_SHARE, SHOWN_SHARE = 0.02, 0.01  # of the whole training, of the time so far: what all samples may take
MIN_FRACTION = 0.01  # of a training, below which its length is not estimated
PROMPT_TEXT = 100_000  # characters of the training text in which the prompt is looked for


@dataclass(frozen=True)
class WatchOptions:
    """How a training is watched."""

    prompts: Sequence[str] = ()  # the first one that is not empty is continued; none: a sentence of the training text
    every: float = 0.0  # seconds between two samples that are shown; 0 shows none


NOT_SHOWN = WatchOptions()


@dataclass
class Watcher:
    """Samples from a generator that is being trained, if it is time; an error in it ends the watching alone."""

    options: WatchOptions
    train: str | Text
    clock: Callable[[], float]  # of the training
    report: Callable[[Progress], None]
    seed: int = 0
    kept: list[Snapshot] = field(default_factory=list)
    cost: float = 0.0  # CPU seconds of all samples
    _last_cost: float = 0.0
    _next_mark: float = field(default_factory=lambda: MARKS[0])
    _shown: float = 0.0
    _failed: bool = False
    _prompt: str | None = None

    def __call__(self, make: Callable[[], Generator], progress: Progress) -> None:
        """Sample from the generator that `make` returns, if a sample is due."""
        now = self.clock()
        whole = now / max(progress.fraction, MIN_FRACTION)  # seconds of the whole training, as far as that is known
        keeps = now >= self._next_mark and self.cost + self._last_cost <= KEPT_SHARE * whole
        shows = 0 < self.options.every <= now - self._shown and self.cost + self._last_cost <= SHOWN_SHARE * now
        if self._failed or not (keeps or shows):
            return

        # outside the clock of the training
        started = time.process_time()
        try:
            with uncounted(silent=True):
                prompt = self._choose_prompt()
                sampling, rng = Sampling(length=LENGTH), np.random.default_rng(self.seed)
                text = generate(make(), prompt, sampling, rng)
        except Exception:  # a display costs no training
            self._failed = True
            return
        self._last_cost = time.process_time() - started
        self.cost, self._shown = self.cost + self._last_cost, now

        # keep it, and pass it on
        if keeps:
            self._next_mark = next_mark(now)
            passes = progress.passes
            self.kept.append(Snapshot(round(now, 2), progress.step, passes, progress.loss, prompt, text, progress.note))
        if self.options.every:
            self.report(replace(progress, text=prompt + text))

    def _choose_prompt(self) -> str:
        if self._prompt is None:
            given = next((prompt for prompt in self.options.prompts if prompt), "")
            self._prompt = given or resolve_prompt(RANDOM_PROMPT, Text(self.train).part(0, PROMPT_TEXT), self.seed)
        return self._prompt


def next_mark(seconds: float) -> float:
    """Return the first moment after some seconds at which a sample is kept.

    >>> next_mark(0.2), next_mark(1.3), next_mark(7), next_mark(60), next_mark(500)
    (1.0, 5.0, 15.0, 240.0, 960.0)
    """
    mark = next((mark for mark in MARKS if mark > seconds), MARKS[-1])
    while mark <= seconds:
        mark *= GROWTH
    return mark
