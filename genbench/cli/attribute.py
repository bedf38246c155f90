"""genbench attribute"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import (
    ONE_AUTHOR_HELP,
    AttributionSpec,
    PrintJson,
    TextFile,
    TrainingOptions,
    accepts_groups,
)
from genbench.cli.progress import show_progress

Characters = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Characters of training text per author. [default: what the author with the least has]",
        show_default=False,
    ),
]


@accepts_groups
def attribute(
    file: TextFile,
    *,
    among: Annotated[
        list[str],
        typer.Option(metavar="AUTHOR...", help=f"Two or more. {ONE_AUTHOR_HELP}", autocompletion=completion.author),
    ],
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="AUTHOR", help="The others, after --among AUTHOR.", autocompletion=completion.author),
    ] = None,
    generator: AttributionSpec = "markov-char",
    characters: Characters = None,
    training: TrainingOptions,
    json: PrintJson = False,
) -> None:
    """Attribute a text to one of several authors. The bits it takes under each author's model, fewest first."""
    from genbench.report.terminal.analysis import show_attribution
    from genbench.report.terminal.screen import make_console, print_json

    authors = [*among, *(others or ())]  # an option takes one word; the others after it arrive as arguments
    with show_progress() as live:
        from genbench import api

        text = training.text(file, live)
        result = api.attribute(text, authors, generator, characters=characters, **vars(training), listener=live)
    if json:
        print_json(result.to_dict())
    else:
        show_attribution(result, make_console())
