"""genbench cells"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import options as p


def cells(
    author: p.AuthorOne,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is read.")],
    generators: p.Spec,
    units: Annotated[
        list[str] | None,
        typer.Option(
            "--unit",
            metavar="N",
            help="Show this unit's memory too, or LAYER:N of a stack; repeatable.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: every gate and unit at every token.")] = False,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Show gates and memory of a recurrent network over a text, in colours; trains first if no model is kept."""
    from genbench import api, registry
    from genbench.analysis import remembering
    from genbench.report.terminal import gates as cells
    from genbench.report.terminal import screen
    from genbench.report.terminal.live import Live, console

    api.require_prompt(text)
    remembering.require_text(text)
    remembering.require_cell(registry.make(p.only(generators)))
    with Live(console(stderr=True)) as live:
        corpus = api.corpus(author, lines=lines, watcher=live)
        limits = p.limits(budget, steps, seed, device)
        made = api.ready(corpus, p.only(generators), lines=lines, watcher=live, **limits)
        found = remembering.cells(made, text, corpus)
        chosen = remembering.units(units or (), found)
    if json:
        screen.values(found)
    else:
        cells.show(found, chosen, console())
