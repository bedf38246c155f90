"""genbench score"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import options as p


def score(
    author: p.AuthorOne,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The text to score; - is standard input.")],
    generators: p.Spec,
    json: p.PrintJson = False,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Tell how well an author's model predicts a text; trains first if no model is kept."""
    from genbench import api
    from genbench.report.formatting import measured
    from genbench.report.terminal import screen
    from genbench.report.terminal.listings import facts
    from genbench.report.terminal.live import Live, console

    text = api.text_of(file, lines=lines)
    with Live(console(stderr=True)) as live:
        limits = p.limits(budget, steps, seed, device)
        made = api.ready(author, p.only(generators), lines=lines, watcher=live, **limits)
        numbers = api.numbers(made, text, live)
    if json:
        screen.values(numbers)
    else:
        facts([(name.replace("_", " "), measured(name, value)) for name, value in numbers.items()], console())
