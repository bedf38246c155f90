"""Token embeddings: learned vectors with subword sums, one-hot vectors, and pretrained word vectors.

WordEmbedding       learned vectors; with subwords, a word's vector includes those of its character n-grams
SubwordEmbedding    sums of character n-gram vectors (fastText, Bojanowski et al. 2017)
OneHot              characters as one-hot vectors
train_word2vec      skip-gram vectors of the training text (Mikolov et al. 2013)
read_word_vectors   vectors from a GloVe or word2vec text file
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.errors import UserError, missing_package
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

WordVectors = dict[int, npt.NDArray[np.float32]]  # token id -> (width,)

EMBEDDING_STD = 0.3  # of initial vectors: they are output weights too
NGRAM_LENGTH = 3  # characters
MIN_WORDS_PER_NGRAM = 3  # an n-gram in fewer words has no vector
NGRAM_STD = 0.1  # of initial n-gram vectors
WORD2VEC_SENTENCE = 1000  # tokens
WORD2VEC_EPOCHS = 5


class WordEmbedding(nn.Module):
    """Learned token vectors, which a tied head can read too.

    Tokens can share a vector: if `row` is set, a token uses row `row[token]` of the table. With `subwords`, the vectors
    of a word's character n-grams are added.
    """

    row: torch.Tensor | None

    def __init__(self, size: int, width: int, subwords: SubwordEmbedding | None = None) -> None:
        super().__init__()
        self.size, self.width, self.subwords = size, width, subwords
        self.table = nn.Embedding(size, width)
        nn.init.normal_(self.table.weight, std=EMBEDDING_STD)
        self.register_buffer("row", None)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of `ids`, (batch, time) -> (batch, time, width)."""
        return functional.embedding(ids, self.vectors())

    def vectors(self) -> torch.Tensor:
        """Return the vector of every token, (vocabulary, width)."""
        table = self.table.weight if self.row is None else self.table(self.row)
        return table if self.subwords is None else table + self.subwords()

    def folded(self) -> nn.Embedding:
        """Return a plain embedding with the same vectors."""
        plain = nn.Embedding(self.size, self.width)
        plain.weight = nn.Parameter(self.vectors().detach().clone())
        return plain


class SubwordEmbedding(nn.Module):
    """Sums of character n-gram vectors per token (Bojanowski et al. 2017); `words` has "" for a token without text."""

    of_token: torch.Tensor
    of_gram: torch.Tensor

    def __init__(self, words: Sequence[str], width: int) -> None:
        super().__init__()

        # number the n-grams that occur in enough words
        ngrams = [sorted(character_ngrams(word)) if word else [] for word in words]
        counts = Counter(ngram for word_ngrams in ngrams for ngram in word_ngrams)
        frequent = sorted(ngram for ngram, count in counts.items() if count >= MIN_WORDS_PER_NGRAM)
        index = {ngram: i for i, ngram in enumerate(frequent)}

        # list the n-grams of every token for the sums, and the tokens of every n-gram for the gradients
        pairs = [(token, index[n]) for token, word_ngrams in enumerate(ngrams) for n in word_ngrams if n in index]
        token, gram = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
        for name, key, value, size in (("of_token", token, gram, len(words)), ("of_gram", gram, token, len(index))):
            order = torch.argsort(key, stable=True)
            starts = torch.searchsorted(key[order], torch.arange(size))
            self.register_buffer(name, value[order], persistent=False)
            self.register_buffer(f"{name}_starts", starts, persistent=False)
        self.vectors = nn.Parameter(torch.randn(len(index), width) * NGRAM_STD)

    def forward(self) -> torch.Tensor:
        """Return the sum of the n-gram vectors of every token, (tokens, width)."""
        by_token, by_gram = ((getattr(self, n), getattr(self, f"{n}_starts")) for n in ("of_token", "of_gram"))
        sums: torch.Tensor = _SumRows.apply(self.vectors, by_token, by_gram)  # type: ignore[no-untyped-call]
        return sums


def character_ngrams(word: str) -> set[str]:
    """Return the character trigrams of a word with its boundaries, and the whole word in lower case.

    >>> sorted(character_ngrams("Oaks"))
    ['<Oa', 'Oak', 'aks', 'ks>', 'oaks']
    """
    bounded = f"<{word}>"
    return {bounded[i : i + NGRAM_LENGTH] for i in range(len(bounded) - NGRAM_LENGTH + 1)} | {word.lower()}


class _SumRows(torch.autograd.Function):
    """Sum rows of a matrix; the backward pass sums rows too, which is faster than torch's row-by-row addition."""

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, by_token: Any, by_gram: Any) -> torch.Tensor:
        ctx.by_gram = by_gram
        return functional.embedding_bag(by_token[0], vectors, by_token[1], mode="sum")

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        indices, starts = ctx.by_gram
        return functional.embedding_bag(indices, grad.contiguous(), starts, mode="sum"), None, None


class OneHot(nn.Module):
    """One-hot vectors of characters; zeros for the fallback bytes, which do not occur in training."""

    hot: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.width = size - BYTES
        hot = torch.cat([torch.zeros(BYTES, self.width), torch.eye(self.width)])
        self.register_buffer("hot", hot, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the vectors of `ids`, (batch, time) -> (batch, time, characters)."""
        return self.hot[ids]


def init_word_vectors(
    embedding: WordEmbedding, known: WordVectors, words: range, *, share_unknown: bool, seed: int
) -> None:
    """Set the initial vectors of known words, scaled to the standard deviation of a learned table.

    A word without a vector gets the vector of a random known word, or, with `share_unknown`, one vector that all such
    words share. Tokens that are not words (letters, bytes, END) keep their vectors. Training updates all of them.
    """
    if not known:
        return

    # standardize the pretrained vectors
    rng = np.random.default_rng(seed)
    vectors = np.stack(list(known.values()))  # (known, width)
    vectors = (vectors - vectors.mean(axis=0)) * (EMBEDDING_STD / max(float(vectors.std()), 1e-9))
    unknown = [word for word in words if word not in known]

    # write them into the table, and choose the vectors of unknown words
    with torch.no_grad():
        embedding.table.weight[list(known)] = torch.from_numpy(vectors)
        if share_unknown:
            embedding.row = torch.arange(embedding.size)
            embedding.row[unknown] = unknown[0] if unknown else 0
        elif unknown:
            embedding.table.weight[unknown] = torch.from_numpy(vectors[rng.integers(len(vectors), size=len(unknown))])


def train_word2vec(tokenizer: Tokenizer, ids: Ids, width: int, seed: int) -> WordVectors:
    """Train skip-gram vectors with negative sampling (Mikolov et al. 2013) with gensim; return those of known words.

    Raises UserError if gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        raise missing_package("embeddings=word2vec", "gensim", hint="or use embeddings=learned") from error

    # gensim expects sentences of strings: pieces of the text, with token ids as words
    words = [str(i) for i in ids.tolist() if i > tokenizer.none_id]
    sentences = [words[start : start + WORD2VEC_SENTENCE] for start in range(0, len(words), WORD2VEC_SENTENCE)]
    model = Word2Vec(sentences, vector_size=width, min_count=1, sg=1, epochs=WORD2VEC_EPOCHS, seed=seed, workers=1)
    return {int(word): model.wv[word] for word in model.wv.index_to_key}


def read_word_vectors(path: Path, tokenizer: Tokenizer, width: int) -> WordVectors:
    """Read word vectors from a text file in the format of GloVe or word2vec: a word and its numbers per line.

    A word that is not in the file gets the vector of its lower-case form. Raises UserError if the file cannot be read
    or its vectors do not have `width` numbers.
    """
    # index the vocabulary by exact and by lower-case spelling
    by_word = {word: tokenizer.none_id + 1 + index for index, word in enumerate(tokenizer.known_words)}
    by_lower: dict[str, list[int]] = {}
    for word, token in by_word.items():
        by_lower.setdefault(word.lower(), []).append(token)

    # an exact match takes precedence over a lower-case one
    exact: WordVectors = {}
    lowered: WordVectors = {}
    for word, vector in _parse_lines(path, width, lambda word: word in by_word or word in by_lower):
        if word in by_word:
            exact[by_word[word]] = vector
        lowered |= dict.fromkeys(by_lower.get(word, ()), vector)
    return lowered | exact


def _parse_lines(
    path: Path, width: int, is_needed: Callable[[str], bool]
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """Yield the words for which `is_needed` is true, with their vectors, (width,)."""
    for number, line in enumerate(_read_lines(path), start=1):
        word, *values = line.rstrip().split(" ")
        if number == 1 and len(values) == 1:  # word2vec's header: number of vectors, and their width
            continue

        # refuse a file of another width, and text that is not a number
        if len(values) != width:
            raise UserError(
                f"{path} has {len(values)} numbers in line {number}, and embedding is {width}; "
                f"set embedding={len(values)}, or choose another file"
            )
        if is_needed(word):
            try:
                yield word, np.array(values, dtype=np.float32)
            except ValueError as error:
                raise UserError(
                    f"line {number} of {path} has a value that is not a number; choose a GloVe or word2vec text file"
                ) from error


def _read_lines(path: Path) -> Iterable[str]:
    """Yield the lines of a UTF-8 text file; raise UserError if it cannot be read, or is a device or a pipe."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        with path.open(encoding="utf-8", newline="\n") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"word vectors cannot be read from {str(path)!r}: {error}; embeddings is learned, word2vec or a text file"
        ) from error
