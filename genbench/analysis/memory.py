"""The use of context: bits of the same words with contexts of several lengths (Khandelwal et al. 2018), and gradients.

A target is a word with the space before it, so that models over characters and over words predict the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex

from genbench import capabilities, scoring
from genbench.analysis.intervals import Floats, Interval, mean_interval
from genbench.analysis.minimal_pairs import LECTURE as LECTURE
from genbench.analysis.minimal_pairs import MinimalPair, PairEffects, pair_effects
from genbench.analysis.minimal_pairs import read_pairs as read_pairs
from genbench.capabilities import Probe
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback
from genbench.model import Model
from genbench.storage.records import JsonRecord
from genbench.tokenization.segmentation import WORD_CHARACTERS
from genbench.tokenization.tokenizer import Ids
from genbench.training import SILENT, ProgressListener

TARGET = regex.compile(rf"(?<=[{WORD_CHARACTERS}]) [{WORD_CHARACTERS}]+(?![{WORD_CHARACTERS}])")
MAX_CONTEXT = 1024  # characters
MAX_TARGETS = 500
MIN_SHUFFLED = 32  # characters of context; a shorter one has no words to shuffle
MAX_LAG = 128  # tokens
SCALES = (0.5, 1.0, 2.0)  # factors on the initial recurrent weights of an untrained network
GRADIENT_CHARACTERS = 20_000  # of validation text that gradients are computed on

Span = tuple[int, int]  # [start, stop) in characters


@dataclass(frozen=True)
class ContextBits:
    """The bits of the targets with a context of one length."""

    context: int  # characters
    bits_per_character: float
    interval: Interval | None  # 95 %, over the targets in the order of the text
    half_shuffled: float | None  # bits per character with the words of the farther half of the context shuffled
    beyond: float  # bits per character saved by the longest context, compared with this one
    beyond_interval: Interval | None


@dataclass(frozen=True)
class GradientNorms:
    """Median norms of the gradient of a token's surprisal with respect to earlier inputs."""

    norm: float | None  # at lag 1, in nats per unit of input
    relative: list[float | None]  # at each lag, divided by the norm at lag 1
    scale: float | None = None  # factor on an untrained network's recurrent weights; None: the trained network


@dataclass(frozen=True)
class Gradients:
    """Gradient norms by lag, in a trained network and in untrained ones."""

    lags: list[int]  # tokens
    trained: GradientNorms
    untrained: list[GradientNorms]


@dataclass(frozen=True)
class ModelMemory:
    """The use of context by one model."""

    curve: list[ContextBits]
    pairs: list[PairEffects]
    gradients: Gradients | None  # None if the model is not a recurrent network


@dataclass(frozen=True)
class MemoryReport(JsonRecord):
    """The use of context by several models, on the same targets of an author's test text."""

    author: str
    targets: int
    characters: int  # of all targets together
    generators: dict[str, ModelMemory]


def memory(
    models: Mapping[str, Model],
    corpus: str | Path | Corpus,
    *,
    longest: int = MAX_CONTEXT,
    targets: int = MAX_TARGETS,
    scales: Sequence[float] = SCALES,
    minimal_pairs: Sequence[MinimalPair] = (LECTURE,),
    listener: ProgressListener = SILENT,
) -> MemoryReport:
    """Measure how models, by name, use the context in an author's test text.

    For each model: bits per character of the same words with a context of 1, 2, 4 ... `longest` characters, the effect
    of a distant word on words that depend on it, and, for a network, gradient norms by lag. `scales` are factors on the
    recurrent weights of untrained networks. Raises UserError if the test text is too short.
    """
    corpus = load_corpus(corpus, on_progress=listener.download)
    test = str(corpus.test)
    spans = find_targets(test, longest, targets)

    # the same targets for every model
    by_model: dict[str, ModelMemory] = {}
    for name, model in models.items():
        generator = model.generator
        probe = capabilities.probe(generator)
        ids = generator.tokenizer.encode(corpus.valid[:GRADIENT_CHARACTERS])
        curve = context_curve(generator, test, spans, longest, listener.task(f"{name}: contexts"))
        with listener.stage(f"{name}: minimal pairs and gradients"):
            effects = [pair_effects(generator, pair) for pair in minimal_pairs]
            gradients = None if probe is None else gradient_norms(probe, ids, scales=scales)
        by_model[name] = ModelMemory(curve, effects, gradients)
    return MemoryReport(corpus.author, len(spans), sum(stop - start for start, stop in spans), by_model)


def require_targets(corpus: Corpus, longest: int, targets: int) -> None:
    """Raise UserError for a test text without targets, before anything is trained."""
    find_targets(str(corpus.test), longest, targets)


def find_targets(text: str, longest: int, max_count: int) -> list[Span]:
    """Return at most `max_count` words of a text, evenly spread, each with at least `longest` characters before it.

    Raises UserError if there is none.

    >>> find_targets("it was a dark night", 5, 2)
    [(6, 8), (8, 13)]
    """
    for name, value in (("longest", longest), ("targets", max_count)):
        if value < 1:
            raise UserError(f"{name} is {value}, but must be 1 or more")

    # all words with enough context
    spans = [match.span() for match in TARGET.finditer(text) if match.start() >= longest]
    if not spans:
        raise UserError(
            f"the test text has no word after {longest:,} characters; ask for less, as with --longest {longest // 4}"
        )

    # evenly spread over all of them
    count = min(max_count, len(spans))
    return [spans[index * len(spans) // count] for index in range(count)]


def context_lengths(longest: int) -> list[int]:
    """Return the powers of two below `longest`, and `longest` itself.

    >>> context_lengths(10)
    [1, 2, 4, 8, 10]
    """
    # `longest` need not be a power of two
    powers = [1 << power for power in range(longest.bit_length()) if 1 << power < longest]
    return [*powers, longest]


def context_curve(
    generator: Generator, text: str, spans: Sequence[Span], longest: int, progress: ProgressCallback
) -> list[ContextBits]:
    """Return the bits of the targets with contexts of 1, 2, 4 ... `longest` characters."""
    sizes = np.array([float(stop - start) for start, stop in spans])
    rows: list[tuple[int, Floats, Floats | None]] = []
    for length in context_lengths(longest):
        # each target with its context, and with the farther half of it shuffled
        texts = [text[start - length : stop] for start, stop in spans]
        shuffled_bits = None
        if length >= MIN_SHUFFLED:
            shuffled = [shuffle_far_words(text, length // 2, length, seed) for seed, text in enumerate(texts)]
            shuffled_bits = _target_bits(generator, shuffled, sizes)
        rows.append((length, _target_bits(generator, texts, sizes), shuffled_bits))
        progress(sum(context for context, _, _ in rows) / (2 * longest))

    # each length is compared with the longest
    longest_bits = rows[-1][1]
    progress(1)
    return [_context_bits(length, bits, shuffled, longest_bits, sizes) for length, bits, shuffled in rows]


def _target_bits(generator: Generator, texts: Sequence[str], sizes: Floats) -> Floats:
    """Return the bits of the target at the end of each text, (texts,); `sizes` are those of the targets."""
    # the context is scored too, but only the target counts
    character_bits = scoring.score_each(generator, texts)
    return np.array([bits[len(bits) - int(size) :].sum() for bits, size in zip(character_bits, sizes, strict=True)])


def _context_bits(
    length: int, bits: Floats, shuffled: Floats | None, longest_bits: Floats, sizes: Floats
) -> ContextBits:
    """Return the figures of one context length; `bits` and `sizes` are those of each target, (targets,)."""
    # sums over all targets, divided by their characters
    characters = sizes.sum()
    return ContextBits(
        context=length,
        bits_per_character=float(bits.sum() / characters),
        interval=mean_interval(bits, sizes),
        half_shuffled=None if shuffled is None else float(shuffled.sum() / characters),
        beyond=float((bits - longest_bits).sum() / characters),
        beyond_interval=mean_interval(bits - longest_bits, sizes),
    )


def shuffle_far_words(text: str, near: int, context: int, seed: int) -> str:
    """Return a text with the words of its first `context - near` characters in random order.

    White space and incomplete words stay in their places.

    >>> shuffle_far_words("ark one two three four five it", 12, 28, 3)
    'ark two one three four five it'
    """
    far = text[: context - near]
    words = [match for match in re.finditer(r"\S+", far) if match.start() > 0 and match.end() < len(far)]

    # rebuild the text with another word in the place of each
    order = np.random.default_rng(seed).permutation(len(words))
    parts, position = [], 0
    for index, match in enumerate(words):
        parts += [far[position : match.start()], words[order[index]].group()]
        position = match.end()
    return "".join(parts) + text[position:]


def gradient_norms(probe: Probe, ids: Ids, max_lag: int = MAX_LAG, scales: Sequence[float] = SCALES) -> Gradients:
    """Return gradient norms by lag, in the trained network and in an untrained one for each scale."""
    # untrained networks show how far gradients reach before training
    lags = context_lengths(max_lag)
    return Gradients(
        lags,
        _median_norms(probe.gradients(ids, max_lag), lags),
        [_median_norms(probe.gradients(ids, max_lag, scale), lags, scale) for scale in scales],
    )


def _median_norms(norms: Floats, lags: Sequence[int], scale: float | None = None) -> GradientNorms:
    """Return the medians over positions of gradient norms, (positions, lags)."""
    if not len(norms):
        return GradientNorms(None, [None] * len(lags), scale)

    # the median is robust: a few positions have very large gradients
    medians = np.median(norms, axis=0)
    first = float(medians[0])
    return GradientNorms(first, [float(medians[lag - 1]) / first if first else None for lag in lags], scale)
