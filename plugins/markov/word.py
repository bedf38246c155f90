"""markov-word: a word n-gram chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genbench_plugins.markov.chain import MarkovChain

from genbench import Tokenizer


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

    def cut(self, train: str) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)
