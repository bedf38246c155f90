"""Output heads: modules from hidden values to a distribution over the vocabulary.

Each begins at the unigram distribution of the training text: a network of random weights learns it slowly.

SoftmaxHead            a linear layer and a softmax, for small vocabularies
AdaptiveSoftmaxHead    rare tokens in narrower clusters, for large vocabularies (Grave et al. 2017)
TiedHead               an adaptive softmax whose output weights are the input vectors (Press & Wolf 2017)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.neural.embeddings import WordEmbedding

Array = npt.NDArray[np.float32]

CUTOFFS = (500, 4000)  # frequency ranks at which the clusters of rarer tokens start
CLUSTER_DIVISOR = 4  # a cluster is this many times narrower than the previous one


def unigram_log_probs(counts: torch.Tensor) -> torch.Tensor:
    """Return the natural log-probabilities of tokens with these counts, plus one each, (vocabulary,)."""
    frequencies = counts.double() + 1
    return torch.log(frequencies / frequencies.sum()).float()


def frequency_order(counts: torch.Tensor) -> torch.Tensor:
    """Return the tokens sorted by descending count in the training text, (vocabulary,)."""
    return torch.argsort(counts, descending=True, stable=True)


class Head(nn.Module):
    """Base class of the output heads; hidden values are (n, hidden)."""

    def target_log_probs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the natural log-probabilities of the targets, (n,)."""
        raise NotImplementedError

    def log_probs(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the natural log-probabilities of all tokens, (n, vocabulary)."""
        raise NotImplementedError

    def start_at_unigram(self, counts: torch.Tensor) -> None:
        """Set the biases: a hidden value of zeros gives the unigram distribution of these counts, (vocabulary,)."""
        raise NotImplementedError

    def weights_per_token(self, counts: torch.Tensor) -> float:
        """Return how many weights take part in a prediction, the mean over tokens with these counts, (vocabulary,)."""
        return sum(parameter.numel() for parameter in self.parameters())

    def weights_per_step(self) -> int:
        """Return how many products computing the output weights takes, once for all predictions of a batch."""
        return 0

    def folded(self) -> Head:
        """Return an equivalent head that does not depend on other parts of the network."""
        return self

    def numpy_scores(self) -> Callable[[Array], Array]:
        """Return a numpy function from hidden values to unnormalized log-probabilities; the weights must not change."""
        return lambda hidden: self._detached_log_probs(torch.from_numpy(hidden)).numpy()

    @torch.inference_mode()
    def _detached_log_probs(self, hidden: torch.Tensor) -> torch.Tensor:
        """Compute `log_probs` without a graph."""
        return self.log_probs(hidden)


class SoftmaxHead(Head):
    """A linear layer and a softmax over all tokens."""

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, vocabulary)

    @torch.no_grad()
    def start_at_unigram(self, counts: torch.Tensor) -> None:
        self.linear.bias.copy_(unigram_log_probs(counts))

    def target_log_probs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return -functional.cross_entropy(self.linear(hidden), targets, reduction="none")

    def log_probs(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.log_softmax(self.linear(hidden), dim=-1)

    def numpy_scores(self) -> Callable[[Array], Array]:
        weight, bias = self.linear.weight.detach().t().contiguous().numpy(), self.linear.bias.detach().numpy()
        return lambda hidden: hidden @ weight + bias


class AdaptiveSoftmaxHead(Head):
    """Adaptive softmax (Grave et al. 2017): frequent tokens at full width, rare tokens in narrower clusters.

    `order` lists the tokens by descending frequency, (vocabulary,). Differs from torch's AdaptiveLogSoftmaxWithLoss in
    that a subclass can compute the output weights, by overriding `output_weights`.
    """

    rank: torch.Tensor
    starts: torch.Tensor
    hidden: int
    sizes: list[int]
    widths: list[int]

    def __init__(self, hidden: int, order: torch.Tensor) -> None:
        super().__init__()

        self.hidden = hidden

        # divide the frequency ranks into the frequent tokens and the clusters
        ends = [*(cutoff for cutoff in CUTOFFS if cutoff < len(order) - 1), len(order)]
        self.register_buffer("rank", torch.argsort(order))  # (vocabulary,) token -> frequency rank
        self.register_buffer("starts", torch.tensor(ends[:-1]), persistent=False)
        self.sizes = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        self.frequent, self.clusters = self.sizes[0], len(self.sizes) - 1

        # the top distribution, and a narrowing projection for every cluster
        self.bias = nn.Parameter(torch.zeros(self.frequent + self.clusters))
        self.widths = [max(hidden // CLUSTER_DIVISOR**cluster, 1) for cluster in range(1, self.clusters + 1)]
        self.down = nn.ModuleList(nn.Linear(hidden, width, bias=False) for width in self.widths)
        self.cluster_biases = nn.ParameterList(torch.zeros(size) for size in self.sizes[1:])
        self.init_output_weights(hidden, self.widths)

    def init_output_weights(self, hidden: int, widths: list[int]) -> None:
        """Create the parameters from which `output_weights` is computed; `widths` are those of the clusters."""
        top = self.frequent + self.clusters
        shapes = zip([top, *self.sizes[1:]], [hidden, *widths], strict=True)
        self.weights = nn.ParameterList(nn.init.kaiming_uniform_(torch.empty(shape), 5**0.5) for shape in shapes)

    def output_weights(self) -> Iterable[torch.Tensor]:
        """Yield the output weights, (tokens, width): frequent tokens and clusters, then one matrix per cluster."""
        return self.weights

    @torch.no_grad()
    def start_at_unigram(self, counts: torch.Tensor) -> None:
        by_rank = unigram_log_probs(counts)[torch.argsort(self.rank)]
        frequent, *rare = torch.split(by_rank, self.sizes)
        clusters = [torch.logsumexp(log_probs, 0) for log_probs in rare]
        self.bias.copy_(torch.cat([frequent, *(log_prob[None] for log_prob in clusters)]))
        for bias, log_probs, cluster in zip(self.cluster_biases, rare, clusters, strict=True):
            bias.copy_(log_probs - cluster)

    def weights_per_token(self, counts: torch.Tensor) -> float:
        # a cluster takes part only where the token is one of its own
        by_rank = counts.double()[torch.argsort(self.rank.to(counts.device))]
        shares = torch.stack([part.sum() for part in torch.split(by_rank, self.sizes)]) / by_rank.sum().clamp(min=1)
        clusters = zip(shares[1:].tolist(), self.widths, self.sizes[1:], strict=True)
        rare: float = sum(share * (width * (self.hidden + size) + size) for share, width, size in clusters)
        return len(self.bias) * (self.hidden + 1) + rare

    def target_log_probs(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        top, *tails = self.output_weights()
        rank = self.rank[targets]
        cluster = torch.bucketize(rank, self.starts, right=True)  # (n,) 0: frequent

        # log-probability of a frequent token, or of the cluster of a rare token
        column = torch.where(cluster == 0, rank, self.frequent + cluster - 1)
        log_probs = _log_softmax(hidden, top, self.bias).gather(1, column[:, None])[:, 0]

        # add the log-probability of a rare token inside its cluster
        for index, (down, weight, bias) in enumerate(zip(self.down, tails, self.cluster_biases, strict=True)):
            rows = (cluster == index + 1).nonzero()[:, 0]
            inside = (rank[rows] - self.starts[index])[:, None]
            in_cluster = _log_softmax(down(hidden[rows]), weight, bias)
            log_probs = log_probs.index_add(0, rows, in_cluster.gather(1, inside)[:, 0])
        return log_probs

    def log_probs(self, hidden: torch.Tensor) -> torch.Tensor:
        top, *tails = self.output_weights()
        top_log_probs = _log_softmax(hidden, top, self.bias)  # (n, frequent + clusters)
        parts = [top_log_probs[:, : self.frequent]]

        # p(token) = p(cluster) p(token | cluster)
        for index, (down, weight, bias) in enumerate(zip(self.down, tails, self.cluster_biases, strict=True)):
            parts.append(top_log_probs[:, self.frequent + index, None] + _log_softmax(down(hidden), weight, bias))

        # from frequency ranks back to token ids
        return torch.cat(parts, dim=1)[:, self.rank]


class TiedHead(AdaptiveSoftmaxHead):
    """Adaptive softmax with the input vectors as output weights (Press & Wolf 2017).

    Differs from AdaptiveSoftmaxHead in that it stores only projections of the vectors, which are narrowed for rare
    tokens (Baevski & Auli 2019).
    """

    order: torch.Tensor

    def __init__(self, hidden: int, order: torch.Tensor, embedding: WordEmbedding) -> None:
        self.embedding_width = embedding.width
        super().__init__(hidden, order)
        self.shared = (embedding,)  # a tuple hides it from nn.Module: the network has registered it already
        self.register_buffer("order", order, persistent=False)

    def init_output_weights(self, hidden: int, widths: list[int]) -> None:
        """Create the projections of the vectors: to the hidden width, and to the width of every cluster."""
        self.project = nn.Linear(hidden, self.embedding_width, bias=False)
        self.cluster = nn.Linear(hidden, self.clusters, bias=False) if self.clusters else None
        self.narrow = nn.ModuleList(nn.Linear(self.embedding_width, width, bias=False) for width in widths)

    def weights_per_step(self) -> int:
        # every vector is projected to the width at which its token is predicted
        widths = [self.hidden, *self.widths]
        width_of_vectors: int = self.embedding_width
        return width_of_vectors * sum(size * width for size, width in zip(self.sizes, widths, strict=True))

    def output_weights(self) -> Iterable[torch.Tensor]:
        """Yield the output weights, computed from the current input vectors."""
        # vectors in order of frequency, split into frequent tokens and clusters
        vectors = functional.embedding(self.order, self.shared[0].vectors())  # (vocabulary, embedding)
        frequent, *rare = torch.split(vectors, self.sizes)

        # frequent tokens at full width, rare ones narrowed
        top = frequent @ self.project.weight  # (frequent, hidden)
        yield top if self.cluster is None else torch.cat([top, self.cluster.weight])
        yield from (narrow(part) for narrow, part in zip(self.narrow, rare, strict=True))

    @torch.no_grad()
    def folded(self) -> Head:
        """Return an AdaptiveSoftmaxHead with the same output weights, stored."""
        # share biases and projections, which are already stored, and copy the computed weights
        head = AdaptiveSoftmaxHead(self.project.in_features, self.order)
        head.bias, head.cluster_biases, head.down = self.bias, self.cluster_biases, self.down
        for parameter, weight in zip(head.weights, self.output_weights(), strict=True):
            parameter.copy_(weight)
        return head


def _log_softmax(hidden: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return functional.log_softmax(functional.linear(hidden, weight, bias), dim=-1)
