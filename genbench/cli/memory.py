"""genbench memory"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli.options import Author, ModelOptions, PrintJson, SomeSpecsOrBest, accepts_groups
from genbench.cli.progress import show_progress


@accepts_groups
def memory(
    author: Author,
    *,
    generators: SomeSpecsOrBest = None,
    longest: Annotated[int, typer.Option(metavar="N", help="Characters of the longest context.")] = 1024,
    targets: Annotated[int, typer.Option(metavar="N", help="Words of the test text to predict, at most.")] = 500,
    pair: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your own minimal pairs, like example:pair. [default: the first of that file]",
            show_default=False,
        ),
    ] = None,
    scales: Annotated[
        list[float] | None,
        typer.Option(
            "--scale",
            metavar="X",
            help="Factor on an untrained network's recurrent weights; repeatable. [default: 0.5, 1 and 2]",
            show_default=False,
        ),
    ] = None,
    distances: Annotated[
        bool,
        typer.Option(
            "--distances",
            help="Instead: over what distance brackets and names are recalled, as in example:recall.txt.",
        ),
    ] = False,
    model: ModelOptions,
    json: PrintJson = False,
) -> None:
    """Measure what memory is worth. Bits with shorter contexts, gradients by lag; trains what is not stored."""
    from genbench.report.terminal.memory import show_memory, show_recall
    from genbench.report.terminal.screen import make_console, print_json

    with show_progress() as live:
        from genbench import api
        from genbench.analysis import memory as analysis

        # the pairs, a file or the built-in list
        pairs = analysis.read_pairs(pair) if pair is not None else [analysis.LECTURE]
        text = model.corpus(author, live)
        if distances:
            api.require_recall_places(text)
            recall = api.recall(model.models(text, generators, live), text, listener=live)
        else:
            analysis.require_targets(text, longest, targets)
            report = api.memory(
                model.models(text, generators, live),
                text,
                longest=longest,
                targets=targets,
                scales=scales or analysis.SCALES,
                minimal_pairs=pairs,
                listener=live,
            )
    if json:
        print_json((recall if distances else report).to_dict())
    elif distances:
        show_recall(recall, make_console())
    else:
        show_memory(report, make_console())
