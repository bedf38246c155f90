"""Where the bytes of a book come from: embedded, NLTK's gutenberg corpus, or Project Gutenberg, a path."""

from __future__ import annotations

import os
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from genbench.corpus import gutenberg
from genbench.corpus.catalogue import Author, Book, embedded_authors
from genbench.corpus.download import download
from genbench.corpus.gutenberg import OnProgress
from genbench.corpus.http import Patience
from genbench.errors import CorpusError


def read_book(book: Book, *, on_progress: OnProgress | None = None, patience: Patience | None = None) -> bytes:
    """The bytes of a catalogue book; downloads NLTK's corpus if it is not on NLTK's search path.

    Where that cannot be had, the same book is fetched from Project Gutenberg, if the catalogue knows its number.
    Raises CorpusError if the book cannot be had, or if no download answers for as long as `patience` says.
    """
    if book.file is not None:
        return files("genbench_corpora").joinpath("texts", book.file).read_bytes()
    if book.nltk is None:
        raise CorpusError(f"{book.title!r} is neither embedded nor in NLTK's gutenberg corpus")
    pointer = _find(book.nltk)
    if pointer is not None:
        return _read(pointer, book.nltk)
    if book.gutenberg is not None and (data := gutenberg.kept(book.gutenberg)):
        return data
    return _download(book, on_progress, patience or Patience())


def corpus_available() -> bool:
    """Whether NLTK's gutenberg corpus is on NLTK's search path, as a folder or as a zip file."""
    return has_nltk("austen-emma.txt")


def has_nltk(name: str) -> bool:
    """Whether that file of NLTK's gutenberg corpus is on NLTK's search path."""
    return _find(name) is not None


def where(author: Author) -> str:
    """Where an author's text is, in a word or two: embedded, on this machine, or still to be fetched."""
    if author.embedded:
        return "embedded"
    return "here" if all(map(is_here, author.books)) else "to be fetched"


def is_here(book: Book) -> bool:
    """Whether a book can be read with no network."""
    found = book.file is not None or (book.nltk is not None and has_nltk(book.nltk))
    return found or (book.gutenberg is not None and gutenberg.kept(book.gutenberg) is not None)


def _find(name: str) -> Any | None:
    import nltk.data  # half a second: only for those who need it

    try:
        return nltk.data.find(f"corpora/gutenberg/{name}")
    except (LookupError, OSError):
        return None


def _download(book: Book, on_progress: OnProgress | None, patience: Patience) -> bytes:
    """A book from NLTK's corpus once that is downloaded, else from Project Gutenberg, tried once."""
    name, told = str(book.nltk), on_progress or (lambda what, share: None)
    reason = download("gutenberg", partial(told, "fetching NLTK's gutenberg corpus"), patience.silence)
    pointer = _find(name)
    if pointer is not None:
        return _read(pointer, name)
    reason = reason or "the download does not hold it"
    if book.gutenberg is not None:
        try:
            return gutenberg.book(book.gutenberg, on_progress, Patience(patience.silence, ()))
        except CorpusError as error:
            reason += f"; nor from Project Gutenberg: {error.__cause__ or error}"
    raise CorpusError(
        f"{name} of NLTK's gutenberg corpus is not on this machine and cannot be downloaded ({reason}): "
        "set NLTK_DATA to a folder that has it, run `python -m nltk.downloader gutenberg`, "
        f"or name an embedded author ({', '.join(embedded_authors())}) or a path"
    )


def _read(pointer: Any, name: str) -> bytes:
    try:
        with pointer.open() as stream:
            return bytes(stream.read())
    except (OSError, ValueError) as error:
        raise CorpusError(f"cannot read {name} of NLTK's gutenberg corpus: {error}") from None


def read_path(path: Path) -> list[tuple[Path, bytes]]:
    """Each book at a path with its bytes: one file, or the .txt files of a folder, sorted by name.

    Raises CorpusError if the path is missing or unreadable, a folder has no .txt file, or a file is empty.
    """
    if not os.path.exists(path):
        raise CorpusError(f"there is no file or folder {path}; name a .txt file or a folder of them")
    return [(file, _read_file(file)) for file in (_text_files(path) if path.is_dir() else [path])]


def _text_files(folder: Path) -> list[Path]:
    """Hidden files are left out: macOS writes binary ones beside the texts."""
    try:
        visible = [file for file in folder.iterdir() if not file.name.startswith(".")]
    except OSError as error:
        raise CorpusError(f"cannot read the folder {folder}: {error.strerror}") from None
    found = sorted(file for file in visible if file.suffix.lower() == ".txt")
    if not found:
        raise CorpusError(f"there is no .txt file in the folder {folder}; put one there or name another path")
    return found


def _read_file(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from None
    if not data.strip():
        raise CorpusError(f"{path} is empty; name a file with text in it")
    return data
