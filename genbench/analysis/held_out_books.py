"""Evaluation of attribution on held-out books: each book of an author in turn, by models that have not seen it.

This is the test of arXiv 2510.21958, where a GPT-2 was trained on each of eight authors. Names and subjects of a book
are unknown to all models, so figures are lower than on passages of books that the models know in part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from genbench.analysis.attribution import Accuracy
from genbench.analysis.author_models import DEFAULT_GENERATOR, AuthorModels, Passages, passage_bits, train_authors
from genbench.analysis.calibration import Calibration, calibrate_models
from genbench.analysis.intervals import Floats
from genbench.analysis.open_set import NONE_OF_THESE, NOT_CLEAR, VerificationScores
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpora, load_corpus
from genbench.corpus.reading import Reading
from genbench.errors import UserError
from genbench.spec import Spec, parse_duration
from genbench.storage.records import JsonRecord
from genbench.training import SILENT, ProgressListener, TrainSettings

LENGTH = 2_000  # characters of a passage
PASSAGES = 20  # of a book


@dataclass(frozen=True)
class HeldOutBook(JsonRecord):
    """How one book was attributed by models that have not seen it."""

    author: str
    book: str
    nearest: str  # author whose model needs the fewest bits for all passages together
    nearest_by_delta: str | None  # by Burrows's Delta; None for a script without words
    passages: int
    correct: int  # passages that are nearest to their author


@dataclass(frozen=True)
class BookEvaluation(JsonRecord):
    """Attribution of held-out books, closed (the author is one of them) and open (the author may be none of them)."""

    generator: str
    characters: int  # of training text per author
    length: int  # characters of a passage
    books: list[HeldOutBook]
    accuracy: Accuracy  # of all passages, among all authors
    answers: dict[str, dict[str, int]]  # answers of the open-set rule for the passages of each author
    strangers: dict[str, dict[str, int]]  # the same without the author's own model: "none of these" is right
    # "is it by the nearest author?", once with and once without the own model; None where no passage got an answer
    verification: VerificationScores | None

    @property
    def whole_correct(self) -> int:
        """The number of books that are nearest to their author as a whole."""
        return sum(book.nearest == book.author for book in self.books)

    @property
    def delta_correct(self) -> int:
        """The number of books that are nearest to their author by Burrows's Delta."""
        return sum(book.nearest_by_delta == book.author for book in self.books)


def evaluate_held_out_books(
    authors: Sequence[str | Path],
    generator: str | Spec = DEFAULT_GENERATOR,
    *,
    characters: int | None = None,
    length: int = LENGTH,
    passages: int = PASSAGES,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    seed: int = 0,
    device: str = "auto",
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    retrain: bool = False,
    listener: ProgressListener = SILENT,
) -> BookEvaluation:
    """Attribute each book of the authors that have several, by models trained without it.

    `characters` of training text per author (None: as many as there are everywhere once a book is held out); at most
    `passages` of `length` characters from each book; a shorter book is one passage. Raises
    UserError where no author has two books.
    """
    settings = TrainSettings(parse_duration(budget), steps, seed, device, flops)
    reading = Reading(lines, encoding, column)
    with listener.stage("reading the texts"):
        corpora = load_corpora(authors, **vars(reading), on_progress=listener.download, on_message=listener.message)
        folds = list(_folds(authors, corpora, reading))
    if not folds:
        raise UserError("no author here has two books; name one that has, or a folder with a file for each book")
    shortest = min(len(corpus.train) for corpus in (*corpora, *(fold for _, fold in folds)))

    # one set of models for each book; only its author's model is another one
    counts = _Counts([corpus.author for corpus in corpora])
    for index, fold in folds:
        chosen = [fold if at == index else corpus for at, corpus in enumerate(corpora)]
        models = train_authors(chosen, generator, characters or shortest, settings, retrain, listener)
        counts.add_book(models, index, length, passages)
    return counts.result(str(Spec.parse(generator)), characters or shortest, length)


def _folds(authors: Sequence[str | Path], corpora: Sequence[Corpus], reading: Reading) -> Iterator[tuple[int, Corpus]]:
    """Yield the index of an author, and the author's text with one book as the whole test text, for each book."""
    for index, corpus in enumerate(corpora):
        if len(corpus.books) < 2 or corpus.own_split:
            continue
        for title in corpus.books:
            fold = load_corpus(authors[index], **vars(reading), held_out=[title])
            yield index, replace(fold, author=corpus.author)


class _Counts:
    """What is counted over the held-out books."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.books: list[HeldOutBook] = []
        self.predicted: list[int] = []
        self.actual: list[int] = []
        choices = [*names, NONE_OF_THESE, NOT_CLEAR]
        self.answers = {name: dict.fromkeys(choices, 0) for name in names}
        self.strangers = {name: dict.fromkeys(choices, 0) for name in names}
        self.cases: list[tuple[float, bool, bool]] = []  # probability, whether it is the author, whether unanswered

    def add_book(self, models: AuthorModels, author: int, length: int, max_count: int) -> None:
        """Attribute the held-out book of an author, with and without the author's model."""
        corpus = models.corpora[author]
        texts = Passages.spread([str(corpus.test)], length, max_count).texts or (str(corpus.test),)
        bits = passage_bits(models.generators, texts) / np.array([[len(text)] for text in texts])

        # closed: the nearest author of each passage, and of the book
        nearest = bits.argmin(axis=1)
        self.predicted += nearest.tolist()
        self.actual += [author] * len(nearest)
        delta = models.delta.distances(str(corpus.test))
        self.books.append(
            HeldOutBook(
                corpus.author,
                corpus.held_out,
                self.names[int(bits.sum(axis=0).argmin())],
                None if delta is None else self.names[int(np.argmin(delta))],
                len(nearest),
                int((nearest == author).sum()),
            )
        )

        # open: with the author's model, and without it
        calibration = calibrate_models(models)
        self._answer(calibration, texts, bits, author, self.answers, without=())
        self._answer(calibration, texts, bits, author, self.strangers, without=(author,))

    def _answer(
        self,
        calibration: Calibration,
        texts: Sequence[str],
        bits: Floats,
        author: int,
        answers: dict[str, dict[str, int]],
        without: Sequence[int],
    ) -> None:
        """Count the answers of the rule among all authors but some."""
        columns = np.setdiff1d(np.arange(len(self.names)), without)
        for text, row in zip(texts, bits, strict=True):
            answer = calibration.answer(row, text, self.names, columns)
            if answer.probability is None:
                return
            answers[self.names[author]][answer.author] += 1
            correct = bool(columns[row[columns].argmin()] == author)
            self.cases.append((answer.probability, correct, answer.author == NOT_CLEAR))

    def result(self, spec: str, characters: int, length: int) -> BookEvaluation:
        """Return what was counted."""
        verification = None
        if self.cases:
            probabilities, labels, unanswered = (np.array(column) for column in zip(*self.cases, strict=True))
            verification = VerificationScores.of(probabilities, labels.astype(bool), unanswered.astype(bool))
        return BookEvaluation(
            spec,
            characters,
            length,
            self.books,
            Accuracy.count(np.array(self.predicted), np.array(self.actual), self.names),
            self.answers,
            self.strangers,
            verification,
        )
