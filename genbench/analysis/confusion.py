"""Confusion between authors: bits of each author's text under every author's model, and attribution of passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from genbench import scoring
from genbench.analysis.attribution import LENGTHS, Accuracy
from genbench.analysis.author_models import (
    DEFAULT_GENERATOR,
    MAX_PASSAGES,
    AuthorModels,
    Passages,
    passage_bits,
    train_authors,
)
from genbench.analysis.intervals import Floats
from genbench.analysis.style_judge import JudgeReport, train_style_judge
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus, with_distinct_names
from genbench.corpus.reading import Reading
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.spec import Spec, parse_duration
from genbench.storage.records import JsonObject
from genbench.training import SILENT, ProgressListener, TrainSettings


@dataclass(frozen=True)
class ConfusionReport:
    """How well models of several authors distinguish them."""

    generator: str
    authors: dict[str, Corpus]  # with the training text that was used
    train_seconds: float
    bits: list[list[float]]  # per character: a row for each author's test text, a column for each author's model
    distances: list[list[float]]  # between authors, see `author_distances`
    whole_correct: int  # number of test texts that have the fewest bits under their author's model
    attribution: dict[int, Accuracy]  # of test passages, by their length in characters
    judge: JudgeReport | None  # the accuracy of the judges of `compare --style`, if requested

    def to_dict(self) -> JsonObject:
        """Return the report as JSON values."""
        return {
            "generator": self.generator,
            "authors": {author: corpus.describe() for author, corpus in self.authors.items()},
            "train_seconds": self.train_seconds,
            "bits": self.bits,
            "distances": self.distances,
            "whole_correct": self.whole_correct,
            "attribution": [{"length": length} | accuracy.to_dict() for length, accuracy in self.attribution.items()],
            "judge": None if self.judge is None else self.judge.to_dict(),
        }


def confusion(
    authors: Sequence[str | Path | Corpus],
    generator: str | Spec = DEFAULT_GENERATOR,
    *,
    characters: int | None = None,
    lengths: Sequence[int] = LENGTHS,
    passages: int = MAX_PASSAGES,
    held_out: Sequence[str] = (),
    judge: bool = False,
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
) -> ConfusionReport:
    """Measure how well models of several authors distinguish them, on their test texts and on passages of these.

    The generator is trained on `characters` of each author (None: as many as the author with the least text has).
    `held_out` names books by words of their titles; such a book becomes its author's whole test text. `judge` also
    evaluates the judges of `compare --style`. Raises UserError for fewer than two authors and for invalid values.
    """
    # check the arguments before anything is downloaded
    for value in (*lengths, passages):
        if value < 1:
            raise UserError(f"lengths and the number of passages must be 1 or more, and one of them is {value}")
    settings = TrainSettings(parse_duration(budget), steps, seed, device, flops)
    with listener.stage("reading the texts"):
        corpora = _load_authors(authors, Reading(lines, encoding, column), held_out, listener)

    # the judges set aside a part of the training text before any model is trained
    style_judge = None
    if judge:
        corpora, style_judge = train_style_judge(corpora, seed, listener.message)
    models = train_authors(corpora, generator, characters, settings, retrain, listener)
    tests = [str(corpus.test) for corpus in models.corpora]

    # score whole test texts, then attribute passages of them
    bits = bits_matrix(models.generators, tests, listener.task("scoring test texts"))
    unique = sorted(set(lengths))
    attribution = {length: _attribute_passages(models, tests, length, passages, listener) for length in unique}
    return ConfusionReport(
        generator=models.spec,
        authors={corpus.author: corpus for corpus in models.corpora},
        train_seconds=models.train_seconds,
        bits=bits.tolist(),
        distances=author_distances(bits).tolist(),
        whole_correct=int((bits.argmin(axis=1) == np.arange(len(bits))).sum()),
        attribution=attribution,
        judge=None if style_judge is None else style_judge.evaluate(),
    )


def bits_matrix(generators: Sequence[Generator], texts: Sequence[str], progress: ProgressCallback = ignore) -> Floats:
    """Return bits per character of each text under each generator, (texts, generators); each score is audited."""
    # row by row; each cell takes the same share of the progress
    bits = np.empty((len(texts), len(generators)))
    for cell in range(bits.size):
        row, column = divmod(cell, len(generators))
        cell_progress = rescale(progress, cell / bits.size, 1 / bits.size)
        bits[row, column] = scoring.score(generators[column], texts[row], cell_progress).bits_per_character
    return bits


def author_distances(bits: Floats) -> Floats:
    """Return the distances between authors, (authors, authors), from bits per character, (texts, models).

    The distance is the mean, over both directions, of the bits per character that the other author's model needs more.

    >>> author_distances(np.array([[1.0, 1.5], [2.4, 2.0]])).round(2).tolist()
    [[0.0, 0.45], [0.45, 0.0]]
    """
    # bits above those of the author's own model
    excess = bits - np.diag(bits)[:, None]
    return np.asarray((excess + excess.T) / 2)


def _attribute_passages(
    models: AuthorModels, tests: Sequence[str], length: int, max_count: int, listener: ProgressListener
) -> Accuracy:
    """Attribute passages of one length, each to the author whose model needs the fewest bits."""
    # the same passages for every model
    passages = Passages.spread(tests, length, max_count)
    progress = listener.task(f"attributing {length} characters")
    predicted = passage_bits(models.generators, passages.texts, progress).argmin(axis=1)
    return Accuracy.count(predicted, passages.authors, models.names)


def _load_authors(
    names: Sequence[str | Path | Corpus], reading: Reading, held_out: Sequence[str], listener: ProgressListener
) -> list[Corpus]:
    """Load the texts; a book whose title contains a string of `held_out` becomes its author's test text."""
    corpora, unmatched = [], set(held_out)
    options = {**vars(reading), "on_progress": listener.download}
    for name in names:
        corpus = load_corpus(name, **options, on_message=listener.message)

        # load it again, if one of its books is held out
        if not isinstance(name, Corpus):
            words = [word for word in held_out if any(word.lower() in title.lower() for title in corpus.books)]
            unmatched -= set(words)
            if words:
                corpus = load_corpus(name, **options, held_out=words)
        corpora.append(corpus)

    # a title that matches no book is probably misspelled
    if unmatched:
        titles = "; ".join(title for corpus in corpora for title in corpus.books)
        raise UserError(f"no author here has a book called {sorted(unmatched)[0]!r}; the books are: {titles}")
    return with_distinct_names(names, corpora)
