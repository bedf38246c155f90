"""Corpus: an author's cleaned text in three parts, and smaller corpora made from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from genbench.corpus.split import BookStarts, BookText
from genbench.errors import UserError
from genbench.storage.outputs import require_writable, write_output
from genbench.tokenization.text import BOOK_SEPARATOR, Text, replace_surrogates

PARTS = ("train", "valid", "test")
SHOWN = 60  # characters of the training text in the representation of a corpus


@dataclass(frozen=True, repr=False)
class Corpus:
    """One author's text in three parts, with what identifies the text exactly.

    >>> text = Corpus("me", Text("abc"), Text("d"), Text("e"), ("My Book",), "join", "", 5)
    >>> text
    <Corpus me: My Book: 5 characters (train 3, valid 1, test 1), begins 'abc'>
    """

    author: str
    train: Text
    valid: Text
    test: Text
    books: tuple[str, ...]  # titles
    lines: str  # "join" or "keep"
    sha256: str  # of the whole cleaned text in UTF-8; of an own split `split_digest`, of a sum `sum_digest`
    characters: int
    held_out: str = ""  # title of the book that is the whole test text
    book_starts: BookStarts = ()  # in the training text
    test_starts: BookStarts = ()  # in the test text
    notes: tuple[str, ...] = ()  # what reading it changed or noticed, one sentence each
    joined: int = 0  # line breaks that were joined as hard wraps of prose
    own_split: bool = False  # the parts are files of the user, used without any cleaning
    anchor: str = ""  # name of the standard text that this is, on which results are published
    test_tokens: int = 0  # of an anchor: words and line ends of its test text

    def __post_init__(self) -> None:
        # names of files may be no Unicode, and results must be
        names = {name: tuple(map(replace_surrogates, getattr(self, name))) for name in ("books", "notes")}
        starts = tuple((start, replace_surrogates(title)) for start, title in self.book_starts)
        author, held_out = map(replace_surrogates, (self.author, self.held_out))
        vars(self).update(names, author=author, held_out=held_out, book_starts=starts)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {len(getattr(self, part)):,}" for part in PARTS)
        begins = " ".join(str(self.train.part(0, SHOWN)).split())
        about = f"{self.author}: {'; '.join(self.books)}: {self.characters:,} characters ({sizes})"
        return f"<Corpus {about}, begins {begins!r}>"

    def _repr_html_(self) -> str:
        from genbench.integrations import notebook

        return notebook.corpus_html(self)

    def locate(self, offset: int) -> tuple[str, int]:
        """Return the book and the line in it, counted from 1, of a character of the training text.

        Lines are those of the cleaned text.
        """
        start, title = max((book for book in self.book_starts if book[0] <= offset), default=(0, self.author))
        return title, sum(block.count("\n") for block in self.train.part(start, offset).blocks()) + 1

    @property
    def part_sha256(self) -> dict[str, str]:
        """The sha256 of the training, validation and test text in UTF-8."""
        return {part: digest_of_text(getattr(self, part)) for part in PARTS}

    def describe(self) -> dict[str, object]:
        """Return what results say about their corpus, as JSON values; sizes are in characters."""
        return {
            "sha256": self.sha256,
            "characters": self.characters,
            "train": len(self.train),
            "valid": len(self.valid),
            "test": len(self.test),
            "books": list(self.books),
            "lines": self.lines,
            "held_out": self.held_out,
            "own_split": self.own_split,
            "anchor": self.anchor,
            "test_tokens": self.test_tokens,
            "part_sha256": self.part_sha256,
            "notes": list(self.notes),
        }

    def truncate_training(self, characters: int) -> Corpus:
        """Return a corpus with at most `characters` of training text: the beginning of each book, in proportion.

        The result has its own sha256, since a model trained on it is a different one.
        """
        if len(self.train) <= characters:
            return self
        books = list(self._training_books())
        total = sum(len(book.text) for book in books)
        wanted = characters - len(BOOK_SEPARATOR) * (len(books) - 1)

        # each book's share of the wanted length, at least one character
        sizes = [max(1, wanted * len(book.text) // total) for book in books]
        return self._with_training(
            [BookText(book.title, book.text.part(0, size)) for book, size in zip(books, sizes, strict=True)]
        )

    def set_aside(self, share: float) -> tuple[Corpus, str]:
        """Return a corpus without the last `share` of each book's training part, and the text set aside."""
        kept, aside = [], []
        for title, book in self._training_books():
            text = str(book)
            # end the kept part at a line break
            target = round(len(text) * (1 - share))
            end = text.rfind("\n", 0, target) + 1 or target
            kept.append(BookText(title, Text(text[:end])))
            aside.append(text[end:])
        return self._with_training(kept), BOOK_SEPARATOR.join(aside)

    def folds(self, count: int) -> Iterator[tuple[Corpus, str]]:
        """Yield `count` times this corpus without some of its training books, and the text of these.

        A single book is cut in `count` parts that stand for books; nothing is yielded for fewer characters than parts.
        """
        books = list(self._training_books())
        if len(books) == 1:
            text, size = books[0].text, len(books[0].text) // count
            parts = range(count if size else 0)
            books = [BookText(books[0].title, text.part(size * part, size * (part + 1))) for part in parts]
        for fold in range(min(count, len(books))):
            rest = [book for index, book in enumerate(books) if index % count != fold]
            yield self._with_training(rest), BOOK_SEPARATOR.join(str(book.text) for book in books[fold::count])

    def _training_books(self) -> Iterator[BookText]:
        """Yield the training part of each book."""
        starts = self.book_starts or ((0, self.author),)
        for (start, title), (end, _) in pairwise([*starts, (len(self.train), "")]):
            yield BookText(title, Text(self.train[start:end].rstrip("\n")))

    def _with_training(self, books: Sequence[BookText]) -> Corpus:
        """Return this corpus with another training text."""
        # where each book starts
        starts, offset = [], 0
        for book in books:
            starts.append((offset, book.title))
            offset += len(book.text) + len(BOOK_SEPARATOR)

        # the new text and its identity
        train = BOOK_SEPARATOR.join(str(book.text) for book in books)
        digest = sha256((self.sha256 + train).encode()).hexdigest()
        size = len(train) + len(self.valid) + len(self.test)
        return replace(self, train=Text(train), book_starts=tuple(starts), sha256=digest, characters=size)


def digest_of_text(text: str | Text) -> str:
    """Return the sha256 of a text in UTF-8, in hexadecimal digits."""
    digest = sha256()
    for block in Text(text).blocks():
        digest.update(block.encode())
    return digest.hexdigest()


def split_digest(train: Text, valid: Text, test: Text) -> str:
    """Return the sha256 of an own split: that of the digests of its parts, so that it depends on where they end."""
    return digest_of_text("".join(digest_of_text(part) + "\n" for part in (train, valid, test)))


def write_parts(corpus: Corpus, folder: Path | str) -> list[Path]:
    """Write train.txt, valid.txt and test.txt, exactly as generators receive them, into a folder; return the paths.

    The folder is created where it does not exist. Raises UserError where the files cannot be written.
    """
    # create the folder
    folder = Path(folder)
    if not folder.is_dir():
        require_writable(folder)
        if folder.exists():
            raise UserError(f"{str(folder)!r} is a file; name a folder")
        folder.mkdir()

    # write each part whole
    paths = [folder / f"{part}.txt" for part in PARTS]
    for path in paths:
        require_writable(path)
        write_output(path, str(getattr(corpus, path.stem)).encode())
    return paths
