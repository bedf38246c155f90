"""Why a generator goes on as it does: what followed a context in the training text, and what came of these counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from genbench.capabilities import BackoffLevel, backoff_levels
from genbench.corpus import Corpus
from genbench.generator import Generator
from genbench.tokenization.tokenizer import BYTES, Ids

PLACES = 3  # where each continuation was seen: at most so many are listed


@dataclass(frozen=True)
class Continuation:
    """One token that may come next."""

    text: str
    probability: float
    count: float | None = None  # as the smoothing counts: below the longest context, after how many different tokens
    discount: float | None = None
    places: tuple[tuple[str, int], ...] = ()  # book and line where it was seen, the first ones


@dataclass(frozen=True)
class Context:
    """One length of context: what followed it, the most frequent first."""

    text: str
    tokens: int
    leftover: float  # the share that shorter contexts get
    followers: int  # different tokens
    continuations: tuple[Continuation, ...]


@dataclass(frozen=True)
class Explanation:
    """What comes after a text, likeliest first, and the counts behind it, the longest context first."""

    text: str
    likeliest: tuple[Continuation, ...]
    contexts: tuple[Context, ...]


def explain(generator: Generator, corpus: Corpus, text: str, most: int = 10) -> Explanation:
    """Why a generator goes on from a text as it does; `most` continuations of each context."""
    ids, state = generator.tokenizer.encode(text), generator.start()
    for token in ids.tolist():
        state = generator.advance(state, token)
    probabilities = np.exp(generator.log_probs(state))
    likeliest = np.argsort(-probabilities, kind="stable")[:most]
    named = tuple(Continuation(shown(generator, ids, int(t)), float(probabilities[t])) for t in likeliest)
    read = np.concatenate([generator.tokenizer.encode("\n"), ids])
    said = (_context(generator, corpus, read, each, most) for each in reversed(backoff_levels(generator, state)))
    return Explanation(text, named, tuple(said))


def _context(generator: Generator, corpus: Corpus, read: Ids, evidence: BackoffLevel, most: int) -> Context:
    before = read[len(read) - evidence.length :]
    found = []
    for row in np.argsort(-evidence.counts, kind="stable")[:most]:
        token = int(evidence.tokens[row])
        places = tuple(islice(_places(generator, corpus, before, token), PLACES)) if evidence.length else ()
        share, count, taken = (float(e[row]) for e in (evidence.probabilities, evidence.counts, evidence.discounts))
        found.append(Continuation(shown(generator, before, token), share, count, taken, places))
    text = generator.tokenizer.decode(before)
    return Context(text, evidence.length, evidence.leftover, len(evidence.tokens), tuple(found))


def shown(generator: Generator, before: Ids, token: int) -> str:
    """What a token adds to those before it; a token that adds no text by what it stands for."""
    tokenizer = generator.tokenizer
    if token < BYTES:
        return f"(byte {token})"
    if tokenizer.kind == "words" and token in (tokenizer.end, tokenizer.none):
        return "(end of a spelled word)" if token == tokenizer.end else "(no space)"
    whole = tokenizer.decode([*before.tolist(), token])
    added = whole[len(tokenizer.decode(before)) :]
    spelled = tokenizer.kind == "words" and token < tokenizer.end
    return f"{added}... (spelled)" if spelled else added


def _places(generator: Generator, corpus: Corpus, before: Ids, token: int) -> Iterator[tuple[str, int]]:
    """Book and line of each place in the training text where the token follows the context."""
    tokenizer = generator.tokenizer
    text = tokenizer.decode([*before.tolist(), token])
    pattern = re.escape(text)
    if tokenizer.kind == "words" and text:
        if text[0].isalnum():
            pattern = r"(?<![^\W_])" + pattern
        if text[-1].isalnum() and token > tokenizer.none:
            pattern += r"(?![^\W_])"
    if text:
        yield from (corpus.place(found.start()) for found in re.finditer(pattern, corpus.train))
