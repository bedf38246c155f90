"""RunRecord: a comparison is stored while it runs, so that what is done survives whatever comes after it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

from genbench.experiments.comparison import Comparison
from genbench.experiments.plan import CompareSettings
from genbench.storage import runs
from genbench.storage.records import to_json
from genbench.storage.runs import StoredRun
from genbench.training import ProgressListener

PAUSE = 10  # between two intermediate versions, in durations of the last one: they take a tenth of the time at most


class RunRecord:
    """The stored run of a comparison that is running: made when its first row is done, and replaced as a whole.

    An unfinished run of the same name and the same settings is replaced, instead of making another one.
    """

    def __init__(self, name: str, listener: ProgressListener, settings: CompareSettings | None = None) -> None:
        self.name, self.listener = name, listener
        self.stored: StoredRun | None = None
        unfinished = runs.read_unfinished(name) if name and settings else None
        if unfinished is not None and unfinished.get("settings") == to_json(settings):
            self.stored = runs.read_run(name)
        self.next_time = 0.0  # by time.monotonic

    def update(self, comparison: Comparison) -> bool:
        """Store a comparison that is not complete, if it is time; return whether it was stored."""
        started = time.monotonic()
        if started < self.next_time:
            return False

        # a disk that is full now may have room at the end
        with contextlib.suppress(OSError, MemoryError):
            self._write(comparison, complete=False)
        now = time.monotonic()
        self.next_time = now + PAUSE * (now - started)
        return True

    def finish(self, comparison: Comparison) -> Comparison:
        """Store a comparison for the last time; return it with its name. A full disk costs the run, not the results."""
        trained = {row.model for row in comparison.results if not row.reused}  # for another seed, by this comparison
        reused = sum(row.reused and row.model not in trained for row in comparison.results)
        rows = sum(not row.pretrained for row in comparison.results)
        if reused:
            self.listener.message(
                f"{reused} of {rows} models are stored ones of the same training; --retrain trains again"
            )

        # say what the run is called, or why there is none
        try:
            stored = self._write(comparison, complete=True)
        except OSError as error:
            reason = error.strerror or error
            self.listener.message(f"the run could not be stored in {runs.runs_folder()}: {reason}")
            return comparison
        self.listener.message(f"stored as run {stored.name}; genbench runs report {stored.name} writes an HTML page")
        return replace(comparison, name=stored.name)

    def _write(self, comparison: Comparison, complete: bool) -> StoredRun:
        """Store a comparison in the folder of its run, or in a new one. Raises OSError where it cannot be written."""
        values = comparison.to_dict(verdicts=complete)
        if self.stored is not None and self.stored.folder.is_dir():
            self.stored = runs.replace_run(self.stored, values)
        else:
            self.stored = runs.store_run(values, self.name)
        return self.stored
