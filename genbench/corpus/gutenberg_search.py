"""Search Project Gutenberg's books, and find those of an author: `gutenberg:dickens`, `gutenberg:dickens:5`.

Left out, unless they are asked for:

    translations       the catalogue names a translator, says so in the subjects, or the language is not the one in
                       which most books of the author are
    other editions     an earlier book of the list has the same author and the same title without its subtitle
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from genbench.corpus.downloads import RetryPolicy
from genbench.corpus.gutenberg import PREFIX, OnProgress, book_header, is_gutenberg
from genbench.corpus.gutenberg_catalogue import (
    Listing,
    display_name,
    fetch_catalogue,
    has_catalogue,
    known_books,
    surnames,
    table,
)
from genbench.errors import CorpusError, UserError

DEFAULT_BOOKS = 3  # of an author, where no number is given
TRANSLATION, EDITION = "translation", "edition"

_NAME = re.compile(r"(?P<name>[^\W\d_][^:+*]*)(?::(?P<count>[0-9]{1,3}))?")
_SUBTITLE = re.compile(r"[:;]|, or, ", re.I)
_SMALL_WORDS = {"the", "a", "an", "of", "and", "or"}
_NO_AUTHORS = {"various", "anonymous", "unknown"}


@dataclass(frozen=True)
class SearchResult:
    """The books that were found, and the number of those that are left out."""

    books: list[Listing]
    translations: int
    editions: int


def search(query: str, *, everything: bool = False, books: Sequence[Listing] | None = None) -> SearchResult:
    """Return the books whose author and title have all words of a query, or words that begin with them.

    Without `everything`, translations and other editions are left out. Without `books`, the known ones are searched.
    Raises UserError for a query without words.
    """
    wanted = split_words(query)
    if not wanted:
        raise UserError(
            f"{query!r} has no words; name words of an author or a title, as in: genbench corpora search dickens"
        )
    books = known_books() if books is None else books
    found = [book for book in books if _has_words(wanted, f"{book.authors} {book.title}")]
    remarks = find_remarks(books)
    counts = Counter(remarks.get(book.number) for book in found)
    if everything:
        return SearchResult(found, 0, 0)
    own = [book for book in found if book.number not in remarks]
    return SearchResult(own, counts[TRANSLATION], counts[EDITION])


def _has_words(wanted: Sequence[str], text: str) -> bool:
    words = split_words(text)
    return all(any(word.startswith(start) for word in words) for start in wanted)


def find_remarks(books: Iterable[Listing]) -> dict[int, str]:
    """Return which books are a "translation" or another "edition" of a book before them, by their numbers."""
    books = list(books)
    languages: dict[str, Counter[str]] = defaultdict(Counter)
    for book in books:
        if not book.translated:
            languages[book.creator][book.language] += 1

    # the first of the same author and title is the book itself
    remarks: dict[int, str] = {}
    seen: set[tuple[str, str]] = set()
    for book in books:
        key = (book.creator, title_key(book.title))
        usual = max(languages[book.creator], key=languages[book.creator].__getitem__, default=book.language)
        if book.translated or (book.creator and book.language != usual):
            remarks[book.number] = TRANSLATION
        elif book.creator and key in seen:
            remarks[book.number] = EDITION
        else:
            seen.add(key)
    return remarks


def title_key(title: str) -> str:
    """Return what two editions of a book have in common: the title without subtitle, articles and marks.

    >>> title_key("Moby Dick; Or, The Whale") == title_key("Moby-Dick")
    True
    >>> title_key("The Portrait of a Lady — Volume 1")
    'portrait lady volume 1'
    """
    words = split_words(_SUBTITLE.split(title)[0]) or split_words(title)
    return " ".join(word for word in words if word not in _SMALL_WORDS)


def split_words(text: str) -> list[str]:
    """Return the words of a name or a title in lower case, without accents and marks.

    >>> split_words("Brontë, Charlotte's")
    ['bronte', 'charlottes']
    """
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(mark))
    return re.findall(r"\w+", re.sub(r"['’]", "", plain))


def is_name(author: str) -> bool:
    """Return whether an author is given by name, as in `gutenberg:dickens`, rather than by numbers."""
    return is_gutenberg(author) and _NAME.fullmatch(author[len(PREFIX) :]) is not None


def with_book_count(authors: Iterable[str], count: int | None) -> list[str]:
    """Return authors with the number of books added to the names of Project Gutenberg's authors, None: none.

    Raises UserError where no author is one of those.

    >>> with_book_count(["pell", "gutenberg:dickens"], 5)
    ['pell', 'gutenberg:dickens:5']
    """
    authors = list(authors)
    if count is None:
        return authors
    if not any(map(is_name, authors)):
        raise UserError("--books is for an author of Project Gutenberg, such as gutenberg:dickens, and none is given")
    return [f"{author}:{count}" if is_name(author) and author.count(":") == 1 else author for author in authors]


def books_of(author: str, on_progress: OnProgress | None = None, retries: RetryPolicy | None = None) -> list[Listing]:
    """Return the books that `gutenberg:NAME` or `gutenberg:NAME:COUNT` stands for: the author's first three or COUNT.

    Those of the table come first; the catalogue is downloaded if it is needed and not on this machine. Raises
    CorpusError for an author that is not found, for several of this name, and for more books than there are.
    """
    match = _NAME.fullmatch(author[len(PREFIX) :])
    if match is None or match["count"] == "0":
        raise CorpusError(
            f"{author!r} is not an author of Project Gutenberg; write gutenberg:NAME, or with a number of books "
            "gutenberg:NAME:3"
        )
    name, count = match["name"], int(match["count"] or 0)

    # the table suffices for its authors, so that the books do not depend on the catalogue
    creator = find_creator(name, table())
    own = [book for book in table() if book.creator == creator]
    if creator and count <= len(own):
        return own[: count or DEFAULT_BOOKS]

    # the catalogue
    if not has_catalogue():
        fetch_catalogue(on_progress, retries)
    books = known_books()
    creator = creator or find_creator(name, books)
    if not creator:
        raise CorpusError(f"Project Gutenberg has no author {name!r}; see genbench corpora search {name}")
    remarks = find_remarks(books)
    own = [book for book in books if book.creator == creator and book.number not in remarks]
    if not own or count > len(own):
        raise CorpusError(
            f"Project Gutenberg has {len(own)} books of {display_name(creator)} that are neither translations nor "
            f"other editions; see genbench corpora search {name} --all, and name others by gutenberg:NUMBER+NUMBER"
        )
    return own[: count or DEFAULT_BOOKS]


def find_creator(name: str, books: Iterable[Listing]) -> str:
    """Return the author of a surname, or of several words of a name, as in "Dickens, Charles"; "" for none.

    Raises CorpusError where several authors have that name.
    """
    wanted = split_words(name.replace("-", " ").replace("_", " "))
    creators = list(dict.fromkeys(book.creator for book in books if book.creator))
    matches = [creator for creator in creators if split_words(creator.split(", ")[0]) == wanted]
    matches = matches or [creator for creator in creators if set(wanted) <= set(split_words(creator))]
    if len(matches) > 1:
        choices = ", ".join("-".join(split_words(display_name(creator))) for creator in matches[:8])
        raise CorpusError(
            f"Project Gutenberg has several authors called {name!r}; write gutenberg: and one of {choices}"
        )
    return matches[0] if matches else ""


def suggest_author(name: str) -> str:
    """Return a hint that names the author of the table with this name or a similar one; "" for none.

    >>> suggest_author("dickens")
    'gutenberg:dickens is Charles Dickens of Project Gutenberg; genbench corpora search dickens shows the books'
    """
    known = {"-".join(split_words(surname)): surname for surname in surnames(table())}
    word = "-".join(split_words(name))
    close = [word] if word in known else get_close_matches(word, known, n=1, cutoff=0.8)
    if not close:
        return ""
    names = dict.fromkeys(book.authors for book in table() if surnames([book]) == [known[close[0]]])
    about = f"genbench corpora search {close[0]} shows the books"
    return f"gutenberg:{close[0]} is {' or '.join(names)} of Project Gutenberg; {about}"


def require_match(data: bytes, number: int, title: str, author: str = "") -> None:
    """Raise CorpusError where the header of a downloaded book has another title, or another author.

    The words of the shorter title must be in the longer one: headers leave out subtitles, or add them.
    """
    found_title, found_author = book_header(data)
    titles = [set(split_words(name)) - _SMALL_WORDS for name in (title, found_title)]
    names = [set(split_words(name)) for name in (author, found_author)]
    same_title = not found_title or titles[0] <= titles[1] or titles[1] <= titles[0]
    same_author = not author or names[1] <= _NO_AUTHORS or not names[0].isdisjoint(names[1])
    if not (same_title and same_author):
        wanted = f"{title!r}" + (f" by {author}" if author else "")
        raise CorpusError(
            f"Project Gutenberg book {number} is {found_title!r} by {found_author or 'nobody named'}, not {wanted}; "
            f"name it gutenberg:{number} if you want it all the same"
        )
