"""Author classifier: an RNN or LSTM that predicts the author of a passage from its words.

The input is the word2vec vectors of the words, truncated or padded to 400. A dense layer and a softmax over the authors
follow the last output of the recurrent layer. A word without a vector gets the vector of UNK, or, with
`unknown="random"`, one of a few random vectors, chosen by its spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from zlib import crc32

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from genbench.generator import LogProbs
from genbench.neural.embeddings import train_word2vec
from genbench.neural.optimizers import AdamW
from genbench.neural.precision import training_precision
from genbench.tokenization.segmentation import split_pieces
from genbench.tokenization.tokenizer import Ids, Tokenizer

PASSAGE_WORDS = 400
PAD, UNK, FIRST_WORD = 0, 1, 2  # rows of the table of vectors
RANDOM_VECTORS = 64  # vectors that unknown words share with unknown="random"
MIN_COUNT = 3  # a word that occurs fewer times has no vector
WIDTH = HIDDEN = 64
STEPS, BATCH = 300, 32
LEARNING_RATE, WEIGHT_DECAY = 4e-3, 0.01
BETAS = (0.9, 0.999)  # decay rates of AdamW
MIN_TRAINING_WORDS = 8  # words of the shortest training passage
SCORING_BATCH = 128  # passages
Cell = Literal["rnn", "lstm"]
CELLS: tuple[Cell, ...] = ("rnn", "lstm")
CORES = {"rnn": nn.RNN, "lstm": nn.LSTM}


class PassageEncoder:
    """Encodes passages as rows of a table of word2vec vectors, which is trained on the texts of all authors."""

    def __init__(self, texts: Sequence[str], seed: int, unknown: Literal["shared", "random"] = "shared") -> None:
        # train the vectors of the known words, and standardize them
        joined = "\n\n".join(texts)
        tokenizer = Tokenizer.words(joined, MIN_COUNT)
        word_vectors = train_word2vec(tokenizer, tokenizer.encode(joined), WIDTH, seed)
        known = np.stack(list(word_vectors.values()))  # (words, width)
        known = (known - known.mean(axis=0)) / known.std()

        # build the table: PAD, UNK, known words, random vectors
        random = np.random.default_rng(seed).normal(size=(1 + RANDOM_VECTORS, WIDTH)).astype(np.float32)
        table = [np.zeros((1, WIDTH), np.float32), random[:1], known, random[1:]]
        self.table = torch.from_numpy(np.concatenate(table))
        self.rows = {tokenizer.piece(token): FIRST_WORD + index for index, token in enumerate(word_vectors)}
        self.unknown = unknown

    def encode(self, text: str) -> Ids:
        """Return the table rows of the words of a text, (words,); newlines count as words, spaces do not."""
        return np.array([self._row(piece) for piece in split_pieces(text) if piece != " "], dtype=np.int64)

    def _row(self, piece: str) -> int:
        """Return the table row of a word."""
        if self.unknown == "shared":
            return self.rows.get(piece, UNK)
        return self.rows.get(piece, FIRST_WORD + len(self.rows) + crc32(piece.encode()) % RANDOM_VECTORS)


class ClassifierNetwork(nn.Module):
    """The network of the classifier: from table rows, (batch, 400), to log-probabilities, (batch, authors)."""

    def __init__(self, table: torch.Tensor, cell: Cell, authors: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(len(table), WIDTH, _weight=table, _freeze=True)
        self.core = CORES[cell](WIDTH, HIDDEN, batch_first=True)
        self.dense = nn.Linear(HIDDEN, authors)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the natural log-probabilities of the authors, (batch, authors), from the last output of the core."""
        outputs, _ = self.core(self.vectors(rows))  # (batch, 400, hidden)
        return functional.log_softmax(self.dense(outputs[:, -1]), dim=-1)


class Classifier:
    """A classifier of authors, trained by the constructor on one text per author.

    `padding` is the side of the padding. With "after", the words of a short passage are many steps from the last
    output.
    """

    def __init__(
        self,
        encoder: PassageEncoder,
        texts: Sequence[str],
        cell: Cell = "lstm",
        *,
        seed: int = 0,
        steps: int | None = None,
        padding: Literal["before", "after"] = "before",
    ) -> None:
        self.encoder, self.padding = encoder, padding
        steps = STEPS if steps is None else steps

        # train with a random state of its own
        with torch.random.fork_rng(devices=[]), training_precision():
            torch.manual_seed(seed)
            self.network = ClassifierNetwork(encoder.table, cell, len(texts))
            self._train([encoder.encode(text) for text in texts], np.random.default_rng(seed), steps)
        self.network.eval()

    def _train(self, texts: list[Ids], rng: np.random.Generator, steps: int) -> None:
        """Train on random passages of random lengths; all authors are equally likely."""
        trained = [p for p in self.network.parameters() if p.requires_grad]
        optimizer = AdamW(trained, LEARNING_RATE, WEIGHT_DECAY, BETAS, fused=False)
        for step in range(steps):
            # linear learning-rate decay
            optimizer.lr = LEARNING_RATE * (1 - step / steps)

            # draw a batch of passages
            authors = rng.integers(len(texts), size=BATCH)
            rows = self._pad([self._random_passage(texts[author], rng) for author in authors])
            # forward, backward, gradient clipping, update
            loss = functional.nll_loss(self.network(rows), torch.from_numpy(authors))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

    @staticmethod
    def _random_passage(text: Ids, rng: np.random.Generator) -> Ids:
        """Return a random passage, (words,), with a log-uniform length of 8 to 400 words."""
        # a uniform logarithm: short passages are as frequent as long ones
        longest = int(np.exp(rng.uniform(np.log(MIN_TRAINING_WORDS), np.log(PASSAGE_WORDS + 1))))
        length = min(len(text), longest)
        start = int(rng.integers(len(text) - length + 1))
        return text[start : start + length]

    def _pad(self, passages: Sequence[Ids]) -> torch.Tensor:
        """Truncate or pad passages to equal length; return (passages, 400)."""
        rows = np.full((len(passages), PASSAGE_WORDS), PAD)
        for row, passage in zip(rows, passages, strict=True):
            words = passage[:PASSAGE_WORDS]
            if len(words):
                row[slice(-len(words), None) if self.padding == "before" else slice(len(words))] = words
        return torch.from_numpy(rows)

    @torch.inference_mode()
    def log_probs(self, texts: Sequence[str]) -> LogProbs:
        """Return the natural log-probabilities of the authors, (texts, authors)."""
        rows = self._pad([self.encoder.encode(text) for text in texts])
        parts = [self.network(part) for part in torch.split(rows, SCORING_BATCH)] if texts else []
        return torch.cat([*parts, torch.empty(0, self.network.dense.out_features)]).double().numpy()
