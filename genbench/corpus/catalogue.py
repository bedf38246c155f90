"""The authors known by name, read from `catalogue.toml` in the corpora package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from genbench.errors import CorpusError, nearest


@dataclass(frozen=True)
class Book:
    """One book and where its bytes are: in NLTK's corpus, at Project Gutenberg, or embedded."""

    title: str
    form: str  # "prose" or "verse"
    nltk: str | None = None  # file in NLTK's gutenberg corpus
    gutenberg: int | None = None  # Project Gutenberg number
    file: str | None = None  # file below genbench_corpora/texts
    encoding: str = "utf-8"  # what the bytes are where they are not UTF-8


@dataclass(frozen=True)
class Author:
    """A name to type, a name to print, and the books."""

    name: str
    full_name: str
    books: tuple[Book, ...]

    @property
    def embedded(self) -> bool:
        """Whether all books come with genbench, so that no network is needed."""
        return all(book.file is not None for book in self.books)


def catalogue() -> dict[str, Author]:
    """Every known author by name, in the order of the catalogue."""
    return dict(_read())


@cache
def _read() -> MappingProxyType[str, Author]:
    text = files("genbench_corpora").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _author(name, entry) for name, entry in tomllib.loads(text).items()})


def _author(name: str, entry: dict[str, Any]) -> Author:
    return Author(name, entry["full_name"], tuple(Book(**book) for book in entry["books"]))


def find_author(name: str) -> Author:
    """The author of that name, in whatever case; CorpusError with the nearest names if there is none."""
    known = catalogue()
    author = known.get(name.lower())
    if author is None:
        raise CorpusError(
            f"there is no author {name!r}; {nearest(name, known)}; "
            "see `genbench corpora list`, or give gutenberg:NUMBER, or a path to a .txt file or a folder of them"
        )
    return author


def embedded_authors() -> list[str]:
    """Names of the authors that need no network.

    >>> embedded_authors()
    ['thorne', 'pell', 'marrow']
    """
    return [author.name for author in catalogue().values() if author.embedded]
