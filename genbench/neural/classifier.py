"""The judge: a network that tells from a passage's words who wrote it.

Words as word2vec vectors, cut or padded to 400; a recurrent layer, whose last output is the thought vector; a dense
layer with a softmax over the authors. A word without a vector takes that of UNK, or, `random`, one drawn for its
spelling.
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
from genbench.neural.embeddings import word2vec
from genbench.neural.precision import training
from genbench.tokenization.segmentation import pieces
from genbench.tokenization.tokenizer import Ids, Tokenizer

LENGTH = 400  # words
PAD, UNK, FIRST = 0, 1, 2  # rows of the table of vectors; the first of a word
SPELLINGS = 64  # vectors for unknown words to share, where these are random
MIN_COUNT = 3  # a word seen fewer times has no vector
WIDTH = HIDDEN = 64
STEPS, BATCH = 300, 32
RATE = 4e-3
SHORTEST = 8  # words of a passage that is learned from
AT_ONCE = 128  # passages read side by side
Cell = Literal["rnn", "lstm"]
CELLS: tuple[Cell, ...] = ("rnn", "lstm")
CORES = {"rnn": nn.RNN, "lstm": nn.LSTM}


class Words:
    """Passages as rows of a table of vectors: those of word2vec, trained on the texts of all authors together."""

    def __init__(self, texts: Sequence[str], seed: int, unknown: Literal["shared", "random"] = "shared") -> None:
        whole = "\n\n".join(texts)
        tokenizer = Tokenizer.words(whole, MIN_COUNT)
        known = word2vec(tokenizer, tokenizer.encode(whole), WIDTH, seed)
        given = np.stack(list(known.values()))
        drawn = np.random.default_rng(seed).normal(size=(1 + SPELLINGS, WIDTH)).astype(np.float32)
        table = [np.zeros((1, WIDTH), np.float32), drawn[:1], (given - given.mean(axis=0)) / given.std(), drawn[1:]]
        self.table = torch.from_numpy(np.concatenate(table))
        self.rows = {tokenizer.piece(token): FIRST + place for place, token in enumerate(known)}
        self.unknown = unknown

    def read(self, text: str) -> Ids:
        """The row of each word of a text, (words,); line ends are words too, spaces are none."""
        return np.array([self._row(piece) for piece in pieces(text) if piece != " "], dtype=np.int64)

    def _row(self, piece: str) -> int:
        if self.unknown == "shared":
            return self.rows.get(piece, UNK)
        return self.rows.get(piece, FIRST + len(self.rows) + crc32(piece.encode()) % SPELLINGS)


class Network(nn.Module):
    """Rows of the table (batch, 400) to natural log-probabilities (batch, authors)."""

    def __init__(self, table: torch.Tensor, cell: Cell, authors: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(len(table), WIDTH, _weight=table, _freeze=True)
        self.core = CORES[cell](WIDTH, HIDDEN, batch_first=True)
        self.dense = nn.Linear(HIDDEN, authors)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """The last output of the core is the thought vector."""
        values, _ = self.core(self.vectors(rows))
        return functional.log_softmax(self.dense(values[:, -1]), dim=-1)


class Classifier:
    """A judge of several authors, trained when it is made, on a text each.

    `padding` is where PAD stands: before the words, or after them, where a short passage is far from the thought
    vector.
    """

    def __init__(
        self,
        words: Words,
        texts: Sequence[str],
        cell: Cell = "lstm",
        *,
        seed: int = 0,
        steps: int | None = None,
        padding: Literal["before", "after"] = "before",
    ) -> None:
        self.words, self.padding = words, padding
        with torch.random.fork_rng(devices=[]), training():
            torch.manual_seed(seed)
            self.network = Network(words.table, cell, len(texts))
            self._learn(
                [words.read(text) for text in texts], np.random.default_rng(seed), STEPS if steps is None else steps
            )
        self.network.eval()

    def _learn(self, texts: list[Ids], rng: np.random.Generator, steps: int) -> None:
        """Passages of random places and lengths, each author as often."""
        optimiser = torch.optim.AdamW([p for p in self.network.parameters() if p.requires_grad], RATE)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = RATE * (1 - step / steps)
            who = rng.integers(len(texts), size=BATCH)
            rows = self._padded([self._passage(texts[author], rng) for author in who])
            functional.nll_loss(self.network(rows), torch.from_numpy(who)).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()

    @staticmethod
    def _passage(text: Ids, rng: np.random.Generator) -> Ids:
        length = min(len(text), int(np.exp(rng.uniform(np.log(SHORTEST), np.log(LENGTH + 1)))))
        start = int(rng.integers(len(text) - length + 1))
        return text[start : start + length]

    def _padded(self, passages: Sequence[Ids]) -> torch.Tensor:
        rows = np.full((len(passages), LENGTH), PAD)
        for row, passage in zip(rows, passages, strict=True):
            cut = passage[:LENGTH]
            if len(cut):
                row[slice(-len(cut), None) if self.padding == "before" else slice(len(cut))] = cut
        return torch.from_numpy(rows)

    @torch.inference_mode()
    def log_probs(self, texts: Sequence[str]) -> LogProbs:
        """Natural log-probabilities of each author, (texts, authors)."""
        rows = self._padded([self.words.read(text) for text in texts])
        parts = [self.network(part) for part in torch.split(rows, AT_ONCE)] if texts else []
        return torch.cat([*parts, torch.empty(0, self.network.dense.out_features)]).double().numpy()
