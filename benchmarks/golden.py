"""Golden numbers: the figures of every generator and every measure, written down so that a later version can be held
against them.

    python benchmarks/golden.py OUT.json [--only SUBSTRING ...] [--chains]
    python benchmarks/golden.py --diff A.json B.json [--tolerance 0]

The first form trains on the embedded authors, by steps and never by seconds, and writes all figures with every digit.
--only takes what has one of the substrings in "SECTION/KEY", --chains what needs no torch. The second form prints every
figure that differs and exits with 1 if there is one. The header (machine, versions, commit) is not compared. Figures of
networks are those of one kind of processor and one version of torch: compare files of one machine.

Every call of genbench stands in the section "Adapters"; to hold another interface against old figures, change those.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import genbench
from genbench.api import explain as why  # genbench.explain is a module once genbench.api is imported

Figures = dict[str, Any]
Work = tuple[str, str, bool, Callable[[], Any]]  # section, key, whether it needs torch, what gives the figures

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
STEPS = 24  # of every network
SHOWN = 50  # bits of characters at either end that are written as they are
AUTHORS = ("pell", "thorne", "marrow")
SPLITS = ("word-frequency", "context-seen", "position", "newline")
PROMPT = "The old lighth"  # ends inside a word
READ = (
    "The lamp was lit at nine, and nobody had seen the naïve zebra № 42 come up the stairs.\n\n"
    '"Well," said Mr. Quillfeather—“it’s gone! Half-past, I think.”\n\tHe sat down again , and waited.'
)

# What is trained. VECTORS in a SPEC stands for a file of word vectors, which is made anew for each run.
CHAINS = ("markov", "markov-char", "markov-class", "markov-word", "markovify", "nltk-lm")
NETWORKS = (
    "gru-char:hidden=32",
    "gru-word:hidden=32",
    "lstm-char:hidden=32",
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
SLOW = (*MORE_CHAINS[:2], MORE_NETWORKS[-2])  # of one seed alone

# How texts are drawn: prompt, seed, how many side by side, controls.
DRAWN: dict[str, tuple[str, int, int, Figures]] = {
    "plain": ("", 0, 1, {"length": 200, "temperature": 0.8}),
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


# ======================================================================================================================
# Adapters: every call of genbench, and every name of its results. Only this section knows the interface.
# ======================================================================================================================


def opened(author: str | Path, held_out: str = "") -> Any:
    """An author's text, or that of a folder of books; with `held_out`, a book by its title is the test text."""
    return genbench.corpus(author, held_out=[held_out] if held_out else [])


def part(corpus: Any, name: str) -> str:
    """The train, valid or test part of a text."""
    return str(getattr(corpus, name))


def train(corpus: Any, spec: str, seed: int, keep: bool = False) -> Any:
    """A trained generator; with `keep` it is kept, and taken from where it was kept the second time."""
    return genbench.train(corpus, spec, steps=STEPS, seed=seed, device="cpu", keep=keep)


def learned(generator: Any) -> Figures:
    """What a generator says of its training, without times."""
    facts = generator.facts
    curve = [bits for _, bits in facts.get("curve", [])]
    return {"parameters": facts.get("parameters"), "steps": facts.get("steps"), "validation": curve}


def score(generator: Any, text: str) -> Figures:
    """How well a text is predicted, and the bits of each character."""
    found = genbench.score(generator, text)
    names = "bits bits_per_character words bytes characters tokens word_perplexity token_perplexity spelled_share"
    return {name: getattr(found, name) for name in names.split()} | {"per_character": digest(found.character_bits)}


def sample(generator: Any, prompt: str, controls: Figures, seed: int, count: int = 1) -> list[str]:
    """Texts drawn side by side."""
    return genbench.generate(generator, prompt, genbench.Sampling(**controls), count=count, seed=seed)


def streamed(generator: Any, prompt: str, controls: Figures, seed: int) -> list[str]:
    """One text, in the pieces in which it is drawn."""
    return list(genbench.stream(generator, prompt, genbench.Sampling(**controls), seed))


def surprisal(generator: Any, text: str) -> Figures:
    """How surprising each word of a text is."""
    found = genbench.read({"it": generator}, text)["generators"]["it"]
    words, bits = zip(*found["words"], strict=True)
    return {"bits": found["bits"], "words": list(words), "word_bits": list(bits)}


def compare(authors: Sequence[Any], specs: Sequence[str], **how: Any) -> Any:
    """A comparison; `how` is seeds, prompts, drawn (controls), by, memory, across, validated, style."""
    drawn = [genbench.Sampling(**each) for each in how.pop("drawn", [{"length": 0}])]
    return genbench.compare(authors, specs, steps=STEPS, samplings=drawn, jobs=1, device="cpu", keep=False, **how)


def compared(comparison: Any) -> Figures:
    """The figures of a comparison: its rows, what can be said of pairs of them, and what they are held against."""
    found = comparison.to_dict()
    corpora = found["corpora"]
    sizes = {author: [corpora[author][name] for name in ("train", "valid", "test")] for author in corpora}
    return {
        "sizes": sizes,
        "floors": found["floors"],
        "human": {author: found["human"][author] and novelty_of(found["human"][author]) for author in corpora},
        "rows": {f"{row['author']} {row['generator']} seed={row['seed']}": row_of(row) for row in found["results"]},
        "ranked": {author: [row["generator"] for row in comparison.ranked(author)] for author in corpora},
        "verdicts": {author: [verdict_of(each) for each in found["verdicts"][author]] for author in corpora},
        "splits": {
            author: {by: [kind_of(kind) for kind in kinds] for by, kinds in found["splits"][author].items()}
            for author in corpora
        },
    }


def row_of(row: Figures) -> Figures:
    """The figures of one generator on one author with one seed."""
    names = "status bits bits_per_character bits_per_byte words characters tokens word_perplexity token_perplexity "
    names += "interval spelled_share parameters steps valid_bits_per_character"
    samples = [
        {name: each[name] for name in ("text", "surprisal", "longest_copy", "copied_share", "unseen", "copies")}
        for each in row["samples"]
    ]
    counted = ("characters", "bits", "block_characters", "block_bits")
    return {name: row[name] for name in names.split()} | {
        "blocks": row["block_bits"],
        "by": {by: [[kind[name] for name in counted] for kind in kinds.values()] for by, kinds in row["by"].items()},
        "samples": samples,
        "novelty": [novelty_of(each) for each in row["novelty"]],
        "memory": [context_of(each) for each in row["memory"]],
        "elsewhere": row["elsewhere"],
    }


def kind_of(kind: Figures) -> Figures:
    """The figures of one kind of place of the test text."""
    return {
        "share": kind["share"],
        "bits_per_character": kind["bits_per_character"],
        "verdicts": [verdict_of(each) for each in kind["verdicts"]],
    }


def verdict_of(verdict: Figures) -> Figures:
    """Which of two predicts better, and how surely."""
    return {name: verdict[name] for name in ("better", "than", "by", "interval", "sure")}


def novelty_of(found: Figures) -> Figures:
    """What several texts copy and repeat."""
    names = ("texts", "words", "longest_copy", "copied_share", "unseen", "distinct", "self_bleu")
    return {name: found[name] for name in names}


def context_of(row: Figures) -> Figures:
    """What words cost after a context of one length."""
    names = ("context", "bits_per_character", "interval", "half_shuffled", "beyond", "beyond_interval")
    return {name: row[name] for name in names}


def differences(one: Any, other: Any) -> list[Figures]:
    """By how much two comparisons differ, row by row."""
    names = ("author", "bits", "by", "interval", "sure", "identical")
    return [{name: row[name] for name in names} for row in genbench.differences(one, other)["rows"]]


def novelty(texts: Sequence[str], corpus: Any, words: int) -> Figures:
    """What texts copy from an author; a copied run counts from so many words on."""
    found = genbench.novelty(texts, corpus, words=words)
    names = ("longest_copy", "copied_from", "copies", "copied_share", "unseen")
    alone = [{name: each[name] for name in names} for each in found["texts"]]
    return {"texts": alone, "drawn": novelty_of(found["drawn"]), "human": novelty_of(found["human"])}


def attribute(text: str, authors: Sequence[str], spec: str) -> Figures:
    """Who of several wrote a text."""
    found = genbench.attribute(text, authors, spec, steps=STEPS, device="cpu")
    given = [[each[name] for name in ("author", "bits", "bits_per_character")] for each in found["authors"]]
    return {"authors": given} | {name: found[name] for name in ("best", "margin", "interval", "sure", "characters")}


def confusion(authors: Sequence[Any], spec: str) -> Figures:
    """How well models of several authors tell them apart."""
    found = genbench.authors(authors, spec, lengths=(50, 100, 200), passages=20, fresh=True, steps=STEPS, device="cpu")
    given = [{"length": each["length"]} | share_of(each) for each in found["attribution"]]
    return {name: found[name] for name in ("bits", "distances", "whole_right")} | {"attribution": given}


def share_of(found: Figures) -> Figures:
    """How many passages went to their author, and for each author to whom."""
    return {name: found[name] for name in ("passages", "right", "accuracy", "interval", "mean", "given_to")}


def memory(generators: Mapping[str, Any], corpus: Any) -> Figures:
    """What context is worth to generators, by name, and what brackets and names that come again cost."""
    found = genbench.memory(generators, corpus, longest=64, targets=60)
    recalled = genbench.distances(generators, corpus)
    counted = ("from", "to", "places", "bits", "chance", "recalled", "mastered")
    told: Figures = {"targets": found["targets"], "characters": found["characters"], "places": recalled["places"]}
    for name, each in found["generators"].items():
        pairs = [
            [pair[there][what] for there in ("near", "far_away") for what in ("pull", "bits")] for pair in each["pairs"]
        ]
        recall = [[row[figure] for figure in counted] for row in recalled["generators"][name]]
        curve = [context_of(row) for row in each["curve"]]
        told[name] = {"curve": curve, "pairs": pairs, "gradients": each["gradients"], "recall": recall}
    return told


def gates(generator: Any, text: str, corpus: Any) -> Figures:
    """What is inside a recurrent network while it reads; the gates of a layer in the order in which it gives them."""
    found = genbench.cells(generator, text, corpus)
    layers = [{"memory": layer["memory"], "gates": list(layer["gates"].values())} for layer in found["layers"]]
    shares = [[[gate["shut"], gate["open"]] for gate in layer.values()] for layer in found["saturation"]]
    tracked = [[each[name] for name in ("layer", "unit", "r", "chance")] for each in found["tracking"]]
    return {"pieces": found["pieces"], "layers": layers, "saturation": shares, "tracking": tracked}


def explain(generator: Any, corpus: Any, text: str) -> Figures:
    """What comes after a text, and the counts behind it."""
    found = why(generator, corpus, text)
    contexts = [
        {
            "context": [each.text, each.tokens, each.leftover, each.followers],
            "continuations": [
                [one.text, one.probability, one.count, one.discount, one.places] for one in each.continuations
            ],
        }
        for each in found.contexts
    ]
    return {"likeliest": [[each.text, each.probability] for each in found.likeliest], "contexts": contexts}


def compress(generator: Any, data: bytes) -> Figures:
    """How many bytes a text is compressed to, and whether it comes back."""
    packed = genbench.compress(generator, data)
    return {"bytes": len(data), "compressed": len(packed), "same": genbench.decompress(packed, generator) == data}


def styled(comparison: Any) -> Figures:
    """What the judges of style say of a comparison's samples, and how far they can be trusted."""
    trust, ways = comparison.style, ("bits", "rnn", "lstm")
    lengths = [trust["human"], *trust["by_length"]]
    lost = {way: trust["lost_word"][way] for way in ways}
    told = {f"{row['author']} {row['generator']}": row["style"] for row in comparison.results}
    return {
        "set_aside": trust["set_aside"],
        "human": [{"length": each["length"]} | {way: share_of(each[way]) for way in ways} for each in lengths],
        "lost_word": {
            way: [share_of(each["whole"]), share_of(each["without"]), each["changed"]] for way, each in lost.items()
        },
        "rows": {
            name: {way: share_of(each[way]) for way in ways} | {"texts": each["texts"]} for name, each in told.items()
        },
    }


def sweep(file: Path, author: str) -> Figures:
    """Every combination of options of a sweep file: what each has, which come out best, and the front."""
    found = genbench.sweep(file, device="cpu", jobs=1, keep=False)
    counted = ("valid_bits_per_character", "bits_per_character", "parameters")
    named = [
        [row["generator"], row["options"].get("hidden"), row["options"].get("order")] for row in found.ranked(author)
    ]
    rows = [name + [row[each] for each in counted] for name, row in zip(named, found.ranked(author), strict=True)]
    front = [[row[each] for each in counted] for row in found.front(author)]
    return {"ranked": rows, "front": front}


# ======================================================================================================================
# The work: what is measured, in terms of the adapters alone.
# ======================================================================================================================


def digest(bits: Any) -> Figures:
    """Many numbers in few: their checksum, their sum, and those at either end."""
    values = np.asarray(bits, dtype="<f8")
    return {
        "sha256": sha256(values.tobytes()).hexdigest(),
        "sum": float(values.sum()),
        "first": values[:SHOWN].tolist(),
        "last": values[-SHOWN:].tolist(),
    }


def trained(author: str, spec: str, seed: int, keep: bool = False) -> Figures:
    """All figures of one generator on one author with one seed."""
    corpus = opened(author)
    with tempfile.TemporaryDirectory() as folder:
        if "VECTORS" in spec:
            spec = spec.replace("VECTORS", str(vectors(Path(folder), part(corpus, "train"))))
        generator = train(corpus, spec, seed, keep)
        if keep:
            generator = train(corpus, spec, seed, keep)
    samples: Figures = {}
    for name, (prompt, drawn_seed, count, controls) in DRAWN.items():
        samples[name] = sample(generator, prompt, controls, drawn_seed, count)
    samples["streamed"] = streamed(generator, PROMPT, {"length": 60, "temperature": 0.8}, 4)
    told = {} if keep else learned(generator)
    read = surprisal(generator, READ)
    return told | score(generator, part(corpus, "test")) | {"samples": samples, "surprisal": read}


def vectors(folder: Path, text: str) -> Path:
    """A file of word vectors, 16 wide, for every other word of a text."""
    words = sorted({word for word in text.split() if word.isalpha()})[::2]
    values = np.random.default_rng(0).normal(size=(len(words), 16)).round(4)
    lines = [" ".join([word, *map(str, row)]) for word, row in zip(words, values.tolist(), strict=True)]
    path = folder / "vectors.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def of_generators() -> Iterator[Work]:
    """Every SPEC on one author with two seeds, the plain ones on another too; and some taken back from disk."""

    def work(section: str, author: str, spec: str, seed: int, torch: bool, keep: bool = False) -> Work:
        return section, f"{author} {spec} seed={seed}", torch, partial(trained, author, spec, seed, keep)

    for torch, specs in ((False, (*CHAINS, *MORE_CHAINS)), (True, (*NETWORKS, *MORE_NETWORKS))):
        for spec in specs:
            yield from (work("generators", "pell", spec, seed, torch) for seed in ((0,) if spec in SLOW else (0, 1)))
    yield from (work("generators", author, spec, 0, False) for author in AUTHORS[1:] for spec in CHAINS[1:])
    yield from (work("generators", AUTHORS[1], spec, 0, True) for spec in NETWORKS)
    kept = ("markov-char", "markov-word:adaptive=true", "markovify", "mixture:parts=markov-char+markov-word")
    yield from (work("kept", "pell", spec, 0, False, True) for spec in kept)
    networks = ("lstm-char:hidden=32", "lstm-word:hidden=32", NETWORKS[-1])
    yield from (work("kept", "pell", spec, 0, True, True) for spec in networks)


def with_long_tests() -> list[Any]:
    """Two texts whose test part is a whole book, long enough for intervals."""
    with tempfile.TemporaryDirectory() as folder:
        books = Path(folder) / "books"
        books.mkdir()
        for title, author in (("first", "pell"), ("second", "thorne")):
            (books / f"{title}.txt").write_text(part(opened(author), "train")[:30_000], encoding="utf-8")
        return [opened("marrow", "River"), opened(books, "second")]


def of_chains_compared() -> Figures:
    """A comparison of chains, one of which learns as it reads, with everything that can be asked for."""
    specs = ["markov-char", "markov-word:adaptive=true", "markov-class:classes=40", "nltk-lm:unit=words"]
    drawn = [{"length": 300}, {"length": 200, "temperature": 1.0, "top_p": 0.9, "max_overlap": 3}]
    how = {"prompts": ["", "random"], "by": SPLITS, "memory": True, "across": True, "validated": True}
    return compared(compare(with_long_tests(), specs, drawn=drawn, **how))


def of_both_compared() -> Figures:
    """A comparison of chains and networks over two seeds."""
    specs = ["markov-char", "markov-word", "lstm-char:hidden=32", "gru-word:hidden=32"]
    drawn = [{"length": 200}]
    return compared(compare(with_long_tests(), specs, seeds=2, drawn=drawn, by=SPLITS))


def of_differences() -> list[Figures]:
    """Two comparisons held against each other."""
    authors = with_long_tests()
    pairs = (["markov-char", "markov-word"], ["markov-char", "markov-word:order=2"])
    return differences(*(compare(authors, specs) for specs in pairs))


def of_novelty() -> Figures:
    """What the texts of a chain that copies much have copied."""
    corpus = opened("marrow")
    texts = sample(train(corpus, "markov-char:order=unbounded", 0), "", {"length": 600, "temperature": 0.6}, 5, 4)
    return {f"from {words} words": novelty(texts, corpus, words) for words in (5, 3)}


def of_attribution(spec: str) -> Figures:
    """Who wrote the test text of each author."""
    return {author: attribute(part(opened(author), "test")[:2_500], AUTHORS, spec) for author in AUTHORS}


def of_memory(specs: Sequence[str]) -> Figures:
    """What context is worth to some generators."""
    corpus = opened("marrow")
    return memory({spec: train(corpus, spec, 0) for spec in specs}, corpus)


def of_gates(spec: str) -> Figures:
    """Inside a small network."""
    corpus = opened("pell")
    return gates(train(corpus, spec, 0), '"Quite so," said he.', corpus)


def of_explanations(spec: str) -> Figures:
    """Why a chain goes on as it does after some texts."""
    corpus = opened("thorne")
    generator = train(corpus, spec, 0)
    return {text: explain(generator, corpus, text) for text in ("", "the light", "She went up to the ", "xyzzy 9")}


def of_compression(spec: str) -> Figures:
    """A text that the model knows the style of, and one that it does not."""
    corpus = opened("pell")
    generator = train(corpus, spec, 0)
    texts = {"test text": part(corpus, "test")[:800], "strange": READ, "empty": ""}
    return {name: compress(generator, text.encode()) for name, text in texts.items()}


def of_style() -> Figures:
    """Chains whose samples are judged."""
    return styled(compare(with_long_tests(), ["markov-char:order=4"], drawn=[{"length": 200}], style=True))


def of_sweep() -> Figures:
    """A grid of networks and chains, none of them stopped early."""
    said = f"""
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
        file.write_text(said, encoding="utf-8")
        return sweep(file, "thorne")


def works() -> Iterator[Work]:
    """All that is measured."""
    yield from of_generators()
    yield "comparison", "chains", False, of_chains_compared
    yield "comparison", "chains and networks", True, of_both_compared
    yield "comparison", "differences", False, of_differences
    yield "novelty", "markov-char:order=unbounded", False, of_novelty
    for torch, spec in ((False, "markov-char:order=5"), (False, "markov-word"), (True, "lstm-char:hidden=32")):
        yield "attribution", spec, torch, partial(of_attribution, spec)
        yield "confusion", spec, torch, partial(confusion, AUTHORS, spec)
    chains = ("markov-char", "markov-word", "mixture:parts=markov-char+markov-word")
    yield "memory", "chains", False, partial(of_memory, chains)
    networks = ("lstm-char:hidden=24", "gru-word:hidden=24", "lstm-window:hidden=24", "peephole-lstm-char:hidden=24")
    yield "memory", "networks", True, partial(of_memory, networks)
    for spec in ("lstm-char", "gru-char", "rnn-char", "peephole-lstm-char", "stacked-lstm-char", "lstm-word"):
        yield "gates", spec, True, partial(of_gates, f"{spec}:hidden=12")
    for spec in (
        "markov-char:order=5",
        "markov-word",
        "markov-char:order=4,smoothing=fitted",
        "markov-class",
        "markov",
    ):
        yield "explain", spec, False, partial(of_explanations, spec)
    chains = ("markov-char", "markov-word:adaptive=true", "mixture:parts=markov-char+markov-word")
    for torch, spec in ((False, chains[0]), (False, chains[1]), (False, chains[2]), (True, "lstm-char:hidden=32")):
        yield "compression", spec, torch, partial(of_compression, spec)
    yield "style", "markov-char:order=4", True, of_style
    yield "sweep", "lstm-char, markov-char", True, of_sweep


# ======================================================================================================================
# Files: writing the figures, and holding two files against each other.
# ======================================================================================================================


def header() -> Figures:
    """Where and with what the figures were made; never compared."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    folder = Path(str(genbench.__file__)).parent
    git = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": names[0] if names else platform.processor(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "torch": version("torch"),
        "commit": git.stdout.strip(),
    }


def write(file: Path, chains: bool, only: Sequence[str]) -> int:
    """Measure all that is wanted, and write it; what fails is written as its error, and gives 1 instead of 0."""
    failures = 0
    figures: dict[str, Figures] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GENBENCH_HOME"] = home  # no model that an earlier run kept is taken
        for section, key, torch, work in works():
            wanted = not only or any(each in f"{section}/{key}" for each in only)
            if wanted and not (chains and torch):
                print(f"{time.perf_counter() - began:6.1f} s  {section}/{key}", file=sys.stderr, flush=True)
                try:
                    found = work()
                except Exception as error:  # the other figures are worth having
                    failures, found = failures + 1, {"error": f"{type(error).__name__}: {error}"}
                    print(f"          {found['error']}", file=sys.stderr, flush=True)
                figures.setdefault(section, {})[key] = found
    file.write_text(as_json(header(), figures), encoding="utf-8")
    count = sum(1 for _ in leaves(figures))
    took = time.perf_counter() - began
    print(f"{count:,} figures, {failures} failures, in {took:.0f} seconds: {file}", file=sys.stderr)
    return int(failures > 0)


def as_json(head: Figures, figures: Mapping[str, Figures]) -> str:
    """JSON with one line for each key of a section; floats are written with every digit."""

    def written(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    sections = []
    for section, each in figures.items():
        lines = [f"   {written(key)}: {written(value)}" for key, value in each.items()]
        sections.append(f"  {written(section)}: {{\n" + ",\n".join(lines) + "\n  }")
    return f'{{\n "header": {written(head)},\n "figures": {{\n' + ",\n".join(sections) + "\n }\n}\n"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every single figure with its path; an empty list or dict counts as one."""
    if isinstance(value, dict | list | tuple) and value:
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in named:
            yield from leaves(each, f"{path}/{name}" if path else str(name))
    else:
        yield path, value


def diff(one: Path, other: Path, tolerance: float) -> int:
    """Print what differs between two files; returns 1 if anything does, else 0."""
    left, right = (dict(leaves(json.loads(each.read_text(encoding="utf-8"))["figures"])) for each in (one, other))
    paths = list(dict.fromkeys([*left, *right]))
    different = 0
    for path in paths:
        pair = [side.get(path, "(missing)") for side in (left, right)]
        if not alike(path, pair[0], pair[1], tolerance) or not (path in left and path in right):
            different += 1
            print(f"{path}: {pair[0]!r} {pair[1]!r}")
    print(f"{len(paths):,} figures compared, {different:,} differ")
    return int(different > 0)


def alike(path: str, one: Any, other: Any, tolerance: float) -> bool:
    """Whether two figures are the same, or numbers no further apart than the tolerance, of their size or of 1.

    With a tolerance above 0 checksums are passed over.
    """
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    if tolerance and numbers:
        return bool(abs(one - other) <= tolerance * max(1.0, abs(one), abs(other)))
    return bool((tolerance and path.endswith("/sha256")) or (type(one) is type(other) and one == other))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Write the figures of every generator and measure, or compare two files."
    )
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT.json")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--chains", action="store_true", help="only what needs no torch")
    parser.add_argument("--diff", nargs=2, type=Path, metavar=("A.json", "B.json"))
    parser.add_argument("--tolerance", type=float, default=0.0)
    given = parser.parse_args()
    if given.diff:
        one, other = given.diff
        return diff(one, other, given.tolerance)
    if given.out is None:
        parser.error("name the file to write, or two with --diff")
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # Libraries read these when they are loaded: begin anew with them set.
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    return write(given.out, given.chains, given.only)


if __name__ == "__main__":
    sys.exit(main())
