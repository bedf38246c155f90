"""genbench memory"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import options as p


def memory(
    author: p.AuthorOne,
    generators: p.Many,
    longest: Annotated[int, typer.Option(metavar="N", help="Characters of the longest context.")] = 1024,
    targets: Annotated[int, typer.Option(metavar="N", help="Words of the test text to ask for, at most.")] = 500,
    pair: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Minimal pairs of your own, as examples/pair.toml. [default: the first of it]",
            show_default=False,
        ),
    ] = None,
    scales: Annotated[
        list[float] | None,
        typer.Option(
            "--scale",
            metavar="X",
            help="Of an untrained network's recurrent weights; repeatable. [default: 0.5, 1 and 2]",
            show_default=False,
        ),
    ] = None,
    distances: Annotated[
        bool,
        typer.Option(
            "--distances", help="Instead: who remembers brackets and names how far, as on examples/recall.txt."
        ),
    ] = False,
    json: p.PrintJson = False,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Tell what memory buys: bits with the context cut shorter, gradients by lag; trains first if no model is kept."""
    from genbench import api
    from genbench.analysis import memory as measure
    from genbench.analysis import minimal_pairs as pairs
    from genbench.analysis import remembering
    from genbench.report.terminal import memory, screen
    from genbench.report.terminal.live import Live, console

    asked = [pairs.LECTURE] if pair is None else pairs.read(pair)
    limits = p.limits(budget, steps, seed, device)
    with Live(console(stderr=True)) as live:
        text = api.corpus(author, lines=lines, watcher=live)
        remembering.require(text, distances, longest, targets)
        made = {spec: api.ready(text, spec, lines=lines, watcher=live, **limits) for spec in generators}
        if distances:
            found = remembering.distances(made, text, watcher=live)
        else:
            found = remembering.memory(
                made,
                text,
                longest=longest,
                targets=targets,
                scales=scales or measure.SCALES,
                minimal_pairs=asked,
                watcher=live,
            )
    if json:
        screen.values(found)
    else:
        (memory.show_distances if distances else memory.show)(found, console())
