"""A copy of a network that is being trained, which predicts: samples of it show what it has learned so far."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

from genbench.neural.base_model import BasedNetwork
from genbench.neural.trained_network import TrainedNetwork
from genbench.neural.weight_average import WeightAverage


def predicting_copy(generator: TrainedNetwork, average: WeightAverage) -> TrainedNetwork:
    """Return a copy of a generator with the averaged weights of this moment, on the CPU; the training is untouched."""
    network = generator._network
    shared: dict[int, Any] = {id(network.base): network.base} if isinstance(network, BasedNetwork) else {}
    with average.applied():
        weights = deepcopy(network, shared)

    # what an earlier fit left, and what is fitted later, is no part of it
    sampled = copy(generator)
    sampled.__dict__.pop("_reader", None)
    sampled._adaptation = sampled._predicted = None
    sampled._network = weights.eval().cpu()
    sampled._network.fold_weights()
    return sampled
