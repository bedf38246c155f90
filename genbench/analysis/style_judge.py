"""Style judges: attribute samples to authors with models that share no training text with the generators.

A share of each author's training text is set aside before any generator is trained. Recurrent classifiers are trained
on it, and a chain for each author; the chains attribute a sample to the author whose chain needs the fewest bits. Human
test passages as long as the samples are judged as well, for comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from genbench import registry
from genbench.analysis.attribution import Accuracy
from genbench.analysis.author_models import Passages, passage_bits
from genbench.corpus.corpus import Corpus
from genbench.errors import UserError, missing_package
from genbench.generator import Generator, Text, TrainContext
from genbench.storage.records import JsonRecord
from genbench.tokenization.tokenizer import Ids

if TYPE_CHECKING:
    from genbench.neural.classifier import Classifier

SET_ASIDE_SHARE = 0.25  # of the training text
SAMPLES_PER_ROW = 20  # judged samples of each row, in addition to those that are shown
HUMAN_PASSAGES = 50  # for each author and length
LENGTHS = (50, 100, 200, 500, 1000, 2000)  # characters; the 400 words of a classifier are about 2,000
CHAIN = "markov-char"


@dataclass(frozen=True)
class JudgedPassages:
    """The accuracy of each judge on human passages of one length."""

    length: int  # characters
    judges: dict[str, Accuracy]  # by name: "bits" for the chains, or the recurrent layer of a classifier


@dataclass(frozen=True)
class LostWord:
    """The accuracy of one judge on sentences, and on the same sentences without one short word."""

    whole: Accuracy
    without: Accuracy
    changed: float | None  # share of sentences that are attributed to another author without the word


@dataclass(frozen=True)
class JudgeReport(JsonRecord):
    """The accuracy of the judges on human test text."""

    set_aside: dict[str, int]  # characters of each author
    human: JudgedPassages  # passages as long as the samples
    by_length: list[JudgedPassages]
    lost_word: dict[str, LostWord]  # by judge


@dataclass
class StyleJudge:
    """The judges of a comparison; they are trained on first use."""

    authors: list[str]
    aside: list[str]  # text set aside of each author, all of the same length
    valid: list[str]
    tests: list[str]
    seed: int = 0
    on_message: Callable[[str], None] = lambda message: None

    @cached_property
    def chains(self) -> list[Generator]:
        """A chain for each author."""
        self.on_message(f"training a {CHAIN} for each author on the text set aside")
        chains = []
        for aside, valid in zip(self.aside, self.valid, strict=True):
            # not stored: it is trained on a part of the text only
            chain = registry.create(CHAIN)
            chain.fit(Text(aside), Text(valid), TrainContext(self.seed))
            chains.append(chain)
        return chains

    @cached_property
    def classifiers(self) -> dict[str, Classifier]:
        """The recurrent classifiers, by their layer."""
        from genbench.neural.classifier import CELLS, Classifier, PassageEncoder

        # all classifiers share the vocabulary and the word vectors
        encoder = PassageEncoder(self.aside, self.seed)
        classifiers: dict[str, Classifier] = {}
        for cell in CELLS:
            self.on_message(f"training the style judge, {cell}")
            classifiers[cell] = Classifier(encoder, self.aside, cell, seed=self.seed)
        return classifiers

    def attribute(self, texts: Sequence[str]) -> dict[str, Ids]:
        """Return for each judge the index of the author to whom it attributes each text, (texts,)."""
        # the chains together are one judge, each classifier is another
        by_bits = passage_bits(self.chains, texts).argmin(axis=1)
        return {"bits": by_bits} | {
            cell: classifier.log_probs(texts).argmax(axis=1) for cell, classifier in self.classifiers.items()
        }

    def judge_samples(self, author: str, texts: Sequence[str]) -> dict[str, Accuracy]:
        """Return for each judge its accuracy on samples of a generator that was trained on one author."""
        actual = np.full(len(texts), self.authors.index(author))
        return {
            name: Accuracy.count(predicted, actual, self.authors) for name, predicted in self.attribute(texts).items()
        }

    def evaluate(self, length: int = LENGTHS[-1]) -> JudgeReport:
        """Measure the accuracy of the judges on human test text.

        The texts are passages of `length` characters (the length of the samples), passages of other lengths, and
        sentences with and without one short word.
        """
        return JudgeReport(
            {name: len(text) for name, text in zip(self.authors, self.aside, strict=True)},
            self._judge_passages(length),
            [self._judge_passages(other) for other in LENGTHS],
            self._judge_lost_words(),
        )

    def _judge_passages(self, length: int) -> JudgedPassages:
        """Return the accuracy of each judge on human test passages of a length in characters."""
        passages = Passages.spread(self.tests, length, HUMAN_PASSAGES)
        predictions = self.attribute(passages.texts)

        # one confusion matrix for each judge
        return JudgedPassages(
            length,
            {
                name: Accuracy.count(predicted, passages.authors, self.authors)
                for name, predicted in predictions.items()
            },
        )

    def _judge_lost_words(self) -> dict[str, LostWord]:
        """Judge sentences, and the same sentences without one short word."""
        # the sentences, and the author of each
        by_author = [sentences_with_small_words(text, HUMAN_PASSAGES) for text in self.tests]
        actual = np.repeat(np.arange(len(by_author)), [len(sentences) for sentences in by_author])
        sentences = [sentence for group in by_author for sentence in group]

        # attribute them with and without the word
        rng = np.random.default_rng(self.seed)
        before = self.attribute(sentences)
        after = self.attribute([remove_small_word(sentence, rng) for sentence in sentences])
        return {
            name: LostWord(
                Accuracy.count(before[name], actual, self.authors),
                Accuracy.count(after[name], actual, self.authors),
                float((before[name] != after[name]).mean()) if sentences else None,
            )
            for name in before
        }


def train_style_judge(
    corpora: Sequence[Corpus], seed: int, on_message: Callable[[str], None]
) -> tuple[list[Corpus], StyleJudge]:
    """Return the corpora without the text that is set aside for the judges, and the judges.

    Raises UserError for fewer than two authors, and if gensim is not installed.
    """
    if len(corpora) < 2:
        raise UserError("style is judged among two authors or more; name another, as in compare austen carroll --style")
    if find_spec("gensim") is None:
        raise missing_package("--style", "gensim")

    # the same amount of text of each author
    parts = [corpus.set_aside(SET_ASIDE_SHARE) for corpus in corpora]
    shortest = min(len(aside) for _, aside in parts)
    remaining = [corpus for corpus, _ in parts]

    judge = StyleJudge(
        [corpus.author for corpus in remaining],
        [aside[:shortest] for _, aside in parts],
        [str(corpus.valid) for corpus in remaining],
        [str(corpus.test) for corpus in remaining],
        seed,
        on_message,
    )
    return remaining, judge


# Perturbation: sentences without a short word, as seen by a judge that has no vectors for such words

SENTENCE = re.compile(r"[A-Z][^.!?\n]{20,200}[.!?]")
SMALL_WORD = re.compile(r"(?<= )[a-z]{1,3}(?= )|(?<= )\w+n['\u2019]t(?= )")
NEGATION = re.compile(r"(?<= )(?:no|not|nor|never|\w+n['\u2019]t)(?= )")


def sentences_with_small_words(text: str, max_count: int) -> list[str]:
    """Return at most `max_count` sentences that contain a short word, evenly spread over a text."""
    # sentences of 20 to 200 characters, within one line
    sentences = [match.group() for match in SENTENCE.finditer(text) if SMALL_WORD.search(match.group())]
    count = min(max_count, len(sentences))
    return [sentences[index * len(sentences) // count] for index in range(count)]


def remove_small_word(sentence: str, rng: np.random.Generator) -> str:
    """Return a sentence without one short word: a negation if it has one, else any short word.

    >>> remove_small_word("I don't like it.", np.random.default_rng(0))
    'I like it.'
    """
    # a lost negation reverses the meaning, so it is preferred
    words: Sequence[re.Match[str]] = [*NEGATION.finditer(sentence)] or [*SMALL_WORD.finditer(sentence)]
    word = words[int(rng.integers(len(words)))]
    return sentence[: word.start()] + sentence[word.end() + 1 :]
