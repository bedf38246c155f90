"""From hidden values to a distribution over the vocabulary: a plain softmax, a tied one, or an adaptive one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.neural.vectors import Vectors

Array = npt.NDArray[np.float32]


class Head(nn.Module):
    """What every head can say of hidden values (n, hidden)."""

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Natural log-probabilities of the targets, (n,)."""
        raise NotImplementedError

    def every(self, values: torch.Tensor) -> torch.Tensor:
        """Natural log-probabilities of all tokens, (n, vocabulary)."""
        raise NotImplementedError

    def quick(self) -> Callable[[Array], Array]:
        """A function that gives the same of numpy arrays, short of their sum to one, for weights that stay."""
        return lambda values: self._every(torch.from_numpy(values)).numpy()

    @torch.inference_mode()
    def _every(self, values: torch.Tensor) -> torch.Tensor:
        return self.every(values)


class Softmax(Head):
    """A linear layer and a softmax over all tokens."""

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, size)

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return -functional.cross_entropy(self.linear(values), targets, reduction="none")

    def every(self, values: torch.Tensor) -> torch.Tensor:
        return functional.log_softmax(self.linear(values), dim=-1)

    def quick(self) -> Callable[[Array], Array]:
        across, bias = self.linear.weight.detach().t().contiguous().numpy(), self.linear.bias.detach().numpy()
        return lambda values: values @ across + bias


class Tied(Head):
    """A softmax whose output weights are the input vectors (Press & Wolf 2017), a projection between the two widths."""

    def __init__(self, hidden: int, vectors: Vectors) -> None:
        super().__init__()
        self.shared = (vectors,)  # in a tuple: the network holds them already
        self.project = nn.Linear(hidden, vectors.width, bias=False)
        self.bias = nn.Parameter(torch.zeros(vectors.size))

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return -functional.cross_entropy(self._scores(values), targets, reduction="none")

    def every(self, values: torch.Tensor) -> torch.Tensor:
        return functional.log_softmax(self._scores(values), dim=-1)

    def _scores(self, values: torch.Tensor) -> torch.Tensor:
        return functional.linear(self.project(values), self.shared[0].weights(), self.bias)


class Adaptive(Head):
    """Frequent tokens at full width, rare ones in narrower clusters (adaptive softmax, Grave et al. 2017).

    `frequency` is how often each token stands in the training text, (vocabulary,).
    """

    rank: torch.Tensor

    def __init__(self, hidden: int, frequency: torch.Tensor) -> None:
        super().__init__()
        order = torch.argsort(frequency, descending=True, stable=True)
        self.register_buffer("rank", torch.argsort(order))  # (vocabulary,) token -> place by frequency
        size = len(frequency)
        cutoffs = [cut for cut in (500, 4000) if cut < size - 1]
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(hidden, size, cutoffs, div_value=4.0, head_bias=True)

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.softmax(values, self.rank[targets]).output
        return found

    def every(self, values: torch.Tensor) -> torch.Tensor:
        return self.softmax.log_prob(values)[:, self.rank]
