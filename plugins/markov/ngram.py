"""markov-char and markov-word: n-gram chains over characters and over words (Chen & Goodman 1999).

They differ from each other in the tokenizer, and in that markov-word samples by quantile, because its vocabulary is
large (`LargeVocabularyChain`). Both are the `MarkovChain` of `chain.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffForm
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.quantile_sampling import QuantileSampler
from genbench_plugins.markov.smoothing import Smoothing
from genbench_plugins.markov.suffix_tree import SuffixTree

from genbench.generator import LogProbs, Text
from genbench.tokenization.tokenizer import Ids, Tokenizer

CACHED_SAMPLERS = 4  # the most recent temperatures


@dataclass
class MarkovChar(MarkovChain):
    """A character n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999)."""

    order: int | Literal["unbounded"] = field(
        default=8, metadata={"help": "characters in an n-gram: one more than the context has"}
    )

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        return Tokenizer.characters(train)


@dataclass
class LargeVocabularyChain(MarkovChain):
    """A chain that samples by quantile, without whole distributions."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        if self._cache is not None:
            return np.full(len(states), -1)  # not supported with a cache
        return self._sampler(temperature).quantile_tokens(states, uniforms)

    def _set_counts(self, tree: SuffixTree, smoothing: Smoothing, stored: BackoffForm | None = None) -> None:
        super()._set_counts(tree, smoothing, stored)

        # a sampler takes time to build: keep those of recent temperatures
        self._sampler = lru_cache(CACHED_SAMPLERS)(partial(QuantileSampler, self._model))


@dataclass
class MarkovWord(LargeVocabularyChain):
    """A word n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999); rare words are spelled."""

    order: int | Literal["unbounded"] = field(
        default=3, metadata={"help": "tokens (words, marks, separators) in an n-gram"}
    )
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    @property
    def cache_lengths(self) -> tuple[int, ...]:
        """Context lengths of one, two and three words; longer contexts seldom occur twice in one text."""
        return (1, 2, 3)

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)
