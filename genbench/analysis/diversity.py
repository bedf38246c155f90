"""How much drawn text repeats itself: distinct-n (Li et al. 2016) and self-BLEU (Zhu et al. 2018), at fixed lengths.

Both depend on how much text there is, so they are taken over windows of 50 words; shorter texts have none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

WINDOW = 50  # words
DISTINCT = 3  # n-grams of up to so many words
ORDERS = 4  # of BLEU
HYPOTHESES = 10  # windows that self-BLEU takes
EPSILON = 0.1  # matches that an order without any counts as having (Chen & Cherry 2014, method 1)
Words = Sequence[str]
Counts = Sequence[Counter[tuple[str, ...]]]  # of the n-grams of each order


def whole_words(text: str) -> list[str]:
    """What white space separates; a last word that neither mark nor space ends is left out: the length may have cut it.

    >>> whole_words("the cat sat on"), whole_words("the cat."), whole_words("the cat ")
    (['the', 'cat', 'sat'], ['the', 'cat.'], ['the', 'cat'])
    """
    words = text.split()
    return words[:-1] if text[-1:].isalnum() else words


def windows(texts: Sequence[str]) -> list[Words]:
    """The texts in windows of 50 words; what is left at the end of each text is left out."""
    cut = (whole_words(text) for text in texts)
    return [words[at : at + WINDOW] for words in cut for at in range(0, len(words) - WINDOW + 1, WINDOW)]


def ngrams(words: Words, n: int) -> Iterator[tuple[str, ...]]:
    """Each n words in a row."""
    return zip(*(words[offset:] for offset in range(n)), strict=False)


def distinct(texts: Sequence[str]) -> list[float | None]:
    """Distinct-1 to distinct-3: the share of different n-grams among those of a window, the mean over all windows.

    None where no text has 50 words.
    """
    found = windows(texts)
    if not found:
        return [None] * DISTINCT
    return [
        sum(len(set(ngrams(words, n))) / (WINDOW - n + 1) for words in found) / len(found)
        for n in range(1, DISTINCT + 1)
    ]


def self_bleu(texts: Sequence[str]) -> float | None:
    """The mean BLEU-4 of each of ten windows, evenly spread over the texts, beside the other nine as its references.

    1 where all are the same. None where there are fewer than ten windows.
    """
    found = windows(texts)
    if len(found) < HYPOTHESES:
        return None
    taken = [found[place * len(found) // HYPOTHESES] for place in range(HYPOTHESES)]
    counts = [[Counter(ngrams(words, n)) for n in range(1, ORDERS + 1)] for words in taken]
    each = (_bleu(mine, counts[:place] + counts[place + 1 :]) for place, mine in enumerate(counts))
    return sum(each) / HYPOTHESES


def _bleu(hypothesis: Counts, references: Sequence[Counts]) -> float:
    """BLEU (Papineni et al. 2002) of counts by order; all windows are equally long, so there is no brevity penalty."""
    total = 0.0
    for order, counted in enumerate(hypothesis):
        matches = sum(min(count, max(other[order][gram] for other in references)) for gram, count in counted.items())
        total += math.log((matches or EPSILON) / counted.total())
    return math.exp(total / ORDERS)
