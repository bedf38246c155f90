"""Compare the chains with nltk.lm, markovify and KenLM on the same text: `make bench-markov`; each in its own process.

    python benchmarks/markov.py [AUTHOR]        # austen, carroll and melville need NLTK's gutenberg corpus

Bits are those of the raw test text (`--lines keep`); seconds are processor time of one thread, from the text to the
model and, of that, from its tokens to the model; megabytes are the peak of the process while it counts, above what it
used before. Each figure is the median of three runs (of one for `markov`, which takes minutes). KenLM runs if `lmplz`,
`build_binary` and `query` are on PATH, built from its source with -DKENLM_MAX_ORDER=8: it gets the same stream of
characters as ids, a newline first, and scores it without begin and end of sentence.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from genbench_plugins.markov.backoff_building import build_model
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.packed_tree import pack_tree
from genbench_plugins.markov.smoothing import smooth
from genbench_plugins.markov.tree_building import build_tree

import genbench
from genbench.capabilities import token_log_probs
from genbench.corpus.corpus import Corpus
from genbench.generator import Generator, Text, TrainContext
from genbench.registry import create
from genbench.tokenization.tokenizer import Tokenizer

Figures = dict[str, float]
Measurement = Callable[[Corpus], Figures]
Result = TypeVar("Result")
NLTK_TOKENS = 200  # tokens that nltk's slow models score
SENTENCES = 100  # sentences that markovify generates
STEPS = 1_000  # tokens whose whole distributions are computed
KENLM = "KenLM, characters, order 8"
KENLM_PROGRAMS = ("lmplz", "build_binary", "query")
NLTK = ("nltk.lm KneserNeyInterpolated, words", "nltk.lm WittenBellInterpolated, words")
SPECS = (
    "markov-char",
    "markov-char:order=32",
    "markov-char:order=12,smoothing=fitted",
    "markov-word",
    "markov-word:smoothing=fitted",
    "markov-class",
)


def peak_mb() -> float:
    """Return the peak memory of this process in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage includes the memory of the process that started this one
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of a call, and its seconds of processor time, those of its subprocesses included."""

    def processor_time() -> float:
        return time.process_time() + sum(os.times()[2:4])

    started = processor_time()
    result = work()
    return result, processor_time() - started


def measure_chain(spec: str, corpus: Corpus) -> Figures:
    """Measure one of genbench's chains."""
    generator = create(spec)
    warm_up = Text("the same, to import what is needed and load compiled code. " * 3)
    generator.fit(warm_up, warm_up, TrainContext())
    token_log_probs(generator, generator.tokenizer.encode(warm_up))
    distributions_per_second(generator, [0])

    # train
    before = peak_mb()
    _, seconds = timed(lambda: generator.fit(corpus.train, corpus.valid, TrainContext()))
    memory = peak_mb() - before

    # score
    ids = generator.tokenizer.encode(corpus.test)
    log_probs, score_seconds = timed(lambda: token_log_probs(generator, ids))
    figures = {
        "bits": -float(log_probs.sum()) / math.log(2) / len(corpus.test),
        "fit": seconds,
        "mb": memory,
        "scored": len(ids) / score_seconds,
        "predicted": distributions_per_second(generator, ids[:STEPS].tolist()),
    }
    if isinstance(generator, MarkovChain) and generator.smoothing != "fitted":
        figures["tokens"] = count_seconds(generator, corpus)
    return figures


def count_seconds(chain: MarkovChain, corpus: Corpus) -> float:
    """Return the seconds from tokens to a smoothed chain."""
    ids, base = chain.tokenizer.encode(corpus.train), chain.tokenizer.base_distribution()

    def count() -> None:
        tree = build_tree(ids, chain.longest, len(base))
        build_model(pack_tree(tree), smooth(tree, chain.smoothing)[0], base)

    return timed(count)[1]


def distributions_per_second(generator: Generator, ids: list[int]) -> float:
    """Return how many whole distributions are computed per second, the steps to them included."""

    def step_through() -> None:
        state = generator.start()
        for token in ids:
            generator.log_probs(state)
            state = generator.advance(state, token)

    return len(ids) / timed(step_through)[1]


def measure_nltk(model_name: str, corpus: Corpus) -> Figures:
    """Measure one of nltk.lm's models over words, order 3, with unknown words."""
    from nltk.lm import models
    from nltk.lm.preprocessing import padded_everygram_pipeline

    # tokenize
    lines = [line for line in str(corpus.train).split("\n") if line.strip()]
    sentences, token_seconds = timed(lambda: [re.findall(r"\w+|[^\w\s]", line) for line in lines])
    test = re.findall(r"\w+|[^\w\s]", str(corpus.test))[: NLTK_TOKENS + 2]

    # count, and score
    ngrams, words = padded_everygram_pipeline(3, sentences)
    model, before = getattr(models, model_name)(3), peak_mb()
    _, seconds = timed(lambda: model.fit(ngrams, words))
    _, score_seconds = timed(lambda: [model.score(test[i], test[i - 2 : i]) for i in range(2, len(test))])
    return {
        "fit": token_seconds + seconds,
        "tokens": seconds,
        "mb": peak_mb() - before,
        "scored": NLTK_TOKENS / score_seconds,
    }


def measure_markovify(corpus: Corpus) -> Figures:
    """Measure markovify's Text, state size 2, and its sentences by its own novelty test."""
    import markovify

    before = peak_mb()
    model, seconds = timed(lambda: markovify.Text(str(corpus.train), state_size=2))
    memory = peak_mb() - before
    sentences, generation_seconds = timed(lambda: [model.make_sentence() for _ in range(SENTENCES)])
    novel = sum(sentence is not None for sentence in sentences)
    return {"fit": seconds, "mb": memory, "sentences": novel / generation_seconds}


def measure_kenlm(corpus: Corpus) -> Figures:
    """Measure KenLM over characters, order 8: lmplz counts, build_binary converts, query loads the model and scores."""
    tokenizer = Tokenizer.characters(corpus.train)
    train, test = (
        " ".join(map(str, tokenizer.encode("\n" + str(text)).tolist())) for text in (corpus.train, corpus.test)
    )
    with tempfile.TemporaryDirectory() as folder:
        text, arpa, binary = (str(Path(folder) / name) for name in ("text", "arpa", "binary"))
        Path(text).write_text(train + "\n", encoding="ascii")
        count = ["lmplz", "-o", "8", "--discount_fallback", "--text", text, "--arpa", arpa, "-S", "2G"]
        seconds = sum(timed(partial(run_program, command))[1] for command in (count, ["build_binary", arpa, binary]))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        output, score_seconds = timed(lambda: run_program(["query", "-n", "-v", "word", binary], test + "\n"))
    scores = [float(number) for number in re.findall(r"=\d+ \d+ (\S+)", output)][1:]  # the first is the newline before
    bits = -sum(scores) / math.log10(2) / len(corpus.test)
    return {"bits": bits, "fit": seconds, "mb": memory, "scored": len(scores) / score_seconds}


def run_program(command: list[str], stdin: str = "") -> str:
    """Run a program; return its output."""
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True).stdout


MEASUREMENTS: dict[str, Measurement] = {
    **{spec: partial(measure_chain, spec) for spec in SPECS},
    KENLM: measure_kenlm,
    **{name: partial(measure_nltk, name.split()[1].rstrip(",")) for name in NLTK},
    "markovify Text": measure_markovify,
    "markov": partial(measure_chain, "markov"),
}
COLUMNS = {  # heading and format
    "bits": ("bits/char", ".4f"),
    "fit": ("counting s", ".2f"),
    "tokens": ("of it from tokens", ".2f"),
    "mb": ("MB", ".0f"),
    "scored": ("tokens scored/s", ",.0f"),
    "predicted": ("distributions/s", ",.0f"),
    "sentences": ("novel sentences/s", ",.0f"),
}


def run_measurement(name: str, author: str) -> Figures | str:
    """Return the medians of one measurement, each run in its own process; the last line of the error if it fails."""
    if name == KENLM and not all(map(shutil.which, KENLM_PROGRAMS)):
        return "lmplz, build_binary and query are not on PATH"
    command, runs = [sys.executable, __file__, author, "--one", name], []
    for _ in range(1 if name == "markov" else 3):
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode:
            return (process.stderr.strip().splitlines() or ["no output"])[-1]
        runs.append(json.loads(process.stdout))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def ratios(figures: dict[str, Figures]) -> Iterator[tuple[str, float, float]]:
    """Yield what is compared, how many times as fast genbench is, and the goal."""
    chain, words = figures["markov-char"], figures["markov-word"]
    if KENLM in figures:
        yield "order 8 counted, lmplz with build_binary", figures[KENLM]["fit"] / chain["fit"], 5
    yield "words counted from tokens, nltk.lm", figures[NLTK[0]]["tokens"] / words["tokens"], 50
    yield "words tokenized and counted, nltk.lm", figures[NLTK[0]]["fit"] / words["fit"], 50
    yield "words tokenized and counted, markovify's Text", figures["markovify Text"]["fit"] / words["fit"], 1
    for name, goal in zip(NLTK, (10_000, 50), strict=True):
        yield f"words scored, {name}", words["scored"] / figures[name]["scored"], goal


def table_row(name: str, figures: Figures | str) -> str:
    """Return one row of the table."""
    if isinstance(figures, str):
        return f"| {name} | not measured: {figures} |" + " |" * (len(COLUMNS) - 1)
    cells = [format(figures[key], form) if key in figures else "" for key, (_, form) in COLUMNS.items()]
    return f"| {name} | {' | '.join(cells)} |"


def main(author: str) -> None:
    """Print the table, each row as soon as it is measured, and the ratios."""
    print(f"| {author}, raw | {' | '.join(heading for heading, _ in COLUMNS.values())} |")
    print("| --- |" + " ---: |" * len(COLUMNS))
    measured: dict[str, Figures] = {}
    for name in MEASUREMENTS:
        figures = run_measurement(name, author)
        print(table_row(name, figures), flush=True)
        if not isinstance(figures, str):
            measured[name] = figures
    print("\n| times as fast | reached | goal |\n| --- | ---: | ---: |")
    for compared, ratio, goal in ratios(measured):
        print(f"| {compared} | {ratio:,.1f} | {goal:,} |")


if __name__ == "__main__":
    if "--one" in sys.argv:
        figures = MEASUREMENTS[sys.argv[3]](genbench.corpus(sys.argv[1], lines="keep"))
        print(json.dumps({key: float(np.asarray(value)) for key, value in figures.items()}))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "austen")
