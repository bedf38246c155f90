"""genbench authors, genbench attribute"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import completion as completing
from genbench.cli import options as p

CHAIN = typer.Option(
    "-g", "--generator", metavar="SPEC", help="Whose models tell them apart.", autocompletion=completing.spec
)
OneSpec = Annotated[str, CHAIN]
Characters = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Characters to train on, each author alike. [default: what the least has]", show_default=False
    ),
]


def authors(
    authors: Annotated[
        list[str], typer.Argument(metavar="AUTHOR", help=f"Two or more. {p.ONE}", autocompletion=completing.author)
    ],
    generator: OneSpec = "markov-char",
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
    passages: Annotated[int, typer.Option(metavar="N", min=1, help="Of each author and length, at most.")] = 50,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            "--held-out",
            metavar="BOOK",
            help="Test its author on this whole unseen book; repeatable.",
            show_default=False,
        ),
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Also try the judges of compare --style, on a quarter of the training text.")
    ] = False,
    json: p.PrintJson = False,
    seed: p.Seed = 0,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.Device = "auto",
    lines: p.Lines = "join",
    fresh: p.Fresh = False,
) -> None:
    """Tell authors apart: a model each, its bits on every test text, and how many passages find their author."""
    from genbench.analysis import styling
    from genbench.analysis.attribution import LENGTHS
    from genbench.report.terminal import attribution as style
    from genbench.report.terminal import screen
    from genbench.report.terminal.live import Live, console

    limits = p.limits(budget, steps, seed, device)
    with Live(console(stderr=True)) as live:
        found = styling.authors(
            authors,
            generator,
            characters=characters,
            lengths=lengths or LENGTHS,
            passages=passages,
            held_out=held_out or (),
            judge=judge,
            lines=lines,
            fresh=fresh,
            watcher=live,
            **limits,
        )
    if json:
        screen.values(found)
    else:
        style.show(found, console())


def attribute(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The text; - is standard input.")],
    among: Annotated[
        list[str], typer.Option(metavar="AUTHOR...", help=f"Two or more. {p.ONE}", autocompletion=completing.author)
    ],
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="AUTHOR", help="The others, after --among AUTHOR.", autocompletion=completing.author),
    ] = None,
    generator: OneSpec = "markov-char",
    characters: Characters = None,
    json: p.PrintJson = False,
    seed: p.Seed = 0,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.Device = "auto",
    lines: p.Lines = "join",
) -> None:
    """Tell who wrote a text: the bits it takes under each author's model, fewest first."""
    from genbench import api
    from genbench.analysis import styling
    from genbench.report.terminal import attribution as style
    from genbench.report.terminal import screen
    from genbench.report.terminal.live import Live, console

    text = api.text_of(file, lines=lines)
    limits = p.limits(budget, steps, seed, device)
    names = [*among, *(others or ())]  # all after --among: an option takes one word, the others come as arguments
    with Live(console(stderr=True)) as live:
        found = styling.attribute(text, names, generator, characters=characters, lines=lines, watcher=live, **limits)
    if json:
        screen.values(found)
    else:
        style.show_verdict(found, console())
