"""Who wrote it: the author whose model needs fewest bits for a passage (predictive comparison, arXiv 2510.21958)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genbench import scoring
from genbench.analysis.bootstrap import Floats, interval, share_interval
from genbench.analysis.novelty import stretches
from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.tokenization.tokenizer import Ids

LENGTHS = (100, 200, 500, 1000)  # characters
PASSAGES = 50  # of each author and length
BLOCK = 100  # characters that a margin's interval is drawn by


@dataclass(frozen=True)
class Passages:
    """Passages of one length, as many of each author as the texts have, at most so many."""

    length: int  # characters
    texts: tuple[str, ...]
    authors: Ids  # (passages,), who wrote each

    @classmethod
    def of(cls, texts: Sequence[str], length: int, most: int = PASSAGES) -> Passages:
        """Passages of the test texts of several authors, spread evenly over each."""
        found = [stretches(text, length, most) for text in texts]
        found = [[text for text in each if len(text) == length] for each in found]
        who = np.repeat(np.arange(len(texts)), [len(each) for each in found])
        return cls(length, tuple(text for each in found for text in each), who)


def matrix(models: Sequence[Generator], texts: Sequence[str], progress: ProgressCallback = ignore) -> Floats:
    """Bits per character of each text, a row each, under each model, a column each; every model is audited."""
    found = np.empty((len(texts), len(models)))
    for place in range(found.size):
        row, column = divmod(place, len(models))
        one = rescale(progress, place / found.size, 1 / found.size)
        found[row, column] = scoring.score(models[column], texts[row], one).bits_per_character
    return found


def distances(bits: Floats) -> Floats:
    """How far apart two authors are: the bits per character that the other's model costs more, mean of both ways.

    >>> distances(np.array([[1.0, 1.5], [2.4, 2.0]])).round(2).tolist()
    [[0.0, 0.45], [0.45, 0.0]]
    """
    more = bits - np.diag(bits)[:, None]
    return np.asarray((more + more.T) / 2)


def bits_of(models: Sequence[Generator], texts: Sequence[str], progress: ProgressCallback = ignore) -> Floats:
    """The bits of each whole text, read alone, under each model, (texts, models)."""
    found = np.empty((len(texts), len(models)))
    for column, model in enumerate(models):
        found[:, column] = [each.sum() for each in scoring.alone(model, texts)]
        progress((column + 1) / len(models))
    return found


def accuracy(given: Ids, right: Ids, names: Sequence[str]) -> dict[str, Any]:
    """How many passages went to their author, with an interval, and for each author to whom, as JSON values.

    `mean` is the mean of the authors' own shares: in it each author counts alike, however many passages they have.
    """
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (right, given), 1)
    hits, of = int(np.trace(confusion)), int(confusion.sum())
    written = confusion.sum(axis=1)
    own = np.diag(confusion)[written > 0] / written[written > 0]
    return {
        "passages": of,
        "right": hits,
        "accuracy": hits / of if of else None,
        "interval": list(share_interval(hits, of)),
        "mean": float(own.mean()) if len(own) else None,
        "given_to": {
            name: dict(zip(names, row, strict=True)) for name, row in zip(names, confusion.tolist(), strict=True)
        },
    }


def verdict(
    models: Sequence[Generator], names: Sequence[str], text: str, progress: ProgressCallback = ignore
) -> dict[str, Any]:
    """Who of several wrote a text, as JSON values: the bits for each, fewest first, and how sure the first is.

    `interval` is that of the margin, in bits per character, by blocks of 100 characters; None with fewer than ten.
    """
    tells = [rescale(progress, place / len(models), 1 / len(models)) for place in range(len(models))]
    scores = [scoring.score(model, text, one) for model, one in zip(models, tells, strict=True)]
    order = sorted(range(len(scores)), key=lambda place: scores[place].bits)
    first, second = (scores[place] for place in order[:2])
    more = second.character_bits - first.character_bits
    blocks = len(more) // BLOCK
    sums = more[: blocks * BLOCK].reshape(blocks, BLOCK).sum(axis=1)
    bounds = interval(sums, np.full(blocks, float(BLOCK)))
    return {
        "characters": len(text),
        "authors": [
            {"author": names[place], "bits": scores[place].bits, "bits_per_character": scores[place].bits_per_character}
            for place in order
        ],
        "best": names[order[0]],
        "margin": second.bits_per_character - first.bits_per_character,
        "interval": list(bounds) if bounds else None,
        "sure": bounds is not None and bounds[0] > 0,
    }
