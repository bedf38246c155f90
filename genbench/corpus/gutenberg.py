"""Project Gutenberg books by number: downloaded once from a mirror meant for programs, checked and cached.

The address is that of the collection generated from all books: UTF-8 with both standard markers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from genbench.corpus.cleaning import find_markers, normalize_newlines
from genbench.corpus.downloads import DownloadError, RetryPolicy, download
from genbench.corpus.encoding import decode
from genbench.corpus.text_cache import cache_file, cache_path, read_cached_file
from genbench.errors import CorpusError

PREFIX = "gutenberg:"
MIRROR_VARIABLE = "GENBENCH_GUTENBERG"
DEFAULT_MIRROR = "https://gutenberg.pglaf.org"  # the robot policy of Project Gutenberg reserves www. for people
MAX_BOOKS = 200  # in one author

_NUMBERS = re.compile(r"[0-9]{1,7}(?:\+[0-9]{1,7})*")
_NUMBER_IN_HEADER = re.compile(r"\[e-?(?:book|text) #(\d+)\]", re.I)
_HEADER_FIELD = r"^{}:[ \t]*(\S[^\n]*(?:\n[ \t]+\S[^\n]*)*)"

OnProgress = Callable[[str, float], None]  # receives what is being downloaded and the share received, 0 to 1


def is_gutenberg(author: str) -> bool:
    """Return whether an author is given as Project Gutenberg book numbers."""
    return author.lower().startswith(PREFIX)


def parse_numbers(author: str) -> list[int]:
    """Return the book numbers in a word such as `gutenberg:1342+158`. Raises CorpusError where it is malformed.

    >>> parse_numbers("gutenberg:1342+158")
    [1342, 158]
    """
    rest = author[len(PREFIX) :]
    numbers = [int(word) for word in rest.split("+")] if _NUMBERS.fullmatch(rest) else []
    if not numbers or 0 in numbers or len(set(numbers)) != len(numbers) or len(numbers) > MAX_BOOKS:
        raise CorpusError(
            f"{author!r} is not a list of Project Gutenberg book numbers; give each number once, "
            f"as in gutenberg:1342 or gutenberg:1342+158 (at most {MAX_BOOKS})"
        )
    return numbers


def read_cached(number: int) -> bytes | None:
    """Return the cached bytes of a book; None where it was not downloaded, or its copy has been changed since."""
    return read_cached_file(_file_name(number))


def get_book(number: int, on_progress: OnProgress | None = None, retries: RetryPolicy | None = None) -> bytes:
    """Return the bytes of a book, from the cache or downloaded and then cached.

    Raises CorpusError where it cannot be downloaded.
    """
    data = read_cached(number)
    return data or _download_book(number, on_progress or (lambda what, share: None), retries or RetryPolicy())


def _download_book(number: int, on_progress: OnProgress, retries: RetryPolicy) -> bytes:
    mirror, what = mirror_address(), f"downloading Project Gutenberg book {number}"

    # download and check
    try:
        url = f"{mirror}/cache/epub/{number}/pg{number}.txt"
        data = download(url, lambda share: on_progress(what, share), retries)
        _require_book(data, number)
    except DownloadError as error:
        state = "is damaged on this machine" if cache_path(_file_name(number)).exists() else "is not on this machine"
        raise CorpusError(
            f"Project Gutenberg book {number} {state} and cannot be downloaded from {mirror} ({error}): "
            f"{_advice(error)}"
        ) from error
    on_progress(what, 1.0)
    cache_file(_file_name(number), data)
    return data


def mirror_address() -> str:
    """Return the address from which books come. Raises CorpusError for a variable that is not a web address."""
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip().rstrip("/") or DEFAULT_MIRROR
    if not re.fullmatch(r"https?://[!-~]+", mirror):
        raise CorpusError(f"{MIRROR_VARIABLE} is {mirror!r}; set it to a web address such as {DEFAULT_MIRROR}")
    return mirror


def _advice(error: DownloadError) -> str:
    if error.status in (404, 410):
        return "look the number up at www.gutenberg.org; the book may have no plain text"
    return f"try again later, set {MIRROR_VARIABLE} to another mirror, or name a .txt file that you have"


def _require_book(data: bytes, number: int) -> None:
    """Check that bytes are the Project Gutenberg book of a number. Raises DownloadError where they are not."""
    try:
        text = decode(data, name="the file")
    except CorpusError as error:
        raise DownloadError(str(error).partition(";")[0]) from error

    # both markers, and the number in the header
    span = find_markers(text)
    if span is None:
        raise DownloadError("the file is not a book: it lacks Project Gutenberg's start and end markers")
    header_number = _NUMBER_IN_HEADER.search(text, 0, span[0])
    if header_number and int(header_number[1]) != number:
        raise DownloadError(f"the server sent book {header_number[1]} instead")


def book_title(data: bytes, number: int) -> str:
    """Return the title and author in a book's header, or its number where there is no title."""
    title, author = book_header(data)
    if not title:
        return f"Project Gutenberg {number}"
    return f"{title} by {author}" if author else title


def book_header(data: bytes) -> tuple[str, str]:
    """Return the title and the author that a book's header names, "" for each that it does not name."""
    text = decode(data)
    start, _ = find_markers(text) or (0, 0)
    header = normalize_newlines(text[:start])

    # either may span several lines
    title, author = (re.search(_HEADER_FIELD.format(name), header, re.M) for name in ("Title", "Author"))
    name, writer = (" ".join(field[1].split()) if field else "" for field in (title, author))
    return name, writer


def _file_name(number: int) -> str:
    return f"pg{number}.txt"
