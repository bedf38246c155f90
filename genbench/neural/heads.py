"""From hidden values to a distribution over the vocabulary: a plain softmax, an adaptive one, or a tied one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.neural.embeddings import Vectors

Array = npt.NDArray[np.float32]

CUTOFFS = (500, 4000)  # tokens by frequency: where the clusters of rarer ones begin
NARROWER = 4  # times, each cluster than the one before


def by_frequency(frequency: torch.Tensor) -> torch.Tensor:
    """The tokens, the most frequent first, (vocabulary,), by how often each stands in the training text."""
    return torch.argsort(frequency, descending=True, stable=True)


class Head(nn.Module):
    """What every head can say of hidden values (n, hidden)."""

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Natural log-probabilities of the targets, (n,)."""
        raise NotImplementedError

    def every(self, values: torch.Tensor) -> torch.Tensor:
        """Natural log-probabilities of all tokens, (n, vocabulary)."""
        raise NotImplementedError

    def settled(self) -> Head:
        """A head that says the same and stands on its own weights alone, once training is over."""
        return self

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


class Adaptive(Head):
    """Frequent tokens at full width, rare ones in narrower clusters (adaptive softmax, Grave et al. 2017).

    `order` has the tokens, the most frequent first, (vocabulary,). Differs from torch's in that `tables` says where the
    output weights come from.
    """

    rank: torch.Tensor
    starts: torch.Tensor

    def __init__(self, hidden: int, order: torch.Tensor) -> None:
        super().__init__()
        ends = [*(cut for cut in CUTOFFS if cut < len(order) - 1), len(order)]
        self.register_buffer("rank", torch.argsort(order))  # (vocabulary,) token -> place by frequency
        self.register_buffer("starts", torch.tensor(ends[:-1]), persistent=False)
        self.sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        self.frequent, self.clusters = self.sizes[0], len(self.sizes) - 1
        self.bias = nn.Parameter(torch.zeros(self.frequent + self.clusters))
        narrow = [max(hidden // NARROWER**place, 1) for place in range(1, self.clusters + 1)]
        self.down = nn.ModuleList(nn.Linear(hidden, width, bias=False) for width in narrow)
        self.make_tables(hidden, narrow)

    def make_tables(self, hidden: int, narrow: list[int]) -> None:
        """What `tables` needs, for clusters so narrow."""
        top = self.frequent + self.clusters
        shapes = zip([top, *self.sizes[1:]], [hidden, *narrow], strict=True)
        self.own = nn.ParameterList(nn.init.kaiming_uniform_(torch.empty(shape), 5**0.5) for shape in shapes)

    def tables(self) -> Iterable[torch.Tensor]:
        """The output weights, (tokens, width) each: of the frequent tokens and the clusters, then of each cluster."""
        return self.own

    def picked(self, values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        top, *tails = self.tables()
        rank = self.rank[targets]
        cluster = torch.bucketize(rank, self.starts, right=True)  # 0: frequent
        slot = torch.where(cluster == 0, rank, self.frequent + cluster - 1)
        found = _log_softmax(values, top, self.bias).gather(1, slot[:, None])[:, 0]
        for place, (down, table) in enumerate(zip(self.down, tails, strict=True)):
            rows = (cluster == place + 1).nonzero()[:, 0]
            inside = (rank[rows] - self.starts[place])[:, None]
            found = found.index_add(0, rows, _log_softmax(down(values[rows]), table).gather(1, inside)[:, 0])
        return found

    def every(self, values: torch.Tensor) -> torch.Tensor:
        top, *tails = self.tables()
        shares = _log_softmax(values, top, self.bias)  # (n, frequent + clusters)
        parts = [shares[:, : self.frequent]]
        for place, (down, table) in enumerate(zip(self.down, tails, strict=True)):
            parts.append(shares[:, self.frequent + place, None] + _log_softmax(down(values), table))
        return torch.cat(parts, dim=1)[:, self.rank]


class Tied(Adaptive):
    """Output weights that are the input vectors (Press & Wolf 2017), narrowed for rare tokens (Baevski & Auli 2019)."""

    order: torch.Tensor

    def __init__(self, hidden: int, order: torch.Tensor, vectors: Vectors) -> None:
        self.width = vectors.width
        super().__init__(hidden, order)
        self.shared = (vectors,)  # in a tuple: the network holds them already
        self.register_buffer("order", order, persistent=False)

    def make_tables(self, hidden: int, narrow: list[int]) -> None:
        """A projection of the vectors, and what narrows those of each cluster."""
        self.project = nn.Linear(hidden, self.width, bias=False)
        self.gate = nn.Linear(hidden, self.clusters, bias=False) if self.clusters else None
        self.narrow = nn.ModuleList(nn.Linear(self.width, width, bias=False) for width in narrow)

    def tables(self) -> Iterable[torch.Tensor]:
        """Made from the vectors as they are now."""
        first, *rest = torch.split(functional.embedding(self.order, self.shared[0].weights()), self.sizes)
        top = first @ self.project.weight  # (frequent, hidden)
        yield top if self.gate is None else torch.cat([top, self.gate.weight])
        yield from (narrow(vectors) for narrow, vectors in zip(self.narrow, rest, strict=True))

    @torch.no_grad()
    def settled(self) -> Head:
        """An adaptive head with the output weights written out."""
        plain = Adaptive(self.project.in_features, self.order)
        plain.bias, plain.down = self.bias, self.down
        for own, table in zip(plain.own, self.tables(), strict=True):
            own.copy_(table)
        return plain


def _log_softmax(values: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    return functional.log_softmax(functional.linear(values, weight, bias), dim=-1)
