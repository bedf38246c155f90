"""Explanations: the tokens that followed a context in the training text, and the probabilities computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import regex

from genbench.capabilities import BackoffLevel, backoff_levels
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.generator import Generator
from genbench.model import Model
from genbench.storage.records import JsonRecord
from genbench.tokenization.segmentation import WORD_CHARACTERS, ends_inside_word
from genbench.tokenization.tokenizer import BYTES, Ids

MAX_PLACES = 3  # occurrences in the training text that are listed for each continuation
SHOWN = 5  # continuations in the representation of an explanation


@dataclass(frozen=True)
class Continuation:
    """One possible next token."""

    text: str
    probability: float
    count: float | None = None  # as the smoothing method counts; Kneser-Ney counts preceding tokens instead
    discount: float | None = None
    places: tuple[tuple[str, int], ...] = ()  # book and line of the first occurrences


@dataclass(frozen=True)
class Context:
    """The tokens that followed a context of one length, the most frequent first."""

    text: str
    tokens: int  # length
    leftover: float  # probability mass left to shorter contexts, 0 to 1
    followers: int  # number of different tokens
    continuations: tuple[Continuation, ...]


@dataclass(frozen=True, repr=False)
class Explanation(JsonRecord):
    """The most likely continuations of a text, and the counts behind them, the longest context first."""

    text: str
    likeliest: tuple[Continuation, ...]
    contexts: tuple[Context, ...]

    def __repr__(self) -> str:
        likeliest = ", ".join(f"{likely.text!r} {likely.probability:.3f}" for likely in self.likeliest[:SHOWN])
        return f"<Explanation after {self.text!r}: {likeliest}; counts of {len(self.contexts)} contexts>"

    def _repr_html_(self) -> str:
        from genbench.integrations import notebook

        return notebook.explanation_html(self)


def explain(model: Model, corpus: str | Path | Corpus, text: str, top: int = 10) -> Explanation:
    """Explain a model's prediction after a text: the `top` continuations, overall and by context length.

    `contexts` is empty for a model without counts, such as a network.
    """
    corpus = load_corpus(corpus)

    # read the text
    generator = model.generator
    ids, state = generator.tokenizer.encode(text), generator.start()
    for token in ids.tolist():
        state = generator.advance(state, token)

    # the most likely continuations
    probabilities = np.exp(generator.log_probs(state))
    ranking = np.argsort(-probabilities, kind="stable")[:top]
    likeliest = tuple(
        Continuation(describe_token(generator, ids, int(token)), float(probabilities[token])) for token in ranking
    )

    # the counts of each context length
    history = np.concatenate([generator.tokenizer.encode("\n"), ids])
    levels = reversed(backoff_levels(generator, state))
    contexts = tuple(_context(generator, corpus, history, level, top) for level in levels)
    return Explanation(text, likeliest, contexts)


def _context(generator: Generator, corpus: Corpus, history: Ids, level: BackoffLevel, top: int) -> Context:
    """Return the tokens that followed the last `level.length` tokens of the history in the training text."""
    before = history[len(history) - level.length :]

    # the most frequent continuations; occurrences are listed only for contexts of one token or more
    continuations = []
    for row in np.argsort(-level.counts, kind="stable")[:top]:
        token = int(level.tokens[row])
        places = tuple(islice(_places(generator, corpus, before, token), MAX_PLACES)) if level.length else ()
        continuations.append(
            Continuation(
                describe_token(generator, before, token),
                float(level.probabilities[row]),
                float(level.counts[row]),
                float(level.discounts[row]),
                places,
            )
        )

    text = generator.tokenizer.decode(before)
    return Context(text, level.length, level.leftover, len(level.tokens), tuple(continuations))


def describe_token(generator: Generator, before: Ids, token: int) -> str:
    """Return the text that a token adds after others; for a token that adds none, a description."""
    # bytes and special tokens
    tokenizer = generator.tokenizer
    if token < BYTES:
        return f"(byte {token})"
    if tokenizer.kind == "words" and token in (tokenizer.end_id, tokenizer.none_id):
        return "(end of a spelled word)" if token == tokenizer.end_id else "(no space)"

    # the difference between the texts with and without the token
    whole = tokenizer.decode([*before.tolist(), token])
    added = whole[len(tokenizer.decode(before)) :]
    spelled = tokenizer.kind == "words" and token < tokenizer.end_id
    return f"{added}... (spelled)" if spelled else added


def _places(generator: Generator, corpus: Corpus, before: Ids, token: int) -> Iterator[tuple[str, int]]:
    """Yield book and line of each occurrence of the context followed by the token in the training text."""
    tokenizer = generator.tokenizer
    text = tokenizer.decode([*before.tolist(), token])
    if not text:
        return

    # a word is matched as a whole
    pattern = regex.escape(text)
    if tokenizer.kind == "words":
        if text[0].isalnum():
            pattern = rf"(?<![\d{WORD_CHARACTERS}])" + pattern
        if ends_inside_word(text) and token > tokenizer.none_id:
            pattern += rf"(?![\d{WORD_CHARACTERS}])"

    for match in regex.finditer(pattern, str(corpus.train)):
        yield corpus.locate(match.start())
