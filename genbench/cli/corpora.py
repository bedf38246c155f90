"""genbench corpora: the catalogue of authors, and their texts as generators receive them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import (
    Author,
    Books,
    Encoding,
    OutputFile,
    PrintJson,
    ReadingOptions,
    TextFile,
    accepts_groups,
)
from genbench.cli.progress import print_message, show_progress

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus
    from genbench.corpus.gutenberg_catalogue import Listing
    from genbench.corpus.gutenberg_search import SearchResult

MAX_FOUND = 50  # books that are shown
MAX_TITLES = 20  # of an author

app = typer.Typer(
    help="The authors: list, search, show, fetch, export, segment.", no_args_is_help=True, rich_markup_mode=None
)

Named = Annotated[
    list[str],
    typer.Argument(
        metavar="AUTHOR...",
        help="Catalogue names, gutenberg:NAME, or gutenberg:NUMBER.",
        autocompletion=completion.author,
    ),
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
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words of the author and the title.")],
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also translations, and other editions of a book.")] = False,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="First download Project Gutenberg's catalogue (20 MB), or its newest state.")
    ] = False,
    json: PrintJson = False,
) -> None:
    """Search Project Gutenberg's books. In the table that comes with genbench, and in the catalogue once fetched."""
    from genbench.corpus.gutenberg_catalogue import fetch_catalogue
    from genbench.corpus.gutenberg_search import search as search_books
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.report.terminal.tables import print_list

    if fetch:
        with show_progress() as live:
            fetch_catalogue(live.download)
    result = search_books(" ".join(words), everything=everything)
    if json:
        print_json([book.to_dict() for book in result.books])
    elif result.books:
        headings = ("author", "number", "title", "language", "form", "date")
        print_list(headings, list(map(_listing_cells, result.books[:MAX_FOUND])), make_console(), numbers=("number",))
    for note in _search_notes(words, result):
        print_message(f"genbench: {note}")
    if not result.books:
        raise typer.Exit(1)


def _listing_cells(book: Listing) -> list[str]:
    """Return a row: the date is the year of publication where the table has it, else that of the release."""
    date = str(book.published) if book.published else f"released {book.issued[:4]}" if book.issued else "-"
    return [book.authors or "-", str(book.number), book.title, book.language or "-", book.form, date]


def _search_notes(words: list[str], result: SearchResult) -> list[str]:
    """Return what the table of a search does not show."""
    from genbench.corpus.gutenberg_catalogue import has_catalogue, table

    notes = [f"{len(result.books) - MAX_FOUND:,} more are not shown; add words"] * (len(result.books) > MAX_FOUND)
    if result.translations or result.editions:
        left_out = f"translations left out: {result.translations:,}, other editions: {result.editions:,}"
        notes.append(f"{left_out}; --all shows them")
    if not has_catalogue():
        searched = f"the table of {len(table())} books that comes with genbench"
        found = f"searched in {searched}" if result.books else f"no book is found in {searched}"
        notes.append(f"{found}; genbench corpora search {shlex.join(words)} --fetch searches all of Project Gutenberg")
    elif not result.books:
        notes.append("Project Gutenberg has no such book; try fewer words, of the author or of the title")
    return notes


@app.command()
@accepts_groups
def show(author: Author, books: Books = None, *, reading: ReadingOptions) -> None:
    """Show an author's text: books, sizes, notes, checksum, beginning."""
    from genbench.analysis.shared_passages import shared_with_training
    from genbench.corpus.gutenberg_search import with_book_count
    from genbench.corpus.loading import load_corpus
    from genbench.report.formatting import format_measure
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_pairs

    with Live(make_console(stderr=True)) as live:
        [author] = with_book_count([author], books)
        text = load_corpus(author, **vars(reading), on_progress=live.download)
        shared = shared_with_training(text)

    # sizes, checksum and beginning
    sizes = {part: f"{len(getattr(text, part)):,} characters" for part in ("train", "valid", "test")}
    titles = [*text.books[:MAX_TITLES], f"and {len(text.books) - MAX_TITLES:,} more"]
    books_cell = "; ".join(titles if len(text.books) > MAX_TITLES else text.books)
    pairs = [("author", text.author), ("books", books_cell), *sizes.items()]
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
def fetch(authors: Named, books: Books = None) -> None:
    """Download what is not on this machine yet. Later runs then need no network."""

    with show_progress() as live:
        from genbench import api
        from genbench.corpus.gutenberg_search import with_book_count

        for author in with_book_count(authors, books):
            live.message(repr(api.corpus(author, listener=live)))


@app.command()
@accepts_groups
def export(
    author: Author,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where train.txt, valid.txt and test.txt go.")],
    *,
    books: Books = None,
    reading: ReadingOptions,
) -> None:
    """Write train.txt, valid.txt and test.txt into a folder. Exactly as generators receive them."""

    with show_progress() as live:
        from genbench import api
        from genbench.corpus.gutenberg_search import with_book_count

        [author] = with_book_count([author], books)
        paths = api.export_corpus(reading.corpus(author, live), folder)
    for path in paths:
        typer.echo(path)


@app.command()
def segment(file: TextFile, output: OutputFile, *, encoding: Encoding = None) -> None:
    """Put spaces between the words of Chinese, Japanese or Thai. So that generators of words can read the text."""
    from genbench import api
    from genbench.corpus.word_breaks import separate_words
    from genbench.storage.outputs import require_writable, write_output

    require_writable(output)
    with show_progress() as live:
        text, spaces = separate_words(api.read_text(file, lines="keep", encoding=encoding, listener=live))
        write_output(output, text.encode())
        live.message(f"{spaces:,} spaces are put between words; they count as characters of the text")
