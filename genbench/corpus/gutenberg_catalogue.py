"""Project Gutenberg's books: the table that comes with genbench, and the catalogue file, downloaded once.

The catalogue (pg_catalog.csv, 20 MB, one row per book) has the columns Text#, Type, Issued, Title, Language, Authors,
Subjects, LoCC and Bookshelves; an author is written `Dickens, Charles, 1812-1870`, other people have their role in
brackets. The table (gutenberg.csv) has the same columns where it has them, and the year of the first publication.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files

from genbench.corpus.downloads import DownloadError, RetryPolicy, download
from genbench.corpus.gutenberg import MIRROR_VARIABLE, OnProgress, mirror_address
from genbench.corpus.text_cache import cache_file, read_cached_file
from genbench.errors import CorpusError

CATALOGUE = "pg_catalog.csv"
CATALOGUE_PATH = f"cache/epub/feeds/{CATALOGUE}"  # below the address of a mirror

_LIFE = re.compile(r"\d|\bactive\b")
_ROLE = re.compile(r"\[([^\]]*)\]$")
_VERSE = re.compile(r"\b(?:poetry|poems|verse|ballads)\b", re.I)
_DRAMA = re.compile(r"\b(?:drama|plays|tragedies|comedies)\b", re.I)


@dataclass(frozen=True)
class Listing:
    """A book of Project Gutenberg, as its catalogue describes it."""

    number: int
    title: str  # without a subtitle on further lines
    language: str  # ISO 639-1 codes: "en", "en; fr"
    creators: tuple[str, ...]  # authors as the catalogue writes them: "Dickens, Charles, 1812-1870"
    translated: bool  # whether the catalogue names a translator or says so in the subjects
    form: str  # "prose", "verse" or "drama"
    published: int | None = None  # year, of the books in the table
    issued: str = ""  # date of the release, of the books in the catalogue

    @property
    def creator(self) -> str:
        """The first author without dates, "Dickens, Charles"; "" where there is none."""
        return ", ".join(_name_parts(self.creators[0])) if self.creators else ""

    @property
    def authors(self) -> str:
        """The authors as one says their names."""
        return " and ".join(map(display_name, self.creators))

    def to_dict(self) -> dict[str, object]:
        """Return the listing as JSON values."""
        return {
            "number": self.number,
            "title": self.title,
            "authors": list(self.creators),
            "language": self.language,
            "form": self.form,
            "published": self.published,
            "issued": self.issued or None,
        }


def display_name(creator: str) -> str:
    """Return the name of an author as one says it.

    >>> display_name("Baum, L. Frank (Lyman Frank), 1856-1919"), display_name("Saki, 1870-1916")
    ('L. Frank Baum', 'Saki')
    >>> display_name("Tennyson, Alfred Tennyson, Baron, 1809-1892")
    'Alfred Tennyson'
    """
    surname, *rest = _name_parts(creator) or [creator]
    given = re.sub(r" \([^)]*\)", "", rest[0]) if rest else ""
    return given if given.endswith(surname) else f"{given} {surname}".strip()


def _name_parts(creator: str) -> list[str]:
    """Return the parts of a name that are no dates: surname, given names, title."""
    return [part for part in creator.split(", ") if not _LIFE.search(part)]


@cache
def table() -> tuple[Listing, ...]:
    """Return the books of the table that comes with genbench, an author's main works first."""
    text = files("genbench_corpora").joinpath("gutenberg.csv").read_text(encoding="utf-8")
    return tuple(_read_listings(text))


def has_catalogue() -> bool:
    """Return whether Project Gutenberg's catalogue is on this machine."""
    return read_cached_file(CATALOGUE) is not None


def known_books() -> list[Listing]:
    """Return the books of the table, then those of the catalogue, if it is on this machine, by their numbers."""
    data = read_cached_file(CATALOGUE)
    if data is None:
        return list(table())

    # a book in both: the year and the form of the table, the rest of the catalogue
    catalogue = dict(_read_catalogue(data))
    own = [_merge(book, catalogue.pop(book.number, None)) for book in table()]
    return own + list(catalogue.values())


def _merge(book: Listing, listing: Listing | None) -> Listing:
    return book if listing is None else replace(book, issued=listing.issued, translated=listing.translated)


@lru_cache(maxsize=1)
def _read_catalogue(data: bytes) -> dict[int, Listing]:
    return {book.number: book for book in _read_listings(data.decode("utf-8-sig", "replace"))}


def fetch_catalogue(on_progress: OnProgress | None = None, retries: RetryPolicy | None = None) -> None:
    """Download Project Gutenberg's catalogue and store it with its checksum; an older copy is replaced.

    Raises CorpusError where it cannot be downloaded or stored; an older copy then stays.
    """
    report, what, mirror = on_progress or (lambda what, share: None), "downloading the catalogue", mirror_address()
    url = f"{mirror}/{CATALOGUE_PATH}"
    try:
        data = download(url, lambda share: report(what, share), retries or RetryPolicy())
        if not data.endswith(b"\n"):
            raise DownloadError("the file ends in the middle of a row")
        if not _read_catalogue(data):
            raise DownloadError("the file is not a catalogue: it lacks the columns Text#, Title and Authors")
    except DownloadError as error:
        raise CorpusError(
            f"Project Gutenberg's catalogue cannot be downloaded from {url} ({error}): try again later, set "
            f"{MIRROR_VARIABLE} to another mirror, or use an author of the table: genbench corpora search NAME"
        ) from error
    report(what, 1.0)
    if reason := cache_file(CATALOGUE, data):
        raise CorpusError(
            f"Project Gutenberg's catalogue cannot be stored: {reason}; set GENBENCH_HOME to another folder"
        )


def _read_listings(text: str) -> Iterator[Listing]:
    """Yield the texts of a catalogue; other items (sound, images) and rows without a number are left out."""
    for row in csv.DictReader(io.StringIO(text, newline="")):
        number, title = row.get("Text#") or "", " ".join((row.get("Title") or "").split("\n")[0].split())
        if number.isdecimal() and title and (row.get("Type") or "Text") == "Text":
            yield _parse_row(int(number), title, row)


def _parse_row(number: int, title: str, row: dict[str, str]) -> Listing:
    people = [person.strip() for person in (row.get("Authors") or "").split("; ") if person.strip()]
    roles = {role[1].lower() for person in people if (role := _ROLE.search(person))}
    subjects = f"{row.get('Subjects') or ''}; {row.get('Bookshelves') or ''}"
    return Listing(
        number=number,
        title=title,
        language=row.get("Language") or "",
        creators=tuple(person for person in people if not _ROLE.search(person)),
        translated="translator" in roles or "translations into" in subjects.lower(),
        form=row.get("Form") or _find_form(subjects),
        published=int(row["Published"]) if row.get("Published") else None,
        issued=row.get("Issued") or "",
    )


def _find_form(subjects: str) -> str:
    """Return the form of a book by its subjects.

    >>> _find_form("London (England) -- Fiction; Orphans"), _find_form("Fall of man -- Poetry")
    ('prose', 'verse')
    """
    if _DRAMA.search(subjects):
        return "drama"
    return "verse" if _VERSE.search(subjects) else "prose"


def surnames(books: Iterable[Listing]) -> list[str]:
    """Return the surnames of the first authors, each once, in order."""
    return list(dict.fromkeys(_name_parts(book.creators[0])[0] for book in books if book.creators))
