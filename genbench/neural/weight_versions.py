"""Versions of the weights of a network that learns while it reads.

Many states of a text are alive together, and those of different segments have different weights. A version is only the
tensors of its weights: one network computes with all of them, one after the other. Copying a network took seven times
as long as copying its weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import RLock

import torch

from genbench.generator import LogProbs
from genbench.neural.inference import NetworkStepper, RNNState, RNNStates
from genbench.neural.network import CoreState, Network


class SharedNetwork:
    """A copy of a network, whose weights are replaced by those of the version that is used."""

    def __init__(self, network: Network) -> None:
        self._network = copy.deepcopy(network).eval()
        self._parameters = list(self._network.parameters())
        self._held: Sequence[torch.Tensor] = ()
        self._lock = RLock()

    def stepper(self) -> NetworkStepper:
        """Return the steps with the weights that the network holds; they are right while it holds these."""
        return NetworkStepper(self._network)

    @contextmanager
    def holding(self, weights: Sequence[torch.Tensor]) -> Iterator[Network]:
        """Lend the network with some weights, which it shares: steps of learning change them."""
        with self._lock:
            if self._held is not weights:
                for parameter, values in zip(self._parameters, weights, strict=True):
                    parameter.data = values
                self._held = weights
            yield self._network


class Version:
    """One version of the weights, shared by all states of a segment."""

    def __init__(self, shared: SharedNetwork, weights: Sequence[torch.Tensor]) -> None:
        self.weights, self._shared = weights, shared

    @contextmanager
    def successor_network(self) -> Iterator[tuple[Network, Version]]:
        """Lend a network with a copy of the weights, and the version that the copy becomes once it has learned."""
        weights = [values.clone() for values in self.weights]
        with self._shared.holding(weights) as network:
            yield network, Version(self._shared, weights)

    def step(self, token: int, core: CoreState) -> RNNState:
        """Return the network's state after one more token."""
        with self._shared.holding(self.weights):
            return RNNState(*self._stepper.step([token], core))

    def log_probs(self, states: RNNStates) -> LogProbs:
        """Return the natural log-probabilities of the next token of every stream, (streams, vocabulary)."""
        with self._shared.holding(self.weights):
            return self._stepper.log_probs(states)

    @cached_property
    def _stepper(self) -> NetworkStepper:
        """Its steps, made when they are first used: then the network holds the weights."""
        return self._shared.stepper()
