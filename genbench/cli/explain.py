"""genbench explain"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import options as p


def explain(
    author: p.AuthorOne,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What was read.")],
    generators: p.Spec,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Continuations of each context.")] = 10,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Show what comes after a text and why: what followed it in the book, counted; trains first if no model is kept."""
    from genbench import api
    from genbench.report.terminal.explanation import show
    from genbench.report.terminal.live import Live, console

    api.require_prompt(text)
    with Live(console(stderr=True)) as live:
        corpus = api.corpus(author, lines=lines, watcher=live)
        limits = p.limits(budget, steps, seed, device)
        made = api.ready(corpus, p.only(generators), lines=lines, watcher=live, **limits)
    show(api.explain(made, corpus, text, top), console())
