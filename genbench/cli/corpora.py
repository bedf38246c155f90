"""genbench corpora: the authors, what is known of them, and their texts as the generators get them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion as completing
from genbench.cli import options as p

app = typer.Typer(help="The authors: list, show, fetch, export.", no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[
    list[str],
    typer.Argument(metavar="AUTHOR...", help="Catalogue names, or gutenberg:NUMBER.", autocompletion=completing.author),
]


@app.command("list")
def list_() -> None:
    """List the authors of the catalogue, and where their texts are."""
    from genbench.corpus.catalogue import catalogue
    from genbench.corpus.sources import where
    from genbench.report.terminal.listings import listing
    from genbench.report.terminal.live import console

    rows = [
        [name, author.full_name, ", ".join(book.title for book in author.books), where(author)]
        for name, author in catalogue().items()
    ]
    listing(["author", "name", "books", "text"], rows, console())


@app.command()
def show(author: p.AuthorOne, lines: p.Lines = "join") -> None:
    """Show an author's text: books, sizes, checksum, and how it begins."""
    from genbench import api
    from genbench.report.terminal.listings import facts
    from genbench.report.terminal.live import Live, console

    with Live(console(stderr=True)) as live:
        found = api.corpus(author, lines=lines, watcher=live)
    sizes = {part: f"{len(getattr(found, part)):,} characters" for part in ("train", "valid", "test")}
    pairs = [("author", found.author), ("books", "; ".join(found.books)), *sizes.items()]
    pairs += [("lines", found.lines), ("sha256", found.sha256), ("begins", found.train[:300])]
    facts(pairs, console())


@app.command()
def fetch(authors: Named) -> None:
    """Fetch what is not on this machine yet, so that later runs need no network."""
    from genbench import api
    from genbench.report.terminal.live import Live, console

    with Live(console(stderr=True)) as live:
        for author in authors:
            live.told(repr(api.corpus(author, watcher=live)))


@app.command()
def export(
    author: p.AuthorOne,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where train.txt, valid.txt and test.txt go.")],
    lines: p.Lines = "join",
) -> None:
    """Write train.txt, valid.txt and test.txt exactly as the generators get them."""
    from genbench import api
    from genbench.report.terminal.live import Live, console

    with Live(console(stderr=True)) as live:
        found = api.corpus(author, lines=lines, watcher=live)
        paths = api.export(found, folder)
    for path in paths:
        typer.echo(path)
