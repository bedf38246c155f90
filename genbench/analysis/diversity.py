"""Diversity of generated text: distinct-n (Li et al. 2016) and self-BLEU (Zhu et al. 2018), at fixed lengths.

Both depend on the amount of text, so they are computed over windows of 50 words; a shorter text has no window.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from genbench.tokenization.segmentation import ends_inside_word

WINDOW = 50  # words
MAX_DISTINCT_N = 3
MAX_BLEU_N = 4
BLEU_WINDOWS = 10  # compared with each other by self-BLEU
EPSILON = 0.1  # number of matches for an n-gram order without matches (Chen & Cherry 2014, method 1)

Words = Sequence[str]
NgramCounts = Sequence[Counter[tuple[str, ...]]]  # of each order, 1 to 4


def whole_words(text: str) -> list[str]:
    """Split a text at white space; without a mark or a space after it, the last word is dropped as possibly truncated.

    >>> whole_words("the cat sat on"), whole_words("the cat."), whole_words("the cat ")
    (['the', 'cat', 'sat'], ['the', 'cat.'], ['the', 'cat'])
    """
    words = text.split()
    return words[:-1] if ends_inside_word(text) else words


def split_windows(texts: Sequence[str]) -> list[Words]:
    """Return the windows of 50 words of each text; the words after its last whole window are dropped."""
    # windows do not overlap, and none spans two texts
    word_lists = (whole_words(text) for text in texts)
    return [words[at : at + WINDOW] for words in word_lists for at in range(0, len(words) - WINDOW + 1, WINDOW)]


def ngrams(words: Words, n: int) -> Iterator[tuple[str, ...]]:
    """Return an iterator over all n-grams of a list of words."""
    return zip(*(words[offset:] for offset in range(n)), strict=False)


def distinct(texts: Sequence[str]) -> list[float | None]:
    """Return distinct-1 to distinct-3: the share of different n-grams in a window, averaged over all windows.

    Each is None if no text has 50 words.
    """
    windows = split_windows(texts)
    if not windows:
        return [None] * MAX_DISTINCT_N

    # a window of w words has w - n + 1 n-grams
    return [
        sum(len(set(ngrams(words, n))) / (WINDOW - n + 1) for words in windows) / len(windows)
        for n in range(1, MAX_DISTINCT_N + 1)
    ]


def self_bleu(texts: Sequence[str]) -> float | None:
    """Return the mean BLEU-4 of ten windows, evenly spread over the texts, each with the other nine as references.

    It is 1 if all windows are the same; None with fewer than ten windows.
    """
    windows = split_windows(texts)
    if len(windows) < BLEU_WINDOWS:
        return None

    # n-gram counts of ten windows, then the BLEU of each
    chosen = [windows[index * len(windows) // BLEU_WINDOWS] for index in range(BLEU_WINDOWS)]
    counts = [[Counter(ngrams(words, n)) for n in range(1, MAX_BLEU_N + 1)] for words in chosen]
    scores = (_bleu(hypothesis, counts[:at] + counts[at + 1 :]) for at, hypothesis in enumerate(counts))
    return sum(scores) / BLEU_WINDOWS


def _bleu(hypothesis: NgramCounts, references: Sequence[NgramCounts]) -> float:
    """Return BLEU (Papineni et al. 2002) from n-gram counts; windows have one length, so no brevity penalty applies."""
    total = 0.0
    for order, ngram_counts in enumerate(hypothesis):
        # modified precision: each count is limited to the largest count in a reference
        matches = sum(
            min(count, max(reference[order][ngram] for reference in references))
            for ngram, count in ngram_counts.items()
        )
        total += math.log((matches or EPSILON) / ngram_counts.total())
    return math.exp(total / MAX_BLEU_N)
