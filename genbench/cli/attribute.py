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
    option,
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
    texts: Annotated[
        list[str] | None,
        option("--text", metavar="FILE", help="Another text to attribute; repeatable. FILE may be a folder of them."),
    ] = None,
    rolling: Annotated[
        int | None,
        option(metavar="N", help="Also attribute each window of N characters, and find where the author changes."),
    ] = None,
    generator: AttributionSpec = "markov-char",
    characters: Characters = None,
    training: TrainingOptions,
    json: PrintJson = False,
) -> None:
    """Attribute texts to one of several authors, or to none. Bits, telling passages and words, changes of author."""
    from genbench.report.terminal.attribution import show_attribution
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.report.terminal.tables import print_heading

    authors = [*among, *(others or ())]  # an option takes one word; the others after it arrive as arguments
    with show_progress() as live:
        from genbench import api

        files = [path for name in (file, *(texts or ())) for path in _files(name)]
        results = api.attribute_each(
            [training.text(path, live) for path in files],
            authors,
            generator,
            characters=characters,
            rolling=rolling,
            **vars(training),
            listener=live,
        )

    # one object for one text, as ever; a list with the names of the files for several
    console = make_console()
    if json:
        whole = [{"file": path} | result.to_dict() for path, result in zip(files, results, strict=True)]
        print_json(whole if len(whole) > 1 else results[0].to_dict())
        return
    for path, result in zip(files, results, strict=True):
        if len(files) > 1:
            print_heading(path, console)
        show_attribution(result, console)


def _files(name: str) -> list[str]:
    """Return the text files of a folder, or the one file. Raises CorpusError for a folder without any."""
    from pathlib import Path

    from genbench.corpus.reading import Reading, ReadingNotes
    from genbench.corpus.sources import find_files

    path = Path(name)
    return list(map(str, find_files(path, Reading(), ReadingNotes()))) if path.is_dir() else [name]
