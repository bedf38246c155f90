"""markov-subword: an n-gram chain over frequent parts of words (byte-pair encoding, Sennrich et al. 2016).

Differs from markov-char in that a context of the same order reaches further, and from markov-word in that an unknown
word is a few parts that were seen in other words, and not letters. The size of the vocabulary is between the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from genbench_plugins.markov.chain import VALIDATION_CHARACTERS
from genbench_plugins.markov.large_vocabulary import LargeVocabularyChain

from genbench.generator import Text, TrainContext
from genbench.tokenization import SubwordTokenizer, Tokenizer

SIZES = (512, 1000, 2000, 4000, 8000)  # of vocabularies that are tried
MAX_SIZE = 64_000


@dataclass
class MarkovSubword(LargeVocabularyChain):
    """A chain over parts of words (byte-pair encoding), with modified Kneser-Ney smoothing (Chen & Goodman 1999)."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    order: int | Literal["unbounded"] = field(default=6, metadata={"help": "tokens (parts of words) in an n-gram"})
    vocabulary: int | None = field(
        default=None, metadata={"help": "letters and parts of words; auto: 512 to 8,000, chosen on validation text"}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.vocabulary is not None and not 1 <= self.vocabulary <= MAX_SIZE:
            raise ValueError(f"vocabulary is {self.vocabulary}, but must be from 1 to {MAX_SIZE}, or auto")
        self._chosen: SubwordTokenizer | None = None  # set while it is trained

    @property
    def cache_lengths(self) -> tuple[int, ...]:
        """Context lengths of some characters to some words, as a part of a word has about three characters."""
        return (1, 2, 3, 4, 6)

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self._chosen = None
        if self.vocabulary is None:
            self._chosen = self._choose_vocabulary(train, valid, context)
        super().fit(train, valid, context)

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        return self._chosen or SubwordTokenizer.train(train, self.vocabulary or SIZES[-1])

    def _choose_vocabulary(self, train: Text, valid: Text, context: TrainContext) -> SubwordTokenizer:
        """Return the tokenizer of the size that predicts the validation text best, and record the size.

        Sizes are tried in ascending order until one is worse than the one before.
        """
        text, whole = str(valid[:VALIDATION_CHARACTERS]), SubwordTokenizer.train(train, SIZES[-1])
        bits = dict[int, float]()
        for size in SIZES:
            # a chain without a cache, over the first ones of the same merges
            chain = replace(self, vocabulary=size, adaptive=False)
            chain._chosen = whole.shortened(size)
            LargeVocabularyChain.fit(chain, train, valid, context.part(f"{size:,} parts of words", 0.1))
            nats = -float(chain.token_log_probs(chain.tokenizer.encode(text)).sum())
            bits[size] = nats / math.log(2) / max(len(text), 1)

            # a larger vocabulary is worse, or the same: the text has no more pairs that occur twice
            if bits[size] > min(bits.values()) or chain.tokenizer.size == whole.size:
                break
        best = min(bits, key=lambda size: bits[size])
        context.record(
            chosen={"vocabulary": best}, bits_by_vocabulary={str(size): round(bits[size], 4) for size in bits}
        )
        return whole.shortened(best)
