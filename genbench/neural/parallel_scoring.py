"""Scoring one long stream in parallel rows, with the result of reading it in one.

A stream is cut into rows read side by side. Each row needs the state in which the row before it ends: it is guessed
(first from a short run-up), the rows are read, and where a guess was off they are read again from the states found,
as far as that changes anything. Every reading makes at least one more row exact, so this ends; memories fade, so it
nearly always ends soon.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from genbench.generator import LogProbs
from genbench.neural.network import Network
from genbench.neural.states import CoreState, distance, each, shifted
from genbench.tokenization.tokenizer import Ids

ROWS = 32
SHORTEST_ROW = 512  # tokens
RUN_UP = 256  # tokens
STRIDE = 128  # tokens read at once: bounds the memory
MARKS = 64  # strides after which the state is remembered, so that a second reading can end where it agrees
BATCH = 64  # short streams read side by side
TOLERANCE = 1e-5  # relative, in the state; far below 1e-4 nats a token


@torch.inference_mode()
def stream_log_probs(network: Network, stream: torch.Tensor) -> LogProbs:
    """The natural log-probability of each token of a stream after its first, (tokens - 1,), read from a zero state."""
    network.eval()
    inputs, targets = stream[:-1], stream[1:]
    if not len(inputs):
        return np.empty(0)
    rows = max(1, min(ROWS, len(inputs) // SHORTEST_ROW))
    length = len(inputs) // rows
    whole = rows * length
    found, state = _rows(network, inputs[:whole].view(rows, length), targets[:whole].view(rows, length))
    last = each(lambda t: t[:, -1:].contiguous(), state)
    tail, _, _ = _read(network, inputs[None, whole:], targets[None, whole:], last, [])
    return np.concatenate([found.flatten().numpy(), tail.flatten().numpy()]).astype(np.float64)


@torch.inference_mode()
def batch_log_probs(network: Network, before: Ids, streams: Sequence[Ids]) -> list[LogProbs]:
    """The same of many streams, each read after `before` from a zero state; those of a length side by side."""
    found: list[LogProbs] = [np.empty(0)] * len(streams)
    order = sorted(range(len(streams)), key=lambda place: len(streams[place]))
    for start in range(0, len(order), BATCH):
        chosen = [place for place in order[start : start + BATCH] if len(streams[place])]
        rows = [torch.from_numpy(np.concatenate([before, streams[place]])) for place in chosen]
        if rows:
            padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
            read, _, _ = _read(network, padded[:, :-1], padded[:, 1:], None, [])
            for place, row in zip(chosen, read.double().numpy(), strict=True):
                found[place] = row[len(before) - 1 :][: len(streams[place])]
    return found


def _rows(network: Network, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, CoreState]:
    """Log-probabilities (rows, length), and the states at the end of the rows."""
    _, ends = network(inputs[:, -RUN_UP:], None)
    guess = shifted(ends)
    found, ends, marks = _read(network, inputs, targets, guess, [])
    while distance(shifted(ends), guess) >= TOLERANCE:
        guess = shifted(ends)
        again, last, newer = _read(network, inputs, targets, guess, marks)
        found[:, : again.shape[1]] = again
        marks[: len(newer)] = newer
        ends = last if again.shape[1] == found.shape[1] else ends
    return found, ends


def _read(
    network: Network, inputs: torch.Tensor, targets: torch.Tensor, state: CoreState, before: list[CoreState]
) -> tuple[torch.Tensor, CoreState, list[CoreState]]:
    """Log-probabilities, the state after, and the first states between; ends early where these are as before."""
    parts, marks = [torch.empty(len(inputs), 0)], []
    for place, start in enumerate(range(0, inputs.shape[1], STRIDE)):
        part = slice(start, start + STRIDE)
        found, state = network.picked(inputs[:, part], targets[:, part], state)
        parts.append(found)
        marks += [state] if place < MARKS else []
        if place < len(before) and distance(state, before[place]) < TOLERANCE:
            break
    return torch.cat(parts, dim=1), state, marks
