"""Calibration of open-set attribution: bits of passages of the authors under models that have not seen their book.

The bits of a book that a model knows in part are too few: names and subjects recur in it. So the model of each author
is trained again without some of the author's books, or without a third of the only one, and passages of these are
scored. Where a budget limits the training of a generator, this would take too long, and the passages are those of the
validation text.

A rule fits one length of passages, and one kind of text: passages are cut to the length of the text that is
attributed, and a text whose lines are much shorter or longer than the author's, as verse and plays are beside novels,
gets a warning and no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from genbench import registry, scoring
from genbench.analysis.author_models import MAX_PASSAGES, AuthorModels, passage_bits, whole_passages
from genbench.analysis.intervals import Floats
from genbench.analysis.novelty import spaced_passages
from genbench.analysis.open_set import NONE_OF_THESE, NOT_CLEAR, OpenSetRule, calibrate
from genbench.analysis.rolling import change_penalty
from genbench.generator import Generator, Text, TrainContext
from genbench.spec import Spec
from genbench.tokenization.tokenizer import Ids

LENGTH = 2_000  # characters of a passage, at most
PASSAGES = 20  # of each author
FOLDS = 3  # trainings of each author without some of the books
STEP = 50  # characters by which the length of a rule changes, and the least length of a text that gets an answer
FORM_RATIO, FORM_SLACK = 2.0, 2.0  # line breaks per 1,000 characters beyond those of the author's passages
FORM_EXCESS = 1.0  # bits per character above which another form is not the reason: another language is


@dataclass(frozen=True)
class Answer:
    """The answer of the open-set rule to one text."""

    author: str = ""  # an author, "none of these" or "not clear"; "" where there is no rule
    probability: float | None = None  # that the nearest author wrote the text
    form: str = ""  # a sentence where the form of the text is unlike that of the nearest author's texts


@dataclass(frozen=True)
class Calibration:
    """What passages of the authors say about their models."""

    sums: Floats  # (passages, models, steps) bits of each 50 characters of a passage
    authors: Ids  # (passages,) index of the author of each
    line_breaks: list[tuple[float, float]]  # per 1,000 characters, the fewest and the most in a passage of each author
    penalty: float = 0.0  # bits of a change of the author
    rules: dict[tuple[int, ...], OpenSetRule | None] = field(default_factory=dict)  # by steps and columns

    @property
    def length(self) -> int:
        """The characters of a passage; 0 where the authors' texts are too short."""
        return int(self.sums.shape[2]) * STEP

    def rule(self, length: int, columns: Ids) -> OpenSetRule | None:
        """Return the rule for passages of a length among the authors of some columns; None where there is none."""
        steps = min(length, self.length) // STEP
        key = (steps, *columns.tolist())
        if steps and key not in self.rules:
            known = np.isin(self.authors, columns)
            bits = self.sums[known][:, columns, :steps].sum(axis=2) / (steps * STEP)
            self.rules[key] = calibrate(bits, np.searchsorted(columns, self.authors[known]))
        return self.rules.get(key)

    def answer(self, bits: Floats, text: str, names: Sequence[str], columns: Ids) -> Answer:
        """Return who of the authors of some columns wrote a text; `bits` per character under each model, (models,)."""
        rule = self.rule(len(text), columns)
        if rule is None:
            return Answer()
        author, probability = rule.answer(bits[columns], [names[column] for column in columns])
        nearest = int(bits[columns].argmin())
        if bits[columns][nearest] - rule.own[nearest] >= FORM_EXCESS:
            return Answer(author, probability)
        form = self._other_form(text, int(columns[nearest]), names)
        return Answer(NOT_CLEAR if form and author == NONE_OF_THESE else author, probability, form)

    def _other_form(self, text: str, author: int, names: Sequence[str]) -> str:
        """Return a sentence where the lines of a text are much shorter or longer than those of an author's texts."""
        if len(text) < 10 * STEP:
            return ""
        fewest, most = self.line_breaks[author]
        rate = _line_breaks(text)
        if fewest / FORM_RATIO - FORM_SLACK <= rate <= most * FORM_RATIO + FORM_SLACK:
            return ""
        return (
            f"another form: {rate:.1f} line breaks per 1,000 characters, and {fewest:.1f} to {most:.1f} in texts by "
            f"{names[author]}; verse, plays and prose by one author differ as texts of two authors do"
        )


def calibrate_models(models: AuthorModels, changes: bool = False) -> Calibration:
    """Return the calibration of some models; with `changes`, also the penalty of a change of the author."""
    shortest = min(len(corpus.train if models.repeatable else corpus.valid) for corpus in models.corpora)
    length = min(LENGTH, shortest // 8) // STEP * STEP
    sums, authors, line_breaks = [], [], []
    for author in range(len(models.corpora) if length else 0):
        passages, author_sums = _unseen_passages(models, author, length)
        sums.append(author_sums)
        authors += [author] * len(passages)
        rates = [_line_breaks(passage) for passage in passages]
        line_breaks.append((min(rates, default=0.0), max(rates, default=0.0)))
    table = np.concatenate(sums) if sums else np.zeros((0, len(models.corpora), 0))
    penalty = 0.0
    if changes:
        texts = [str(corpus.valid) for corpus in models.corpora]
        penalty = change_penalty(
            [np.stack([scoring.score(each, text).character_bits for each in models.generators]) for text in texts]
        )
    return Calibration(table, np.array(authors, np.int64), line_breaks, penalty)


def _unseen_passages(models: AuthorModels, author: int, length: int) -> tuple[list[str], Floats]:
    """Return passages of an author that the author's model has not seen, and their bits, (passages, models, steps)."""
    if not models.repeatable:
        passages = whole_passages(str(models.corpora[author].valid), length, PASSAGES)
        return passages, _step_bits(models.generators, passages, length)

    # without some of the books, with as much text of the others as there is
    passages, sums = [], []
    for corpus, text in models.whole[author].folds(FOLDS):
        chosen = whole_passages(text, length, -(-PASSAGES // FOLDS))
        if not chosen:
            continue
        rest = corpus.truncate_training(len(models.corpora[author].train))
        generator = registry.create(Spec.parse(models.spec))
        generator.fit(rest.train, Text(corpus.valid), TrainContext(models.seed))
        generators = [generator if index == author else each for index, each in enumerate(models.generators)]
        passages += chosen
        sums.append(_step_bits(generators, chosen, length))
    return passages, np.concatenate(sums) if sums else np.zeros((0, len(models.generators), length // STEP))


def _step_bits(generators: Sequence[Generator], passages: Sequence[str], length: int) -> Floats:
    """Return the bits of each 50 characters of some passages under each generator, (passages, generators, steps)."""
    starts = np.arange(0, length, STEP)
    sums = np.empty((len(passages), len(generators), len(starts)))
    for column, generator in enumerate(generators):
        for row, bits in enumerate(scoring.score_each(generator, passages)):
            sums[row, column] = np.add.reduceat(bits, starts)
    return sums


def _line_breaks(text: str) -> float:
    """Return the line breaks per 1,000 characters."""
    return 1_000 * text.count("\n") / len(text)


def mean_bits(models: AuthorModels, text: str, length: int) -> Floats:
    """Return the bits per character of up to 50 passages of a text, read as the calibration was, (models,)."""
    passages = spaced_passages(text, length, MAX_PASSAGES)
    bits: Floats = passage_bits(models.generators, passages).sum(axis=0) / sum(map(len, passages))
    return bits
