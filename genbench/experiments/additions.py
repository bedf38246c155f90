"""What the comparing process adds to the rows: what samples copy, baselines, and attributions by the judges of style.

It is computed after all rows are done. A figure that fails, or that Ctrl-C interrupts, is left out with a sentence.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial
from typing import TypeVar

from genbench.analysis.baselines import character_baselines, xz_baseline
from genbench.analysis.novelty import NoveltyStatistics
from genbench.analysis.style_judge import StyleJudge
from genbench.corpus.corpus import Corpus
from genbench.errors import format_error
from genbench.experiments.comparison import Comparison
from genbench.experiments.measurements import CopyAnalysis
from genbench.experiments.reference_chain import Reference, measure_reference, with_doubts
from genbench.experiments.row import Row
from genbench.generator import ProgressCallback
from genbench.sampling import DEFAULT_LENGTH
from genbench.training import ProgressListener, TrainingText

POLL_SECONDS = 0.2  # an endless wait for a thread would not notice Ctrl-C on every system
STOPPED = "what samples copy, baselines: stopped before all was measured; the same command measures them"

Result = TypeVar("Result")


def add_figures(
    comparison: Comparison,
    analyses: Mapping[str, CopyAnalysis],
    judge: StyleJudge | None,
    length: int,
    listener: ProgressListener,
) -> Comparison:
    """Return the comparison with what its samples copy, the baselines, and what the judges of style say.

    `analyses` are by author; `length` is that of the first samples in characters, 0 without samples.
    """
    steps = _Steps(listener, len(comparison.results) + 5 * len(analyses) + (judge is not None))

    # what samples copy is looked for in one pass over each training text; without it, it is not tried row by row
    readings = {
        author: partial(_read, analysis, comparison, length, steps.progress) for author, analysis in analyses.items()
    }
    read = {author for author, reading in readings.items() if steps.run(f"copies of {author}", reading, False)}
    results = []
    for row in comparison.results:
        if row.author in read:
            row = steps.run(f"copies of {row.author} {row.generator}", partial(analyses[row.author].add_to, row), row)
        results.append(steps.run(f"style of {row.generator}", partial(_with_style, row, judge), row) if judge else row)

    # figures of each author's text
    baselines: dict[str, dict[str, float]] = {}
    held_out: dict[str, NoveltyStatistics | None] = {}
    for author, analysis in analyses.items():
        texts = str(analysis.corpus.train), str(analysis.corpus.test)
        human = partial(analysis.held_out, length if author in read else 0)
        held_out[author] = steps.run(f"copies of held-out {author}", human, None)
        baselines[author] = {
            **steps.run(f"uniform and unigram baselines of {author}", partial(character_baselines, *texts), {}),
            **steps.run(f"xz baseline of {author}", partial(xz_baseline, *texts, steps.progress), {}),
        }

    # figures that cannot be those of a model of the training text
    references = {}
    for author, analysis in analyses.items():
        measure = partial(_reference, analysis.corpus, baselines[author].get("xz", float("inf")))
        if reference := steps.run(f"reference chain of {author}", measure, None):
            references[author] = reference
    results = [with_doubts(row, references) for row in results]

    # the accuracy of the judges
    evaluate = None if judge is None else partial(judge.evaluate, length or DEFAULT_LENGTH)
    style = steps.run("accuracy of the judges", evaluate, None) if evaluate else None
    return replace(
        comparison,
        results=results,
        baselines=baselines,
        references=references,
        held_out_text=held_out,
        style=style,
        omitted=steps.finish(),
        stopped=steps.stopped,
    )


class _Steps:
    """Runs one computation after the other; what fails is left out, and after Ctrl-C everything else too."""

    def __init__(self, listener: ProgressListener, count: int) -> None:
        self.report, self.count, self.done = listener.task("measuring copies and baselines"), count, 0
        self.omitted: list[str] = []
        self.stopped = False

    def run(self, name: str, compute: Callable[[], Result], otherwise: Result) -> Result:
        """Return the result of a computation, or `otherwise` and a sentence in `omitted`."""
        if self.stopped:
            return otherwise
        try:
            self.report(min(self.done / self.count, 0.99))
            self.done += 1
            return interruptible(compute)
        except KeyboardInterrupt:
            self.stopped = True
            self.omitted.append(STOPPED)
        except MemoryError:
            self.omitted.append(f"{name}: not enough memory")
        except Exception as error:  # a figure costs itself, and no row
            self.omitted.append(f"{name}: {format_error(error)}")
        return otherwise

    def progress(self, share: float) -> None:
        """Receive the completed share of the computation that runs."""
        self.report(min((self.done - 1 + share) / self.count, 0.99))

    def finish(self) -> list[str]:
        """Return the sentences on what was left out."""
        self.report(1.0)
        return self.omitted


def interruptible(compute: Callable[[], Result]) -> Result:
    """Return the result of a computation in a thread, so that Ctrl-C need not wait for the end of a call in C.

    After KeyboardInterrupt the thread is abandoned; it ends with the process.
    """
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(compute())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    while not future.done():
        wait([future], POLL_SECONDS)
    return future.result()


def _read(analysis: CopyAnalysis, comparison: Comparison, length: int, progress: ProgressCallback) -> bool:
    analysis.read(comparison.results, length, progress)
    return True


def _reference(corpus: Corpus, xz: float) -> Reference:
    return measure_reference(TrainingText.from_corpus(corpus), str(corpus.test), xz)


def _with_style(row: Row, judge: StyleJudge) -> Row:
    """Return the row with the attributions of its samples."""
    if row.style is None:
        return row
    return replace(row, style=replace(row.style, accuracy=judge.judge_samples(row.author, row.style.texts)))
