"""The public functions, in the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genbench import __version__
from genbench.bench import plan
from genbench.bench.jobs import Row, note_interval
from genbench.bench.local import LocalExecutor
from genbench.bench.results import Comparison
from genbench.bench.watcher import Watcher
from genbench.errors import UserError
from genbench.generator import Progress
from genbench.measure.floors import floors
from genbench.sampling import Sampling
from genbench.store import require_writable, write_whole
from genbench.text import Corpus, default_authors, load

SILENT = Watcher()


def corpus(author: str, *, lines: str = "join", watcher: Watcher = SILENT) -> Corpus:
    """An author's text, cleaned and split: a catalogue name, or a path to a .txt file or a folder of them.

    Raises CorpusError for a text that cannot be had or used.
    """
    return load(author, lines=lines, on_progress=watcher.fetching)


def export(corpus: Corpus, folder: Path) -> list[Path]:
    """Write train.txt, valid.txt and test.txt, exactly as the generators get them, into a folder; returns the paths.

    Raises UserError where they cannot be written.
    """
    if not folder.is_dir():
        require_writable(folder)
        if folder.exists():
            raise UserError(f"{str(folder)!r} is a file; name a folder")
        folder.mkdir()
    paths = [folder / f"{part}.txt" for part in ("train", "valid", "test")]
    for path in paths:
        require_writable(path)
        write_whole(path, getattr(corpus, path.stem).encode())
    return paths


def compare(
    authors: Sequence[str | Corpus] = (),
    generators: Sequence[str] = plan.GENERATORS,
    *,
    budget: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    seeds: int = 1,
    prompt: str = "",
    samplings: Sequence[Sampling] = (Sampling(),),
    jobs: int | None = None,
    device: str = "auto",
    lines: str = "join",
    command: Sequence[str] = (),
    watcher: Watcher = SILENT,
) -> Comparison:
    """Train each generator on each author, score it on the author's test text and draw samples.

    `budget` is in seconds for each generator (30 where no `steps` are given), `jobs` how many run side by side (one a
    core). Raises UserError for what cannot be had; a generator that fails costs its own row.
    """
    training = plan.Training(budget, steps, seed, seeds, device)
    at_once = plan.cores() if jobs is None else jobs
    if at_once < 1:
        raise UserError(f"jobs is {at_once}, and must be 1 or more")
    plan.require_prompt(prompt)
    plan.require_specs(generators)
    corpora = _corpora(authors, lines, watcher)
    planned = plan.jobs(corpora, generators, training, samplings, prompt)
    rows: dict[int, Row] = {}
    for place, said in LocalExecutor(at_once).run(planned):
        watcher.watch(planned, place, said)
        if not isinstance(said, Progress):
            rows[place] = note_interval(said)
    return Comparison(
        version=__version__,
        command=list(command),
        corpora={each.author: each.describe() for each in corpora},
        floors={each.author: floors(each.train, each.test) for each in corpora},
        results=[rows[place] for place in range(len(planned))],
    )


def _corpora(authors: Sequence[str | Corpus], lines: str, watcher: Watcher) -> list[Corpus]:
    if not authors:
        authors, why = default_authors(watcher.fetching)
        if why:
            watcher.told(why)
    return [each if isinstance(each, Corpus) else corpus(each, lines=lines, watcher=watcher) for each in authors]
