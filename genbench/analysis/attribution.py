"""Authorship attribution: attribute a text to the author whose model needs the fewest bits for it (arXiv 2510.21958).

One generator is trained on each author, all on the same amount of text. Whether the nearest author wrote the text at
all is answered by `open_set`, Burrows's Delta stands beside the bits as a baseline, and the most telling passages and
words, and the curve of a long text, come from the bits of each character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genbench import scoring
from genbench.analysis.author_models import DEFAULT_GENERATOR, AuthorModels, known_share, require_two, train_authors
from genbench.analysis.calibration import Answer, Calibration, calibrate_models, mean_bits
from genbench.analysis.intervals import Interval, interval_sign, mean_interval, wilson_interval
from genbench.analysis.rolling import Rolling, roll
from genbench.analysis.telling import TellingPassage, TellingWord, telling_passages, telling_words
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpora
from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore, rescale
from genbench.scoring import Score
from genbench.spec import Spec, parse_duration
from genbench.storage.records import JsonObject, JsonRecord
from genbench.tokenization.normal_form import form_notes
from genbench.tokenization.tokenizer import Ids
from genbench.training import SILENT, ProgressListener, TrainSettings

LENGTHS = (100, 200, 500, 1000)  # characters of a passage
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
    form: str = ""  # a sentence where the form of the text is unlike that of the nearest author's texts
    known: dict[str, float] = field(default_factory=dict)  # share of the text in an author's training text, if any
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
    require_two(among)

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

    # what is calibrated on passages of the authors, once for all texts
    with listener.stage("calibrating"):
        calibration = calibrate_models(models, changes=rolling is not None)
    attribute_text = partial(attribute_with, models, calibration=calibration, rolling=rolling)
    return [attribute_text(text, listener.task("scoring")) for text in texts]


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
    answer = _open_set_answer(models, text, calibration)
    delta: Sequence[float | None] = models.delta.distances(text) or [None] * len(scores)
    curve = None if rolling is None else _roll_text(models, text, scores, calibration, rolling)

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
        answer=answer.author,
        probability=answer.probability,
        form=answer.form,
        known=known_share(models, text),
        passages=tuple(telling_passages(text, difference)),
        words=tuple(telling_words(text, difference)),
        rolling=curve,
    )


def _open_set_answer(models: AuthorModels, text: str, calibration: Calibration | None) -> Answer:
    """Return the answer of the open-set rule, from passages as long as those it was fitted on."""
    if calibration is None or calibration.rule(len(text), everyone := np.arange(len(models.names))) is None:
        return Answer()
    return calibration.answer(mean_bits(models, text, calibration.length), text, models.names, everyone)


def _roll_text(
    models: AuthorModels, text: str, scores: Sequence[Score], calibration: Calibration | None, window: int
) -> Rolling:
    """Return the curve of a text that was scored under each model, with the open-set answer to each of its parts."""
    bits = np.stack([score.character_bits for score in scores])
    curve = roll(bits, models.names, window, calibration.penalty if calibration else 0.0)
    answers = [_open_set_answer(models, text[part.start : part.end], calibration).author for part in curve.segments]
    segments = [replace(part, answer=answer) for part, answer in zip(curve.segments, answers, strict=True)]
    return replace(curve, segments=segments)


def _margin_interval(first: Score, second: Score) -> Interval | None:
    """Return the 95 % interval of the difference in bits per character, by blocks of 100 characters."""
    # characters after the last whole block are dropped
    difference = second.character_bits - first.character_bits
    blocks = len(difference) // BLOCK_CHARACTERS
    sums = difference[: blocks * BLOCK_CHARACTERS].reshape(blocks, BLOCK_CHARACTERS).sum(axis=1)
    return mean_interval(sums, np.full(blocks, float(BLOCK_CHARACTERS)))
