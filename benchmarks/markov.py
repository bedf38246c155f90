"""make bench-markov: the chains beside nltk.lm, markovify and KenLM on the same text, each in a process of its own.

    python benchmarks/markov.py [AUTHOR]        # NLTK's gutenberg corpus is needed for austen, carroll, melville

Bits are those of the raw test text (`--lines keep`); seconds are processor time of one thread, from the text to the
model and, of that, from its tokens to the model; megabytes are the peak of the process while it counts, above what it
held before. Each figure is the median of three runs (of one for `markov`, which takes minutes). KenLM is run where
`lmplz`, `build_binary` and `query` are on PATH, built from its source with -DKENLM_MAX_ORDER=8: it gets the same stream
of characters as ids, a newline first, and scores it without begin and end of sentence.
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
from pathlib import Path
from typing import Any

import numpy as np
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.smoothing import smoothed
from genbench_plugins.markov.tree import grow

import genbench
from genbench import Generator, Tokenizer, TrainContext

Figures = dict[str, Any]
SCORED = 200  # tokens that nltk's slow models are asked for
SENTENCES = 100  # that markovify is asked for


def peak_mb() -> float:
    """The most memory that this process has held since it began, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the process that started this one held
        return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a call gives, and its seconds of processor time, those of programs that it runs included."""

    def spent() -> float:
        return time.process_time() + sum(os.times()[2:4])

    began = spent()
    found = work()
    return found, spent() - began


def ours(spec: str, corpus: genbench.Corpus) -> Figures:
    """One of genbench's chains."""
    made = genbench.make(spec)
    made.fit("the same, to import what is needed. " * 3, "the same", TrainContext())
    before = peak_mb()
    _, seconds = timed(lambda: made.fit(corpus.train, corpus.valid, TrainContext()))
    memory = peak_mb() - before
    ids = made.tokenizer.encode(corpus.test)
    scored, scoring = timed(lambda: made.token_log_probs(ids))
    bits = -float(scored.sum()) / math.log(2) / len(corpus.test)
    asked = predictions(made, ids[:1_000].tolist())
    said = {"bits": bits, "fit": seconds, "mb": memory, "scored": len(ids) / scoring, "predicted": asked}
    textbook = isinstance(made, MarkovChain) and made.smoothing != "fitted"
    return said | ({"tokens": counting(made, corpus)} if textbook else {})


def counting(made: MarkovChain, corpus: genbench.Corpus) -> float:
    """Seconds from tokens to a chain smoothed by a method of the textbook."""
    ids = made.tokenizer.encode(corpus.train)
    return timed(lambda: smoothed(grow(ids, made.longest, made.tokenizer.size), made.smoothing))[1]


def predictions(made: Generator, ids: list[int]) -> float:
    """Whole distributions a second, the steps to them included."""

    def walk() -> None:
        state = made.start()
        for token in ids:
            made.log_probs(state)
            state = made.advance(state, token)

    return len(ids) / timed(walk)[1]


def nltk_lm(name: str, corpus: genbench.Corpus) -> Figures:
    """One of nltk.lm's models over words, order 3, with unknown words."""
    from nltk.lm import models
    from nltk.lm.preprocessing import padded_everygram_pipeline

    lines = [line for line in corpus.train.split("\n") if line.strip()]
    sentences, cutting = timed(lambda: [re.findall(r"\w+|[^\w\s]", line) for line in lines])
    test = re.findall(r"\w+|[^\w\s]", corpus.test)[: SCORED + 2]
    grams, words = padded_everygram_pipeline(3, sentences)
    model, before = getattr(models, name)(3), peak_mb()
    _, seconds = timed(lambda: model.fit(grams, words))
    _, scoring = timed(lambda: [model.score(test[i], test[i - 2 : i]) for i in range(2, len(test))])
    return {"fit": cutting + seconds, "tokens": seconds, "mb": peak_mb() - before, "scored": SCORED / scoring}


def markovify(corpus: genbench.Corpus) -> Figures:
    """markovify's Text, state size 2, and sentences by its own novelty test."""
    import markovify as package

    before = peak_mb()
    model, seconds = timed(lambda: package.Text(corpus.train, state_size=2))
    memory = peak_mb() - before
    made, drawing = timed(lambda: [model.make_sentence() for _ in range(SENTENCES)])
    return {"fit": seconds, "mb": memory, "sentences": sum(each is not None for each in made) / drawing}


def kenlm(corpus: genbench.Corpus) -> Figures:
    """KenLM over characters, order 8: counted by lmplz, made binary, scored by query, which loads the model too."""
    tokenizer = Tokenizer.characters(corpus.train)
    train, test = (" ".join(map(str, tokenizer.encode("\n" + each).tolist())) for each in (corpus.train, corpus.test))
    with tempfile.TemporaryDirectory() as folder:
        text, arpa, binary = (str(Path(folder) / name) for name in ("text", "arpa", "binary"))
        Path(text).write_text(train + "\n", encoding="ascii")
        count = ["lmplz", "-o", "8", "--discount_fallback", "--text", text, "--arpa", arpa, "-S", "2G"]
        seconds = sum(timed(lambda c=command: program(c))[1] for command in (count, ["build_binary", arpa, binary]))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        said, scoring = timed(lambda: program(["query", "-n", "-v", "word", binary], test + "\n"))
    scored = [float(each) for each in re.findall(r"=\d+ \d+ (\S+)", said)][1:]  # the first is the newline before
    bits = -sum(scored) / math.log10(2) / len(corpus.test)
    return {"bits": bits, "fit": seconds, "mb": memory, "scored": len(scored) / scoring}


def program(command: list[str], given: str = "") -> str:
    """What a program says."""
    return subprocess.run(command, input=given, check=True, capture_output=True, text=True).stdout


KENLM = "KenLM, characters, order 8"
NLTK = ("nltk.lm KneserNeyInterpolated, words", "nltk.lm WittenBellInterpolated, words")
SUBJECTS: dict[str, Callable[[genbench.Corpus], Figures]] = {
    **{
        spec: (lambda corpus, spec=spec: ours(spec, corpus))
        for spec in (
            "markov-char",
            "markov-char:order=32",
            "markov-char:order=12,smoothing=fitted",
            "markov-word",
            "markov-word:smoothing=fitted",
            "markov-class",
            "markov",
        )
    },
    KENLM: kenlm,
    **{name: (lambda corpus, name=name: nltk_lm(name.split()[1].rstrip(","), corpus)) for name in NLTK},
    "markovify Text": markovify,
    "markov": lambda corpus: ours("markov", corpus),
}
COLUMNS = {
    "bits": ("bits/char", ".4f"),
    "fit": ("counting s", ".2f"),
    "tokens": ("of it from tokens", ".2f"),
    "mb": ("MB", ".0f"),
    "scored": ("tokens scored/s", ",.0f"),
    "predicted": ("distributions/s", ",.0f"),
    "sentences": ("novel sentences/s", ",.0f"),
}


def child(name: str, author: str) -> Figures:
    """The figures of one subject, each run in a process of its own; what it said last where it fails."""
    if name == KENLM and not all(map(shutil.which, ("lmplz", "build_binary", "query"))):
        return {"failed": "lmplz, build_binary and query are not on PATH"}
    command, runs = [sys.executable, __file__, author, "--one", name], []
    for _ in range(1 if name == "markov" else 3):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"failed": (done.stderr.strip().splitlines() or ["it said nothing"])[-1]}
        runs.append(json.loads(done.stdout))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def times(found: dict[str, Figures]) -> Iterator[tuple[str, float, float]]:
    """What was asked: how many times as fast as whom, in what; then what was found, and what was asked."""
    chain, words, kenlm, slow = found["markov-char"], found["markov-word"], found[KENLM], found[NLTK[0]]
    if "failed" not in kenlm:
        yield "order 8 counted, lmplz with build_binary", kenlm["fit"] / chain["fit"], 5
    yield "words counted from tokens, nltk.lm", slow["tokens"] / words["tokens"], 50
    yield "words cut and counted, nltk.lm", slow["fit"] / words["fit"], 50
    yield "words cut and counted, markovify's Text", found["markovify Text"]["fit"] / words["fit"], 1
    for name, asked in zip(NLTK, (10_000, 50), strict=True):
        yield f"words scored, {name}", words["scored"] / found[name]["scored"], asked


def row(name: str, found: Figures) -> str:
    """One line of the table."""
    if "failed" in found:
        return f"| {name} | not measured: {found['failed']} |" + " |" * (len(COLUMNS) - 1)
    cells = [format(found[key], form) if key in found else "" for key, (_, form) in COLUMNS.items()]
    return f"| {name} | {' | '.join(cells)} |"


def main(author: str) -> None:
    """Print the table, a row as soon as it is measured."""
    print(f"| {author}, raw | {' | '.join(heading for heading, _ in COLUMNS.values())} |")
    print("| --- |" + " ---: |" * len(COLUMNS))
    found = {}
    for name in SUBJECTS:
        found[name] = child(name, author)
        print(row(name, found[name]), flush=True)
    print("\n| so many times as fast | reached | asked |\n| --- | ---: | ---: |")
    for what, reached, asked in times(found):
        print(f"| {what} | {reached:,.1f} | {asked:,} |")


if __name__ == "__main__":
    if "--one" in sys.argv:
        corpus = genbench.corpus(sys.argv[1], lines="keep")
        figures = SUBJECTS[sys.argv[3]](corpus)
        print(json.dumps({key: float(np.asarray(value)) for key, value in figures.items()}))
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else "austen")
