"""Do samples read like their author? A judge and models that no generator shares its text with say whose they are.

A share of each author's training text is set aside before any generator sees it. From it the judges are trained, and a
chain for each author: a sample goes to the author whose chain needs fewest bits. Human test passages as long as the
samples are judged alike, and stand beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from genbench import registry
from genbench.analysis import attribution as style
from genbench.analysis.perturbation import sentences, without
from genbench.corpus import Corpus
from genbench.corpus.subsample import set_aside
from genbench.errors import UserError
from genbench.experiments.job import Row
from genbench.generator import Generator, Text, TrainContext
from genbench.tokenization.tokenizer import Ids

if TYPE_CHECKING:
    from genbench.neural.classifier import Classifier

SHARE = 0.25  # of the training text
SAMPLES = 20  # of each row, beside those that are shown
HUMAN = 50  # passages of each author and length
LENGTHS = (50, 100, 200, 500, 1000, 2000)  # characters; the judge's 400 words are about 2,000
CHAIN = "markov-char"
Told = Callable[[str], None]
Figures = dict[str, Any]


@dataclass
class Stylist:
    """What tells the authors of a comparison apart."""

    authors: list[str]
    aside: list[str]  # of each author, of one length
    valid: list[str]
    tests: list[str]
    seed: int = 0
    told: Told = lambda sentence: None

    @cached_property
    def chains(self) -> list[Generator]:
        """A chain for each author."""
        self.told(f"training a {CHAIN} for each author on what was set aside")
        made = []
        for aside, valid in zip(self.aside, self.valid, strict=True):
            made.append(registry.make(CHAIN))
            made[-1].fit(Text(aside), Text(valid), TrainContext(self.seed))
        return made

    @cached_property
    def judges(self) -> dict[str, Classifier]:
        """The judges, by their recurrent layer."""
        from genbench.neural.classifier import CELLS, Classifier, Words

        words = Words(self.aside, self.seed)
        made: dict[str, Classifier] = {}
        for cell in CELLS:
            self.told(f"training the judge, {cell}")
            made[cell] = Classifier(words, self.aside, cell, seed=self.seed)
        return made

    def given(self, texts: Sequence[str]) -> dict[str, Ids]:
        """Which author each way gives each text to, (texts,)."""
        found = {"bits": style.bits_of(self.chains, texts).argmin(axis=1)}
        return found | {cell: judge.log_probs(texts).argmax(axis=1) for cell, judge in self.judges.items()}

    def styled(self, row: Row) -> Row:
        """The row with how many of its samples each way gives to their author, as `measure.style.accuracy` has it."""
        texts = [text for text in row.pop("drawn", []) if text]
        if not texts:
            return row | {"style": None}
        right = np.full(len(texts), self.authors.index(row["author"]))
        given = self.given(texts)
        verdicts = {way: style.accuracy(given[way], right, self.authors) for way in given}
        return row | {"style": {"length": max(map(len, texts)), "texts": texts} | verdicts}

    def human(self, length: int) -> Figures:
        """The same of human test passages of a length, of each author alone and of all."""
        cut = style.Passages.of(self.tests, length, HUMAN)
        given = self.given(cut.texts)
        return {"length": length} | {way: style.accuracy(given[way], cut.authors, self.authors) for way in given}

    def trust(self, length: int = LENGTHS[-1]) -> Figures:
        """How far each way can be trusted on human test text: passages of a length, as long as samples, and of
        others, and sentences that lose a small word.
        """
        return {
            "set_aside": {name: len(text) for name, text in zip(self.authors, self.aside, strict=True)},
            "human": self.human(length),
            "by_length": [self.human(each) for each in LENGTHS],
            "lost_word": self._lost_word(),
        }

    def _lost_word(self) -> Figures:
        """Accuracy on sentences, on the same without a small word, and the share of verdicts that change with it."""
        cut = [sentences(text, HUMAN) for text in self.tests]
        who = np.repeat(np.arange(len(cut)), [len(each) for each in cut])
        whole = [sentence for each in cut for sentence in each]
        rng = np.random.default_rng(self.seed)
        before, after = self.given(whole), self.given([without(sentence, rng) for sentence in whole])
        return {
            way: {
                "whole": style.accuracy(before[way], who, self.authors),
                "without": style.accuracy(after[way], who, self.authors),
                "changed": float((before[way] != after[way]).mean()) if whole else None,
            }
            for way in before
        }


def stylist(corpora: Sequence[Corpus], seed: int, told: Told) -> tuple[list[Corpus], Stylist]:
    """The texts without what is set aside, and who tells them apart; UserError for one author, or no gensim."""
    if len(corpora) < 2:
        raise UserError("style is judged among two authors or more; name another, as in compare austen carroll --style")
    if find_spec("gensim") is None:
        raise UserError("the judge's word2vec vectors need gensim: pip install 'genbench[word2vec]'")
    parts = [set_aside(corpus, SHARE) for corpus in corpora]
    least = min(len(aside) for _, aside in parts)
    texts = [corpus for corpus, _ in parts]
    aside = [aside[:least] for _, aside in parts]
    valid, tests = [each.valid for each in texts], [each.test for each in texts]
    return texts, Stylist([each.author for each in texts], aside, valid, tests, seed, told)


def judged(who: Stylist | None, row: Row) -> Row:
    """The row, with what is said of the style of its samples if there is somebody to say it."""
    return row if who is None else who.styled(row)
