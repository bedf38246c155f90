"""An author's text, cleaned and split: what a generator trains on and is tested with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from genbench.corpus import gutenberg
from genbench.corpus.catalogue import Author, catalogue, embedded_authors, find_author
from genbench.corpus.cleaning import LINES, clean, decode
from genbench.corpus.gutenberg import OnProgress
from genbench.corpus.http import Patience
from genbench.corpus.sources import is_here, read_book, read_path
from genbench.corpus.split import split
from genbench.errors import CorpusError

DEFAULT = ("austen", "carroll")
SHORTEST = 1_000  # characters after cleaning

Texts = list[tuple[str, str]]  # title, cleaned text


@dataclass(frozen=True, repr=False)
class Corpus:
    """One author's text in three parts, with what is needed to say exactly which text it was."""

    author: str
    train: str
    valid: str
    test: str
    books: tuple[str, ...]  # titles
    lines: str  # "join" or "keep"
    sha256: str  # of the whole cleaned text in UTF-8
    characters: int
    held_out: str = ""  # the title of the book that alone is the test text
    begins: tuple[tuple[int, str], ...] = ()  # where in the training text each book begins, and its title

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in ("train", "valid", "test"))
        return f"<Corpus {self.author}: {'; '.join(self.books)}: {self.characters:,} characters ({sizes})>"

    def place(self, offset: int) -> tuple[str, int]:
        """The book and the line in it, from 1 on, of a character of the training text; lines as they were cleaned."""
        begin, title = max((each for each in self.begins if each[0] <= offset), default=(0, self.author))
        return title, self.train.count("\n", begin, offset) + 1

    def describe(self) -> dict[str, object]:
        """What a result says of its corpus; sizes are in characters."""
        return {
            "sha256": self.sha256,
            "characters": self.characters,
            "train": len(self.train),
            "valid": len(self.valid),
            "test": len(self.test),
            "books": list(self.books),
            "lines": self.lines,
            "held_out": self.held_out,
        }


def load(
    author: str,
    *,
    lines: str = "join",
    held_out: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    patience: Patience | None = None,
) -> Corpus:
    """The corpus of a catalogue author, of books of Project Gutenberg, or of a path to a .txt file or a folder of them.

    `lines` is "join" or "keep", see `clean`. With `held_out`, words of a title each, the test text is that whole book
    and the others train; without, each book is split. `on_progress` is told what is fetched and the share done, 0 to 1,
    if a download is needed, and `patience` says when that is given up. Raises CorpusError for whatever is not there, no
    text, or too short.
    """
    if lines not in LINES:
        raise CorpusError(f"lines is {lines!r}; choose join (hard wraps of prose are joined) or keep")
    if gutenberg.is_numbered(author):
        numbers = gutenberg.numbers(author)
        name = gutenberg.PREFIX + "+".join(map(str, numbers))
        return _corpus(name, _numbered_books(numbers, lines, on_progress, patience), lines, held_out)
    if is_path(author):
        path = Path(author).expanduser()
        return _corpus(_name(path), _path_books(path, lines), lines, held_out)
    known = find_author(author)
    return _corpus(known.name, _catalogue_books(known, lines, on_progress, patience), lines, held_out)


def is_path(author: str) -> bool:
    """Whether the word names a path: it looks like one, or is there and no catalogue author is called so."""
    if os.sep in author or "/" in author or author.lower().endswith(".txt"):
        return True
    return author.lower() not in catalogue() and os.path.exists(author)


def default_authors(
    on_progress: OnProgress | None = None, *, patience: Patience | None = None
) -> tuple[list[str], str]:
    """The authors to compare when none is named; for the embedded ones also a sentence that says so."""
    books = [book for name in DEFAULT for book in find_author(name).books]
    missing = [book for book in books if not is_here(book)]
    try:
        for book in missing:
            read_book(book, on_progress=on_progress, patience=patience)
    except CorpusError:
        names = embedded_authors()
        return names, (
            "NLTK's gutenberg corpus is neither on its search path (NLTK_DATA) nor downloadable, "
            f"so these are the embedded authors {', '.join(names)}."
        )
    return list(DEFAULT), ""


def _name(path: Path) -> str:
    """The stem of a file, the name of a folder; "." has a name too.

    >>> _name(Path("/books/my.novel.txt"))
    'my.novel'
    """
    path = Path(os.path.abspath(path))
    return path.name if path.is_dir() else path.stem


def _path_books(path: Path, lines: str) -> Texts:
    return [
        (file.stem, _cleaned(decode(data, name=str(file)), None, lines, str(file))) for file, data in read_path(path)
    ]


def _numbered_books(
    numbers: Sequence[int], lines: str, on_progress: OnProgress | None, patience: Patience | None
) -> Texts:
    texts = []
    for number in numbers:
        data = gutenberg.book(number, on_progress, patience)
        title = gutenberg.described(data, number)
        texts.append((title, _cleaned(decode(data, name=title), None, lines, title)))
    return texts


def _catalogue_books(author: Author, lines: str, on_progress: OnProgress | None, patience: Patience | None) -> Texts:
    texts = []
    for book in author.books:
        data = read_book(book, on_progress=on_progress, patience=patience)
        text = _cleaned(decode(data, book.encoding, book.title), book.form, lines, book.title)
        texts.append((book.title, text))
    return texts


def _cleaned(text: str, form: str | None, lines: str, name: str) -> str:
    cleaned = clean(text, form, lines)
    if len(cleaned) < 3:
        raise CorpusError(f"{name} holds no text")
    return cleaned


def _corpus(name: str, books: Texts, lines: str, held_out: Sequence[str] = ()) -> Corpus:
    titles, texts = zip(*books, strict=True)
    whole = _concatenated(texts)
    if len(whole) < SHORTEST:
        raise CorpusError(
            f"the text of {name} has {len(whole):,} characters after cleaning, fewer than {SHORTEST:,}; "
            "name a longer text or a folder of them"
        )
    unseen = _held_out(name, titles, held_out) if held_out else ""
    train, valid, test = _without(books, unseen) if unseen else _within(texts)
    digest = sha256(whole.encode()).hexdigest()
    begins = _begins([(title, split(text)) for title, text in books if title != unseen], both=bool(unseen))
    return Corpus(name, train, valid, test, titles, lines, digest, len(whole), unseen, begins)


def _begins(books: Sequence[tuple[str, tuple[str, str, str]]], both: bool) -> tuple[tuple[int, str], ...]:
    """Where the training part of each book begins once these are concatenated: its first part, or the first two."""
    found, offset = [], 0
    for title, (one, two, _) in books:
        found.append((offset, title))
        text = one + two if both else one
        offset += len(text) + len(_missing(text, "\n\n"))
    return tuple(found)


def _within(texts: Sequence[str]) -> tuple[str, str, str]:
    """Split within each book, so that every part has some of every book."""
    train, valid, test = map(_concatenated, zip(*map(split, texts), strict=True))
    return train, valid, test


def _without(books: Texts, unseen: str) -> tuple[str, str, str]:
    """The unseen book is the test text; of each other the last tenth is for validation, the rest to train on."""
    parts = [split(text) for title, text in books if title != unseen]
    train, valid = _concatenated([a + b for a, b, _ in parts]), _concatenated([c for _, _, c in parts])
    return train, valid, next(text for title, text in books if title == unseen)


def _held_out(name: str, titles: Sequence[str], words: Sequence[str]) -> str:
    """The one title that one of the words names: it is in the title, in whatever case."""
    if len(titles) < 2:
        raise CorpusError(f"{name} has one book, so none can be held out; name an author who has several")
    found = [title for title in titles if any(word.lower() in title.lower() for word in words)]
    if len(found) != 1:
        raise CorpusError(f"{' '.join(words)!r} names {len(found)} books of {name}; name one of: {'; '.join(titles)}")
    return found[0]


def _concatenated(texts: Iterable[str]) -> str:
    r"""The texts with a blank line between them and a newline at the end; nothing is removed.

    >>> _concatenated(["one\n", "two\n\n", "three"])
    'one\n\ntwo\n\nthree\n'
    """
    *others, last = texts
    return "".join(text + _missing(text, "\n\n") for text in others) + last + _missing(last, "\n")


def _missing(text: str, ending: str) -> str:
    """The newlines that `text` needs so that it ends with `ending`."""
    return ending[min(len(ending), len(text) - len(text.rstrip("\n"))) :]
