"""A model of each of several authors, of the same SPEC and amount of training text; bits of passages under them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from genbench import registry, scoring
from genbench.analysis.delta import DeltaReference
from genbench.analysis.intervals import Floats
from genbench.analysis.novelty import spaced_passages
from genbench.corpus.corpus import Corpus
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback, ignore
from genbench.spec import Spec
from genbench.storage.models import models_folder
from genbench.tokenization.normal_form import differing_forms
from genbench.tokenization.tokenizer import Ids
from genbench.training import SILENT, ProgressListener, TrainingText, TrainSettings, train_and_report

DEFAULT_GENERATOR = "markov-char"
MAX_PASSAGES = 50  # of each author and length
KNOWN_LENGTH = 50  # characters of a passage that is looked for in training texts


def require_two(authors: Sequence[object]) -> None:
    """Raise UserError for fewer than two authors, of whom none can be chosen."""
    if len(authors) < 2:
        raise UserError("attribution needs two or more authors; name another")


@dataclass(frozen=True)
class AuthorModels:
    """A trained generator for each author, with the same SPEC and the same amount of training text."""

    spec: str
    corpora: list[Corpus]
    generators: list[Generator]
    train_seconds: float  # sum over all authors
    whole: Sequence[Corpus] = ()  # with all of the training text, of which `corpora` have the same amount each
    repeatable: bool = False  # whether no budget limits a training, so that it is soon done again without a book
    seed: int = 0

    @property
    def names(self) -> list[str]:
        """The authors."""
        return [corpus.author for corpus in self.corpora]

    @cached_property
    def delta(self) -> DeltaReference:
        """What Burrows's Delta counts in the training texts."""
        return DeltaReference([str(corpus.train) for corpus in self.corpora])


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
    require_two(names)
    if characters is not None and characters < 1:
        raise UserError(f"characters is {characters}, but must be 1 or more")
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the texts are called {name!r}; rename one of the files")
    settings.require_device()
    spec = Spec.parse(generator)
    with listener.stage(f"loading {spec.name}"):
        registry.create(spec)
    for first, second in combinations(corpora, 2):
        if first.sha256 == second.sha256:
            listener.message(f"{first.author} and {second.author} are the same text: nothing tells them apart")
    for note in differing_forms({corpus.author: corpus.train for corpus in corpora}):
        listener.message(note)

    # the same amount of text for each author
    shortest = min(len(corpus.train) for corpus in corpora)
    truncated = [corpus.truncate_training(characters or shortest) for corpus in corpora]

    # train or load the model of one author after the other
    trained = []
    for index, corpus in enumerate(truncated):
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
        trained.append(model)
    cards = [model.card for model in trained if model.card]
    return AuthorModels(
        str(spec),
        truncated,
        [model.generator for model in trained],
        sum(card.training.seconds or 0.0 for card in cards),
        corpora,
        repeatable=not any(card.training.limited for card in cards),
        seed=settings.seed,
    )


@dataclass(frozen=True)
class Passages:
    """Passages of the same length from the texts of several authors."""

    length: int  # characters
    texts: tuple[str, ...]
    authors: Ids  # (passages,) index of the author of each

    @classmethod
    def spread(cls, texts: Sequence[str], length: int, max_count: int = MAX_PASSAGES) -> Passages:
        """Return at most `max_count` passages of each author's text, evenly spaced."""
        by_author = [whole_passages(text, length, max_count) for text in texts]
        authors = np.repeat(np.arange(len(texts)), [len(passages) for passages in by_author])
        return cls(length, tuple(passage for passages in by_author for passage in passages), authors)


def whole_passages(text: str, length: int, max_count: int) -> list[str]:
    """Return evenly spaced passages of a text without the one at its end, if that is too short."""
    return [passage for passage in spaced_passages(text, length, max_count) if len(passage) == length]


def passage_bits(generators: Sequence[Generator], texts: Sequence[str], progress: ProgressCallback = ignore) -> Floats:
    """Return the bits of each text, read from the start state, under each generator, (texts, generators)."""
    # all texts under one generator at once
    bits = np.empty((len(texts), len(generators)))
    for column, generator in enumerate(generators):
        bits[:, column] = [character_bits.sum() for character_bits in scoring.score_each(generator, texts)]
        progress((column + 1) / len(generators))
    return bits


def known_share(models: AuthorModels, text: str) -> dict[str, float]:
    """Return the share of a text that is in an author's training text, word for word, for authors with any.

    It is estimated from up to 50 passages of 50 characters.
    """
    if len(text) < KNOWN_LENGTH:
        return {}
    passages = spaced_passages(text, KNOWN_LENGTH, MAX_PASSAGES)
    shares = {}
    for corpus in models.corpora:
        train = str(corpus.train)
        if count := sum(passage in train for passage in passages):
            shares[corpus.author] = count / len(passages)
    return shares
