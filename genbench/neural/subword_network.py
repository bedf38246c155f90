"""SubwordNetwork: a RecurrentGenerator over parts of words (byte-pair encoding, Sennrich et al. 2016).

Differs from WordNetwork in that rare words are a few tokens that were seen in other words, and not letters, and that
the vocabulary is small enough for a plain vector per token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from genbench.neural.auto_size import WORD_RULE, SizeRule
from genbench.neural.embeddings import WordEmbedding
from genbench.neural.recurrent import RecurrentGenerator
from genbench.tokenization.subwords import SubwordTokenizer
from genbench.tokenization.tokenizer import Tokenizer

SIZES = (512, 8000)  # the smallest and the largest vocabulary of the rule
REFERENCE_TEXT = 110_000  # characters for which REFERENCE_SIZE was best
REFERENCE_SIZE = 1000
SIZE_EXPONENT = 0.75
MAX_SIZE = 64_000


@dataclass
class SubwordNetwork(RecurrentGenerator):
    """A recurrent network over parts of words. A subclass defines only `core`."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    size_rule: ClassVar[SizeRule] = WORD_RULE
    size_rule_with_base: ClassVar[SizeRule] = WORD_RULE

    embedding: int = field(default=128, metadata={"help": "width of a token's vector"})
    learning_rate: float = field(default=1.2e-2, metadata={"help": "peak learning rate of AdamW"})
    batch: int | None = field(default=32, metadata={"help": "rows of text read side by side"})
    vocabulary: int | None = field(
        default=None, metadata={"help": "letters and parts of words; auto: 512 to 8,000, by the length of the text"}
    )
    tied: bool = field(default=True, metadata={"help": "use the input vectors as output weights"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vocabulary is not None and not 1 <= self.vocabulary <= MAX_SIZE:
            raise ValueError(f"vocabulary is {self.vocabulary}, but must be from 1 to {MAX_SIZE}, or auto")

    def build_tokenizer(self, train: str) -> Tokenizer:
        return SubwordTokenizer.train(train, self.vocabulary or vocabulary_for(len(train)))

    def build_embedding(self) -> tuple[nn.Module, int]:
        return WordEmbedding(self.tokenizer.size, self.embedding, None), self.embedding


def vocabulary_for(characters: int) -> int:
    """Return the size of the vocabulary for a training text of so many characters: a rule from validation text.

    >>> [vocabulary_for(characters) for characters in (10_000, 110_000, 1_600_000, 100_000_000)]
    [512, 1000, 7448, 8000]
    """
    size = REFERENCE_SIZE * math.pow(characters / REFERENCE_TEXT, SIZE_EXPONENT)
    return round(min(max(size, SIZES[0]), SIZES[1]))
