"""Adapters of the golden figures: one function for each public function, which returns its figures as JSON values.

Only this file knows the interface of genbench. SPECs and the keys of the figures are those of `golden.json`; where an
option or a field has been renamed since, it is translated here, so that old and new files have the same keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from genbench import api, scoring
from genbench.analysis.attribution import Accuracy
from genbench.analysis.memory import ContextBits
from genbench.analysis.minimal_pairs import PairEffects
from genbench.analysis.novelty import NoveltyStatistics
from genbench.corpus.corpus import Corpus
from genbench.experiments.compare import run_comparison
from genbench.experiments.comparison import Comparison
from genbench.experiments.plan import CompareSettings
from genbench.experiments.row import Row
from genbench.experiments.significance import StratumResult, Verdict
from genbench.model import Model
from genbench.sampling import Sampling
from genbench.storage.records import to_json

Figures = dict[str, Any]  # JSON values

STEPS = 24  # of every network
EDGE = 50  # bits of characters at either end that are written one by one
JUDGES = ("bits", "rnn", "lstm")  # of style
RENAMED_OPTIONS = {"matrix_rate": "muon_lr", "between": "layer_dropout", "window": "bptt"}


def load_corpus(author: str | Path, held_out: str = "") -> Corpus:
    """Return the text of an author or of a folder of books; the book whose title is `held_out` is the test text."""
    return api.corpus(author, held_out=[held_out] if held_out else [])


def current_spec(spec: str) -> str:
    """Return a SPEC with today's names of its options; lstm-window still has an option `window`.

    >>> current_spec("lstm-char:hidden=32,matrix_rate=0"), current_spec("lstm-window:window=20")
    ('lstm-char:hidden=32,muon_lr=0', 'lstm-window:window=20')
    """
    for old, new in RENAMED_OPTIONS.items():
        if not (old == "window" and spec.startswith("lstm-window")):
            spec = re.sub(rf"\b{old}=", f"{new}=", spec)
    return spec


def train(corpus: Corpus, spec: str, seed: int, keep: bool = False) -> Model:
    """Return a trained model; with `keep` it is stored, and loaded from the store the second time."""
    return api.train(corpus, current_spec(spec), steps=STEPS, seed=seed, device="cpu", keep=keep)


def training_figures(model: Model) -> Figures:
    """Return the statistics of a training, without times."""
    assert model.card is not None
    record = model.card.training
    return {"parameters": record.parameters, "steps": record.steps, "validation": [bits for _, bits in record.curve]}


def score_figures(model: Model, text: str) -> Figures:
    """Return how well a text is predicted, and a digest of the bits of its characters."""
    score = scoring.score(model.generator, text)  # of word models, the canonical tokens
    names = "bits bits_per_character words bytes characters tokens word_perplexity token_perplexity spelled_share"
    return _fields(score, *names.split()) | {"per_character": digest(score.character_bits)}


def digest(bits: Any) -> Figures:
    """Return the checksum of many numbers, their sum, and those at either end."""
    values = np.asarray(bits, dtype="<f8")
    return {
        "sha256": sha256(values.tobytes()).hexdigest(),
        "sum": float(values.sum()),
        "first": values[:EDGE].tolist(),
        "last": values[-EDGE:].tolist(),
    }


def sample(model: Model, prompt: str, sampling: Figures, seed: int, count: int = 1) -> list[str]:
    """Return texts that are sampled side by side."""
    return api.generate(model, prompt, Sampling(**sampling), count=count, seed=seed)


def stream(model: Model, prompt: str, sampling: Figures, seed: int) -> list[str]:
    """Return one text, in the pieces in which it is sampled."""
    return list(api.stream(model, prompt, Sampling(**sampling), seed=seed))


def surprisal_figures(model: Model, text: str) -> Figures:
    """Return the bits of each word of a text."""
    result = api.surprisal({"model": model}, text).generators["model"]
    words = [word.text for word in result.words]
    return {"bits": result.bits, "words": words, "word_bits": [word.bits for word in result.words]}


def compare(
    corpora: Sequence[Corpus], specs: Sequence[str], samplings: Sequence[Figures] = ({"length": 0},), **settings: Any
) -> Comparison:
    """Return a comparison; `samplings` are the parameters of the samples, `settings` further CompareSettings."""
    complete = CompareSettings(
        authors=[corpus.author for corpus in corpora],
        generators=[current_spec(spec) for spec in specs],
        steps=STEPS,
        samplings=[Sampling(**parameters) for parameters in samplings],
        jobs=1,
        device="cpu",
        **settings,
    )
    return run_comparison(complete, corpora, keep=False)


def comparison_figures(comparison: Comparison) -> Figures:
    """Return the rows of a comparison, its verdicts, and the baselines and human text to compare with."""
    authors = list(comparison.corpora)
    rows = {f"{row.author} {row.generator} seed={row.seed}": _row(row) for row in comparison.results}
    human = {author: comparison.held_out_text[author] for author in authors}
    return {
        "sizes": {author: [info.train, info.valid, info.test] for author, info in comparison.corpora.items()},
        "floors": comparison.baselines,
        "human": {author: statistics and _novelty(statistics) for author, statistics in human.items()},
        "rows": rows,
        "ranked": {author: [row.generator for row in comparison.ranked(author)] for author in authors},
        "verdicts": {author: [_verdict(verdict) for verdict in comparison.verdicts(author)] for author in authors},
        "splits": {
            author: {by: [_stratum(stratum) for stratum in strata] for by, strata in comparison.splits(author).items()}
            for author in authors
        },
    }


def _row(row: Row) -> Figures:
    """Return the figures of one generator on one author with one seed."""
    names = "status bits bits_per_character bits_per_byte words characters tokens word_perplexity token_perplexity "
    names += "interval spelled_share parameters steps"
    of_sample = ("text", "surprisal", "longest_copy", "copied_share", "unseen", "copies")
    of_stratum = ("characters", "bits", "block_characters", "block_bits")
    return _fields(row, *names.split()) | {
        "valid_bits_per_character": row.validation_bits_per_character,
        "blocks": row.block_bits,
        "by": {
            by: [list(_fields(stratum, *of_stratum).values()) for stratum in strata.values()]
            for by, strata in row.splits.items()
        },
        "samples": [_fields(sample, *of_sample) for sample in row.samples],
        "novelty": [_novelty(statistics) for statistics in row.novelty],
        "memory": [_context(context) for context in row.memory],
        "elsewhere": row.cross_scores,
    }


def _stratum(stratum: StratumResult) -> Figures:
    """Return the figures of one stratum of the test text."""
    verdicts = [_verdict(verdict) for verdict in stratum.verdicts]
    return _fields(stratum, "share", "bits_per_character") | {"verdicts": verdicts}


def _verdict(verdict: Verdict) -> Figures:
    """Return which of two rows predicts better, and how clear that is."""
    return _fields(verdict, "better", "interval") | {
        "than": verdict.worse,
        "by": verdict.difference,
        "sure": verdict.clear,
    }


def _novelty(statistics: NoveltyStatistics) -> Figures:
    """Return what several texts copy and repeat."""
    return _fields(statistics, "texts", "words", "longest_copy", "copied_share", "unseen", "distinct", "self_bleu")


def _context(context: ContextBits) -> Figures:
    """Return the bits of words after a context of one length."""
    names = ("context", "bits_per_character", "interval", "half_shuffled", "beyond", "beyond_interval")
    return _fields(context, *names)


def difference_figures(a: Comparison, b: Comparison) -> list[Figures]:
    """Return by how much two comparisons differ, row by row."""
    return [
        _fields(row, "author", "interval", "identical")
        | {"bits": to_json(row.bits_per_character), "by": row.difference, "sure": row.clear}
        for row in api.diff_comparisons(a, b).rows
    ]


def novelty_figures(texts: Sequence[str], corpus: Corpus, words: int) -> Figures:
    """Return what texts copy from an author, in runs of at least `words` words."""
    report = api.novelty(texts, corpus, words=words)
    names = ("longest_copy", "copied_from", "copies", "copied_share", "unseen")
    return {
        "texts": [_fields(text, *names) for text in report.texts],
        "drawn": _novelty(report.generated),
        "human": _novelty(report.held_out),
    }


def attribution_figures(text: str, authors: Sequence[str], spec: str) -> Figures:
    """Return which of several authors wrote a text."""
    attribution = api.attribute(text, authors, current_spec(spec), steps=STEPS, device="cpu")
    return {
        "authors": [[row.author, row.bits, row.bits_per_character] for row in attribution.authors],
        "sure": attribution.clear,
    } | _fields(attribution, "best", "margin", "interval", "characters")


def confusion_figures(authors: Sequence[str], spec: str) -> Figures:
    """Return how well models of several authors distinguish them."""
    report = api.confusion(
        authors, current_spec(spec), lengths=(50, 100, 200), passages=20, retrain=True, steps=STEPS, device="cpu"
    )
    return {
        "bits": report.bits,
        "distances": report.distances,
        "whole_right": report.whole_correct,
        "attribution": [{"length": length} | _accuracy(accuracy) for length, accuracy in report.attribution.items()],
    }


def _accuracy(accuracy: Accuracy) -> Figures:
    """Return how many passages were attributed to their author, and for each author to whom."""
    return _fields(accuracy, "passages", "accuracy", "interval", "mean") | {
        "right": accuracy.correct,
        "given_to": accuracy.attributed_to,
    }


def memory_figures(models: Mapping[str, Model], corpus: Corpus) -> Figures:
    """Return what context is worth to models, by name, and the bits of brackets and names that are repeated."""
    report = api.memory(models, corpus, longest=64, targets=60)
    recall = api.recall(models, corpus)
    names = ("min_distance", "max_distance", "places", "bits", "chance", "recalled", "mastered")
    by_model = {
        name: {
            "curve": [_context(context) for context in result.curve],
            "pairs": [_pair(pair) for pair in result.pairs],
            "gradients": result.gradients and _gradients(to_json(result.gradients)),
            "recall": [list(_fields(row, *names).values()) for row in recall.generators[name]],
        }
        for name, result in report.generators.items()
    }
    return _fields(report, "targets", "characters") | {"places": recall.places} | by_model


def _pair(pair: PairEffects) -> list[Any]:
    """Return the effects of a minimal pair, first without and then with the words between."""
    return [figure for effect in (pair.near, pair.far_away) for figure in (effect.effect, effect.bits)]


def _gradients(gradients: Figures) -> Figures:
    """Return gradient norms by lag; a trained network has no scale."""
    trained = {name: value for name, value in gradients["trained"].items() if name != "scale"}
    return gradients | {"trained": trained}


def gate_figures(model: Model, text: str, corpus: Corpus) -> Figures:
    """Return the memory and the gates of a recurrent network over a text; gates in the order of the network."""
    report = api.gates(model, corpus, text)
    return {
        "pieces": report.pieces,
        "layers": [{"memory": layer.memory, "gates": list(layer.gates.values())} for layer in report.layers],
        "saturation": [[[gate.closed, gate.open] for gate in layer.values()] for layer in report.saturation],
        "tracking": [[row.layer, row.unit, row.correlation, row.chance] for row in report.tracking],
    }


def explanation_figures(model: Model, corpus: Corpus, text: str) -> Figures:
    """Return the likeliest continuations of a text, and the counts behind them."""
    explanation = api.explain(model, corpus, text)
    names = ("text", "probability", "count", "discount", "places")
    contexts = [
        {
            "context": [context.text, context.tokens, context.leftover, context.followers],
            "continuations": [list(_fields(row, *names).values()) for row in context.continuations],
        }
        for context in explanation.contexts
    ]
    return {"likeliest": [[row.text, row.probability] for row in explanation.likeliest], "contexts": contexts}


def compression_figures(model: Model, data: bytes) -> Figures:
    """Return to how many bytes a text is compressed, and whether it is restored."""
    compressed = api.compress(model, data)
    restored = api.decompress(compressed, model)
    return {"bytes": len(data), "compressed": len(compressed), "same": restored == data}


def style_figures(comparison: Comparison) -> Figures:
    """Return what the judges of style say about a comparison's samples, and how accurate they are."""
    report = comparison.style
    assert report is not None
    rows: Figures = {}
    for row in comparison.results:
        assert row.style is not None
        judges = {judge: _accuracy(row.style.accuracy[judge]) for judge in JUDGES}
        rows[f"{row.author} {row.generator}"] = judges | {"texts": row.style.texts}
    return {
        "set_aside": report.set_aside,
        "human": [
            {"length": passages.length} | {judge: _accuracy(passages.judges[judge]) for judge in JUDGES}
            for passages in (report.human, *report.by_length)
        ],
        "lost_word": {
            judge: [_accuracy(lost.whole), _accuracy(lost.without), lost.changed]
            for judge, lost in ((judge, report.lost_word[judge]) for judge in JUDGES)
        },
        "rows": rows,
    }


def sweep_figures(file: Path, author: str) -> Figures:
    """Return the figures of every combination of options in a sweep file, the best first, and the Pareto front."""
    sweep = api.sweep(file, device="cpu", jobs=1, keep=False)
    names = ("validation_bits_per_character", "bits_per_character", "parameters")
    ranked = [
        [row.generator, row.options.get("hidden"), row.options.get("order"), *_fields(row, *names).values()]
        for row in sweep.ranked(author)
    ]
    return {"ranked": ranked, "front": [list(_fields(row, *names).values()) for row in sweep.front(author)]}


def _fields(record: Any, *names: str) -> Figures:
    """Return some attributes of an object as JSON values."""
    return {name: to_json(getattr(record, name)) for name in names}
