"""TrainedNetwork: the methods of the contract for a network after its training, the base class of the networks.

A reader does the work (`reader.py`): one with constant weights, or one that goes on learning from what it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from genbench.generator import Generator, LogProbs, ProgressCallback, State, ignore
from genbench.neural.base_model import BaseModel, BaseStream, CrossFit
from genbench.neural.dynamic_evaluation import Adaptation, LearningReader
from genbench.neural.network import Network
from genbench.neural.reader import NetworkReader, Reader
from genbench.tokenization.tokenizer import Ids


class TrainedNetwork(Generator):
    """A generator whose predictions are those of a network. A subclass trains it, or restores it."""

    adaptive: bool
    _network: Network
    _base: BaseModel | None = None  # a counting model with which the network is interpolated
    _predicted: tuple[CrossFit, BaseStream] | None = None  # its training and validation text, while trained
    _adaptation: Adaptation | None  # how the network learns from what it reads; None: it does not

    @cached_property
    def _reader(self) -> Reader:
        if self._adaptation is not None:
            return LearningReader(self._network, self._prefix, self._adaptation)
        return NetworkReader(self._network, self._prefix)

    @property
    def adapts(self) -> bool:
        """Whether the network learns from the text it reads, which is its option (`capabilities.Adaptive`)."""
        return self.adaptive

    def start(self) -> State:
        return self._reader.start()

    def advance(self, state: State, token: int) -> State:
        return self.advance_batch([state], [token])[0]

    def log_probs(self, state: State) -> LogProbs:
        return np.asarray(self.log_probs_batch([state])[0])

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        return self._reader.advance_batch(states, tokens) if states else []

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> LogProbs:
        log_probs = self._reader.log_probs_batch(states) if states else np.empty((0, self.tokenizer.size))
        return log_probs[:, :stop]

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return self._reader.token_log_probs(ids, progress)

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return self._reader.token_log_probs_batch(streams)

    @property
    def _prefix(self) -> Ids:
        """The tokens read before a text: a newline."""
        return self.tokenizer.encode("\n")
