"""Networks over words: their tokens, and the vectors of these."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import nn

from genbench.generator import TrainContext
from genbench.neural.auto_size import Rule
from genbench.neural.embeddings import Vectors, fill, from_file, word2vec
from genbench.neural.heads import Head, Tied, by_frequency
from genbench.neural.recurrent import RecurrentGenerator
from genbench.neural.subwords import Subwords
from genbench.tokenization.tokenizer import Ids, Tokenizer


@dataclass
class WordNetwork(RecurrentGenerator):
    """A RecurrentGenerator over words; rare ones are spelled. A subclass gives its core, and nothing else."""

    rule: ClassVar[Rule] = Rule(units=192, after=4.5e6, growth=0.35, full=128, text=31_000, doubling=0.2)

    embedding: int = field(default=128, metadata={"help": "width of a token's vector"})
    learning_rate: float = field(default=1.2e-2, metadata={"help": "AdamW's highest"})
    batch: int | None = field(default=32, metadata={"help": "stretches of text read side by side"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})
    embeddings: str = field(
        default="learned", metadata={"help": "learned, word2vec (needs gensim), or a file of GloVe or word2vec vectors"}
    )
    unknown: Literal["random", "shared"] = field(
        default="random", metadata={"help": "a word that the file lacks: some other word's vector, or one for all"}
    )
    tied: bool = field(default=True, metadata={"help": "the input vectors are the output weights too"})
    subwords: bool = field(
        default=True, metadata={"help": "words that share letters share a part of their learned vectors"}
    )

    def cut(self, train: str) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)

    def embed(self) -> tuple[nn.Module, int]:
        learned = self.subwords and self.embeddings == "learned"
        subwords = Subwords(self._words(), self.embedding) if learned else None
        return Vectors(self.tokenizer.size, self.embedding, subwords), self.embedding

    def _words(self) -> list[str]:
        return [""] * (self.tokenizer.none + 1) + list(self.tokenizer.words_known)

    def head(self, hidden: int, embedding: nn.Module, frequency: torch.Tensor) -> Head:
        if self.tied and isinstance(embedding, Vectors):
            return Tied(hidden, by_frequency(frequency), embedding)
        return super().head(hidden, embedding, frequency)

    def prepare(self, embedding: nn.Module, ids: Ids, context: TrainContext) -> None:
        if self.embeddings == "learned" or not isinstance(embedding, Vectors):
            return
        if self.embeddings == "word2vec":
            known = word2vec(self.tokenizer, ids, self.embedding, context.seed)
        else:
            known = from_file(Path(self.embeddings), self.tokenizer, self.embedding)
        words = range(self.tokenizer.none + 1, self.tokenizer.size)
        context.record(words_with_vectors=round(len(known) / max(len(words), 1), 4))
        fill(embedding, known, words, shared=self.unknown == "shared", seed=context.seed)
