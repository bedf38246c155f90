"""Step a trained network one token at a time, for a batch of streams; generation uses it.

Steps run in numpy, where an operation on few numbers costs a fraction of the time in torch. A core can provide fast
steps with the two methods below; any other core is called as in training.

    project_inputs(x)   (n, inputs) to (n, sums): the first layer's products with the input, cached by token
    numpy_step()        a function from (n, sums) and a state to (n, hidden) and the next state, all numpy arrays
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genbench.neural.base_model import BasedNetwork
from genbench.neural.network import CoreState, Network, map_state

Array = npt.NDArray[np.float32]
NumpyStep = Callable[[Array, CoreState], tuple[Array, CoreState]]
CACHED_TOKENS = 1 << 12  # most recent tokens whose projection is kept


@dataclass(frozen=True)
class RNNState:
    """The state of a recurrent generator: the core's last output, (1, hidden), and the core's state."""

    output: Array
    core: CoreState


@dataclass(frozen=True)
class RNNStates(Sequence[RNNState]):
    """The states of several streams in one batch: `output` is (streams, hidden)."""

    output: Array
    core: CoreState

    def __len__(self) -> int:
        return len(self.output)

    def __getitem__(self, row: Any) -> Any:
        """Return a copy of the state of one stream; a view would keep the states of all streams in memory."""
        rows = [range(len(self))[row]]
        return RNNState(self.output[rows], map_state(lambda part: part[:, rows], self.core))


def stack_states(states: Sequence[RNNState]) -> RNNStates:
    """Concatenate states into one batch; a batch is returned as it is."""
    if isinstance(states, RNNStates):
        return states
    core = map_state(lambda *parts: np.concatenate(parts, axis=1), *(state.core for state in states))
    return RNNStates(np.concatenate([state.output for state in states]), core)


class NetworkStepper:
    """Steps of a trained network, whose weights must not change; states have the core's structure, as numpy arrays."""

    def __init__(self, network: Network) -> None:
        # the core's own step, if it has one; else the network is called for one token
        self._network = network.eval()
        self._base = network.base if isinstance(network, BasedNetwork) else None
        numpy_step: Callable[[], NumpyStep] | None = getattr(network.core, "numpy_step", None)
        self._numpy_step = numpy_step() if numpy_step is not None else None
        self._scores = network.head.numpy_scores()
        self._cached_projection = lru_cache(CACHED_TOKENS)(self._project)

    def step(self, tokens: Sequence[int], state: CoreState) -> tuple[Array, CoreState]:
        """Return the hidden values, (streams, hidden), and the state after one more token in every stream."""
        if self._base is not None:
            core, rows = (None, None) if state is None else state
            hidden, core = self._core_step(tokens, core)
            before = None if rows is None else torch.from_numpy(rows)
            return hidden, (core, self._base.read(torch.tensor(tokens)[:, None], before)[1].numpy())
        return self._core_step(tokens, state)

    def _core_step(self, tokens: Sequence[int], state: CoreState) -> tuple[Array, CoreState]:
        """Compute `step` of the network alone."""
        if self._numpy_step is None:
            return self._torch_step(tokens, state)

        # the products with the input depend on the token alone
        sums = [self._cached_projection(token) for token in tokens]
        return self._numpy_step(sums[0] if len(sums) == 1 else np.concatenate(sums), state)

    def log_probs(self, states: RNNState | RNNStates) -> npt.NDArray[np.float64]:
        """Return the natural log-probabilities of the next token of every stream, (streams, vocabulary)."""
        if isinstance(self._network, BasedNetwork):
            base = self._network.base.predict_all(states.core[1][0], self._network.layout)
            scores = self._network.head.numpy_log_probs(states.output, base).astype(np.float64)
        else:
            scores = self._scores(states.output).astype(np.float64)

        # log-softmax in float64
        scores -= scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores

    @torch.inference_mode()
    def _torch_step(self, tokens: Sequence[int], state: CoreState) -> tuple[Array, CoreState]:
        """Compute `step` by the network's forward pass over one token."""
        before = None if state is None else map_state(torch.from_numpy, state)
        hidden, after = self._network.run_core(torch.tensor(tokens)[:, None], before)
        return hidden[:, 0].numpy(), map_state(torch.Tensor.numpy, after)

    @torch.inference_mode()
    def _project(self, token: int) -> Array:
        """Return the core's products with the vector of one token, (1, sums)."""
        inputs = self._network.embedding(torch.tensor([[token]]))[0]  # (1, inputs)
        core: Any = self._network.core
        sums: Array = core.project_inputs(inputs).numpy()
        return sums
