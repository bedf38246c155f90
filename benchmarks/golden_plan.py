"""What the golden figures are measured on: the SPECs, the texts, and every measurement, in terms of the adapters.

The SPECs are the keys of `golden.json` and keep the names that options had when the file was written;
`golden_adapters.current_spec` translates them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import golden_adapters as adapters
import numpy as np
from golden_adapters import STEPS, Figures

from genbench.corpus.corpus import Corpus


@dataclass(frozen=True)
class Task:
    """One entry of the file: where its figures are written, and the function that measures them."""

    section: str
    key: str
    torch: bool  # whether it needs torch
    measure: Callable[[], Any]


AUTHORS = ("pell", "thorne", "marrow")
SPLITS = ("word-frequency", "context-seen", "position", "newline")
PROMPT = "The old lighth"  # ends inside a word
UNUSUAL_TEXT = (  # with rare and with unknown characters
    "The lamp was lit at nine, and nobody had seen the naïve zebra № 42 come up the stairs.\n\n"
    '"Well," said Mr. Quillfeather—“it’s gone! Half-past, I think.”\n\tHe sat down again , and waited.'
)

# What is trained. VECTORS in a SPEC stands for a file of word vectors, which is written anew for each run.
CHAINS = ("markov", "markov-char", "markov-class", "markov-subword", "markov-word", "markovify", "nltk-lm")
NETWORKS = (
    "gru-char:hidden=32",
    "gru-word:hidden=32",
    "lstm-char:hidden=32",
    "lstm-subword:hidden=32",
    "lstm-window:hidden=32",
    "lstm-word:hidden=32",
    "peephole-lstm-char:hidden=32",
    "rnn-char:hidden=32",
    "rnn-word:hidden=32",
    "stacked-lstm-char:hidden=32",
    "stacked-lstm-word:hidden=32",
    "mixture:parts=markov-char+(lstm-char:hidden=32)",
)
MORE_CHAINS = (
    "markov:adaptive=true",
    "markov:order=6,words=3,classes=40,min_count=3",
    "markov-char:adaptive=true",
    "markov-char:order=1",
    "markov-char:order=3",
    "markov-char:order=unbounded",
    "markov-char:order=unbounded,adaptive=true",
    "markov-char:order=unbounded,smoothing=fitted",
    "markov-char:order=5,smoothing=kneser-ney",
    "markov-char:order=5,smoothing=absolute",
    "markov-char:order=5,smoothing=witten-bell",
    "markov-char:order=5,smoothing=add-k",
    "markov-char:order=5,smoothing=mle",
    "markov-char:order=6,smoothing=fitted",
    "markov-char:order=6,smoothing=witten-bell,adaptive=true",
    "markov-class:order=4,classes=40,min_count=1",
    "markov-word:adaptive=true",
    "markov-word:order=2,smoothing=witten-bell",
    "markov-word:order=4,min_count=1",
    "markov-word:order=3,smoothing=fitted",
    "markov-word:order=unbounded,smoothing=kneser-ney",
    "markovify:state_size=1,well_formed=false,escape_order=4",
    "nltk-lm:model=absolute-discounting,order=4",
    "nltk-lm:unit=words,order=2",
    "mixture:parts=markov-char+markov-word",
    "mixture:parts=markov-char+markov-word,adaptive=true",
    "mixture:parts=(markov-char:order=4)+(markov-char:order=7)+(markov-char:adaptive=true)",
    "mixture:parts=markov-word+(markov-class:classes=40)",
)
MORE_NETWORKS = (
    "lstm-char",
    "lstm-word",
    "lstm-char:hidden=24,layers=2,dropout=0.3,embedding=16",
    "lstm-char:hidden=32,matrix_rate=0,weight_decay=0.1,learning_rate=0.005",
    "lstm-char:hidden=32,batch=8,window=16,keep=last",
    "lstm-char:hidden=32,schedule=1/2/3/4/5/5",
    "gru-char:hidden=24,layers=2,dropout=0.2",
    "rnn-char:hidden=24,layers=2,matrix_rate=0",
    "lstm-window:hidden=24,window=20,step=5,loss=every",
    "peephole-lstm-char:hidden=24,peepholes=full,cell_clip=0.5",
    "stacked-lstm-char:hidden=24,layers=3,between=0.3",
    "lstm-word:hidden=32,tied=false",
    "lstm-word:hidden=32,subwords=false",
    "lstm-word:hidden=32,tied=false,subwords=false,min_count=1,embedding=24",
    "lstm-word:hidden=32,embeddings=word2vec",
    "lstm-word:hidden=32,embeddings=VECTORS,embedding=16",
    "gru-word:hidden=32,embeddings=VECTORS,embedding=16,unknown=shared,tied=false,subwords=false",
    "rnn-word:hidden=32,layers=2,dropout=0.2",
    "mixture:parts=markov-word+(lstm-word:hidden=32)",
    "mixture:parts=(markov-char:order=5)+(lstm-word:hidden=32)+(gru-char:hidden=16),shares=1+2+2",
    "mixture:parts=(markov-char:order=5)+(lstm-char:hidden=32),adaptive=true",
)
CELLS = (  # measured later, on another processor: see the header of golden.json
    "lstm:hidden=32",
    "lstm-char:hidden=32,base=markov-char",
    "lstm-char:hidden=32,adaptive=true",
    "lstm-word:hidden=32,adaptive=true",
    "mogrifier-lstm-char:hidden=32",
    "mingru-char:hidden=32",
    "minlstm-word:hidden=32",
    "slstm-char:hidden=32",
    "mlstm-char:hidden=32",
    "gated-deltanet-char:hidden=32",
    "transformer-char:hidden=32",
)
MEMORY_CHAINS = ("markov-char", "markov-word", "mixture:parts=markov-char+markov-word")
MEMORY_NETWORKS = (
    "lstm-char:hidden=24",
    "gru-word:hidden=24",
    "lstm-window:hidden=24",
    "peephole-lstm-char:hidden=24",
)
EXPLAINED = (
    "markov-char:order=5",
    "markov-word",
    "markov-char:order=4,smoothing=fitted",
    "markov-class",
    "markov",
)
COMPRESSING = (
    "markov-char",
    "markov-word:adaptive=true",
    "mixture:parts=markov-char+markov-word",
    "lstm-char:hidden=32",
)
SLOW = (*MORE_CHAINS[:2], MORE_NETWORKS[-2])  # trained with one seed only

SHORT = {"length": 200, "temperature": 0.8}  # samples of a comparison

# How texts are generated, by key: prompt, seed, number of texts side by side, sampling parameters.
SAMPLES: dict[str, tuple[str, int, int, Figures]] = {
    "plain": ("", 0, 1, SHORT),
    "cut": (
        "",
        1,
        1,
        {"length": 150, "temperature": 1.0, "top_k": 30, "top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.2},
    ),
    "inside a word": (PROMPT, 7, 1, {"length": 120, "temperature": 0.8}),
    "greedy": (PROMPT, 0, 1, {"length": 60, "temperature": 0.0}),
    "stopped": ("", 5, 1, {"length": 120, "temperature": 0.9, "stop": ". "}),
    "novel": ("", 3, 1, {"length": 150, "temperature": 0.7, "max_overlap": 2}),
    "together": (PROMPT + "ouse", 11, 4, {"length": 80, "temperature": 0.8}),
    "novel together": ("", 2, 3, {"length": 80, "temperature": 0.7, "max_overlap": 3}),
}


def plan() -> Iterator[Task]:
    """Yield everything that is measured."""
    yield from plan_generators()
    yield from plan_stored()
    yield Task("comparison", "chains", False, compare_chains)
    yield Task("comparison", "chains and networks", True, compare_chains_and_networks)
    yield Task("comparison", "differences", False, compare_comparisons)
    yield Task("novelty", "markov-char:order=unbounded", False, measure_novelty)
    for torch, spec in ((False, "markov-char:order=5"), (False, "markov-word"), (True, "lstm-char:hidden=32")):
        yield Task("attribution", spec, torch, partial(attribute_tests, spec))
        yield Task("confusion", spec, torch, partial(adapters.confusion_figures, AUTHORS, spec))
    yield Task("memory", "chains", False, partial(measure_memory, MEMORY_CHAINS))
    yield Task("memory", "networks", True, partial(measure_memory, MEMORY_NETWORKS))
    for spec in ("lstm-char", "gru-char", "rnn-char", "peephole-lstm-char", "stacked-lstm-char", "lstm-word"):
        yield Task("gates", spec, True, partial(measure_gates, f"{spec}:hidden=12"))
    for spec in EXPLAINED:
        yield Task("explain", spec, False, partial(explain_texts, spec))
    for spec in COMPRESSING:
        yield Task("compression", spec, spec.startswith("lstm"), partial(compress_texts, spec))
    yield Task("style", "markov-char:order=4", True, judge_style)
    yield Task("sweep", "lstm-char, markov-char", True, sweep_options)


def plan_generators() -> Iterator[Task]:
    """Yield every SPEC on one author with two seeds, and those without options on the other authors too."""
    for torch, specs in ((False, (*CHAINS, *MORE_CHAINS)), (True, (*NETWORKS, *MORE_NETWORKS))):
        for spec in specs:
            for seed in (0,) if spec in SLOW else (0, 1):
                yield train_task("generators", "pell", spec, seed, torch)
    for author in AUTHORS[1:]:
        for spec in CHAINS[1:]:
            yield train_task("generators", author, spec, 0, torch=False)
    for spec in NETWORKS:
        yield train_task("generators", AUTHORS[1], spec, 0, torch=True)
    for spec in CELLS:
        yield train_task("cells", "pell", spec, 0, torch=True)


def plan_stored() -> Iterator[Task]:
    """Yield models that are stored and loaded before they are measured."""
    for spec in ("markov-char", "markov-word:adaptive=true", "markovify", "mixture:parts=markov-char+markov-word"):
        yield train_task("kept", "pell", spec, 0, torch=False, keep=True)
    for spec in ("lstm-char:hidden=32", "lstm-word:hidden=32", NETWORKS[-1]):
        yield train_task("kept", "pell", spec, 0, torch=True, keep=True)


def train_task(section: str, author: str, spec: str, seed: int, torch: bool, keep: bool = False) -> Task:
    """Return the task that trains and measures one generator."""
    return Task(section, f"{author} {spec} seed={seed}", torch, partial(train_and_measure, author, spec, seed, keep))


def train_and_measure(author: str, spec: str, seed: int, keep: bool = False) -> Figures:
    """Return all figures of one generator on one author with one seed; with `keep`, those of the stored model."""
    corpus = adapters.load_corpus(author)
    with tempfile.TemporaryDirectory() as folder:
        if "VECTORS" in spec:
            spec = spec.replace("VECTORS", str(write_vectors(Path(folder), str(corpus.train))))
        model = adapters.train(corpus, spec, seed, keep)
        if keep:
            model = adapters.train(corpus, spec, seed, keep)

    # generated texts
    samples: Figures = {}
    for name, (prompt, first_seed, count, sampling) in SAMPLES.items():
        samples[name] = adapters.sample(model, prompt, sampling, first_seed, count)
    samples["streamed"] = adapters.stream(model, PROMPT, {"length": 60, "temperature": 0.8}, 4)

    # training, test text, and the surprisal of a text with unknown characters
    training = {} if keep else adapters.training_figures(model)
    score = adapters.score_figures(model, str(corpus.test))
    return training | score | {"samples": samples, "surprisal": adapters.surprisal_figures(model, UNUSUAL_TEXT)}


def write_vectors(folder: Path, text: str) -> Path:
    """Write random word vectors, 16 wide, for every other word of a text; return the file."""
    words = sorted({word for word in text.split() if word.isalpha()})[::2]
    values = np.random.default_rng(0).normal(size=(len(words), 16)).round(4)
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, values.tolist(), strict=True)]
    path = folder / "vectors.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def long_test_corpora() -> list[Corpus]:
    """Return two corpora whose test text is a whole book, long enough for intervals."""
    with tempfile.TemporaryDirectory() as folder:
        books = Path(folder) / "books"
        books.mkdir()
        for title, author in (("first", "pell"), ("second", "thorne")):
            text = str(adapters.load_corpus(author).train)[:30_000]
            (books / f"{title}.txt").write_text(text, encoding="utf-8")
        return [adapters.load_corpus("marrow", "River"), adapters.load_corpus(books, "second")]


def compare_chains() -> Figures:
    """Compare chains, one of them adaptive, with all extra metrics but the judges of style."""
    specs = ["markov-char", "markov-word:adaptive=true", "markov-class:classes=40", "nltk-lm:unit=words"]
    comparison = adapters.compare(
        long_test_corpora(),
        specs,
        samplings=[
            {"length": 300, "temperature": 0.8},
            {"length": 200, "temperature": 1.0, "top_p": 0.9, "max_overlap": 3},
        ],
        prompts=["", "random"],
        by=list(SPLITS),
        memory=True,
        cross_author=True,
        score_validation=True,
    )
    return adapters.comparison_figures(comparison)


def compare_chains_and_networks() -> Figures:
    """Compare chains and networks over two seeds."""
    specs = ["markov-char", "markov-word", "lstm-char:hidden=32", "gru-word:hidden=32"]
    comparison = adapters.compare(long_test_corpora(), specs, seeds=2, samplings=[SHORT], by=list(SPLITS))
    return adapters.comparison_figures(comparison)


def compare_comparisons() -> list[Figures]:
    """Return the differences between two comparisons."""
    corpora = long_test_corpora()
    pairs = (["markov-char", "markov-word"], ["markov-char", "markov-word:order=2"])
    return adapters.difference_figures(*(adapters.compare(corpora, specs) for specs in pairs))


def measure_novelty() -> Figures:
    """Return what the texts of a chain that copies much have copied."""
    corpus = adapters.load_corpus("marrow")
    model = adapters.train(corpus, "markov-char:order=unbounded", 0)
    texts = adapters.sample(model, "", {"length": 600, "temperature": 0.6}, 5, 4)
    return {f"from {words} words": adapters.novelty_figures(texts, corpus, words) for words in (5, 3)}


def attribute_tests(spec: str) -> Figures:
    """Attribute the beginning of each author's test text."""
    return {
        author: adapters.attribution_figures(str(adapters.load_corpus(author).test)[:2_500], AUTHORS, spec)
        for author in AUTHORS
    }


def measure_memory(specs: Sequence[str]) -> Figures:
    """Return what context is worth to several models."""
    corpus = adapters.load_corpus("marrow")
    return adapters.memory_figures({spec: adapters.train(corpus, spec, 0) for spec in specs}, corpus)


def measure_gates(spec: str) -> Figures:
    """Return the gates of a small network over a sentence."""
    corpus = adapters.load_corpus("pell")
    return adapters.gate_figures(adapters.train(corpus, spec, 0), '"Quite so," said he.', corpus)


def explain_texts(spec: str) -> Figures:
    """Explain what a chain predicts after several texts."""
    corpus = adapters.load_corpus("thorne")
    model = adapters.train(corpus, spec, 0)
    texts = ("", "the light", "She went up to the ", "xyzzy 9")
    return {text: adapters.explanation_figures(model, corpus, text) for text in texts}


def compress_texts(spec: str) -> Figures:
    """Compress a text of the author, one of nobody, and an empty one."""
    corpus = adapters.load_corpus("pell")
    model = adapters.train(corpus, spec, 0)
    texts = {"test text": str(corpus.test)[:800], "strange": UNUSUAL_TEXT, "empty": ""}
    return {name: adapters.compression_figures(model, text.encode()) for name, text in texts.items()}


def judge_style() -> Figures:
    """Compare chains whose samples are judged."""
    comparison = adapters.compare(long_test_corpora(), ["markov-char:order=4"], samplings=[SHORT], style=True)
    return adapters.style_figures(comparison)


def sweep_options() -> Figures:
    """Sweep a grid of networks and chains, none of them stopped early."""
    content = f"""
authors = ["thorne"]
generators = ["lstm-char", "markov-char"]
steps = {STEPS}
length = 0
[sweep]
halving = 0
cost = "parameters"
lstm-char = {{ hidden = [16, 32] }}
markov-char = {{ order = [2, 4] }}
"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.toml"
        file.write_text(content, encoding="utf-8")
        return adapters.sweep_figures(file, "thorne")
