"""markov-char and markov-word: n-gram chains over characters and over words (Chen & Goodman 1999).

They differ from each other in the tokenizer, and in that markov-word samples by quantile, because its vocabulary is
large, and may spell unknown words by a character chain. Both are the `MarkovChain` of `chain.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.spelled_chain import SpelledChain
from genbench_plugins.markov.word_building import WordPart
from genbench_plugins.markov.word_view import WordView, prepare_view, word_view

from genbench.generator import Text, TrainContext
from genbench.tokenization.tokenizer import Tokenizer
from genbench.web import ADAPTIVE, BackoffTable


@dataclass
class MarkovChar(MarkovChain):
    """A character n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999)."""

    order: int | Literal["unbounded"] = field(
        default=8, metadata={"help": "characters in an n-gram: one more than the context has"}
    )

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        return Tokenizer.characters(train)

    @property
    def web_obstacle(self) -> str:
        """Why a page cannot run this chain, "" if it can (`genbench.web.WebExport`)."""
        return ADAPTIVE if self.adaptive else ""

    def web_export(self) -> BackoffTable:
        from genbench_plugins.markov.web_table import backoff_table

        return backoff_table(self._model)


@dataclass
class MarkovWord(SpelledChain):
    """A word n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999); rare words are spelled."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    order: int | Literal["unbounded"] = field(
        default=3, metadata={"help": "tokens (words, marks, separators) in an n-gram"}
    )
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})
    spelling: Literal["words", "characters"] = field(
        default="words", metadata={"help": "the chain that spells such words: that of the words, or one of characters"}
    )

    @property
    def spells_by_characters(self) -> bool:
        return self.spelling == "characters"

    @property
    def cache_lengths(self) -> tuple[int, ...]:
        """Context lengths of one, two and three words; longer contexts seldom occur twice in one text."""
        return (1, 2, 3)

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        prepare_view(self.character_view(), context)

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)

    def character_view(self) -> WordView | None:
        return word_view([self], self.tokenizer)

    def word_part(self) -> WordPart | None:
        if self._cache is not None or self._speller is not None:
            return None
        return WordPart(self._model, self.static_start())
