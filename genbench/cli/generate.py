"""genbench generate"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genbench.cli import options as p

if TYPE_CHECKING:
    from genbench.corpus import Corpus
    from genbench.generator import Generator
    from genbench.sampling.loop import Sampling


def generate(
    author: p.AuthorOne,
    generators: p.Asked = None,
    prompt: p.Start = "",
    temperature: p.Temperature = 0.8,
    top_k: p.TopK = None,
    top_p: p.TopP = None,
    min_p: p.MinP = None,
    repetition_penalty: p.Penalty = 1.0,
    max_overlap: p.MaxOverlap = None,
    stop: p.Stop = None,
    length: p.Length = 300,
    count: p.Count = 1,
    stream: Annotated[
        bool, typer.Option("--stream", help="Of many texts, each as it is drawn; one always is shown so.")
    ] = False,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Write in an author's style; with nothing but an author, on a terminal, ask what; trains if no model is kept."""
    from genbench import api
    from genbench.experiments.plan import start
    from genbench.report.terminal.live import Live, console
    from genbench.report.terminal.side_by_side import show
    from genbench.sampling.loop import Sampling

    api.require_prompt(prompt)
    sampling = Sampling(length, temperature, top_k, top_p, min_p, repetition_penalty, stop, max_overlap)
    limits = p.limits(budget, steps, seed, device)
    asking = not (generators or prompt or stream or count > 1) and sys.stdin.isatty() and sys.stdout.isatty()
    with Live(console(stderr=True)) as live:
        text = api.corpus(author, lines=lines, watcher=live)
        specs = generators or api.offered(text)[:1]
        made = {}
        for spec in [] if asking else specs:
            made[spec] = api.ready(text, spec, lines=lines, watcher=live, **limits)
    if asking:
        _ask(text, specs, sampling, lines, limits)
        return
    first = secrets.randbelow(2**32) if seed is None else seed
    prompts = [start(prompt, text.train, first + place) for place in range(count)]
    for place, texts in enumerate(_drawn(made, prompts, sampling, first, stream or count == 1)):
        show(prompts[place], texts, console(), last=place == count - 1)


def _ask(text: Corpus, specs: Sequence[str], sampling: Sampling, lines: str, limits: Mapping[str, Any]) -> None:
    """The session at a prompt."""
    from genbench import api
    from genbench.cli.repl.prompt import asker
    from genbench.cli.repl.session import Session
    from genbench.cli.repl.settings import Settings
    from genbench.report.terminal.live import console
    from genbench.storage import models

    settings = Settings(text.author, tuple(specs), sampling, limits["seed"])
    session = Session(text, settings, console(), lines, dict(limits))
    session.run(asker(models.home().parent, lambda: api.offered(session.text)))


def _drawn(
    made: Mapping[str, Generator], prompts: Sequence[str], sampling: Sampling, first: int, stream: bool
) -> Iterator[dict[str, Iterator[str]]]:
    """For each prompt the texts of all generators: as they are drawn, or drawn together before, which is faster."""
    from genbench import api
    from genbench.report.terminal.live import Live, console

    if stream:
        for seed, prompt in enumerate(prompts, first):
            yield {spec: api.stream(each, prompt, sampling, seed) for spec, each in made.items()}
        return
    with Live(console(stderr=True)) as live:
        how: dict[str, Any] = {"count": len(prompts), "seed": first, "watcher": live}
        drawn = {spec: api.generate(each, prompts, sampling, **how) for spec, each in made.items()}
    for place in range(len(prompts)):
        yield {spec: iter([texts[place]]) for spec, texts in drawn.items()}
