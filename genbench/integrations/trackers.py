"""Log trainings to an experiment tracker with the API of wandb: trackio, wandb, and others that imitate it.

    import trackio

    with TrackerListener(trackio, project="austen") as listener:
        genbench.compare("austen", ["lstm-char", "gru-char"], listener=listener)

A training is a run of the tracker, named as the row. The module of the tracker is an argument: genbench imports none.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from inspect import signature
from types import TracebackType
from typing import Any, Protocol

from genbench.errors import format_error
from genbench.generator import Progress, ProgressCallback
from genbench.training import SILENT, ProgressListener


class Tracker(Protocol):
    """The part of the API of wandb that is used."""

    def init(self, *, project: str, name: str, **options: Any) -> Any:
        """Return a run, with `log(metrics)` and `finish()`."""


class TrackerListener(ProgressListener):
    """Logs each training as a run: its share, loss, speed, and bits per character of validation text, by step.

    Everything is passed on to `shown` too, such as a `TqdmListener`. `options` are those of the tracker's `init`, such
    as `config` and `group`. That of wandb gets `reinit="create_new"`: it has one run at a time otherwise, and rows are
    trained side by side. A tracker that fails costs no training: a warning says why, and nothing more is logged. Use
    the listener as a context manager, which ends the runs that an error or Ctrl-C left open.
    """

    def __init__(
        self, tracker: Tracker, project: str = "genbench", *, shown: ProgressListener = SILENT, **options: Any
    ) -> None:
        self.tracker, self.project, self.shown, self.options = tracker, project, shown, options
        self.runs: dict[int, Any] = {}  # by the number of the job
        self.failed = False
        if "reinit" in signature(tracker.init).parameters:
            self.options = {"reinit": "create_new"} | options

    def __enter__(self) -> TrackerListener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in list(self.runs):
            self._try(self.runs.pop(job).finish)

    def message(self, text: str) -> None:
        """Pass on a sentence."""
        self.shown.message(text)

    def download(self, name: str, share: float) -> None:
        """Pass on the share of a download."""
        self.shown.download(name, share)

    def task(self, name: str) -> ProgressCallback:
        """Pass on a task."""
        return self.shown.task(name)

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        """Log the progress of a training; its run begins with the first one."""
        if not self.failed:
            self._try(self._log, job, name, progress)
        self.shown.job_progress(job, name, progress)

    def job_done(self, job: int, name: str, outcome: str) -> None:
        """End the run of a training."""
        if job in self.runs:
            self._try(self.runs.pop(job).finish)
        self.shown.job_done(job, name, outcome)

    def _log(self, job: int, name: str, progress: Progress) -> None:
        if job not in self.runs:
            self.runs[job] = self.tracker.init(project=self.project, name=name, **self.options)
        metrics = {
            "share": progress.fraction,
            "steps": progress.step or None,
            "loss": progress.loss,
            "characters_per_second": progress.speed,
            "validation_bits_per_character": progress.valid,
        }
        self.runs[job].log({key: value for key, value in metrics.items() if value is not None})

    def _try(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Call the tracker; the first time that it fails is a warning."""
        try:
            call(*arguments)
        except Exception as error:  # a service may fail in any way; trainings matter more
            if not self.failed:
                reason = format_error(error)
                warnings.warn(f"the tracker failed, and nothing more is logged: {reason}", RuntimeWarning, stacklevel=3)
            self.failed = True
