"""A trained network read a token at a time, many streams side by side: for drawing.

In numpy, where an operation on few numbers costs a fraction of torch's. A core may state steps of its own, in two
methods; any other is called as it is trained.

    project(x)   (n, inputs) to (n, sums): all that its first layer does to an input alone, kept for each token
    quick()      a function of (n, sums) and a state that gives (n, hidden) and the state after, all numpy arrays
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from genbench.neural.network import Network
from genbench.neural.states import CoreState, each

Array = npt.NDArray[np.float32]
Step = Callable[[Array, CoreState], tuple[Array, CoreState]]
ROWS = 1 << 12  # tokens whose projection is kept, the latest ones


@dataclass(frozen=True)
class Memory:
    """A recurrent generator's state: what the core gave for the last token, (1, hidden), and what it carries on."""

    output: Array
    core: CoreState


@dataclass(frozen=True)
class Memories(Sequence[Memory]):
    """The states of several streams, kept together: `output` is (streams, hidden), the core's their batch."""

    output: Array
    core: CoreState

    def __len__(self) -> int:
        return len(self.output)

    def __getitem__(self, row: Any) -> Any:
        """The state of one stream, copied: else it would keep those of all others in memory."""
        rows = [range(len(self))[row]]
        return Memory(self.output[rows], each(lambda part: part[:, rows], self.core))


def together(states: Sequence[Memory]) -> Memories:
    """The same states kept together."""
    if isinstance(states, Memories):
        return states
    cores = each(lambda *parts: np.concatenate(parts, axis=1), *(state.core for state in states))
    return Memories(np.concatenate([state.output for state in states]), cores)


class Stepping:
    """The steps of a network whose weights stay as they are; states are as the core's, of numpy arrays."""

    def __init__(self, network: Network) -> None:
        self._network = network.eval()
        quick: Callable[[], Step] | None = getattr(network.core, "quick", None)
        self._quick = quick() if quick is not None else None
        self._scores = network.head.quick()
        self._projected = lru_cache(ROWS)(self._project)

    def step(self, tokens: Sequence[int], state: CoreState) -> tuple[Array, CoreState]:
        """Each stream's token read: hidden values, (streams, hidden), and the state after."""
        if self._quick is None:
            return self._slow(tokens, state)
        rows = [self._projected(token) for token in tokens]
        return self._quick(rows[0] if len(rows) == 1 else np.concatenate(rows), state)

    def log_probs(self, values: Array) -> npt.NDArray[np.float64]:
        """Natural log-probabilities of the next token of each stream, (streams, vocabulary)."""
        found = self._scores(values).astype(np.float64)
        found -= found.max(axis=1, keepdims=True)
        found -= np.log(np.exp(found).sum(axis=1, keepdims=True))
        return found

    @torch.inference_mode()
    def _slow(self, tokens: Sequence[int], state: CoreState) -> tuple[Array, CoreState]:
        before = None if state is None else each(torch.from_numpy, state)
        values, after = self._network(torch.tensor(tokens)[:, None], before)
        return values[:, 0].numpy(), each(torch.Tensor.numpy, after)

    @torch.inference_mode()
    def _project(self, token: int) -> Array:
        inputs = self._network.embedding(torch.tensor([[token]]))[0]
        core: Any = self._network.core
        found: Array = core.project(inputs).numpy()
        return found
