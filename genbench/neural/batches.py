"""Batches from a stream of token ids, for training and validation.

StatefulBatches   long rows, read `bptt` tokens at a time; the state is carried from one batch to the next
WindowBatches     short independent windows in random order, which start from a zero state
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

from genbench.neural.interpolation import Prediction
from genbench.tokenization.tokenizer import Ids

VALIDATION_TOKENS_PER_BATCH = 256  # of a row; longer than `bptt`, because no gradient is computed
MIN_VALIDATION_ROW = 64  # tokens


class PredictedStream(Protocol):
    """What a counting model predicts at the positions of a stream."""

    def predict(self, positions: Ids, targets: Ids) -> Prediction:
        """Return the predictions of the targets, (n,), that follow the tokens at some positions, (n,)."""


@dataclass(frozen=True)
class Batch:
    """Rows of text, and their targets, of which the last `scored` in a row contribute to the loss."""

    inputs: torch.Tensor  # (batch, time)
    targets: torch.Tensor  # (batch, time)
    scored: int
    reset_state: bool = True  # whether the rows start from a zero state, not from the state after the last batch
    positions: torch.Tensor | None = None  # (batch, time) of the inputs in their stream, which `predicted` reads
    predicted: PredictedStream | None = None  # by a counting model (`base_model.py`)

    def base(self) -> Prediction | None:
        """Return what a counting model predicts for the scored targets, row by row; None without such a model."""
        if self.positions is None or self.predicted is None:
            return None
        scored = slice(-self.scored, None)
        positions, targets = (values[:, scored].flatten().cpu() for values in (self.positions, self.targets))
        return self.predicted.predict(positions.numpy(), targets.numpy()).to(self.inputs.device)


class BatchSampler(Protocol):
    """Splits a stream of token ids into batches."""

    def batches_per_pass(self, tokens: int) -> int:
        """Return the number of batches in one pass over a text of `tokens` tokens."""

    def training_batches(self, ids: torch.Tensor, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches of a training stream, (tokens,), without end."""

    def validation_batches(self, ids: torch.Tensor) -> Iterator[Batch]:
        """Yield the batches of one pass over a validation stream, (tokens,); the same batches every time."""


@dataclass(frozen=True)
class StatefulBatches:
    """Rows read from beginning to end, `bptt` tokens per batch, with the state carried from batch to batch.

    This is the input of truncated backpropagation through time (Williams & Peng 1990): gradients reach back at most
    `bptt` tokens, the state reaches back to the beginning of the row.
    """

    batch_size: int
    bptt: int  # tokens between two updates

    def batches_per_pass(self, tokens: int) -> int:
        """Return the number of batches in one pass: the tokens of a row over `bptt`."""
        return max(1, (tokens - 1) // self._rows(tokens) // self.bptt)

    def training_batches(self, ids: torch.Tensor, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches without end."""
        rows = self._rows(len(ids))
        length = (len(ids) - 1) // rows
        bptt = min(self.bptt, length)

        # every pass starts at a random offset, so that the batches are split at other tokens
        while True:
            offset = int(torch.randint(0, max(min(bptt, length - bptt), 1), (1,), generator=generator))
            yield from _read_rows(ids[offset:], rows, bptt, whole_batches_only=True)

    def validation_batches(self, ids: torch.Tensor) -> Iterator[Batch]:
        """Yield the batches of one pass; a short text has fewer rows, because a row starts from a zero state."""
        rows = max(1, min(self.batch_size, (len(ids) - 1) // MIN_VALIDATION_ROW))
        return _read_rows(ids, rows, VALIDATION_TOKENS_PER_BATCH, whole_batches_only=False)

    def _rows(self, tokens: int) -> int:
        """Return the number of rows: `batch_size`, or fewer if a row would have less than `bptt` tokens."""
        return max(1, min(self.batch_size, (tokens - 1) // self.bptt))


def _read_rows(ids: torch.Tensor, rows: int, width: int, *, whole_batches_only: bool) -> Iterator[Batch]:
    """Yield the batches of one pass over `rows` rows, (rows, width); the last batch may be shorter."""
    # inputs and targets, shifted by one token
    length = (len(ids) - 1) // rows
    inputs = ids[:-1][: rows * length].view(rows, length)
    targets = ids[1:][: rows * length].view(rows, length)

    # one batch of columns after the other; only the first resets the state
    for start in range(0, length - width + 1 if whole_batches_only else length, width):
        columns = slice(start, start + width)
        scored = min(width, length - start)
        yield Batch(inputs[:, columns].long(), targets[:, columns].long(), scored, reset_state=start == 0)


@dataclass(frozen=True)
class WindowBatches:
    """Independent windows that start every `stride` tokens, in random order, from a zero state.

    `scored` is the number of predictions at the end of a window that contribute to the loss. With 1, only the last
    prediction does, as in Keras' text generation example (Chollet 2015).
    """

    batch_size: int
    window: int  # tokens that a prediction sees
    stride: int
    scored: int

    def batches_per_pass(self, tokens: int) -> int:
        """Return the number of batches in one pass, which has every window once."""
        return max(1, (tokens - self.window) // self.stride // self.batch_size)

    def training_batches(self, ids: torch.Tensor, generator: torch.Generator) -> Iterator[Batch]:
        """Yield batches without end: every window once per pass, in a new random order."""
        windows = ids.unfold(0, min(self.window + 1, len(ids)), self.stride)  # (windows, window + 1)

        # a new permutation per pass
        while True:
            for rows in torch.split(torch.randperm(len(windows), generator=generator), self.batch_size):
                yield self._batch(windows[rows])

    def validation_batches(self, ids: torch.Tensor) -> Iterator[Batch]:
        """Yield a quarter of the windows that training would use, in larger batches."""
        if len(ids) < 2:
            return

        # four times the stride
        windows = ids.unfold(0, min(self.window + 1, len(ids)), 4 * self.stride)  # (windows, window + 1)
        for rows in torch.split(windows, 8 * self.batch_size):
            yield self._batch(rows)

    def _batch(self, windows: torch.Tensor) -> Batch:
        """Return windows, (batch, window + 1), as inputs and targets."""
        windows = windows.long()  # the ids of a long text have a narrower dtype
        return Batch(windows[:, :-1], windows[:, 1:], min(self.scored, windows.shape[1] - 1))
