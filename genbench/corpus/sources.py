"""Sources of books: embedded files, NLTK's gutenberg corpus, Project Gutenberg, and files and folders of the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from genbench.corpus import gutenberg
from genbench.corpus.catalogue import Author, Book, embedded_authors
from genbench.corpus.downloads import RetryPolicy, iterate_with_timeout
from genbench.corpus.gutenberg import OnProgress
from genbench.errors import CorpusError, UserError


def read_book(book: Book, *, on_progress: OnProgress | None = None, retries: RetryPolicy | None = None) -> bytes:
    """Return the bytes of a catalogue book; NLTK's corpus is downloaded if it is not on NLTK's search path.

    Where that fails, the same book is downloaded from Project Gutenberg, if the catalogue has its number. Raises
    CorpusError if the book is not available, or no server answers within the timeout of `retries`.
    """
    if book.file is not None:
        return files("genbench_corpora").joinpath("texts", book.file).read_bytes()
    if book.nltk is None:
        raise CorpusError(f"{book.title!r} is neither embedded nor in NLTK's gutenberg corpus; name another author")

    # on this machine
    pointer = _find_nltk_file(book.nltk)
    if pointer is not None:
        return _read_nltk_file(pointer, book.nltk)
    if book.gutenberg is not None and (data := gutenberg.read_cached(book.gutenberg)):
        return data

    return _download_book(book, on_progress, retries or RetryPolicy())


def location(author: Author) -> str:
    """Return where the text of an author is: "embedded", "on this machine" or "not downloaded"."""
    if author.embedded:
        return "embedded"
    return "on this machine" if all(map(is_local, author.books)) else "not downloaded"


def is_local(book: Book) -> bool:
    """Return whether a book can be read without a network."""
    if book.file is not None or (book.nltk is not None and _find_nltk_file(book.nltk) is not None):
        return True
    return book.gutenberg is not None and gutenberg.read_cached(book.gutenberg) is not None


def has_nltk_corpus() -> bool:
    """Return whether NLTK's gutenberg corpus is on NLTK's search path, as a folder or as a zip file."""
    return _find_nltk_file("austen-emma.txt") is not None


def _find_nltk_file(name: str) -> Any | None:
    import nltk.data  # takes half a second

    try:
        return nltk.data.find(f"corpora/gutenberg/{name}")
    except (LookupError, OSError):
        return None


def _read_nltk_file(pointer: Any, name: str) -> bytes:
    try:
        with pointer.open() as stream:
            return bytes(stream.read())
    except (OSError, ValueError) as error:
        raise CorpusError(f"cannot read {name} of NLTK's gutenberg corpus: {error}; download it again") from None


def _download_book(book: Book, on_progress: OnProgress | None, retries: RetryPolicy) -> bytes:
    """Download NLTK's corpus, else the book from Project Gutenberg, with one try each."""
    name, report = str(book.nltk), on_progress or (lambda what, share: None)

    # NLTK's corpus
    reason = download_nltk("gutenberg", partial(report, "downloading NLTK's gutenberg corpus"), retries)
    pointer = _find_nltk_file(name)
    if pointer is not None:
        return _read_nltk_file(pointer, name)
    reason = reason or "the download does not contain it"

    # Project Gutenberg
    if book.gutenberg is not None:
        try:
            return gutenberg.get_book(book.gutenberg, on_progress, replace(retries, delays=()))
        except CorpusError as error:
            reason += f"; nor from Project Gutenberg: {error.__cause__ or error}"

    raise CorpusError(
        f"{name} of NLTK's gutenberg corpus is not on this machine and cannot be downloaded ({reason}): "
        "set NLTK_DATA to a folder that has it, run `python -m nltk.downloader gutenberg`, "
        f"or name an embedded author ({', '.join(embedded_authors())}) or a path"
    )


def download_nltk(package: str, on_progress: Callable[[float], None], limits: RetryPolicy) -> str:
    """Download a package to NLTK's folder; return the reason in a few words where that fails, else "".

    `on_progress` receives the share received, 0 to 1. The download is given up after the timeout of silence in
    `limits`, and after its total time.
    """
    deadline = time.monotonic() + limits.total
    try:
        for message in iterate_with_timeout(lambda: _nltk_messages(package), limits.timeout, deadline):
            # an error is reported as a message, not raised
            failure = getattr(message, "message", None)  # only NLTK's error messages have it
            if failure is not None:
                return " ".join(str(failure).split())
            if hasattr(message, "progress"):
                on_progress(message.progress / 100)
    except Exception as error:  # any failure of the downloader becomes part of one sentence
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _nltk_messages(package: str) -> Iterator[Any]:
    from nltk.downloader import Downloader

    yield from Downloader().incr_download(package)


def read_standard_input() -> bytes:
    """Return all of standard input. Raises UserError if it is closed."""
    if sys.stdin is None:
        raise UserError("standard input is closed; pipe a text into the command, or name a file")
    return sys.stdin.buffer.read()


def read_path(path: Path) -> list[tuple[Path, bytes]]:
    """Return the books at a path with their bytes: one file, or the .txt files of a folder, sorted by name.

    Raises CorpusError if the path is missing or unreadable, a folder has no .txt file, or a file is empty.
    """
    if not os.path.exists(path):
        raise CorpusError(f"there is no file or folder {path}; name a .txt file or a folder of them")
    return [(file, _read_file(file)) for file in (_text_files(path) if path.is_dir() else [path])]


def _text_files(folder: Path) -> list[Path]:
    """Return the .txt files of a folder except hidden ones: macOS writes binary files beside the texts."""
    try:
        visible = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise CorpusError(f"cannot read the folder {folder}: {error.strerror}; name another path") from None
    paths = sorted(file for file in visible if file.suffix.lower() == ".txt")
    if not paths:
        raise CorpusError(f"there is no .txt file in the folder {folder}; put one there or name another path")
    return paths


def _read_file(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}; name another file") from None
    if not data.strip():
        raise CorpusError(f"{path} is empty; name a file with text in it")
    return data
