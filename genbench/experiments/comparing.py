"""The public functions that compare, and keep what came out, in the words of the command line."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genbench import __version__
from genbench import spec as options
from genbench.analysis import strata as places
from genbench.analysis import style_judge as styled
from genbench.analysis.baselines import floors
from genbench.api import DEFAULT, SILENT, models_folder, texts
from genbench.corpus import Corpus
from genbench.corpus.corpus import is_path
from genbench.errors import UserError
from genbench.experiments import config as settings
from genbench.experiments import plan
from genbench.experiments.comparison import Comparison
from genbench.experiments.copy_statistics import Judge
from genbench.experiments.diff import differences as differences
from genbench.experiments.environment import machine
from genbench.experiments.executors import base as executors
from genbench.experiments.executors.base import Executor
from genbench.experiments.halving import Halving
from genbench.experiments.job import Job, Row, blank, failed, note_interval
from genbench.experiments.progress import Watcher
from genbench.generator import Progress
from genbench.neural import ranks
from genbench.sampling.loop import Sampling
from genbench.storage import runs

STOPPED = "stopped before it was done; the same command goes on from here"
NOT_ASKED = {"fresh", "keep", "name", "command", "watcher", "executor"}  # not of what a run is


def compare(
    authors: Sequence[str | Corpus] = (),
    generators: Sequence[str] = plan.GENERATORS,
    *,
    budget: float | None = None,
    steps: int | None = None,
    deadline: float | None = None,
    seed: int = 0,
    seeds: int = 1,
    prompts: Sequence[str] = ("",),
    samplings: Sequence[Sampling] = (DEFAULT,),
    jobs: int | None = None,
    executor: str = "local",
    halving: int = 0,
    validated: bool = False,
    device: str = "auto",
    lines: str = "join",
    held_out: Sequence[str] = (),
    by: Sequence[str] = (),
    style: bool = False,
    memory: bool = False,
    across: bool = False,
    fresh: bool = False,
    keep: bool = True,
    name: str = "",
    title: str = "",
    see: str = "",
    came_out: str = "",
    command: Sequence[str] = (),
    watcher: Watcher = SILENT,
) -> Comparison:
    """Train each generator on each author, score it on the author's test text, draw for each prompt and sampling.

    `budget` is in seconds for each generator (30 where no `steps` are given), `jobs` how many run side by side (one a
    core), `executor` where: local, ray, or the address of a Ray cluster. A row that is not done `deadline` seconds
    after its start fails (three budgets, a minute, and a second for every 1,000 characters of test text; with `steps`
    alone, never). The prompt "random" is 40 characters of the author's training text, the same for all. Models are
    kept, and those of the very same training reused unless `fresh`; the comparison is kept as a run, by `name` or one
    made of the authors, with a number where another has it. Raises UserError for what cannot be had; a generator that
    fails costs its own row. `by` splits the bits by kinds of place (`genbench.analysis.strata`), `memory` cuts the
    context, `across` scores every author's test text too. `style` has samples judged: a quarter of each training text
    is set aside for the judges (`genbench.analysis.style_judge`). `validated` scores the valid text too, and `halving` ends rows
    that are hopeless there (`genbench.experiments.halving`). `title`, what to `see` and what `came_out` earlier are shown.

    Ctrl-C ends it: the rows that are done are given, the others say that they were stopped.
    """
    given = dict(locals())
    began, created = time.perf_counter(), datetime.now(UTC).isoformat()
    _require(generators, prompts, by, jobs, deadline)
    asked = _asked(given)
    runner = executors.named(executor, jobs)
    runner = Halving(runner, halving) if halving else runner
    samplings = [each for each in samplings if each.length]  # of no length: none
    training = plan.Training(budget, steps, seed, seeds, device, runner.here)
    corpora = texts(authors, lines, watcher, held_out)
    corpora, stylist = styled.stylist(corpora, seed, watcher.told) if style else (corpora, None)
    how: dict[str, Any] = {"models": models_folder(keep), "fresh": fresh, "memory": memory, "validated": validated}
    how["judged"] = styled.SAMPLES if style else 0
    judges = {each.author: Judge(each) for each in corpora}
    planned = _placed(plan.jobs(corpora, generators, training, samplings, prompts, **how), judges, by, across)
    planned = [replace(job, deadline=plan.deadline(job, deadline)) for job in planned]
    rows, stopped = _rows(planned, runner, watcher)
    stylist = None if stopped else stylist  # to train the judges takes longer than who says stop will wait
    length = samplings[0].length if samplings else 0
    found = Comparison(
        version=__version__,
        command=list(command),
        corpora={each.author: each.describe() for each in corpora},
        floors={each.author: floors(each.train, each.test) for each in corpora},
        human={author: judge.human(length) if length else None for author, judge in judges.items()},
        results=[styled.judged(stylist, judges[row["author"]].judged(row)) for row in rows],
        style=None if stylist is None else stylist.trust(length or DEFAULT.length),
        title=title,
        see=see,
        came_out=came_out,
        created=created,
        seconds=round(time.perf_counter() - began, 1),
        machine=machine(),
        asked=asked and asked | {"authors": asked["authors"] or list(judges)},
        stopped=stopped,
    )
    return _kept(found, name, watcher) if keep else found


def comparison(file: str | Path, **given: Any) -> dict[str, Any]:
    """The keyword arguments of `compare` that a comparison file (TOML) stands for, what is given put over them.

    Raises UserError for a file that cannot be read, or says what no comparison file says.
    """
    return settings.arguments(settings.over(settings.read(Path(file)), given))


def rerun(run_name: str, /, *, fresh: bool = False, watcher: Watcher = SILENT, **given: Any) -> Comparison:
    """Compare again as a kept run did; kept models of the very same training are taken unless `fresh`.

    Raises UserError where there is no such run, or it was made of texts that have no name to be found by.
    """
    old = run(run_name)
    if not old.asked:
        raise UserError(f"{old.name} was made from Python, of texts with no name to find them by: call compare again")
    asked = old.asked | {"samplings": [Sampling(**each) for each in old.asked["samplings"]]}
    return compare(**asked, fresh=fresh, watcher=watcher, **{"name": old.name} | given)


def run(name: str) -> Comparison:
    """A kept run, by the name that `genbench runs list` shows, by its beginning, or `last`. Raises UserError."""
    return Comparison.from_dict(runs.named(name).comparison)


def _require(
    generators: Sequence[str], prompts: Sequence[str], by: Sequence[str], jobs: int | None, deadline: float | None
) -> None:
    """Refuse what can be refused before any text is read."""
    if deadline is not None and deadline <= 0:
        raise UserError(f"deadline is {deadline}, and must be above 0 seconds")
    if ranks.size() > 1:
        raise UserError("torchrun trains one network with several processes: name genbench train, not compare")
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs is {jobs}, and must be 1 or more")
    for prompt in prompts:
        plan.require_prompt(prompt)
    for way in by:
        places.require(way)
    plan.require_specs(generators)


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments as JSON values, so that they can be given again from any folder; {} where a text has no name."""
    if any(isinstance(author, Corpus) for author in given["authors"]):
        return {}
    others = {key: value for key, value in given.items() if key not in NOT_ASKED}
    authors = [os.path.abspath(each) if is_path(str(each)) else str(each) for each in given["authors"]]
    specs = [options.with_files(spec, os.path.abspath) for spec in given["generators"]]
    lists = {key: list(others[key]) for key in ("prompts", "held_out", "by")}
    return (
        others | lists | {"authors": authors, "generators": specs, "samplings": list(map(asdict, given["samplings"]))}
    )


def _placed(planned: Sequence[Job], judges: Mapping[str, Judge], by: Sequence[str], across: bool) -> list[Job]:
    """The jobs, each with the kinds of place of its test text, and with the other authors' test texts."""
    kinds = {author: judge.places(by) for author, judge in judges.items()}
    tests = {author: judge.corpus.test for author, judge in judges.items() if across}
    others = {author: {who: text for who, text in tests.items() if who != author} for author in judges}
    return [replace(job, places=kinds[job.author], others=others[job.author]) for job in planned]


def _rows(planned: Sequence[Job], executor: Executor, watcher: Watcher) -> tuple[list[Row], bool]:
    """A row for each job, and whether Ctrl-C came before all were done."""
    rows, stopped = dict[int, Row](), False
    try:
        for place, said in executor.run(planned):
            watcher.watch(planned, place, said)
            if not isinstance(said, Progress):
                rows[place] = note_interval(said)
    except KeyboardInterrupt:
        stopped = True
    return [rows[at] if at in rows else failed(blank(job), STOPPED) for at, job in enumerate(planned)], stopped


def _kept(found: Comparison, name: str, watcher: Watcher) -> Comparison:
    """The same, kept as a run; a disk that is full costs the run its place, not the results."""
    reused = sum(bool(row["reused"]) for row in found.results)
    if reused:
        watcher.told(f"{reused} of {len(found.results)} models were kept from the same training; --fresh trains anew")
    try:
        kept = runs.keep(found.to_dict(), name).name
    except OSError as error:
        watcher.told(f"the run could not be kept in {runs.home()}: {error.strerror or error}")
        return found
    watcher.told(f"kept as run {kept}; genbench runs report {kept} makes a page of it")
    return replace(found, name=kept)
