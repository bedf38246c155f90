"""genbench confusion"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.attribute import Characters
from genbench.cli.options import ONE_AUTHOR_HELP, AttributionSpec, PrintJson, TrainingOptions, accepts_groups
from genbench.cli.progress import show_progress
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.report.terminal.live import Live


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
    each_book: Annotated[
        bool,
        typer.Option("--each-book", help="Instead, hold out each book in turn and attribute it, or to none of these."),
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

        if each_book:
            _evaluate_books(authors, generator, characters, lengths, passages, training, live, json)
            return
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


def _evaluate_books(
    authors: list[str],
    generator: str,
    characters: int | None,
    lengths: list[int] | None,
    passages: int,
    training: TrainingOptions,
    live: Live,
    json: bool,
) -> None:
    """Print how held-out books are attributed."""
    from genbench import api
    from genbench.analysis.held_out_books import LENGTH
    from genbench.report.terminal.attribution import show_book_evaluation
    from genbench.report.terminal.screen import make_console, print_json

    if lengths and len(lengths) > 1:
        raise UserError("--each-book takes one --length; name the one that you want")
    result = api.evaluate_held_out_books(
        authors,
        generator,
        characters=characters,
        length=lengths[0] if lengths else LENGTH,
        passages=passages,
        **vars(training),
        listener=live,
    )
    if json:
        print_json(result.to_dict())
    else:
        show_book_evaluation(result, make_console())
