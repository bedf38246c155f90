"""How a stream of ids is read, in training and in validation: with a carried state, or in windows that stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch

LONG = 256  # tokens read at once where nothing is learned


@dataclass(frozen=True)
class Batch:
    """Rows read side by side; of each row's targets the last `counted` are scored."""

    inputs: torch.Tensor  # (batch, window)
    targets: torch.Tensor  # (batch, window)
    counted: int
    fresh: bool = True  # the state begins anew


class Reading(Protocol):
    """A way to read a stream of ids."""

    def per_pass(self, tokens: int) -> int:
        """How many batches one pass over so many tokens has."""

    def train(self, ids: torch.Tensor, random: torch.Generator) -> Iterator[Batch]:
        """Batches without end."""

    def valid(self, ids: torch.Tensor) -> Iterator[Batch]:
        """Batches over a stream once, always the same."""


@dataclass(frozen=True)
class Carried:
    """Rows read from their beginning to their end, `window` tokens at a time, the state carried on."""

    batch: int
    window: int

    def per_pass(self, tokens: int) -> int:
        """How many windows a row has."""
        rows = self._rows(tokens)
        return max(1, (tokens - 1) // rows // self.window)

    def train(self, ids: torch.Tensor, random: torch.Generator) -> Iterator[Batch]:
        """Each pass starts at another place of the first window, so that windows cut at other tokens each time."""
        rows = self._rows(len(ids))
        length = (len(ids) - 1) // rows
        window = min(self.window, length)
        while True:
            offset = int(torch.randint(0, max(min(window, length - window), 1), (1,), generator=random))
            yield from _in_rows(ids[offset:], rows, window, whole=True)

    def valid(self, ids: torch.Tensor) -> Iterator[Batch]:
        """In fewer rows than training reads, if the text is short: each row begins in the dark."""
        return _in_rows(ids, max(1, min(self.batch, (len(ids) - 1) // 64)), LONG, whole=False)

    def _rows(self, tokens: int) -> int:
        return max(1, min(self.batch, (tokens - 1) // self.window))


def _in_rows(ids: torch.Tensor, rows: int, window: int, *, whole: bool) -> Iterator[Batch]:
    """One pass; `whole` leaves a shorter last window out."""
    length = (len(ids) - 1) // rows
    inputs, targets = (part[: rows * length].view(rows, length) for part in (ids[:-1], ids[1:]))
    for start in range(0, length - window + 1 if whole else length, window):
        part = slice(start, start + window)
        yield Batch(inputs[:, part].long(), targets[:, part].long(), min(window, length - start), fresh=start == 0)


@dataclass(frozen=True)
class Alone:
    """Windows that begin every `step` tokens and know nothing of each other, in random order.

    `counted` is how many of a window's predictions are scored: 1 is the last alone, as in Keras' example.
    """

    batch: int
    window: int
    step: int
    counted: int

    def per_pass(self, tokens: int) -> int:
        """How many batches see every window once."""
        return max(1, (tokens - self.window) // self.step // self.batch)

    def train(self, ids: torch.Tensor, random: torch.Generator) -> Iterator[Batch]:
        """Every window once, in a new order each time."""
        spans = ids.unfold(0, min(self.window + 1, len(ids)), self.step)
        while True:
            for chosen in torch.split(torch.randperm(len(spans), generator=random), self.batch):
                yield self._of(spans[chosen])

    def valid(self, ids: torch.Tensor) -> Iterator[Batch]:
        """Every fourth of the windows that training would see."""
        if len(ids) < 2:
            return
        spans = ids.unfold(0, min(self.window + 1, len(ids)), 4 * self.step)
        for part in torch.split(spans, 8 * self.batch):
            yield self._of(part)

    def _of(self, spans: torch.Tensor) -> Batch:
        spans = spans.long()  # of a long text they are narrower
        return Batch(spans[:, :-1], spans[:, 1:], min(self.counted, spans.shape[1] - 1))
