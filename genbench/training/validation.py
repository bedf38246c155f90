"""How well a trained generator predicts validation text: the figure that ranks the stored models of an author.

A network that predicts it hardly better than token frequencies do has not learned much: its results get a note.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from genbench import scoring
from genbench.charlevel.ranking import ranked_model
from genbench.generator import Generator, Progress, ignore
from genbench.storage.cards import TrainingRecord
from genbench.tokenization.text import Text
from genbench.tokenization.tokenizer import Tokenizer

VALIDATION_CHARACTERS = 10_000  # at most; slow generators score some 1,000 characters per second
UNIGRAM_CHARACTERS = 1_000_000  # of training text, at most, whose tokens are counted
UNSEEN_COUNT = 0.5  # pseudo-count of each token
HARDLY_BETTER = 0.9  # share of the unigram bits from which a network is hardly better
MORE = 4  # times the budget or the steps that a note recommends
USEFUL_STEPS = 300  # after which most networks are better than unigram frequencies
LONG = 600.0  # seconds; no more is recommended unless nearly as many were given


def validation_bits(
    generator: Generator, text: str | Text, on_progress: Callable[[Progress], None] = ignore
) -> float | None:
    """Return bits per character of the last 10,000 characters of `text`, the second half of a validation text.

    They are scored as test text is: raw text, read as one stream from `start()`. The loss in the training loop of a
    network is not used, because it is measured per token, on rows that start from a zero state. The generators of
    genbench fit on the beginning of a validation text, so its end ranks the models of an author. Where the text is so
    short that all of it was fitted on, the figure is too low (docs/measures.md). Returns None without text, and for a
    generator that cannot be scored.
    """
    text = text[-VALIDATION_CHARACTERS:]
    if not text:
        return None

    def report(share: float) -> None:
        on_progress(Progress(share, note="scoring validation text"))

    # a generator that breaks the contract is stored, and reported when its test text is scored
    try:
        return round(scoring.score(ranked_model(generator), text, report).bits_per_character, 4)
    except Exception:
        return None


def describe_extent(training: TrainingRecord) -> list[str]:
    """Return how far the training of a network got, in steps and passes; nothing for a generator without steps.

    >>> describe_extent(TrainingRecord(steps=17, passes=0.024))
    ['17 steps', '2 % of one pass over the training text']
    >>> describe_extent(TrainingRecord(steps=1200, passes=3.5)), describe_extent(TrainingRecord(passes=1.0))
    (['1,200 steps', '3.5 passes over the training text'], [])
    """
    if training.steps is None:
        return []
    passes = 0.0 if training.passes is None else training.passes
    share = f"{passes:.0%}".replace("%", " %")
    extent = f"{share} of one pass" if passes < 1 else f"{passes:,.1f} passes"
    return [f"{training.steps:,} step{'s' * (training.steps != 1)}", f"{extent} over the training text"]


def unigram_bits(tokenizer: Tokenizer, train: str | Text, text: str) -> float:
    """Return bits per character of a text whose tokens are predicted by their frequency in a training text alone."""
    base = tokenizer.base_distribution()
    seen = np.bincount(tokenizer.encode(train[:UNIGRAM_CHARACTERS]), minlength=tokenizer.size)
    counts = UNSEEN_COUNT * base / base.max() + seen
    return -math.fsum(np.log2(counts[tokenizer.encode(text)] / counts.sum())) / max(len(text), 1)


def undertrained_notes(
    tokenizer: Tokenizer, train: str | Text, text: str | Text, training: TrainingRecord
) -> list[str]:
    """Return a note where a network predicts validation text hardly better than token frequencies, else nothing.

    `text` is that of `validation_bits`. The tokens are those of the network, so that a word model is compared with
    frequencies of words. Test text is not read. A generator without steps gets no note.
    """
    bits = training.validation_bits_per_character
    if training.steps is None or bits is None or not isinstance(tokenizer, Tokenizer):
        return []
    unigram = unigram_bits(tokenizer, train, text[-VALIDATION_CHARACTERS:])
    if bits < HARDLY_BETTER * unigram:
        return []

    # say how far it got, and how to get further
    verdict = "hardly better" if bits < unigram else "no better"
    extent = ", ".join(describe_extent(training))
    return [
        f"{extent}: {verdict} than unigram frequencies ({bits:.2f} and {unigram:.2f} bits per character on validation "
        f"text); give it {_recommend(training)}"
    ]


def _recommend(training: TrainingRecord) -> str:
    """Return a longer training as options of the command line."""
    spent = training.seconds if training.budget_seconds is None else training.budget_seconds
    if spent is None or spent < 1:
        return f"--steps {MORE * (training.steps or 1)}"

    # enough time for steps that help, in whole minutes; the first steps are slow, so their speed may suggest hours
    seconds = max(MORE * spent, min(USEFUL_STEPS / (training.steps or 1) * spent, LONG))
    minutes = math.ceil(seconds / 60)
    return f"--budget {minutes}m" if minutes < 120 else f"--budget {math.ceil(minutes / 60)}h"
