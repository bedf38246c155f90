"""Any book of Project Gutenberg by its number: fetched once from a mirror meant for programs, checked, and kept.

    texts/pg1342.txt          the bytes as they came
    texts/pg1342.txt.sha256   their checksum, as `sha256sum --check` reads it

The path is that of the collection generated from all books, which is clean UTF-8 with both standard markers.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from genbench.corpus.cleaning import decode, markers, newlines
from genbench.corpus.http import FetchError, Patience, fetch
from genbench.errors import CorpusError
from genbench.storage import files as store

PREFIX = "gutenberg:"
ADDRESS = "GENBENCH_GUTENBERG"
MIRROR = "https://gutenberg.pglaf.org"  # Project Gutenberg's own; its robot policy keeps www.gutenberg.org for people
BOOKS = re.compile(r"[0-9]{1,7}(?:\+[0-9]{1,7})*")
MANY = 200  # books in one author

_NUMBER = re.compile(r"\[e-?(?:book|text) #(\d+)\]", re.I)
_FIELD = r"^{}:[ \t]*(\S[^\n]*(?:\n[ \t]+\S[^\n]*)*)"

OnProgress = Callable[[str, float], None]  # told what is fetched, and the share of it that is there, 0 to 1


def is_numbered(author: str) -> bool:
    """Whether an author is named by numbers of Project Gutenberg."""
    return author.lower().startswith(PREFIX)


def numbers(author: str) -> list[int]:
    """The numbers in `gutenberg:1342+158`; CorpusError where it is malformed.

    >>> numbers("gutenberg:1342+158")
    [1342, 158]
    """
    rest = author[len(PREFIX) :]
    found = [int(word) for word in rest.split("+")] if BOOKS.fullmatch(rest) else []
    if not found or 0 in found or len(set(found)) != len(found) or len(found) > MANY:
        raise CorpusError(
            f"{author!r} is no list of Project Gutenberg's books; give their numbers, each once, "
            f"as in gutenberg:1342 or gutenberg:1342+158 (at most {MANY})"
        )
    return found


def kept(number: int) -> bytes | None:
    """The book as it was fetched earlier; None where it was not, or has been changed since."""
    path = _path(number)
    with contextlib.suppress(OSError):
        digest = _sums(path).read_text(encoding="ascii", errors="replace").partition(" ")[0]
        data = path.read_bytes()
        if sha256(data).hexdigest() == digest:
            return data
    return None


def book(number: int, on_progress: OnProgress | None = None, patience: Patience | None = None) -> bytes:
    """The bytes of a book, kept or fetched and then kept; CorpusError where it cannot be had."""
    return kept(number) or _fetched(number, on_progress or (lambda what, share: None), patience or Patience())


def _fetched(number: int, on_progress: OnProgress, patience: Patience) -> bytes:
    base, what = _address(), f"fetching Project Gutenberg's {number}"
    try:
        url = f"{base}/cache/epub/{number}/pg{number}.txt"
        data = fetch(url, lambda share: on_progress(what, share), patience)
        _require_book(data, number)
    except FetchError as error:
        there = "was damaged since it was fetched" if _path(number).exists() else "is not on this machine"
        raise CorpusError(
            f"Project Gutenberg's {number} {there} and cannot be had from {base} ({error}): {_advice(error)}"
        ) from error
    on_progress(what, 1.0)
    with contextlib.suppress(OSError):  # a full or foreign disk costs the copy, not the book
        _keep(number, data)
    return data


def _address() -> str:
    base = os.environ.get(ADDRESS, "").strip().rstrip("/") or MIRROR
    if not re.fullmatch(r"https?://[!-~]+", base):
        raise CorpusError(f"{ADDRESS} is {base!r}, and must be a web address such as {MIRROR}")
    return base


def _advice(error: FetchError) -> str:
    if error.status in (404, 410):
        return "look the number up at www.gutenberg.org; it may have no plain text"
    return f"try again later, set {ADDRESS} to another mirror, or name a .txt file that you have"


def _require_book(data: bytes, number: int) -> None:
    """Refuse what is no book of Project Gutenberg, or another one; raises FetchError."""
    try:
        text = decode(data, name="what came")
    except CorpusError as error:
        raise FetchError(str(error).partition(";")[0]) from error
    found = markers(text)
    if found is None:
        raise FetchError("what came has not the two marks between which a book stands, so it is no book")
    named = _NUMBER.search(text, 0, found[0])
    if named and int(named[1]) != number:
        raise FetchError(f"what came is book {named[1]}")


def described(data: bytes, number: int) -> str:
    """Title and author as the book's header has them."""
    text = decode(data)
    start, _ = markers(text) or (0, 0)
    head = newlines(text[:start])
    title, author = (re.search(_FIELD.format(name), head, re.M) for name in ("Title", "Author"))
    if title is None:
        return f"Project Gutenberg {number}"
    said = " ".join(title[1].split())
    return f"{said} by {' '.join(author[1].split())}" if author else said


def _path(number: int) -> Path:
    return store.home() / "texts" / f"pg{number}.txt"


def _sums(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _keep(number: int, data: bytes) -> None:
    path = _path(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    store.write_whole(path, data)
    store.write_whole(_sums(path), f"{sha256(data).hexdigest()}  {path.name}\n".encode())
