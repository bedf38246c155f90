"""How optimistic is validation text about weights that were fitted on it, and what does it cost to fit on half of it?

    python benchmarks/optimism.py [AUTHOR ...]

Each generator is fitted three times: on the first half of the validation text, on the second half, and on all of it.
Optimism is the bits of the second half if the weights were fitted on the first, minus those if they were fitted on the
second half itself. The cost is the bits of the test text with weights from the first half, minus those from all.
"""

from __future__ import annotations

import sys

from genbench import registry, scoring
from genbench.corpus.loading import load_corpus
from genbench.corpus.split import split_validation
from genbench.generator import Text, TrainContext

SPECS = (
    "markov-char",
    "markov-char:smoothing=fitted,order=12",
    "markov-word:smoothing=fitted,order=4",
    "markov-char:adaptive=true",
    "markov-class",
    "markov",
    "markov:adaptive=true",
    "mixture:parts=markov-char+markov-word",
    "mixture:parts=markov-char+markov-word,adaptive=true",
)


def bits(spec: str, train: str, fitted: str, *texts: str) -> list[float]:
    """Return the bits per character of texts, by a generator whose weights are fitted on the text `fitted`."""
    generator = registry.create(spec)
    generator.fit(Text(train), Text(fitted), TrainContext())
    return [scoring.score(generator, text).bits_per_character for text in texts]


def main() -> None:
    """Print a table of optimism and cost for each author."""
    for author in sys.argv[1:] or ["carroll", "austen"]:
        corpus = load_corpus(author)
        train, valid, test = str(corpus.train), str(corpus.valid), str(corpus.test)
        first, second = split_validation(valid)
        print(f"\n{author}: halves of {len(first):,} and {len(second):,} characters, {len(test):,} of test text\n")
        print("| generator | second half, fitted on the first | optimism | test, fitted on the first half | cost |")
        print("| --- | ---: | ---: | ---: | ---: |", flush=True)
        for spec in SPECS:
            honest, half_test = bits(spec, train, first, second, test)
            (flattered,) = bits(spec, train, second, second)
            (whole_test,) = bits(spec, train, valid, test)
            figures = (honest, honest - flattered, half_test, half_test - whole_test)
            print(f"| {spec} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
