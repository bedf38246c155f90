"""Which sampling parameters write texts most like held-out text: the choice of each generator's defaults.

    python benchmarks/defaults.py [AUTHOR ...] [-g SPEC ...] [--budget 30s] [--count 40] [--length 500] [--rows]

Each generator is trained on each author, without a quarter of the training text that is set aside for the style judge,
and writes texts with each pair of a temperature and a truncation. They are compared with passages of the author's
validation text of the same length; test text is not read. The distance of a setting is the sum of five differences of
shares, 0 for texts that are like the author's:

    copied    share of words in copied runs of five words and more
    unseen    share of n-grams of words that the training text does not have, mean difference of n = 2 to 6
    invented  share of words that no author's training text has: an author's new word is one that another one has
    distinct  distinct-n in 50 words, mean difference of n = 1 to 3
    judge     share of texts whose first 200 characters the style judge's chains attribute to the author

The first table has the mean distance over the authors, and the best setting; `--rows` prints all figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import product

import numpy as np
import regex

import genbench
from genbench import api
from genbench.analysis.author_models import passage_bits
from genbench.analysis.novelty import TrainingIndex, spaced_passages
from genbench.analysis.style_judge import StyleJudge, train_style_judge
from genbench.corpus.corpus import Corpus
from genbench.sampling import Sampling

AUTHORS = ("austen", "carroll", "melville")
GENERATORS = ("markov-char", "markov-word", "markov", "lstm-char", "lstm-word", "lstm")
TEMPERATURES = (0.7, 0.8, 0.9, 1.0)
TRUNCATIONS: tuple[dict[str, float], ...] = ({}, {"min_p": 0.02}, {"top_p": 0.95})
MAX_NGRAM = 6  # words, of the n-grams that are compared
WORD = regex.compile(r"[\p{L}\p{M}]+")
JUDGED = 200  # characters
PASSAGES = 200  # of validation text, at most
FIGURES = ("copied", "unseen", "invented", "distinct", "judge")


@dataclass(frozen=True)
class Figures:
    """The shares of texts that are compared with those of held-out text."""

    copied: float
    unseen: Sequence[float]  # of 2 to 6 words
    invented: float
    distinct: Sequence[float]  # 1 to 3
    judge: float

    def differences(self, other: Figures) -> list[float]:
        """Return the absolute difference of each figure, (5,)."""
        pairs = [(getattr(self, name), getattr(other, name)) for name in FIGURES]
        return [float(np.abs(np.subtract(mine, others)).mean()) for mine, others in pairs]


@dataclass(frozen=True)
class Measure:
    """What texts of one author are measured with."""

    corpus: Corpus
    judge: StyleJudge
    index: TrainingIndex
    known: Set[str]  # words of all authors, in small letters

    def figures(self, texts: Sequence[str]) -> Figures:
        """Return the figures of texts together."""
        statistics = self.index.statistics(texts)
        words = [word.lower() for text in texts for word in WORD.findall(text)]
        bits = passage_bits(self.judge.chains, [text[:JUDGED] for text in texts])
        own = bits.argmin(axis=1) == self.judge.authors.index(self.corpus.author)
        return Figures(
            statistics.copied_share or 0.0,
            [share or 0.0 for share in statistics.unseen[1:MAX_NGRAM]],
            sum(word not in self.known for word in words) / max(len(words), 1),
            [share or 0.0 for share in statistics.distinct],
            float(own.mean()),
        )


def describe(temperature: float, truncation: dict[str, float]) -> str:
    """Return a setting in words, such as "0.8 min-p 0.02"."""
    return " ".join(
        [f"{temperature:g}", *(f"{name.replace('_', '-')} {value:g}" for name, value in truncation.items())]
    )


def measure_author(measure: Measure, specs: Sequence[str], arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Return for each generator the distance of each setting."""
    author = measure.corpus.author
    human = measure.figures(spaced_passages(str(measure.corpus.valid), arguments.length, PASSAGES))
    if arguments.rows:
        print_figures(author, "held-out text", "", human, human)

    distances: dict[str, list[float]] = {}
    for spec in specs:
        model = api.train(measure.corpus, spec, budget=arguments.budget)
        for temperature, truncation in product(TEMPERATURES, TRUNCATIONS):
            sampling = Sampling(arguments.length, temperature, **truncation)  # type: ignore[arg-type]
            figures = measure.figures(model.generate("", sampling, count=arguments.count))
            distances.setdefault(spec, []).append(sum(figures.differences(human)))
            if arguments.rows:
                print_figures(author, spec, describe(temperature, truncation), figures, human)
    return distances


def print_figures(author: str, spec: str, setting: str, figures: Figures, human: Figures) -> None:
    """Print one line of all figures in percent, and the distance."""
    shares = [figures.copied, *figures.unseen, figures.invented, *figures.distinct, figures.judge]
    cells = " | ".join(f"{100 * share:.1f}" for share in shares)
    print(f"| {author} | {spec} | {setting} | {cells} | {sum(figures.differences(human)):.3f} |", flush=True)


def main() -> None:
    """Measure each generator and author, and print the table."""
    parser = argparse.ArgumentParser(description="Distance of samples to held-out text, by sampling parameters.")
    parser.add_argument("authors", nargs="*", default=list(AUTHORS))
    parser.add_argument("-g", "--generator", action="append")
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--length", type=int, default=500)
    parser.add_argument("--rows", action="store_true")
    arguments = parser.parse_args()
    specs = arguments.generator or list(GENERATORS)

    corpora, judge = train_style_judge(list(map(genbench.corpus, arguments.authors)), 0, lambda message: None)
    known = {word.lower() for corpus in corpora for word in WORD.findall(str(corpus.train))}
    measures = [
        Measure(corpus, judge, TrainingIndex(str(corpus.train), corpus.book_starts), known) for corpus in corpora
    ]
    if arguments.rows:
        print(
            "| author | generator | setting | copied | unseen-2 to 6 | invented | distinct-1 to 3 | judge | distance |"
        )
    by_author = [measure_author(measure, specs, arguments) for measure in measures]

    # the mean over the authors, of each generator and of all
    settings = [describe(*pair) for pair in product(TEMPERATURES, TRUNCATIONS)]
    means = {spec: np.mean([distances[spec] for distances in by_author], axis=0) for spec in specs}
    print(f"\n| setting | {' | '.join(means)} |\n| --- |{' ---: |' * len(means)}")
    for number, setting in enumerate(settings):
        print(f"| {setting} | {' | '.join(f'{mean[number]:.3f}' for mean in means.values())} |")
    print(f"| best | {' | '.join(settings[int(mean.argmin())] for mean in means.values())} |")


if __name__ == "__main__":
    main()
