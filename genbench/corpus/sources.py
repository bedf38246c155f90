"""Sources of books: embedded files, NLTK's gutenberg corpus, Project Gutenberg, and files and folders of the user."""

from __future__ import annotations

import os
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

from genbench.corpus import gutenberg
from genbench.corpus.catalogue import Author, Book, embedded_authors
from genbench.corpus.compressed import decompress, text_suffix
from genbench.corpus.downloads import RetryPolicy, iterate_with_timeout
from genbench.corpus.gutenberg import OnProgress
from genbench.corpus.gutenberg_search import require_match
from genbench.corpus.reading import Reading, ReadingNotes, list_names
from genbench.corpus.records import RECORD_SUFFIXES
from genbench.errors import CorpusError, UserError
from genbench.storage.user_files import read_bytes, special_file

TEXT_SUFFIXES = (".txt", ".md", ".text")


def read_book(
    book: Book, *, author: str = "", on_progress: OnProgress | None = None, retries: RetryPolicy | None = None
) -> bytes:
    """Return the bytes of a catalogue book; NLTK's corpus is downloaded if it is not on NLTK's search path.

    Where that fails, the same book is downloaded from Project Gutenberg, if the catalogue has its number. Raises
    CorpusError if the book is not available, no server answers within the timeout of `retries`, or the book of that
    number has another title, or another author than `author`.
    """
    if book.file is not None:
        return files("genbench_corpora").joinpath("texts", book.file).read_bytes()
    if book.nltk is None:
        raise CorpusError(f"{book.title!r} is neither embedded nor in NLTK's gutenberg corpus; name another author")

    # on this machine
    pointer = _find_nltk_file(book.nltk)
    if pointer is not None:
        return _read_nltk_file(pointer, book.nltk)
    data = None if book.gutenberg is None else gutenberg.read_cached(book.gutenberg)
    data = data or _download_book(book, on_progress, retries or RetryPolicy())
    if book.gutenberg is not None and _find_nltk_file(book.nltk) is None:
        require_match(data, book.gutenberg, book.title, author)
    return data


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


def nltk_search_path() -> list[str]:
    """Return the folders in which NLTK looks for its data on a POSIX system, as `nltk.data.path` has them."""
    folders = [os.path.expanduser(name) for name in os.environ.get("NLTK_DATA", "").split(os.pathsep) if name]
    home = os.path.expanduser("~/nltk_data")
    installed = [os.path.join(sys.prefix, *inner, "nltk_data") for inner in ((), ("share",), ("lib",))]
    system = [f"{place}/nltk_data" for place in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")]
    return [*folders, home, *installed, *system]


def _find_nltk_file(name: str) -> Any | None:
    # importing nltk takes a second: look where it would look, in folders before zip files, unless it is imported
    if "nltk" not in sys.modules and os.name == "posix":
        folders = [Path(folder, "corpora") for folder in nltk_search_path()]
        unpacked = (path for folder in folders if (path := folder / "gutenberg" / name).is_file())
        return next(chain(unpacked, _find_in_zip_files(folders, name)), None)

    import nltk.data

    try:
        return nltk.data.find(f"corpora/gutenberg/{name}")
    except (LookupError, OSError):
        return None


def _find_in_zip_files(folders: Iterable[Path], name: str) -> Iterator[zipfile.Path]:
    """Yield a file of the gutenberg corpus in the zip files that have it; a damaged one has none."""
    for folder in folders:
        with suppress(OSError, zipfile.BadZipFile):
            path = zipfile.Path(folder / "gutenberg.zip", f"gutenberg/{name}")
            if path.is_file():
                yield path


def _read_nltk_file(pointer: Any, name: str) -> bytes:
    try:
        if isinstance(pointer, Path | zipfile.Path):
            return pointer.read_bytes()
        with pointer.open() as stream:
            return bytes(stream.read())
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
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


def require_path(path: Path) -> None:
    """Raise CorpusError where there is no file and no folder."""
    if not os.path.exists(path):
        raise CorpusError(f"there is no file or folder {path}; name a text file or a folder of them")
    if kind := special_file(path):
        raise CorpusError(f"{path} is {kind}, not a file; name a text file or a folder of them")


def find_files(path: Path, reading: Reading, notes: ReadingNotes) -> list[Path]:
    """Return the files to read at a path: the path itself, or the text files below a folder, sorted by their paths.

    With a column these are CSV, TSV and JSON Lines files. The files that are left out are added to the notes. Raises
    CorpusError if the path is missing, a device or a pipe, or the folder has no such file.
    """
    require_path(path)
    if not path.is_dir():
        return [path]

    # the files that can be read, by their suffixes
    suffixes = TEXT_SUFFIXES if reading.column is None else RECORD_SUFFIXES
    wanted, unusable, others = list[Path](), list[Path](), list[Path]()
    for file in visible_files(path):
        has_suffix = text_suffix(file.name) in suffixes
        group = wanted if has_suffix and _is_usable(file) else unusable if has_suffix or file.is_dir() else others
        group.append(file)
    choices = f"{', '.join(suffixes[:-1])} and {suffixes[-1]}"
    hidden = hidden_files(path)
    if not wanted:
        raise CorpusError(f"there is no file to read in the folder {path}: only {choices} are; name another path")
    left_out = [(others, f"only {choices} are read"), (unusable, "linked folders, or no files that can be opened")]
    for group, reason in left_out:
        if group:
            notes.add(str(path), f"{list_names([str(file.relative_to(path)) for file in group])} left out ({reason})")
    if hidden:
        notes.add(str(path), f"hidden, so left out: {list_names(hidden)}")
    return wanted


def hidden_files(folder: Path) -> list[str]:
    """Return the paths of hidden files and folders below a folder, sorted; what is in hidden folders is not listed."""
    hidden: list[str] = []
    for parent, folders, names in os.walk(folder):
        hidden += [os.path.relpath(os.path.join(parent, name), folder) for name in folders + names if name[0] == "."]
        folders[:] = [name for name in folders if name[0] != "."]
    return sorted(hidden)


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield all files below a folder, sorted, and what cannot be searched: linked and unreadable folders.

    Hidden files are left out: macOS writes binary files beside the texts.
    """
    failures: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=failures.append):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names + links) if not name.startswith("."))

    # a folder that cannot be read is reported as left out, unless it is all there is
    for error in failures:
        path = Path(error.filename)
        if path == folder:
            raise CorpusError(f"cannot read the folder {folder}: {error.strerror}; name another path")
        yield path


def _is_usable(file: Path) -> bool:
    """Return whether a file of a folder can be read."""
    return os.path.isfile(file) and os.access(file, os.R_OK)


def read_file(path: Path) -> bytes:
    """Return the contents of a text file, decompressed. Raises CorpusError if it cannot be read or is empty."""
    try:
        data = read_bytes(path)
    except UserError as error:
        raise CorpusError(str(error)) from None
    data = decompress(data, str(path))
    if not data.strip():
        raise CorpusError(f"{path} is empty; name a file with text in it")
    return data
