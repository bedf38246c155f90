"""Less of an author's training text: as much as the others have, or all but a share that is set aside.

What is taken is taken from each book alike. The text that is left has its own sha256: it is another training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

from genbench.corpus.corpus import Corpus

BETWEEN = "\n\n"  # books


def shortened(corpus: Corpus, characters: int) -> Corpus:
    """The same with at most so many characters to train on: the beginning of each book, as the books share the text."""
    if len(corpus.train) <= characters:
        return corpus
    books = list(_books(corpus))
    whole, wanted = sum(len(text) for _, text in books), characters - len(BETWEEN) * (len(books) - 1)
    return _with(corpus, [(title, text[: max(1, wanted * len(text) // whole)]) for title, text in books])


def set_aside(corpus: Corpus, share: float) -> tuple[Corpus, str]:
    """The same without the last `share` of each book's training part, and what was set aside."""
    kept, aside = [], []
    for title, text in _books(corpus):
        target = round(len(text) * (1 - share))
        cut = text.rfind("\n", 0, target) + 1 or target
        kept.append((title, text[:cut]))
        aside.append(text[cut:])
    return _with(corpus, kept), BETWEEN.join(aside)


def _books(corpus: Corpus) -> Iterator[tuple[str, str]]:
    """The training part of each book."""
    begins = corpus.begins or ((0, corpus.author),)
    for (start, title), (end, _) in pairwise([*begins, (len(corpus.train), "")]):
        yield title, corpus.train[start:end].rstrip("\n")


def _with(corpus: Corpus, books: list[tuple[str, str]]) -> Corpus:
    """The same with another training text."""
    begins, offset = [], 0
    for title, text in books:
        begins.append((offset, title))
        offset += len(text) + len(BETWEEN)
    train = BETWEEN.join(text for _, text in books)
    digest = sha256((corpus.sha256 + train).encode()).hexdigest()
    size = len(train) + len(corpus.valid) + len(corpus.test)
    return replace(corpus, train=train, begins=tuple(begins), sha256=digest, characters=size)
