"""The contract's methods for a trained network whose weights do not change; `dynamic_evaluation` has one that learns.

A reader starts before a text, is advanced token by token, and predicts. `RecurrentGenerator` passes the methods of the
contract on to its reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from genbench.generator import LogProbs, ProgressCallback, ignore
from genbench.neural.inference import NetworkStepper, RNNState, RNNStates, stack_states
from genbench.neural.network import Network
from genbench.neural.parallel_scoring import batch_log_probs, stream_log_probs
from genbench.tokenization.tokenizer import Ids


class Reader(Protocol):
    """The methods of the contract, and of its capabilities, that depend on the weights alone."""

    def start(self) -> Any:
        """Return the state after a newline."""

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        """Return the state after one more token for each of at least one state."""

    def log_probs_batch(self, states: Sequence[Any]) -> LogProbs:
        """Return the log-probabilities of the next token for at least one state, (states, vocabulary)."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        """Return the log-probability of each token, (tokens,), read from `start()`."""

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        """Return the log-probabilities of many short streams, each read from `start()`."""


class NetworkReader:
    """A reader of a network with constant weights. `prefix` is read before a text: the tokens of a newline."""

    def __init__(self, network: Network, prefix: Ids) -> None:
        self.network, self.prefix = network, prefix
        self.stepper = NetworkStepper(network)

    def start(self) -> RNNState:
        output, core = np.empty((1, 0), np.float32), None
        for token in self.prefix.tolist():
            output, core = self.stepper.step([token], core)
        return RNNState(output, core)

    def advance_batch(self, states: Sequence[RNNState], tokens: Sequence[int]) -> RNNStates:
        return RNNStates(*self.stepper.step(tokens, stack_states(states).core))

    def log_probs_batch(self, states: Sequence[RNNState]) -> LogProbs:
        return self.stepper.log_probs(stack_states(states))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        # the first scored token is the one after the prefix; torch.tensor copies, because `ids` may be read-only
        stream = torch.cat([torch.from_numpy(self.prefix), torch.tensor(ids)])
        return stream_log_probs(self.network, stream, progress)[len(self.prefix) - 1 :]

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return batch_log_probs(self.network, self.prefix, streams)
