"""Score one long stream in parallel rows, with the result of reading it from beginning to end.

The stream is split into rows that are read side by side. Each row needs the state in which the row before it ends.
That state is guessed, first from a short run-up; then the rows are read, and where a guess was wrong they are read
again from the states just computed, as far as that changes anything. Every pass makes at least one more row exact, so
this ends; the influence of old inputs fades, so it nearly always ends soon.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from genbench.generator import LogProbs
from genbench.neural.network import CoreState, Network, map_state, max_difference, shift_rows
from genbench.tokenization.tokenizer import Ids

MAX_ROWS = 32
MIN_ROW_TOKENS = 512
RUN_UP_TOKENS = 256
CHUNK_TOKENS = 128  # read at once: bounds the memory
MAX_STORED_STATES = 64  # chunks after which the state is stored, so that a second pass can end where it agrees
BATCH_STREAMS = 64  # short streams read side by side
TOLERANCE = 1e-5  # relative, in the state; far below 1e-4 nats per token


@torch.inference_mode()
def stream_log_probs(network: Network, stream: torch.Tensor) -> LogProbs:
    """Return the log-probability of each token of a stream after its first, (tokens - 1,), from a zero state."""
    network.eval()
    inputs, targets = stream[:-1], stream[1:]
    if not len(inputs):
        return np.empty(0)

    # rows of equal length, side by side
    rows = max(1, min(MAX_ROWS, len(inputs) // MIN_ROW_TOKENS))
    length = len(inputs) // rows
    end = rows * length
    log_probs, state = _score_rows(network, inputs[:end].view(rows, length), targets[:end].view(rows, length))

    # the rest, after the last row
    last_state = map_state(lambda t: t[:, -1:].contiguous(), state)
    rest, _, _ = _read_chunks(network, inputs[None, end:], targets[None, end:], last_state, [])
    return np.concatenate([log_probs.flatten().numpy(), rest.flatten().numpy()]).astype(np.float64)


@torch.inference_mode()
def batch_log_probs(network: Network, prefix: Ids, streams: Sequence[Ids]) -> list[LogProbs]:
    """Return the log-probability of each token of each stream, read after `prefix` from a zero state.

    Streams of similar length are read side by side.
    """
    results: list[LogProbs] = [np.empty(0)] * len(streams)
    by_length = sorted(range(len(streams)), key=lambda index: len(streams[index]))
    for start in range(0, len(by_length), BATCH_STREAMS):
        batch = [index for index in by_length[start : start + BATCH_STREAMS] if len(streams[index])]
        rows = [torch.from_numpy(np.concatenate([prefix, streams[index]])) for index in batch]
        if rows:
            padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (batch, longest)
            log_probs, _, _ = _read_chunks(network, padded[:, :-1], padded[:, 1:], None, [])
            for index, row in zip(batch, log_probs.double().numpy(), strict=True):
                results[index] = row[len(prefix) - 1 :][: len(streams[index])]
    return results


def _score_rows(network: Network, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, CoreState]:
    """Return log-probabilities, (rows, length), and the states at the end of the rows."""
    # first guess of each row's initial state: a run-up at the end of the row before it
    _, ends = network(inputs[:, -RUN_UP_TOKENS:], None)
    guess = shift_rows(ends)
    log_probs, ends, stored = _read_chunks(network, inputs, targets, guess, [])

    # read again until the guessed states are those in which the rows end
    while max_difference(shift_rows(ends), guess) >= TOLERANCE:
        guess = shift_rows(ends)
        corrected, last, states = _read_chunks(network, inputs, targets, guess, stored)
        log_probs[:, : corrected.shape[1]] = corrected
        stored[: len(states)] = states
        ends = last if corrected.shape[1] == log_probs.shape[1] else ends
    return log_probs, ends


def _read_chunks(
    network: Network, inputs: torch.Tensor, targets: torch.Tensor, state: CoreState, earlier: list[CoreState]
) -> tuple[torch.Tensor, CoreState, list[CoreState]]:
    """Return log-probabilities, the last state, and the states after the first chunks.

    Reading ends early where the state agrees with that of an earlier pass.
    """
    parts, states = [torch.empty(len(inputs), 0)], []
    for chunk, start in enumerate(range(0, inputs.shape[1], CHUNK_TOKENS)):
        columns = slice(start, start + CHUNK_TOKENS)
        log_probs, state = network.target_log_probs(inputs[:, columns], targets[:, columns], state)
        parts.append(log_probs)
        states += [state] if chunk < MAX_STORED_STATES else []
        if chunk < len(earlier) and max_difference(state, earlier[chunk]) < TOLERANCE:
            break
    return torch.cat(parts, dim=1), state, states
