"""WordNetwork: a RecurrentGenerator over words.

Differs from its base class in the tokens (words; rare words are spelled) and in the parts that large vocabularies need:
subword vectors (Bojanowski et al. 2017), pretrained vectors, and tied input and output weights (Press & Wolf 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from torch import nn

from genbench.generator import TrainContext
from genbench.neural.auto_size import WORD_RULE, SizeRule
from genbench.neural.embeddings import (
    SubwordEmbedding,
    WordEmbedding,
    init_word_vectors,
    read_word_vectors,
    train_word2vec,
)
from genbench.neural.recurrent import RecurrentGenerator
from genbench.tokenization.tokenizer import Ids, Tokenizer


@dataclass
class WordNetwork(RecurrentGenerator):
    """A recurrent network over words; rare words are spelled as characters. A subclass defines only `core`."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    size_rule: ClassVar[SizeRule] = WORD_RULE
    size_rule_with_base: ClassVar[SizeRule] = WORD_RULE

    embedding: int = field(default=128, metadata={"help": "width of a token's vector"})
    learning_rate: float = field(default=1.2e-2, metadata={"help": "peak learning rate of AdamW"})
    batch: int | None = field(default=32, metadata={"help": "rows of text read side by side"})
    min_count: int = field(default=2, metadata={"help": "a word that occurs fewer times is spelled"})
    embeddings: Literal["learned", "word2vec"] | str = field(
        default="learned",
        metadata={
            "help": "learned, word2vec (needs gensim), or a file of GloVe or word2vec vectors",
            "names": "file",
        },
    )
    unknown: Literal["random", "shared"] = field(
        default="random",
        metadata={"help": "vector of a word that the file lacks: that of a random word, or one for all"},
    )
    tied: bool = field(default=True, metadata={"help": "use the input vectors as output weights"})
    subwords: bool = field(default=True, metadata={"help": "add vectors of character n-grams to learned word vectors"})

    def build_tokenizer(self, train: str) -> Tokenizer:
        return Tokenizer.words(train, self.min_count)

    def build_embedding(self) -> tuple[nn.Module, int]:
        # learned vectors also contain those of character n-grams; tokens that are not words have no n-grams
        subwords = None
        if self.subwords and self.embeddings == "learned":
            words = [""] * (self.tokenizer.none_id + 1) + list(self.tokenizer.known_words)
            subwords = SubwordEmbedding(words, self.embedding)
        return WordEmbedding(self.tokenizer.size, self.embedding, subwords), self.embedding

    def init_embedding(self, embedding: nn.Module, ids: Ids, context: TrainContext) -> None:
        if self.embeddings == "learned" or not isinstance(embedding, WordEmbedding):
            return

        # train or read the vectors
        if self.embeddings == "word2vec":
            vectors = train_word2vec(self.tokenizer, ids, self.embedding, context.seed)
        else:
            vectors = read_word_vectors(Path(self.embeddings), self.tokenizer, self.embedding)

        # record how many words have one, and write them into the table
        words = range(self.tokenizer.none_id + 1, self.tokenizer.size)
        context.record(words_with_vectors=round(len(vectors) / max(len(words), 1), 4))
        init_word_vectors(embedding, vectors, words, share_unknown=self.unknown == "shared", seed=context.seed)
