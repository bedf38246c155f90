"""Vectors of tokens: learned from nothing, taken from a file, or from word2vec on the author's own training text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.errors import UserError
from genbench.neural.subwords import Subwords
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

Known = dict[int, npt.NDArray[np.float32]]  # the vector of a token's id
SENTENCE = 1000  # tokens that word2vec reads at a time
EPOCHS = 5
SPREAD = 0.3  # the standard deviation of a learned table at first: its vectors are output weights too


class Vectors(nn.Module):
    """An embedding whose vectors other parts can ask for: a token's own, and what its letters add (`subwords`).

    Tokens may share a vector: where `row` is set, a token's is row `row[token]` of the table.
    """

    row: torch.Tensor | None

    def __init__(self, size: int, width: int, subwords: Subwords | None = None) -> None:
        super().__init__()
        self.size, self.width, self.subwords = size, width, subwords
        self.table = nn.Embedding(size, width)
        nn.init.normal_(self.table.weight, std=SPREAD)
        self.register_buffer("row", None)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, time) ids to (batch, time, width)."""
        return functional.embedding(ids, self.weights())

    def weights(self) -> torch.Tensor:
        """The vector of every token, (vocabulary, width)."""
        own = self.table.weight if self.row is None else self.table(self.row)
        return own if self.subwords is None else own + self.subwords()

    def settled(self) -> nn.Embedding:
        """A plain embedding with the same vectors, once training is over."""
        plain = nn.Embedding(self.size, self.width)
        plain.weight = nn.Parameter(self.weights().detach().clone())
        return plain


class OneHot(nn.Module):
    """Each letter as a one among zeros; the fallback bytes, which training never sees, as zeros alone."""

    hot: torch.Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        letters = size - BYTES
        self.width = letters
        hot = torch.cat([torch.zeros(BYTES, letters), torch.eye(letters)])
        self.register_buffer("hot", hot, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, time) ids to (batch, time, letters)."""
        return self.hot[ids]


def fill(vectors: Vectors, known: Known, words: range, *, shared: bool, seed: int) -> None:
    """Set the vectors of the words that are known, all scaled to the variance that a learned table begins with.

    A word without one takes that of some other word, drawn once, or, `shared`, one for all of them; what is no word
    (letters, bytes, END) keeps what it has. The vectors are trained on afterwards like any other weights.
    """
    if not known:
        return
    rng = np.random.default_rng(seed)
    given = np.stack(list(known.values()))
    given = (given - given.mean(axis=0)) * (SPREAD / max(float(given.std()), 1e-9))
    places = list(known)
    unknown = [word for word in words if word not in known]
    with torch.no_grad():
        vectors.table.weight[places] = torch.from_numpy(given)
        if shared:
            vectors.row = torch.arange(vectors.size)
            vectors.row[unknown] = unknown[0] if unknown else 0
        elif unknown:
            vectors.table.weight[unknown] = torch.from_numpy(given[rng.integers(len(given), size=len(unknown))])


def word2vec(tokenizer: Tokenizer, ids: Ids, width: int, seed: int) -> Known:
    """Skip-gram vectors with negative sampling (Mikolov et al. 2013) of the known words of a text, by gensim.

    Raises UserError where gensim is not installed.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError as error:
        wanted = "embeddings=word2vec needs gensim: pip install 'genbench[word2vec]', or take embeddings=learned"
        raise UserError(wanted) from error
    words = [str(i) for i in ids.tolist() if i > tokenizer.none]
    sentences = [words[start : start + SENTENCE] for start in range(0, len(words), SENTENCE)]
    trained = Word2Vec(sentences, vector_size=width, min_count=1, sg=1, epochs=EPOCHS, seed=seed, workers=1)
    return {int(word): trained.wv[word] for word in trained.wv.index_to_key}


def from_file(path: Path, tokenizer: Tokenizer, width: int) -> Known:
    """Vectors from a text file in GloVe's or word2vec's form, a word and its numbers a line.

    A word that is not there is looked up in lower case. Raises UserError for a file that cannot be read as one, or
    whose vectors are not `width` wide.
    """
    by_word = {word: tokenizer.none + 1 + place for place, word in enumerate(tokenizer.words_known)}
    lower: dict[str, list[int]] = {}
    for word, token in by_word.items():
        lower.setdefault(word.lower(), []).append(token)
    exact: Known = {}
    folded: Known = {}
    for word, vector in _lines(path, width, lambda word: word in by_word or word in lower):
        if word in by_word:
            exact[by_word[word]] = vector
        folded |= dict.fromkeys(lower.get(word, ()), vector)
    return folded | exact


def _lines(path: Path, width: int, wanted: Callable[[str], bool]) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    for number, line in enumerate(_read(path), start=1):
        parts = line.rstrip().split(" ")
        if number == 1 and len(parts) == 2:  # word2vec's head: how many, how wide
            continue
        if len(parts) != width + 1:
            found = f"{path} has {len(parts) - 1} numbers in line {number}, and embedding is {width}"
            raise UserError(f"{found}; give embedding={len(parts) - 1}, or another file")
        if wanted(parts[0]):
            try:
                yield parts[0], np.array(parts[1:], dtype=np.float32)
            except ValueError as error:
                raise UserError(f"{path} has no number in line {number}; take a GloVe or word2vec text file") from error


def _read(path: Path) -> Iterable[str]:
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            yield from lines
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"no vectors in {str(path)!r}: {error}; embeddings is learned, word2vec or a text file"
        ) from error
