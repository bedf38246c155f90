"""The public functions `compare` and `rerun`, and `run_comparison`, which both and `sweep` call.

`run_comparison` makes the jobs, runs them, adds what the samples copy, and stores the result as a run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from genbench import __version__
from genbench.analysis.style_judge import StyleJudge, train_style_judge
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpora, rename_paths
from genbench.errors import UserError
from genbench.experiments.additions import STOPPED as STOPPED_ADDITIONS
from genbench.experiments.additions import add_figures, interruptible
from genbench.experiments.comparison import Comparison
from genbench.experiments.duplicates import require_distinct_names, unique_specs, unique_texts
from genbench.experiments.environment import describe_environment
from genbench.experiments.executors.base import NOT_STARTED, Executor
from genbench.experiments.executors.create import create_executor
from genbench.experiments.executors.job_bundle import has_progress
from genbench.experiments.halving import Halving
from genbench.experiments.idle_cores import idle_cores, oversubscription_note
from genbench.experiments.imported import unused_imports
from genbench.experiments.job import Job, add_interval_note
from genbench.experiments.measurements import CopyAnalysis
from genbench.experiments.plan import (
    AUDIT,
    DEFAULT_GENERATORS,
    CompareSettings,
    DescribedSpec,
    combine_samplings,
    make_jobs,
)
from genbench.experiments.pretrained import read_pretrained
from genbench.experiments.row import Row
from genbench.experiments.run_record import RunRecord
from genbench.experiments.safe_listener import SafeListener
from genbench.experiments.texts import describe_texts
from genbench.generator import Progress
from genbench.sampling import Sampling
from genbench.spec import parse_duration
from genbench.storage import runs
from genbench.storage.memory import require_memory
from genbench.storage.models import models_folder
from genbench.tokenization.normal_form import differing_forms
from genbench.tokenization.text import replace_surrogates
from genbench.training import SILENT, ProgressListener

STOPPED = "not finished; the same command trains again from the start"
STOPPED_WITH_PROGRESS = "not finished; the same command resumes the training"


def compare(
    authors: str | Path | Corpus | Sequence[str | Path | Corpus] = (),
    generators: str | Sequence[str] = DEFAULT_GENERATORS,
    *,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    timeout: str | float | None = None,
    audit: str = AUDIT,
    seed: int = 0,
    seeds: int = 1,
    prompts: str | Sequence[str] = ("",),
    samplings: Sampling | Sequence[Sampling] | None = None,
    temperatures: float | Sequence[float] = (),
    length: int | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    max_overlap: float | None = None,
    jobs: int | None = None,
    executor: str = "local",
    device: str = "auto",
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    held_out: str | Sequence[str] = (),
    by: str | Sequence[str] = (),
    style: bool = False,
    memory: bool = False,
    cross_author: bool = False,
    imported: str | Sequence[str] = (),
    pretrained: str | Path | Sequence[str | Path] = (),
    retrain: bool = False,
    keep: bool = True,
    name: str = "",
    title: str = "",
    notes: str = "",
    expected: str = "",
    command: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> Comparison:
    """Train each generator on each author, score it on the author's test text, and generate samples.

    `authors` are names, paths or corpora (without any: austen and carroll), `generators` SPECs; one or a sequence.

    Training: each row has a `budget` of CPU seconds, or one such as "2m" (without steps and flops: 30 seconds), fails
    after `timeout` (default: three budgets, a minute, a second per 1,000 test characters), and is audited for the time
    `audit` ("full": all text). `jobs` rows run side by side (one per idle core), on "local", "ray" or an address.

    Samples: one for each prompt and sampling; the prompt "random" is 40 characters of the author's training text.
    `samplings` are complete sets of parameters; `temperatures`, `length` (0: no samples), `top_k`, `top_p`, `min_p`,
    `repetition_penalty` and `max_overlap` change them one by one.
    Extra metrics: `by` splits the bits by strata of the test text, `memory` limits the context, `cross_author` scores
    the other authors' test texts too, `style` attributes samples by judges trained on a quarter of the training text.

    Stored models are reused (of imported ones, `imported`); `pretrained` files and folders of lm-evaluation-harness are
    shown as rows. The result is stored as a run unless `keep` is False, by `name`, with `title`, `notes`, `expected`.
    A generator that fails costs its own row; Ctrl-C returns finished rows. Raises UserError for unusable arguments.
    """
    texts = [authors] if isinstance(authors, str | Path | Corpus) else list(authors)
    sampled = combine_samplings(samplings, temperatures, length, top_k, top_p, min_p, repetition_penalty, max_overlap)
    settings = CompareSettings(
        authors=[text.author if isinstance(text, Corpus) else str(text) for text in texts],
        generators=_as_list(generators),
        budget=parse_duration(budget),
        steps=steps,
        flops=flops,
        timeout=parse_duration(timeout, "timeout"),
        audit=audit,
        seed=seed,
        seeds=seeds,
        prompts=_as_list(prompts),
        samplings=sampled,
        jobs=jobs,
        executor=executor,
        device=device,
        lines=lines,
        encoding=encoding,
        column=column,
        held_out=_as_list(held_out),
        by=_as_list(by),
        style=style,
        memory=memory,
        cross_author=cross_author,
        imported=_as_list(imported),
        pretrained=[str(path) for path in ([pretrained] if isinstance(pretrained, str | Path) else pretrained)],
        title=title,
        notes=notes,
        expected=expected,
    )
    return run_comparison(settings, texts, retrain=retrain, keep=keep, name=name, command=command, listener=listener)


def rerun(
    run: str | Comparison,
    *,
    retrain: bool = False,
    keep: bool = True,
    name: str = "",
    command: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> Comparison:
    """Repeat the comparison of a stored run; stored models of the same training are reused unless `retrain`.

    Raises UserError where there is no such run, or it was made from texts that have no name.
    """
    old = load_run(run) if isinstance(run, str) else run
    if old.settings is None:
        raise UserError(f"{old.name} was made in Python from texts without a name: call compare again")
    name = name or old.name
    return run_comparison(old.settings, retrain=retrain, keep=keep, name=name, command=command, listener=listener)


def load_run(name: str) -> Comparison:
    """Return a stored run by its name, the beginning of its name, or "last". Raises UserError."""
    stored = runs.find_run(name)
    try:
        return Comparison.from_dict(stored.comparison)
    except UserError as error:
        raise UserError(f"run {stored.name!r} cannot be used: {error}") from error


def run_comparison(
    settings: CompareSettings,
    texts: Sequence[str | Path | Corpus] | None = None,
    *,
    retrain: bool = False,
    keep: bool = True,
    name: str = "",
    command: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> Comparison:
    """Carry out a comparison; `texts` replaces the settings' authors where some of them are corpora."""
    start, created, listener = time.perf_counter(), datetime.now(UTC).isoformat(), SafeListener(listener)

    # refuse what can be refused, then load the texts
    texts = settings.authors if texts is None else texts
    specs = unique_specs(settings.validate(texts, listener), listener.message)
    require_distinct_names([spec for spec, _ in specs])
    texts = unique_texts(texts, listener.message)
    settings = replace(settings, authors=[str(text) for text in texts if not isinstance(text, Corpus)])
    repeatable = not any(isinstance(text, Corpus) for text in texts)
    executor = _create_executor(settings, len(texts) * len(specs) * settings.seeds, listener)
    if executor.local:
        settings.train_settings().require_device()
        for spec, known in specs:
            require_memory(str(spec), known.memory)
    corpora, pretrained, judge = _load_texts(settings, texts, listener)

    # make the jobs
    analyses = {corpus.author: CopyAnalysis(corpus) for corpus in corpora}
    jobs = make_jobs(settings, corpora, specs, folder=str(models_folder()) if keep else "", retrain=retrain)
    for sentence in unused_imports(jobs):
        listener.message(sentence)
    strata = {}
    for author, analysis in analyses.items():
        with listener.stage(f"splitting the test text of {author}"):
            strata[author] = interruptible(partial(analysis.strata, settings.by))
    jobs = [replace(job, strata=strata[job.author], watch=listener.watch) for job in jobs]
    comparison = Comparison(
        genbench=__version__,
        corpora=describe_texts(corpora, _first_length(settings), listener),
        results=pretrained,
        title=settings.title,
        notes=settings.notes,
        expected=settings.expected,
        created=created,
        command=list(map(replace_surrogates, command)),
        environment=describe_environment(),
        settings=_absolute(settings, specs, list(analyses)) if repeatable else None,
    )

    # run them, and add what the workers cannot measure; rows are stored as they are done
    record = RunRecord(name, listener, comparison.settings) if keep else None
    comparison = _run_jobs(comparison, jobs, executor, record, listener)
    if not comparison.stopped:
        comparison = add_figures(comparison, analyses, judge, _first_length(settings), listener)
    comparison = replace(comparison, seconds=round(time.perf_counter() - start, 1))
    return comparison if record is None else record.finish(comparison)


def _create_executor(settings: CompareSettings, rows: int, listener: ProgressListener) -> Executor:
    """Return what runs the rows; a note tells where more share a time budget side by side than cores are idle."""
    executor = create_executor(settings.executor, settings.jobs)
    side_by_side = min(settings.jobs or 1, rows)
    has_budget = settings.train_settings().budget is not None
    if has_budget and executor.local and side_by_side > 1 and side_by_side > (idle := idle_cores()):
        listener.message(oversubscription_note(side_by_side, idle))
    return Halving(executor, settings.halving) if settings.halving else executor


def _as_list(values: str | Sequence[str]) -> list[str]:
    """Return one text or several as a list. Raises UserError for anything else."""
    items = [values] if isinstance(values, str) or not isinstance(values, Iterable) else list(values)
    for item in items:
        if not isinstance(item, str):
            raise UserError(f"{item!r} is a {type(item).__name__}, but must be text")
    return items


def _load_texts(
    settings: CompareSettings, texts: Sequence[str | Path | Corpus], listener: ProgressListener
) -> tuple[list[Corpus], list[Row], StyleJudge | None]:
    """Return the texts, the rows of pretrained models, and the judges of style where they are wanted."""
    with listener.stage("reading the texts"):
        corpora = load_corpora(
            texts,
            lines=settings.lines,
            encoding=settings.encoding,
            column=settings.column,
            held_out=settings.held_out,
            on_progress=listener.download,
            on_message=listener.message,
        )

    if settings.cross_author and len(corpora) < 2:
        listener.message("bits across authors need two authors or more: they are left out")
    pretrained = read_pretrained(settings.pretrained, corpora)

    if settings.cross_author or settings.style:
        for note in differing_forms({corpus.author: corpus.train for corpus in corpora}):
            listener.message(note)

    # the judges of style set a part of the training texts aside
    if not settings.style:
        return corpora, pretrained, None
    corpora, judge = train_style_judge(corpora, settings.seed, listener.message)
    return corpora, pretrained, judge


def _run_jobs(
    comparison: Comparison,
    jobs: Sequence[Job],
    executor: Executor,
    record: RunRecord | None,
    listener: ProgressListener,
) -> Comparison:
    """Return the comparison with a row for each job, and whether Ctrl-C came before all were done."""
    rows: dict[int, Row] = {}
    started = set[int]()
    is_stored = True
    names = _job_names(jobs)
    try:
        for index, event in executor.run(jobs):
            started.add(index)
            if isinstance(event, Progress):
                listener.job_progress(index, names[index], event)
            else:
                rows[index], is_stored = add_interval_note(event), False
                listener.job_done(index, names[index], _outcome(event))

            # store what is done, unless that was a moment ago
            if record is not None and not is_stored:
                is_stored = record.update(_with_rows(comparison, jobs, rows, started))
        comparison = _with_rows(comparison, jobs, rows, started)
        if record is not None and not is_stored:
            record.update(comparison)
    except KeyboardInterrupt:
        resumed = {index for index in started - rows.keys() if has_progress(jobs[index])}
        rows |= {index: Row.blank(jobs[index]).stopped(STOPPED_WITH_PROGRESS) for index in resumed}
        comparison = _with_rows(comparison, jobs, rows, started)
        comparison = replace(comparison, stopped=True, omitted=[STOPPED_ADDITIONS])
    return comparison


def _job_names(jobs: Sequence[Job]) -> list[str]:
    """Return a name of each job for its progress, with its seed if there are several."""
    several = len({job.seed for job in jobs}) > 1
    return [f"{job.author} {job.spec}" + f" seed={job.seed}" * several for job in jobs]


def _with_rows(
    comparison: Comparison, jobs: Sequence[Job], rows: Mapping[int, Row], started: Collection[int]
) -> Comparison:
    """Return the comparison with the rows of its jobs by index, then those of pretrained models.

    Rows that are missing are stopped or not started.
    """
    results = [
        rows.get(index)
        or (Row.blank(job).stopped(STOPPED) if index in started else Row.blank(job).not_started(NOT_STARTED))
        for index, job in enumerate(jobs)
    ]
    results += [row for row in comparison.results if row.pretrained]
    return replace(comparison, results=results, stopped=len(rows) < len(jobs))


def _outcome(row: Row) -> str:
    return f"{row.ranking_bits:.3f} bits/char" if row.ok else f"{row.status}: {row.error}"


def _first_length(settings: CompareSettings) -> int:
    """Return the length of the first samples in characters; 0 where none are generated."""
    return next((sampling.characters for sampling in settings.samplings if sampling.characters), 0)


def _absolute(settings: CompareSettings, specs: Sequence[DescribedSpec], authors: list[str]) -> CompareSettings:
    """Return the settings with absolute paths and the names of default authors: they work in any folder, any time."""
    return replace(
        settings,
        authors=[rename_paths(name, os.path.abspath) for name in settings.authors] or authors,
        pretrained=list(map(os.path.abspath, settings.pretrained)),
        generators=[spec.replace_files(known.files, os.path.abspath) for spec, known in specs],
    )
