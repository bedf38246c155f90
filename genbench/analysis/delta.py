"""Burrows's Delta, the classical baseline of authorship attribution (Burrows 2002)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import regex

from genbench.analysis.intervals import Floats
from genbench.tokenization.segmentation import separates_words

WORDS = 150  # most frequent ones
SAMPLE_WORDS = 2_000  # of the samples of an author, from which the spread of a word's frequency comes
MIN_WORDS = 200  # of a text
MIN_DEVIATION = 1e-9  # of a relative frequency; below it, samples differ by rounding alone

_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’][\p{L}\p{M}]+)*")


class DeltaReference:
    """What Delta counts in the texts of several authors, once for all texts that are compared with them."""

    def __init__(self, texts: Sequence[str], words: int = WORDS) -> None:
        self.usable = all(map(separates_words, texts))
        authors = [_WORD.findall(text.lower()) for text in texts]
        samples = [part for author in authors for part in _samples(author)]
        self.usable &= len(samples) >= 3
        if not self.usable:
            return

        # the most frequent words, each author with the same weight
        shares: defaultdict[str, float] = defaultdict(float)
        for author in authors:
            for word, count in Counter(author).items():
                shares[word] += count / len(author)
        vocabulary = sorted(shares, key=lambda word: -shares[word])[:words]

        # z-scores of the authors, by the spread of each word over the samples
        deviation = np.stack([_frequencies(sample, vocabulary) for sample in samples]).std(axis=0, ddof=1)
        varied = deviation > MIN_DEVIATION
        self._vocabulary = [word for word, used in zip(vocabulary, varied, strict=True) if used]
        self._deviation = deviation[varied]
        self.usable = bool(self._vocabulary)
        self._scores = np.stack([_frequencies(author, self._vocabulary) for author in authors]) / self._deviation

    def distances(self, text: str) -> list[float] | None:
        """Return the Delta between a text and each author's, as `burrows_delta` does."""
        words = _WORD.findall(text.lower())
        if not self.usable or len(words) < MIN_WORDS or not separates_words(text):
            return None
        scores = _frequencies(words, self._vocabulary) / self._deviation
        return [float(distance) for distance in np.abs(self._scores - scores).mean(axis=1)]


def burrows_delta(texts: Sequence[str], text: str, words: int = WORDS) -> list[float] | None:
    """Return the Delta between a text and each author's text; the smallest is the nearest author.

    The relative frequencies of the most frequent words become z-scores, by the mean and the standard deviation over
    samples of 2,000 words of all authors; Delta is the mean absolute difference of the z-scores. None for a text below
    200 words, for authors below three samples in all, and for scripts that do not separate words.
    """
    return DeltaReference(texts, words).distances(text)


def _samples(words: Sequence[str]) -> list[Sequence[str]]:
    """Return consecutive samples of 2,000 words, or two halves of a shorter text."""
    size = min(SAMPLE_WORDS, max(1, len(words) // 2))
    return [words[start : start + size] for start in range(0, len(words) - size + 1, size)]


def _frequencies(words: Sequence[str], vocabulary: Sequence[str]) -> Floats:
    """Return the relative frequency of each word of a vocabulary, (words,)."""
    counts = Counter(words)
    return np.array([counts[word] for word in vocabulary]) / max(1, len(words))
