"""The catalogue: authors known by name, read from `catalogue.toml` in the corpora package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from genbench.corpus.gutenberg_search import suggest_author
from genbench.errors import CorpusError, nearest


@dataclass(frozen=True)
class Book:
    """A book and its sources: NLTK's gutenberg corpus, Project Gutenberg, or an embedded file."""

    title: str
    form: str  # "prose" or "verse"
    nltk: str | None = None  # file in NLTK's gutenberg corpus
    gutenberg: int | None = None  # Project Gutenberg number
    file: str | None = None  # file below genbench_corpora/texts
    encoding: str = "utf-8"  # encoding of the file where it is not UTF-8


@dataclass(frozen=True)
class Author:
    """An author of the catalogue: the name to type, the name to print, and the books."""

    name: str
    full_name: str
    books: tuple[Book, ...]

    @property
    def embedded(self) -> bool:
        """Whether all books are part of genbench, so that no network is needed."""
        return all(book.file is not None for book in self.books)


def load_catalogue() -> dict[str, Author]:
    """Return all authors of the catalogue by name, in catalogue order."""
    return dict(_read_catalogue())


@cache
def _read_catalogue() -> MappingProxyType[str, Author]:
    text = files("genbench_corpora").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _parse_author(name, entry) for name, entry in tomllib.loads(text).items()})


def _parse_author(name: str, entry: dict[str, Any]) -> Author:
    return Author(name, entry["full_name"], tuple(Book(**book) for book in entry["books"]))


def find_author(name: str) -> Author:
    """Return the author of a name, ignoring case. Raises CorpusError with similar names where there is none."""
    authors = load_catalogue()
    author = authors.get(name.lower())
    if author is None:
        if not get_close_matches(name.lower(), authors) and (hint := suggest_author(name)):
            raise CorpusError(f"there is no author {name!r} in the catalogue; {hint}")
        raise CorpusError(
            f"there is no author {name!r}; {nearest(name, authors)}; see `genbench corpora list`, or give "
            "gutenberg:NAME, gutenberg:NUMBER, or a path to a text file or a folder of them"
        )
    return author


def embedded_authors() -> list[str]:
    """Return the names of the authors that need no network.

    >>> embedded_authors()
    ['thorne', 'pell', 'marrow']
    """
    return [author.name for author in load_catalogue().values() if author.embedded]
