"""Score one long stream in parallel rows, with the result of reading it from beginning to end.

The stream is split into rows that are read as one batch. A row starts from the state in which the previous row ends,
which is not known yet. The first guess is the state after a short run-up at the end of the previous row. All rows are
then read, and read again from the end states just computed, until the guessed and the computed states agree. A pass
stops early at the chunk from which the states no longer change. Every pass makes at least one more row exact, so the
loop ends; the influence of old inputs fades, so a few passes are nearly always enough.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from genbench.generator import LogProbs, ProgressCallback, ignore
from genbench.neural.network import CoreState, Network, map_state, max_difference, shift_rows
from genbench.tokenization.tokenizer import Ids

MAX_ROWS = 32
MIN_ROW_TOKENS = 512
RUN_UP_TOKENS = 256
CHUNK_TOKENS = 128  # read in one forward pass: bounds the memory
MAX_STORED_STATES = 64  # chunks whose final state is stored, so that a later pass can stop where the states agree
BATCH_STREAMS = 64  # short streams in one batch
TOLERANCE = 1e-5  # relative, in the state; far below 1e-4 nats per token


@torch.inference_mode()
def stream_log_probs(network: Network, stream: torch.Tensor, progress: ProgressCallback = ignore) -> LogProbs:
    """Return the log-probabilities of the tokens of a stream after its first, (tokens - 1,), from a zero state.

    `progress` receives the completed share of the first pass, 0 to 1; the passes that correct it are shorter.
    """
    network.eval()
    inputs, targets = stream[:-1], stream[1:]
    if not len(inputs):
        return np.empty(0)

    # read rows of equal length as one batch
    rows = max(1, min(MAX_ROWS, len(inputs) // MIN_ROW_TOKENS))
    length = len(inputs) // rows
    end = rows * length
    log_probs, state = _score_rows(network, inputs[:end].view(rows, length), targets[:end].view(rows, length), progress)

    # read the remaining tokens from the state after the last row
    last_state = map_state(lambda t: t[:, -1:].contiguous(), state)
    rest, _, _ = _read_chunks(network, inputs[None, end:], targets[None, end:], last_state, [])
    return np.concatenate([log_probs.flatten().numpy(), rest.flatten().numpy()]).astype(np.float64)


@torch.inference_mode()
def batch_log_probs(network: Network, prefix: Ids, streams: Sequence[Ids]) -> list[LogProbs]:
    """Return the log-probabilities of the tokens of every stream, (tokens,), read after `prefix` from a zero state.

    Streams of similar length are read as one batch, so that there is little padding.
    """
    results: list[LogProbs] = [np.empty(0)] * len(streams)

    # the shortest streams first
    by_length = sorted(range(len(streams)), key=lambda index: len(streams[index]))
    for start in range(0, len(by_length), BATCH_STREAMS):
        batch = [index for index in by_length[start : start + BATCH_STREAMS] if len(streams[index])]
        rows = [torch.from_numpy(np.concatenate([prefix, streams[index]])) for index in batch]
        if rows:
            padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (batch, longest)
            log_probs, _, _ = _read_chunks(network, padded[:, :-1], padded[:, 1:], None, [])

            # remove the prefix and the padding
            for index, row in zip(batch, log_probs.double().numpy(), strict=True):
                results[index] = row[len(prefix) - 1 :][: len(streams[index])]
    return results


def _score_rows(
    network: Network, inputs: torch.Tensor, targets: torch.Tensor, progress: ProgressCallback
) -> tuple[torch.Tensor, CoreState]:
    """Return the log-probabilities of the targets, (rows, length), and the states at the end of the rows."""
    # first guess of the initial states: a run-up at the end of the previous row
    _, ends = network(inputs[:, -RUN_UP_TOKENS:], None)
    guess = shift_rows(ends)
    log_probs, ends, stored = _read_chunks(network, inputs, targets, guess, [], progress)

    # read again until the guessed states are the states in which the rows end
    while max_difference(shift_rows(ends), guess) >= TOLERANCE:
        guess = shift_rows(ends)
        corrected, last, states = _read_chunks(network, inputs, targets, guess, stored)
        log_probs[:, : corrected.shape[1]] = corrected
        stored[: len(states)] = states
        ends = last if corrected.shape[1] == log_probs.shape[1] else ends
    return log_probs, ends


def _read_chunks(
    network: Network,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    state: CoreState,
    earlier: list[CoreState],
    progress: ProgressCallback = ignore,
) -> tuple[torch.Tensor, CoreState, list[CoreState]]:
    """Return the log-probabilities of the targets, (rows, time read), the last state and the states after the chunks.

    `earlier` has the states of an earlier pass: reading stops after the first chunk at which both states agree.
    """
    parts, states = [torch.empty(len(inputs), 0)], []
    for chunk, start in enumerate(range(0, inputs.shape[1], CHUNK_TOKENS)):
        # forward over one chunk of all rows
        columns = slice(start, start + CHUNK_TOKENS)
        log_probs, state = network.target_log_probs(inputs[:, columns], targets[:, columns], state)
        parts.append(log_probs)
        states += [state] if chunk < MAX_STORED_STATES else []
        progress(start / inputs.shape[1])

        # from an equal state on, the log-probabilities of the earlier pass are correct
        if chunk < len(earlier) and max_difference(state, earlier[chunk]) < TOLERANCE:
            break
    return torch.cat(parts, dim=1), state, states
