"""Load corpora: from an author's name or a path to a Corpus."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from genbench.corpus import gutenberg
from genbench.corpus.anchors import Anchor, count_tokens, find_anchor, load_anchors, read_anchor, recognize
from genbench.corpus.catalogue import Author, embedded_authors, find_author, load_catalogue
from genbench.corpus.compressed import text_stem, text_suffix
from genbench.corpus.corpus import Corpus, digest_of_text, split_digest
from genbench.corpus.downloads import RetryPolicy
from genbench.corpus.encoding import decode
from genbench.corpus.expressions import is_sum, parse_terms, rename_terms
from genbench.corpus.gutenberg import OnProgress
from genbench.corpus.gutenberg_search import books_of, is_name, require_match
from genbench.corpus.joining import join_corpora
from genbench.corpus.own_split import find_own_split, read_own_split
from genbench.corpus.reading import Reading, ReadingNotes, clean_text
from genbench.corpus.records import RECORD_SUFFIXES
from genbench.corpus.sources import TEXT_SUFFIXES, find_files, is_local, read_book, require_path
from genbench.corpus.split import (
    BookText,
    Split,
    find_held_out,
    join_texts,
    split_off_book,
    split_off_validation,
    split_within_books,
)
from genbench.corpus.text_files import read_files, read_input
from genbench.errors import CorpusError
from genbench.storage.user_files import is_existing_path, named_path
from genbench.tokenization.text import Text, replace_surrogates

DEFAULT_AUTHORS = ("austen", "carroll")
MIN_CHARACTERS = 1_000  # after cleaning
STANDARD_INPUT = "-"  # as an author
OWN_SPLIT = "has its own split"


def load_corpus(
    author: str | Path | Corpus,
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    held_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    on_message: Callable[[str], None] | None = None,
    retries: RetryPolicy | None = None,
) -> Corpus:
    """Return an author's text, cleaned and split; a Corpus is returned as it is.

    `author` is a name of the catalogue, `gutenberg:NUMBER+NUMBER`, `gutenberg:NAME` (see `books_of`), a path to a text
    file or a folder of them, "-" for standard input, or a sum of those with weights, `2*austen+carroll`, see
    `join_corpora`.
    `lines` is "join" or "keep", see `clean_book`; `encoding` that of files that are not UTF-8; `column` the one with
    the texts in CSV, TSV and JSON Lines files. `held_out` names one book, by words of its title, that becomes the whole
    test text; without it, each book is split. Where a download is needed, `on_progress` receives what is downloaded
    and the share received, 0 to 1, and `retries` sets the timeout. `on_message` receives what looks wrong in a file.
    A folder with train.txt, valid.txt (optional) and test.txt is used as it is split, without cleaning; see
    `find_own_split`. Raises CorpusError for a text that is not available, not text, too short, or too large for this
    machine's memory.
    """
    if isinstance(author, Corpus):
        return author
    author = str(author)
    reading, notes = Reading(lines, encoding, column), ReadingNotes()

    # a sum of texts, each with the same options
    if is_sum(author):
        _refuse_held_out(author, held_out, "is a sum of texts")
        terms, options = parse_terms(author), {**vars(reading), "on_progress": on_progress, "retries": retries}
        corpora = [load_corpus(term.name, **options, on_message=on_message) for term in terms]
        names = [term.name for term in terms]
        return join_corpora([term.weight for term in terms], with_distinct_names(names, corpora))

    # a standard text, a list of Project Gutenberg books, a file or folder, or an author of the catalogue
    if anchor := find_anchor(author):
        return _anchor_corpus(anchor, held_out, on_progress, retries)
    if gutenberg.is_gutenberg(author):
        name, books = _gutenberg_books(author, reading, notes, on_progress, retries)
    elif author == STANDARD_INPUT:
        notes.text = name = "standard input"
        books = [BookText(name, read_input(reading, notes))]
    elif is_path(author):
        path = named_path(author)
        notes.text = str(path)
        if files := find_own_split(path, reading):
            corpus = _own_split_corpus(path, files, reading, notes, held_out)
            notes.send(on_message)
            return corpus
        name, books = _path_name(path), _path_books(path, reading, notes)
    else:
        entry = find_author(author)
        name, books = entry.name, _catalogue_books(entry, reading, notes, on_progress, retries)

    notes.send(on_message)
    return _build_corpus(name, books, reading, notes, held_out)


def require_author(author: str | Path | Corpus) -> None:
    """Raise CorpusError for an unknown author, and for a path where nothing is. No text is read."""
    if isinstance(author, Corpus):
        return
    name = str(author)
    if is_sum(name):
        for term in parse_terms(name):
            require_author(term.name)
    elif gutenberg.is_gutenberg(name):
        if not is_name(name):
            gutenberg.parse_numbers(name)
    elif is_path(name):
        require_path(named_path(name))
    elif name != STANDARD_INPUT and not find_anchor(name):
        find_author(name)


def load_corpora(
    authors: str | Path | Corpus | Sequence[str | Path | Corpus] = (),
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    held_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    on_message: Callable[[str], None] | None = None,
) -> list[Corpus]:
    """Return the texts of one or more authors; those of the default authors where none is named.

    Two paths of one name are told apart by the names of their folders. `on_message` receives a sentence where embedded
    authors replace the default ones, and what looks wrong in a file.
    """
    names: Sequence[str | Path | Corpus] = [authors] if isinstance(authors, str | Path | Corpus) else authors
    if not names:
        names, message = default_authors(on_progress)
        if message and on_message is not None:
            on_message(message)

    # the same options for all
    corpora = [
        load_corpus(
            name,
            lines=lines,
            encoding=encoding,
            column=column,
            held_out=held_out,
            on_progress=on_progress,
            on_message=on_message,
        )
        for name in names
    ]
    return with_distinct_names(names, corpora)


def with_distinct_names(names: Sequence[str | Path | Corpus], corpora: Sequence[Corpus]) -> list[Corpus]:
    """Return the corpora, those of paths with as many names of folders before theirs as tell them apart."""
    paths = [
        PurePath(os.path.abspath(named_path(str(name))))
        if not isinstance(name, Corpus) and is_path(str(name))
        else None
        for name in names
    ]
    known = [corpus.author for corpus in corpora]
    for depth in range(1, max((len(path.parts) for path in paths if path), default=0)):
        # one more folder for each name that is still there twice
        known = [
            str(PurePath(*path.parts[-1 - depth : -1], PurePath(known[index]).name))
            if path and known.count(known[index]) > 1
            else known[index]
            for index, path in enumerate(paths)
        ]

    # sums whose paths have the same names, by their paths
    known = [
        str(name) if known.count(label) > 1 and not isinstance(name, Corpus) and is_sum(str(name)) else label
        for name, label in zip(names, known, strict=True)
    ]
    return [replace(corpus, author=name) for corpus, name in zip(corpora, known, strict=True)]


def default_authors(
    on_progress: OnProgress | None = None, *, retries: RetryPolicy | None = None
) -> tuple[list[str], str]:
    """Return the authors to use when none is named, and a message where these are the embedded ones.

    The books of the default authors are downloaded where they are missing.
    """
    # download what is missing; without a network, use the embedded authors
    books = [book for name in DEFAULT_AUTHORS for book in find_author(name).books]
    try:
        for book in [book for book in books if not is_local(book)]:
            read_book(book, on_progress=on_progress, retries=retries)
    except CorpusError:
        names = embedded_authors()
        return names, (
            "NLTK's gutenberg corpus is neither on its search path (NLTK_DATA) nor downloadable: "
            f"using the embedded authors {', '.join(names)}"
        )
    return list(DEFAULT_AUTHORS), ""


def is_path(author: str) -> bool:
    """Return whether a word is a path: it looks like one, or a file has that name and no catalogue author does.

    A sum of texts is none. Raises CorpusError for a sum that is not valid.
    """
    if is_sum(author):
        return False
    if os.sep in author or "/" in author or text_suffix(author) in (*TEXT_SUFFIXES, *RECORD_SUFFIXES):
        return True
    return author.lower() not in {*load_catalogue(), *load_anchors()} and is_existing_path(author)


def rename_paths(author: str, rename: Callable[[str], str], rename_other: Callable[[str], str] = str) -> str:
    """Return an author, or a sum of them, with each path and each other name replaced."""
    return rename_terms(author, lambda name: rename(name) if is_path(name) else rename_other(name))


def _refuse_held_out(name: str, held_out: Sequence[str], reason: str) -> None:
    """Raise CorpusError if a book is to be held out of a text of which none can be."""
    if held_out:
        raise CorpusError(f"{name} {reason}, so no book of it can be held out; leave out --held-out")


def _path_name(path: Path) -> str:
    """Return the stem of a file or the name of a folder, that of "." included.

    >>> _path_name(Path("/books/my.novel.txt"))
    'my.novel'
    """
    path = Path(os.path.abspath(path))
    return replace_surrogates(path.name if path.is_dir() else text_stem(path.name))


def _path_books(path: Path, reading: Reading, notes: ReadingNotes) -> list[BookText]:
    files = find_files(path, reading, notes)
    texts = read_files(path, files, reading, notes)
    return [BookText(*book) for book in zip(_titles(path, files), texts, strict=True)]


def _titles(path: Path, files: Sequence[Path]) -> list[str]:
    """Return the titles of files: their paths in the folder without suffix, with it where two would be the same.

    >>> _titles(Path("books"), [Path("books/a.md"), Path("books/a.txt"), Path("books/old/b.txt")])
    ['a.md', 'a.txt', 'old/b']
    """
    if list(files) == [path]:
        return [replace_surrogates(text_stem(path.name))]
    whole = [replace_surrogates(file.relative_to(path).as_posix()) for file in files]
    short = [str(PurePath(name).with_name(text_stem(name))) for name in whole]
    return [title if short.count(title) == 1 else name for title, name in zip(short, whole, strict=True)]


def _gutenberg_books(
    author: str,
    reading: Reading,
    notes: ReadingNotes,
    on_progress: OnProgress | None,
    retries: RetryPolicy | None,
) -> tuple[str, list[BookText]]:
    """Return the name of an author of Project Gutenberg, and the books: those of a name, or of the numbers."""
    listings = {book.number: book for book in books_of(author, on_progress, retries)} if is_name(author) else {}
    numbers = list(listings) or gutenberg.parse_numbers(author)
    name = author.lower() if listings else gutenberg.PREFIX + "+".join(map(str, numbers))

    # a book that was chosen by its title and author must have them
    books = []
    for number in numbers:
        data = gutenberg.get_book(number, on_progress, retries)
        if number in listings:
            require_match(data, number, listings[number].title, listings[number].authors)
        title = gutenberg.book_title(data, number)
        if gutenberg.read_cached(number) is None:
            notes.add(title, "cannot be stored in GENBENCH_HOME, so each run downloads it again")
        text = clean_text(decode(data, name=title), title, reading, notes)
        books.append(BookText(title, Text(text)))
    return name, books


def _catalogue_books(
    author: Author,
    reading: Reading,
    notes: ReadingNotes,
    on_progress: OnProgress | None,
    retries: RetryPolicy | None,
) -> list[BookText]:
    books = []
    for book in author.books:
        data = read_book(book, author=author.full_name, on_progress=on_progress, retries=retries)
        text = decode(data, book.encoding, book.title)
        books.append(BookText(book.title, Text(clean_text(text, book.title, reading, notes, book.form))))
    return books


def _build_corpus(
    author: str, books: Sequence[BookText], reading: Reading, notes: ReadingNotes, held_out: Sequence[str]
) -> Corpus:
    """Split the cleaned books of an author. Raises CorpusError where they are too short or no book can be held out."""
    text = join_texts(book.text for book in books)
    _require_length(author, len(text), " after cleaning")

    # split within each book, or hold one out
    titles = tuple(book.title for book in books)
    title = find_held_out(author, titles, held_out) if held_out else ""
    parts = split_off_book(books, title) if title else split_within_books(books)
    anchor = recognize(parts.train, parts.valid, parts.test) if reading.lines == "keep" else None
    return Corpus(
        author,
        parts.train,
        parts.valid,
        parts.test,
        books=titles,
        lines=reading.lines,
        sha256=digest_of_text(text),
        characters=len(text),
        held_out=title,
        book_starts=parts.book_starts,
        test_starts=parts.test_starts,
        notes=tuple(notes.sentences()),
        joined=notes.joined,
        anchor="" if anchor is None else anchor.name,
        test_tokens=0 if anchor is None else count_tokens(parts.test),
    )


def _own_split_corpus(
    folder: Path, files: dict[str, Path], reading: Reading, notes: ReadingNotes, held_out: Sequence[str]
) -> Corpus:
    """Return the texts of a folder with its own split. Raises CorpusError where they are too short."""
    name = _path_name(folder)
    _refuse_held_out(str(folder), held_out, OWN_SPLIT)
    parts = read_own_split(folder, files, reading, notes)
    anchor = recognize(parts.train, parts.valid, parts.test)
    return _split_corpus(name, parts, [file.name for file in files.values()], notes.sentences(), anchor)


def _anchor_corpus(
    anchor: Anchor, held_out: Sequence[str], on_progress: OnProgress | None, retries: RetryPolicy | None
) -> Corpus:
    """Return a standard text, split as published."""
    _refuse_held_out(anchor.name, held_out, OWN_SPLIT)
    text = Text(read_anchor(anchor, on_progress, retries))
    rest, test = text.part(0, -anchor.parts[-1]), text.part(-anchor.parts[-1])
    train, valid = rest.part(0, anchor.parts[0]), rest.part(anchor.parts[0])
    if not valid:
        train, valid = split_off_validation(rest)
    parts = Split(train, valid, test, ((0, anchor.title),), ((0, anchor.title),))
    return _split_corpus(anchor.name, parts, [anchor.title], [f"split as published: {anchor.about}"], anchor)


def _split_corpus(name: str, parts: Split, books: Sequence[str], notes: Sequence[str], anchor: Anchor | None) -> Corpus:
    """Return the corpus of a text that has its own split."""
    characters = len(parts.train) + len(parts.valid) + len(parts.test)
    _require_length(name, characters)
    return Corpus(
        name,
        parts.train,
        parts.valid,
        parts.test,
        books=tuple(books),
        lines="keep",
        sha256=split_digest(parts.train, parts.valid, parts.test),
        characters=characters,
        book_starts=parts.book_starts,
        test_starts=parts.test_starts,
        notes=tuple(notes),
        own_split=True,
        anchor="" if anchor is None else anchor.name,
        test_tokens=0 if anchor is None else count_tokens(parts.test),
    )


def _require_length(author: str, characters: int, where: str = "") -> None:
    if characters < MIN_CHARACTERS:
        raise CorpusError(
            f"the text of {author} has {characters:,} characters{where}, fewer than {MIN_CHARACTERS:,}; "
            "name a longer text or a folder of them"
        )
