"""Load corpora: from an author's name or a path to a Corpus."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from genbench.corpus import gutenberg
from genbench.corpus.catalogue import Author, embedded_authors, find_author, load_catalogue
from genbench.corpus.cleaning import clean, decode, require_lines
from genbench.corpus.corpus import Corpus
from genbench.corpus.downloads import RetryPolicy
from genbench.corpus.gutenberg import OnProgress
from genbench.corpus.sources import is_local, read_book, read_path
from genbench.corpus.split import BookText, find_held_out, join_texts, split_off_book, split_within_books
from genbench.errors import CorpusError
from genbench.storage.memory import total_memory
from genbench.tokenization.text import Text

DEFAULT_AUTHORS = ("austen", "carroll")
MIN_CHARACTERS = 1_000  # after cleaning
MEMORY_FACTOR = 5  # bytes of memory for each byte of text that is read, cleaned and split (benchmarks/large.py)


def load_corpus(
    author: str | Path | Corpus,
    *,
    lines: str = "join",
    held_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    retries: RetryPolicy | None = None,
) -> Corpus:
    """Return an author's text, cleaned and split; a Corpus is returned as it is.

    `author` is a name of the catalogue, `gutenberg:NUMBER+NUMBER`, or a path to a .txt file or a folder of them.
    `lines` is "join" or "keep", see `clean`. `held_out` names one book, by words of its title, that becomes the whole
    test text; without it, each book is split. Where a download is needed, `on_progress` receives what is downloaded
    and the share received, 0 to 1, and `retries` sets the timeout. Raises CorpusError for a text that is not available,
    not text, too short, or too large for this machine's memory.
    """
    if isinstance(author, Corpus):
        return author
    author = str(author)
    require_lines(lines)

    # a list of Project Gutenberg books
    if gutenberg.is_gutenberg(author):
        numbers = gutenberg.parse_numbers(author)
        name = gutenberg.PREFIX + "+".join(map(str, numbers))
        return _build_corpus(name, _gutenberg_books(numbers, lines, on_progress, retries), lines, held_out)

    # a file or folder
    if is_path(author):
        path = Path(author).expanduser()
        _require_memory(author, path)
        return _build_corpus(_path_name(path), _path_books(path, lines), lines, held_out)

    # an author of the catalogue
    entry = find_author(author)
    return _build_corpus(entry.name, _catalogue_books(entry, lines, on_progress, retries), lines, held_out)


def load_corpora(
    authors: str | Path | Corpus | Sequence[str | Path | Corpus] = (),
    *,
    lines: str = "join",
    held_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    on_message: Callable[[str], None] | None = None,
) -> list[Corpus]:
    """Return the texts of one or more authors; those of the default authors where none is named.

    `on_message` receives a sentence where embedded authors replace the default ones.
    """
    names: Sequence[str | Path | Corpus] = [authors] if isinstance(authors, str | Path | Corpus) else authors
    if not names:
        names, message = default_authors(on_progress)
        if message and on_message is not None:
            on_message(message)
    return [load_corpus(name, lines=lines, held_out=held_out, on_progress=on_progress) for name in names]


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
    """Return whether a word is a path: it looks like one, or a file has that name and no catalogue author does."""
    if os.sep in author or "/" in author or author.lower().endswith(".txt"):
        return True
    return author.lower() not in load_catalogue() and os.path.exists(author)


def _require_memory(author: str, path: Path) -> None:
    """Refuse a path whose text does not fit into this machine's memory, before it is read. Raises CorpusError."""
    limit = total_memory()
    if limit is None or not path.exists():
        return

    # compare the size of its files with the memory
    files = path.glob("*.txt") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    if size * MEMORY_FACTOR > limit:
        raise CorpusError(
            f"{author} has {size / 1e6:,.0f} MB of text, and this machine {limit / 1e6:,.0f} MB of memory: "
            f"reading a text takes {MEMORY_FACTOR} times its size; name a smaller part of it"
        )


def _path_name(path: Path) -> str:
    """Return the stem of a file or the name of a folder, that of "." included.

    >>> _path_name(Path("/books/my.novel.txt"))
    'my.novel'
    """
    path = Path(os.path.abspath(path))
    return path.name if path.is_dir() else path.stem


def _path_books(path: Path, lines: str) -> list[BookText]:
    return [
        BookText(file.stem, _clean_book(decode(data, name=str(file)), None, lines, str(file)))
        for file, data in read_path(path)
    ]


def _gutenberg_books(
    numbers: Sequence[int], lines: str, on_progress: OnProgress | None, retries: RetryPolicy | None
) -> list[BookText]:
    books = []
    for number in numbers:
        data = gutenberg.get_book(number, on_progress, retries)
        title = gutenberg.book_title(data, number)
        books.append(BookText(title, _clean_book(decode(data, name=title), None, lines, title)))
    return books


def _catalogue_books(
    author: Author, lines: str, on_progress: OnProgress | None, retries: RetryPolicy | None
) -> list[BookText]:
    books = []
    for book in author.books:
        data = read_book(book, on_progress=on_progress, retries=retries)
        text = _clean_book(decode(data, book.encoding, book.title), book.form, lines, book.title)
        books.append(BookText(book.title, text))
    return books


def _clean_book(text: str, form: str | None, lines: str, name: str) -> str:
    cleaned = clean(text, form, lines)
    if len(cleaned) < 3:
        raise CorpusError(f"{name} contains no text; name another file or book")
    return cleaned


def _build_corpus(author: str, books: Sequence[BookText], lines: str, held_out: Sequence[str]) -> Corpus:
    """Split the cleaned books of an author. Raises CorpusError where they are too short or no book can be held out."""
    text = join_texts(book.text for book in books)
    if len(text) < MIN_CHARACTERS:
        raise CorpusError(
            f"the text of {author} has {len(text):,} characters after cleaning, fewer than {MIN_CHARACTERS:,}; "
            "name a longer text or a folder of them"
        )

    # split within each book, or hold one out
    titles = tuple(book.title for book in books)
    title = find_held_out(author, titles, held_out) if held_out else ""
    parts = split_off_book(books, title) if title else split_within_books(books)
    return Corpus(
        author,
        Text(parts.train),
        Text(parts.valid),
        Text(parts.test),
        books=titles,
        lines=lines,
        sha256=sha256(text.encode()).hexdigest(),
        characters=len(text),
        held_out=title,
        book_starts=parts.book_starts,
    )
