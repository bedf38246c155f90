"""genbench confusion"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import completion
from genbench.cli.attribute import Characters
from genbench.cli.options import ONE_AUTHOR_HELP, AttributionSpec, PrintJson, TrainingOptions, accepts_groups
from genbench.cli.progress import show_progress


@accepts_groups
def confusion(
    authors: Annotated[
        list[str],
        typer.Argument(metavar="AUTHOR", help=f"Two or more. {ONE_AUTHOR_HELP}", autocompletion=completion.author),
    ],
    *,
    generator: AttributionSpec = "markov-char",
    characters: Characters = None,
    lengths: Annotated[
        list[int] | None,
        typer.Option(
            "--length",
            metavar="N",
            help="Characters of a passage; repeatable. [default: 100, 200, 500 and 1000]",
            show_default=False,
        ),
    ] = None,
    passages: Annotated[int, typer.Option(metavar="N", min=1, help="Passages per author and length, at most.")] = 50,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out",
            metavar="BOOK",
            help="Test its author on this whole book; repeatable.",
            show_default=False,
        ),
    ] = None,
    judge: Annotated[
        bool,
        typer.Option("--judge", help="Also evaluate the judges of compare --style, on a quarter of the training text."),
    ] = False,
    training: TrainingOptions,
    json: PrintJson = False,
) -> None:
    """Measure how well models distinguish authors. Each model's bits on every test text, and passages attributed."""
    from genbench.analysis.attribution import LENGTHS
    from genbench.report.terminal.analysis import show_confusion
    from genbench.report.terminal.screen import make_console, print_json

    # progress on standard error, so that the output can be redirected
    with show_progress() as live:
        from genbench import api

        report = api.confusion(
            authors,
            generator,
            characters=characters,
            lengths=lengths or LENGTHS,
            passages=passages,
            held_out=held_out or (),
            judge=judge,
            **vars(training),
            listener=live,
        )
    if json:
        print_json(report.to_dict())
    else:
        show_confusion(report, make_console())
