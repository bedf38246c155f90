"""The corpus of a sum of texts (`expressions.py`): each part of the split is joined from the same part of every text.

A weight repeats the training part alone. Repeated test text would look like more evidence than it is, and a generator
that learns from what it reads would read it a second time. The training text knows its pieces and their weights
(`Text.pieces`): a chain counts each piece once and multiplies its counts, because a rare word or n-gram that is counted
twice is still rare.
"""

from __future__ import annotations

from collections.abc import Sequence

from genbench.corpus.corpus import Corpus, digest_of_text
from genbench.corpus.expressions import Term, describe_terms
from genbench.corpus.split import join_parts, join_texts, join_weighted
from genbench.errors import CorpusError


def join_corpora(weights: Sequence[int], corpora: Sequence[Corpus]) -> Corpus:
    """Return the corpus of a sum, with the weight of each text; the only text of a sum with weight 1 is that text.

    Raises CorpusError where two texts are the same: its test text would be counted twice.
    """
    if len(corpora) == 1 and weights[0] == 1:
        return corpora[0]
    _require_distinct(corpora)

    # the parts: training texts by their weights, all others once
    repeated = [corpus for weight, corpus in zip(weights, corpora, strict=True) for _ in range(weight)]
    _, book_starts = join_parts([corpus.train for corpus in repeated], [book.book_starts for book in repeated])
    train = join_weighted((corpus.train, weight) for weight, corpus in zip(weights, corpora, strict=True))
    test, test_starts = join_parts([corpus.test for corpus in corpora], [book.test_starts for book in corpora])
    valid = join_texts(corpus.valid for corpus in corpora)

    # what identifies and describes the text
    notes = [f"{corpus.author}: {note}" for corpus in corpora for note in corpus.notes]
    notes += [
        f"the training text of {corpus.author} is there {weight} times, its validation and test text once"
        for weight, corpus in zip(weights, corpora, strict=True)
        if weight > 1
    ]
    lines = {corpus.lines for corpus in corpora}
    return Corpus(
        describe_terms([Term(weight, corpus.author) for weight, corpus in zip(weights, corpora, strict=True)]),
        train,
        valid,
        test,
        books=tuple(title for corpus in corpora for title in corpus.books),
        lines=lines.pop() if len(lines) == 1 else "join",
        sha256=sum_digest(weights, [corpus.sha256 for corpus in corpora]),
        characters=len(train) + len(valid) + len(test),
        book_starts=book_starts,
        test_starts=test_starts,
        notes=tuple(notes),
        joined=sum(corpus.joined for corpus in corpora),
        own_split=all(corpus.own_split for corpus in corpora),
    )


def sum_digest(weights: Sequence[int], digests: Sequence[str]) -> str:
    """Return the sha256 that identifies a sum, from the weights and the sha256 of its texts in their order."""
    return digest_of_text("".join(f"{weight}*{digest}\n" for weight, digest in zip(weights, digests, strict=True)))


def _require_distinct(corpora: Sequence[Corpus]) -> None:
    """Refuse a text that stands twice in a sum. Raises CorpusError."""
    names: dict[str, str] = {}
    for corpus in corpora:
        if corpus.sha256 in names:
            raise CorpusError(
                f"{corpus.author} is the same text as {names[corpus.sha256]}; write 2*AUTHOR to count it twice"
            )
        names[corpus.sha256] = corpus.author
