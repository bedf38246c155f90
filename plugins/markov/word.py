"""markov-word: a word n-gram chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.fitting import Fitted
from genbench_plugins.markov.quantile_sampling import Tempered
from genbench_plugins.markov.smoothing import Weights
from genbench_plugins.markov.tree import Tree

from genbench import Ids, LogProbs, Tokenizer
from genbench.generator import Text

TEMPERATURES = 4  # that are kept ready to draw at


@dataclass
class MarkovWord(MarkovChain):
    """A word n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999); rare words are spelled."""

    order: int | Literal["unbounded"] = field(
        default=3, metadata={"help": "tokens (words, marks, separators) in an n-gram"}
    )
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    @property
    def heard(self) -> tuple[int, ...]:
        """One, two and three words: what was said before seldom comes again at greater length."""
        return (1, 2, 3)

    def cut(self, train: str | Text) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        if self._adaptive is not None:
            return np.full(len(states), -1)
        return self._tempered(temperature).tokens(states, uniforms)

    def _take(self, tree: Tree, weights: Weights | Fitted) -> None:
        super()._take(tree, weights)
        self._tempered = lru_cache(TEMPERATURES)(partial(Tempered, tree, weights, self._base, self._every))
