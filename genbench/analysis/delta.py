"""Burrows's Delta, the classical baseline of authorship attribution (Burrows 2002)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import regex

from genbench.analysis.intervals import Floats
from genbench.tokenization.segmentation import separates_words

WORDS = 150  # most frequent ones
SAMPLE_WORDS = 2_000  # of the samples of an author, from which the spread of a word's frequency comes
MIN_WORDS = 200  # of a text

_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")


def burrows_delta(texts: Sequence[str], text: str, words: int = WORDS) -> list[float] | None:
    """Return the Delta between a text and each author's text; the smallest is the nearest author.

    The relative frequencies of the most frequent words become z-scores, by the mean and the standard deviation over
    samples of 2,000 words of all authors; Delta is the mean absolute difference of the z-scores. None for a text below
    200 words, for authors below three samples in all, and for scripts that do not separate words.
    """
    tokens = [_WORD.findall(whole.lower()) for whole in (*texts, text)]
    if len(tokens[-1]) < MIN_WORDS or not all(separates_words(whole) for whole in (*texts, text)):
        return None
    samples = [part for author in tokens[:-1] for part in _samples(author)]
    if len(samples) < 3:
        return None

    # the most frequent words, each author with the same weight
    shares: Counter[str] = Counter()
    for author in tokens[:-1]:
        for word, count in Counter(author).items():
            shares[word] += count / len(author)  # type: ignore[assignment]
    vocabulary = [word for word, _ in shares.most_common(words)]

    # z-scores of the samples, the authors and the text
    spread = np.stack([_frequencies(sample, vocabulary) for sample in samples])
    deviation = spread.std(axis=0, ddof=1)
    varied = deviation > 0
    scores = np.stack([_frequencies(whole, vocabulary) for whole in tokens])[:, varied] / deviation[varied]
    return [float(distance) for distance in np.abs(scores[:-1] - scores[-1]).mean(axis=1)]


def _samples(words: Sequence[str]) -> list[Sequence[str]]:
    """Return consecutive samples of 2,000 words, or two halves of a shorter text."""
    size = min(SAMPLE_WORDS, max(1, len(words) // 2))
    return [words[start : start + size] for start in range(0, len(words) - size + 1, size)]


def _frequencies(words: Sequence[str], vocabulary: Sequence[str]) -> Floats:
    """Return the relative frequency of each word of a vocabulary, (words,)."""
    counts = Counter(words)
    return np.array([counts[word] for word in vocabulary]) / max(1, len(words))
