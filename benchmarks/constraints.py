"""Time 100 sentences that contain a given word, by genbench's conditioned chain and by markovify with rejection.

    python benchmarks/constraints.py [AUTHOR] [--words WORD ...]      # NLTK's gutenberg corpus is needed for austen
    python benchmarks/constraints.py [AUTHOR] --kinds [SPEC]          # one text of each kind of constraint

Processor time of one thread, medians of three readings that take turns. genbench conditions `markov-word` on the
constraint for each reading, and samples all sentences; its loops are compiled and the chain is trained before the
clock starts. A new process that loads the stored model is timed apart. markovify (`well_formed=False`, so that it
counts all of the training text) samples sentences until 100 contain the word, for at most 30 seconds per reading. Its
own test against copied sentences is off, because genbench has none here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import markovify
import numpy as np
import regex

from genbench import Model, api
from genbench.corpus.corpus import Corpus
from genbench.sampling import Constraints, Sampling
from genbench.sampling.constraints.conditioned import prepare

READINGS, SENTENCES = 3, 100
LIMIT = 30.0  # seconds of one reading of markovify
WORDS = regex.compile(r"\p{L}+")
NEW_PROCESS = f"""
import sys, time
from genbench import Model
from genbench.sampling import Constraints, Sampling
model = Model.load(sys.argv[1])
loaded = time.process_time()
model.generate("", Sampling(temperature=1.0, constraints=Constraints(contains=(sys.argv[2],))), count={SENTENCES})
print(loaded, time.process_time() - loaded)
"""
RANKS = {"frequent": 100, "medium": 1_000}  # of a word by its frequency
RARE = 3  # occurrences of a rare word
KINDS = {
    "--contains love": Constraints(contains=("love",)),
    "--contains love --contains marriage": Constraints(contains=("love", "marriage")),
    "--starts-with Emma": Constraints(starts_with="Emma"),
    "--ends-with love": Constraints(ends_with="love"),
    "--rhymes-with night": Constraints(rhymes_with="night"),
    '--match "She .*"': Constraints(match="She .*"),
    "--sentences 2": Constraints(sentences=2),
    "--words 6": Constraints(words=(6, 6)),
    "--words 8-12": Constraints(words=(8, 12)),
    "--words 5-40": Constraints(words=(5, 40)),
}


def choose_words(text: str) -> dict[str, str]:
    """Return a frequent, a medium and a rare word in small letters of the training text."""
    counts = Counter(word for word in WORDS.findall(text) if len(word) > 3 and word.islower())
    ranked = [word for word, _ in counts.most_common()]
    words = {name: ranked[rank] for name, rank in RANKS.items()}
    return words | {"rare": next(word for word in ranked if counts[word] == RARE)}


def contains(word: str, sentence: str) -> bool:
    """Return whether a sentence has a whole word, which may begin with a capital letter."""
    return word in {found[:1].lower() + found[1:] for found in WORDS.findall(sentence)}


def measure_genbench(model: Model, word: str) -> tuple[float, float]:
    """Return the seconds of 100 sentences, and of these the seconds until the automaton is built."""
    sampling = Sampling(temperature=1.0, constraints=Constraints(contains=(word,)))
    model.generate("", Sampling(constraints=Constraints(contains=("the",))))  # the last condition is kept
    start = time.process_time()
    texts = model.generate("", sampling, count=SENTENCES)
    seconds = time.process_time() - start
    assert all(contains(word, text) for text in texts)

    # the automaton alone
    start = time.process_time()
    prepare(model.generator, "", sampling, np.random.default_rng(0), "\n\n")
    return seconds, time.process_time() - start


def measure_markovify(text: markovify.Text, word: str) -> tuple[float, int]:
    """Return the seconds of 100 sentences, or of as many as there are within the limit, and their number."""
    start, count = time.process_time(), 0
    while count < SENTENCES and time.process_time() - start < LIMIT:
        sentence = text.make_sentence(test_output=False)
        count += sentence is not None and contains(word, sentence)
    return time.process_time() - start, count


def time_new_process(folder: Path, word: str) -> tuple[float, float, float]:
    """Return seconds of a process: to import and load the model, for 100 sentences, and in all with its start."""
    before = os.times()
    run = subprocess.run([sys.executable, "-c", NEW_PROCESS, folder, word], capture_output=True, text=True, check=True)
    after = os.times()
    loading, sampling = map(float, run.stdout.split())
    return (
        loading,
        sampling,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def print_row(kind: str, word: str, model: Model, other: markovify.Text) -> None:
    """Measure one word and print its row."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, int]] = []
    for _ in range(READINGS):
        ours.append(measure_genbench(model, word))
        theirs.append(measure_markovify(other, word))
    seconds, automaton = (statistics.median(column) for column in zip(*ours, strict=True))
    rejection, found = sorted(theirs, key=lambda reading: reading[0] / max(reading[1], 0.5))[READINGS // 2]
    print(f"| {word} ({kind}) | {seconds:.2f} | {automaton:.2f} | {rejection:.2f} | {found} |", flush=True)


def print_kinds(corpus: Corpus, spec: str) -> None:
    """Print the seconds of one text of each kind of constraint, the preparation included."""
    model = api.train(corpus, spec, keep=False)
    model.generate("", Sampling(constraints=Constraints(contains=("the",))))  # compiles the loops
    print(f"| constraint, {spec} | s |\n| --- | ---: |")
    for kind, constraints in KINDS.items():
        start = time.process_time()
        model.generate("", Sampling(constraints=constraints))
        print(f"| `{kind}` | {time.process_time() - start:.1f} |", flush=True)


def prepare_models(corpus: Corpus) -> tuple[Model, markovify.Text]:
    """Return the trained chain, which has been conditioned once so that its loops are compiled, and markovify's."""
    model = api.train(corpus, "markov-word", keep=False)
    model.generate("", Sampling(constraints=Constraints(contains=("the",))))
    return model, markovify.Text(str(corpus.train), state_size=2, well_formed=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table with a row for each word."""
    parser = argparse.ArgumentParser(description="100 sentences that contain a word.")
    parser.add_argument("author", nargs="?", default="austen")
    parser.add_argument("--words", nargs="+")
    parser.add_argument("--kinds", nargs="?", const="markov-char", metavar="SPEC")
    options = parser.parse_args(arguments)

    corpus = api.corpus(options.author)
    if options.kinds:
        print_kinds(corpus, options.kinds)
        return
    model, other = prepare_models(corpus)
    words = {f"given {n}": word for n, word in enumerate(options.words or [])} or choose_words(str(corpus.train))
    with tempfile.TemporaryDirectory() as folder:
        path = model.save(Path(folder) / "model")
        readings = [time_new_process(path, next(iter(words.values()))) for _ in range(READINGS)]
    loading, sampling, total = (statistics.median(column) for column in zip(*readings, strict=True))
    print(
        f"a new process: {loading:.2f} s to import and load, {sampling:.2f} s for the sentences, {total:.2f} s in all\n"
    )
    print(
        "| word | genbench, s | its automaton, s | markovify, s | its sentences |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for kind, word in words.items():
        print_row(kind, word, model, other)


if __name__ == "__main__":
    main()
