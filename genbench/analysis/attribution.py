"""Authorship attribution: attribute a text to the author whose model needs the fewest bits for it (arXiv 2510.21958).

One generator is trained on each author, all on the same amount of text. Whether the nearest author wrote the text at
all is answered by `open_set`, Burrows's Delta stands beside the bits as a baseline, and the most telling passages and
words, and the curve of a long text, come from the bits of each character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genbench import registry, scoring
from genbench.analysis.delta import burrows_delta
from genbench.analysis.intervals import Floats, Interval, interval_sign, mean_interval, wilson_interval
from genbench.analysis.novelty import spaced_passages
from genbench.analysis.open_set import OpenSetRule, calibrate
from genbench.analysis.rolling import Rolling, change_penalty, roll
from genbench.analysis.telling import TellingPassage, TellingWord, telling_passages, telling_words
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpora
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.scoring import Score
from genbench.spec import Spec, parse_duration
from genbench.storage.models import models_folder
from genbench.storage.records import JsonObject, JsonRecord
from genbench.tokenization.normal_form import differing_forms, form_notes
from genbench.tokenization.tokenizer import Ids
from genbench.training import (
    SILENT,
    ProgressListener,
    TrainingText,
    TrainSettings,
    train_and_report,
)

DEFAULT_GENERATOR = "markov-char"
LENGTHS = (100, 200, 500, 1000)  # characters of a passage
MAX_PASSAGES = 50  # of each author and length
CALIBRATION_CHARACTERS = 2_000  # of a validation passage of the open-set rule, at most
CALIBRATION_PASSAGES = 20  # of each author
BLOCK_CHARACTERS = 100  # size of the blocks for the interval of a margin: texts are short


@dataclass(frozen=True)
class AuthorBits:
    """The bits of a text under the model of one author."""

    author: str
    bits: float
    bits_per_character: float
    delta: float | None = None  # Burrows's Delta: the smallest is the nearest author


@dataclass(frozen=True)
class Attribution(JsonRecord):
    """The bits of a text under each author's model, and the margin of the most likely author."""

    generator: str
    characters: int
    authors: list[AuthorBits]  # fewest bits first
    margin: float  # bits per character of the second author's model minus those of the first
    interval: Interval | None  # 95 %, of the margin; None below 1,000 characters
    clear: bool  # whether the interval excludes zero at three decimals
    answer: str = ""  # the author, "none of these" or "not clear"; "" where the rule cannot be calibrated
    probability: float | None = None  # that the nearest author wrote the text, by the open-set rule
    passages: tuple[TellingPassage, ...] = ()  # most telling for the first author against the second, then the reverse
    words: tuple[TellingWord, ...] = ()
    rolling: Rolling | None = None

    @property
    def best(self) -> str:
        """The most likely author."""
        return self.authors[0].author

    def to_dict(self) -> JsonObject:
        """Return the attribution as JSON values."""
        return super().to_dict() | {"best": self.best}


@dataclass(frozen=True)
class Accuracy(JsonRecord):
    """The accuracy of attributed passages, and their confusion matrix."""

    passages: int
    correct: int
    accuracy: float | None  # None if there are no passages
    interval: Interval  # 95 %, of the accuracy
    mean: float | None  # of the accuracies of the authors, each with the same weight
    attributed_to: dict[str, dict[str, int]]  # for each author, the number of passages attributed to each author

    @classmethod
    def count(cls, predicted: Ids, actual: Ids, names: Sequence[str]) -> Accuracy:
        """Return the accuracy of predicted authors, given as indices of `names`, (passages,) each."""
        # the confusion matrix, (actual, predicted)
        matrix = np.zeros((len(names), len(names)), np.int64)
        np.add.at(matrix, (actual, predicted), 1)
        correct, passages = int(np.trace(matrix)), int(matrix.sum())

        # the accuracy of each author that has passages
        written = matrix.sum(axis=1)
        by_author = np.diag(matrix)[written > 0] / written[written > 0]

        return cls(
            passages,
            correct,
            correct / passages if passages else None,
            wilson_interval(correct, passages),
            float(by_author.mean()) if len(by_author) else None,
            {name: dict(zip(names, row, strict=True)) for name, row in zip(names, matrix.tolist(), strict=True)},
        )


def attribute(
    text: str, among: Sequence[str | Path | Corpus], generator: str | Spec = DEFAULT_GENERATOR, **options: Any
) -> Attribution:
    """Attribute a text to one of several authors, with the options of `attribute_each`."""
    return attribute_each([text], among, generator, **options)[0]


def attribute_each(
    texts: Sequence[str],
    among: Sequence[str | Path | Corpus],
    generator: str | Spec = DEFAULT_GENERATOR,
    *,
    rolling: int | None = None,
    characters: int | None = None,
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
) -> list[Attribution]:
    """Attribute each of some texts to one of several authors.

    The generator is trained on `characters` of each author (None: as many as the author with the least text has), or a
    stored model of the same training is loaded. `rolling` is the window in characters of the curve of each text, None:
    no curve. Raises UserError for an empty text, a window that is longer than a text, and fewer than two authors.
    """
    if not all(texts):
        raise UserError("there is no text to attribute; name a file with text in it")
    _require_two(among)

    # train a model of each author, or load it, then score the text under each
    with listener.stage("reading the texts"):
        corpora = load_corpora(
            among,
            lines=lines,
            encoding=encoding,
            column=column,
            on_progress=listener.download,
            on_message=listener.message,
        )
    settings = TrainSettings(parse_duration(budget), steps, seed, device, flops)
    models = train_authors(corpora, generator, characters, settings, retrain, listener)
    for author, trained in zip(models.names, models.generators, strict=True):
        for note in dict.fromkeys(note for text in texts for note in form_notes(trained.tokenizer, text)):
            listener.message(f"{author}: {note}")

    # what is calibrated on validation text, once for all texts
    with listener.stage("calibrating"):
        calibration = calibrate_models(models, changes=rolling is not None)
    attribute_text = partial(attribute_with, models, calibration=calibration, rolling=rolling)
    return [attribute_text(text, listener.task("scoring")) for text in texts]


def _require_two(authors: Sequence[object]) -> None:
    if len(authors) < 2:
        raise UserError("attribution needs two or more authors; name another")


@dataclass(frozen=True)
class AuthorModels:
    """A trained generator for each author, with the same SPEC and the same amount of training text."""

    spec: str
    corpora: list[Corpus]
    generators: list[Generator]
    train_seconds: float  # sum over all authors

    @property
    def names(self) -> list[str]:
        """The authors."""
        return [corpus.author for corpus in self.corpora]


def train_authors(
    corpora: Sequence[Corpus],
    generator: str | Spec,
    characters: int | None,
    settings: TrainSettings,
    retrain: bool = False,
    listener: ProgressListener = SILENT,
) -> AuthorModels:
    """Train a generator on each author, or load a stored model of the same training.

    Raises UserError for fewer than two authors, for two of one name, and for `characters` below 1.
    """
    # check the arguments before anything is trained
    names = [corpus.author for corpus in corpora]
    _require_two(names)
    if characters is not None and characters < 1:
        raise UserError(f"characters is {characters}, but must be 1 or more")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the texts are called {name!r}; rename one of the files")
    settings.require_device()
    spec = Spec.parse(generator)
    with listener.stage(f"loading {spec.name}"):
        registry.create(spec)
    for note in differing_forms({corpus.author: corpus.train for corpus in corpora}):
        listener.message(note)

    # the same amount of text for each author
    shortest = min(len(corpus.train) for corpus in corpora)
    corpora = [corpus.truncate_training(characters or shortest) for corpus in corpora]

    # train or load the model of one author after the other
    generators, seconds = [], 0.0
    for index, corpus in enumerate(corpora):
        model = train_and_report(
            registry.create(spec),
            spec,
            TrainingText.from_corpus(corpus),
            settings.with_default_budget(),
            listener,
            index=index,
            folder=models_folder(),
            retrain=retrain,
        )
        generators.append(model.generator)
        seconds += (model.card.training.seconds or 0.0) if model.card else 0.0
    return AuthorModels(str(spec), list(corpora), generators, seconds)


@dataclass(frozen=True)
class Calibration:
    """What validation text says about the models of some authors."""

    rule: OpenSetRule | None  # None where validation texts are too short
    length: int  # characters of its passages
    penalty: float = 0.0  # bits of a change of the author


def calibrate_models(models: AuthorModels, changes: bool = False) -> Calibration:
    """Return the open-set rule of some models; with `changes`, also the penalty of a change of the author."""
    texts = [str(corpus.valid) for corpus in models.corpora]
    length = max(1, min(CALIBRATION_CHARACTERS, min(map(len, texts)) // 8))
    passages = Passages.spread(texts, length, CALIBRATION_PASSAGES)
    rule = calibrate(passage_bits(models.generators, passages.texts) / length, passages.authors)
    if not changes:
        return Calibration(rule, length)
    bits = [np.stack([scoring.score(each, text).character_bits for each in models.generators]) for text in texts]
    return Calibration(rule, length, change_penalty(bits))


def attribute_with(
    models: AuthorModels,
    text: str,
    progress: ProgressCallback = ignore,
    *,
    calibration: Calibration | None = None,
    rolling: int | None = None,
) -> Attribution:
    """Attribute a text to one of the authors of trained models; the margin has a 95 % interval over blocks of it.

    `calibration` is that of the models, None: no open-set answer; `rolling` the window of the curve, None: no curve.
    """
    # score the text under each model
    share = 1 / len(models.generators)
    scores = [
        scoring.score(generator, text, rescale(progress, index * share, share))
        for index, generator in enumerate(models.generators)
    ]
    ranking = sorted(range(len(scores)), key=lambda index: scores[index].bits)

    # the margin between the first two authors, and its interval
    first, second = (scores[index] for index in ranking[:2])
    bounds = _margin_interval(first, second)
    difference = second.character_bits - first.character_bits

    # whether the first wrote the text at all, the baseline, and the curve
    answer, probability = _open_set_answer(models, text, calibration)
    distances = burrows_delta([str(corpus.train) for corpus in models.corpora], text)
    delta: Sequence[float | None] = distances or [None] * len(scores)
    curve = None
    if rolling is not None:
        bits = np.stack([score.character_bits for score in scores])
        curve = roll(bits, models.names, rolling, calibration.penalty if calibration else 0.0)

    return Attribution(
        generator=models.spec,
        characters=len(text),
        authors=[
            AuthorBits(models.names[index], scores[index].bits, scores[index].bits_per_character, delta[index])
            for index in ranking
        ],
        margin=second.bits_per_character - first.bits_per_character,
        interval=bounds,
        clear=interval_sign(bounds) > 0,
        answer=answer,
        probability=probability,
        passages=tuple(telling_passages(text, difference)),
        words=tuple(telling_words(text, difference)),
        rolling=curve,
    )


def _open_set_answer(models: AuthorModels, text: str, calibration: Calibration | None) -> tuple[str, float | None]:
    """Return the answer and the probability of the open-set rule, from passages as long as those it was fitted on."""
    if calibration is None or calibration.rule is None:
        return "", None
    passages = spaced_passages(text, calibration.length, MAX_PASSAGES)
    bits = passage_bits(models.generators, passages).sum(axis=0) / sum(map(len, passages))
    return calibration.rule.answer(bits, models.names)


def _margin_interval(first: Score, second: Score) -> Interval | None:
    """Return the 95 % interval of the difference in bits per character, by blocks of 100 characters."""
    # characters after the last whole block are dropped
    difference = second.character_bits - first.character_bits
    blocks = len(difference) // BLOCK_CHARACTERS
    sums = difference[: blocks * BLOCK_CHARACTERS].reshape(blocks, BLOCK_CHARACTERS).sum(axis=1)
    return mean_interval(sums, np.full(blocks, float(BLOCK_CHARACTERS)))


@dataclass(frozen=True)
class Passages:
    """Passages of the same length from the texts of several authors."""

    length: int  # characters
    texts: tuple[str, ...]
    authors: Ids  # (passages,) index of the author of each

    @classmethod
    def spread(cls, texts: Sequence[str], length: int, max_count: int = MAX_PASSAGES) -> Passages:
        """Return at most `max_count` passages of each author's text, evenly spaced."""
        # a passage at the end of a text may be too short
        by_author = [
            [passage for passage in spaced_passages(text, length, max_count) if len(passage) == length]
            for text in texts
        ]
        authors = np.repeat(np.arange(len(texts)), [len(passages) for passages in by_author])
        return cls(length, tuple(passage for passages in by_author for passage in passages), authors)


def passage_bits(generators: Sequence[Generator], texts: Sequence[str], progress: ProgressCallback = ignore) -> Floats:
    """Return the bits of each text, read from the start state, under each generator, (texts, generators)."""
    # all texts under one generator at once
    bits = np.empty((len(texts), len(generators)))
    for column, generator in enumerate(generators):
        bits[:, column] = [character_bits.sum() for character_bits in scoring.score_each(generator, texts)]
        progress((column + 1) / len(generators))
    return bits
