"""genbench corpora: the catalogue of authors, and their texts as generators receive them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import Author, ReadingOptions, accepts_groups
from genbench.cli.progress import show_progress

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus

app = typer.Typer(help="The authors: list, show, fetch, export.", no_args_is_help=True, rich_markup_mode=None)

Named = Annotated[
    list[str],
    typer.Argument(metavar="AUTHOR...", help="Catalogue names, or gutenberg:NUMBER.", autocompletion=completion.author),
]


@app.command("list")
def list_() -> None:
    """List the authors of the catalogue and where their texts are."""
    from genbench.corpus.catalogue import load_catalogue
    from genbench.corpus.sources import location
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_list

    rows = [
        [name, author.full_name, ", ".join(book.title for book in author.books), location(author)]
        for name, author in load_catalogue().items()
    ]
    print_list(["author", "name", "books", "text"], rows, make_console())


@app.command()
@accepts_groups
def show(author: Author, reading: ReadingOptions) -> None:
    """Show an author's text: books, sizes, notes, checksum, beginning."""
    from genbench.analysis.shared_passages import shared_with_training
    from genbench.corpus.loading import load_corpus
    from genbench.report.formatting import format_measure
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_pairs

    with Live(make_console(stderr=True)) as live:
        text = load_corpus(author, **vars(reading), on_progress=live.download)
        shared = shared_with_training(text)

    # sizes, checksum and beginning
    sizes = {part: f"{len(getattr(text, part)):,} characters" for part in ("train", "valid", "test")}
    pairs = [("author", text.author), ("books", "; ".join(text.books)), *sizes.items()]
    pairs += [
        ("shared", f"{format_measure('shared_share', shared.share)} of the test text stands in the training text")
    ]
    notes = [note for note in (*text.notes, shared.warning()) if note]
    pairs += [("lines", _describe_lines(text)), *(("note", note) for note in notes)]
    digests = text.part_sha256 if text.own_split else {}  # of the user's files, to compare with published ones
    pairs += [("sha256", text.sha256), *((f"sha256 of {part}", digest) for part, digest in digests.items())]
    pairs += [("begins", text.train[:300])]
    print_pairs(pairs, make_console())


def _describe_lines(text: Corpus) -> str:
    """Return the value of --lines, and whether it had an effect."""
    has_effect = text.lines == "keep" or text.joined
    return text.lines if has_effect else "join, but none look like hard wraps of prose: all are kept"


@app.command()
def fetch(authors: Named) -> None:
    """Download what is not on this machine yet. Later runs then need no network."""

    with show_progress() as live:
        from genbench import api

        for author in authors:
            live.message(repr(api.corpus(author, listener=live)))


@app.command()
@accepts_groups
def export(
    author: Author,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where train.txt, valid.txt and test.txt go.")],
    *,
    reading: ReadingOptions,
) -> None:
    """Write train.txt, valid.txt and test.txt into a folder. Exactly as generators receive them."""

    with show_progress() as live:
        from genbench import api

        paths = api.export_corpus(reading.corpus(author, live), folder)
    for path in paths:
        typer.echo(path)
