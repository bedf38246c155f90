"""What results say about each author's text, with the passages that the test text shares with the training text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from genbench.analysis.shared_passages import shared_with_training
from genbench.corpus.corpus import Corpus
from genbench.experiments.additions import interruptible
from genbench.experiments.comparison import CorpusInfo
from genbench.storage.records import from_json
from genbench.tokenization.graphemes import cut_end
from genbench.training import ProgressListener


def describe_texts(corpora: Sequence[Corpus], length: int, listener: ProgressListener) -> dict[str, CorpusInfo]:
    """Return the description of each text by author; one whose test text stands in its training text has a note.

    The note is reported at once, before hours of training. `length` is that of the first samples in characters.
    """
    return {corpus.author: _describe_text(corpus, length, listener) for corpus in corpora}


def find_passage(text: str, length: int) -> str:
    r"""Return a passage of at most `length` characters from the middle of a text, where a paragraph begins if it can.

    It ends with a whole word, where the text has words.

    >>> find_passage("One of two.\n\nThe other one is here.\n\nAnd a third.", 12)
    'And a third.'
    >>> find_passage("Words end here.", 13)
    'Words end'
    """
    start = text.find("\n\n", max(0, len(text) // 2 - length))
    passage = text[start + 2 if start >= 0 else 0 :].lstrip()
    cut = cut_end(passage, length)
    words, after = cut.rsplit(maxsplit=1), passage[len(cut) : len(cut) + 1]
    in_word = bool(after.strip()) and not cut[-1:].isspace()
    return words[0] if in_word and len(words) == 2 and len(words[0]) > length // 2 else cut.rstrip()


def _describe_text(corpus: Corpus, length: int, listener: ProgressListener) -> CorpusInfo:
    text = replace(from_json(CorpusInfo, corpus.describe()), passage=find_passage(str(corpus.valid), length))
    with listener.stage(f"looking for the test text of {corpus.author} in its training text"):
        try:
            shared = interruptible(partial(shared_with_training, corpus))
        except MemoryError:
            note = "not enough memory to look for passages of the test text in the training text"
            return replace(text, notes=[*text.notes, note])
    if warning := shared.warning():
        listener.message(f"{corpus.author}: {warning}")
        text = replace(text, notes=[*text.notes, warning])
    return replace(text, shared_passages=shared)
