"""Output heads: modules from hidden values to a distribution over the vocabulary.

Each begins at the unigram distribution of the training text: a network of random weights learns it slowly.

SoftmaxHead            a linear layer and a softmax, for small vocabularies
ByteEscapeHead         the same over characters; the 256 bytes that spell unknown ones have one output together
AdaptiveSoftmaxHead    rare tokens in narrower clusters, for large vocabularies (Grave et al. 2017)
TiedHead               an adaptive softmax whose output weights are the input vectors (Press & Wolf 2017)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from genbench.neural.embeddings import WordEmbedding
from genbench.neural.interpolation import Interpolation, Prediction, add_chain, interpolate
from genbench.tokenization.segmentation import PART_CHARACTERS
from genbench.tokenization.tokenizer import BYTES

Array = npt.NDArray[np.float32]

CUTOFFS = (500, 4000)  # frequency ranks at which the clusters of rarer tokens start
LOG_BYTES = math.log(BYTES)
CLUSTER_DIVISOR = 4  # a cluster is this many times narrower than the previous one


def count_tokens(ids: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return how often each token occurs in a stream, (vocabulary,)."""
    counts = torch.zeros(vocabulary, dtype=torch.int64)
    for part in torch.split(ids, PART_CHARACTERS):
        counts += torch.bincount(part, minlength=vocabulary)
    return counts


def unigram_log_probs(counts: torch.Tensor) -> torch.Tensor:
    """Return the natural log-probabilities of tokens with these counts, plus one each, (vocabulary,)."""
    frequencies = counts.double() + 1
    return torch.log(frequencies / frequencies.sum()).float()


def frequency_order(counts: torch.Tensor) -> torch.Tensor:
    """Return the tokens sorted by descending count in the training text, (vocabulary,)."""
    return torch.argsort(counts, descending=True, stable=True)


class Head(nn.Module):
    """Base class of the output heads; hidden values are (n, hidden).

    A head with an `interpolation` also takes the predictions of a counting model, of which it says by `groups` and
    `cluster_tokens` what it needs.
    """

    interpolation: Interpolation | None

    def __init__(self) -> None:
        super().__init__()
        self.interpolation = None

    def target_log_probs(
        self, hidden: torch.Tensor, targets: torch.Tensor, base: Prediction | None = None
    ) -> torch.Tensor:
        """Return the natural log-probabilities of the targets, (n,); without `base`, those of the network alone."""
        raise NotImplementedError

    def log_probs(self, hidden: torch.Tensor, base: Prediction | None = None) -> torch.Tensor:
        """Return the natural log-probabilities of all tokens, (n, vocabulary)."""
        raise NotImplementedError

    def groups(self) -> torch.Tensor:
        """Return which output of the first softmax stands for each token, (vocabulary,)."""
        raise NotImplementedError

    def cluster_tokens(self) -> list[torch.Tensor]:
        """Return the tokens of each cluster in the order of its outputs, (tokens,) each."""
        return []

    def interpolation_weights(self, hidden: torch.Tensor, base: Prediction | None) -> torch.Tensor | None:
        """Return the weights of the network and of the counting model, (n, 2); None for the network alone."""
        return None if base is None or self.interpolation is None else self.interpolation(hidden, base.evidence)

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
        return self.numpy_log_probs

    @torch.inference_mode()
    def numpy_log_probs(self, hidden: Array, base: Prediction | None = None) -> Array:
        """Compute `log_probs` in numpy arrays, without a graph."""
        log_probs: Array = self.log_probs(torch.from_numpy(hidden), base).numpy()
        return log_probs


class SoftmaxHead(Head):
    """A linear layer and a softmax over all tokens."""

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, vocabulary)

    @torch.no_grad()
    def start_at_unigram(self, counts: torch.Tensor) -> None:
        self.linear.bias.copy_(unigram_log_probs(counts))

    def target_log_probs(
        self, hidden: torch.Tensor, targets: torch.Tensor, base: Prediction | None = None
    ) -> torch.Tensor:
        log_probs = -functional.cross_entropy(self.scores(hidden, base), targets, reduction="none")
        return add_chain(log_probs, base and base.top.gather(1, targets[:, None])[:, 0])

    def log_probs(self, hidden: torch.Tensor, base: Prediction | None = None) -> torch.Tensor:
        return add_chain(functional.log_softmax(self.scores(hidden, base), dim=-1), base and base.top)

    def scores(self, hidden: torch.Tensor, base: Prediction | None) -> torch.Tensor:
        """Return unnormalized log-probabilities, (n, outputs)."""
        return interpolate(self.interpolation_weights(hidden, base), self.linear(hidden), base and base.top)

    def groups(self) -> torch.Tensor:
        return torch.arange(self.linear.out_features)

    def numpy_scores(self) -> Callable[[Array], Array]:
        weight, bias = self.linear.weight.detach().t().contiguous().numpy(), self.linear.bias.detach().numpy()
        return lambda hidden: hidden @ weight + bias


class ByteEscapeHead(SoftmaxHead):
    """A softmax over the known characters and one escape, after which all 256 bytes are equally likely.

    The bytes come first in the vocabulary. They spell characters that the training text does not have, so that there is
    nothing to learn about them, and most of the outputs would be theirs.
    """

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__(hidden, vocabulary - BYTES + 1)

    @torch.no_grad()
    def start_at_unigram(self, counts: torch.Tensor) -> None:
        self.linear.bias.copy_(unigram_log_probs(torch.cat([counts[:BYTES].sum(0, keepdim=True), counts[BYTES:]])))

    def target_log_probs(
        self, hidden: torch.Tensor, targets: torch.Tensor, base: Prediction | None = None
    ) -> torch.Tensor:
        outputs = (targets - (BYTES - 1)).clamp(min=0)
        escape = torch.where(targets < BYTES, LOG_BYTES, 0.0)
        return super().target_log_probs(hidden, outputs, base) - escape

    def log_probs(self, hidden: torch.Tensor, base: Prediction | None = None) -> torch.Tensor:
        log_probs = super().log_probs(hidden, base)
        return torch.cat([(log_probs[:, :1] - LOG_BYTES).expand(-1, BYTES), log_probs[:, 1:]], dim=1)

    def groups(self) -> torch.Tensor:
        return (torch.arange(BYTES - 1 + self.linear.out_features) - (BYTES - 1)).clamp(min=0)

    def numpy_scores(self) -> Callable[[Array], Array]:
        scores = super().numpy_scores()
        return lambda hidden: spread_scores(scores(hidden))


def spread_scores(scores: Array) -> Array:
    """Return scores of the whole vocabulary, (n, vocabulary), from those with one escape, (n, outputs)."""
    return np.concatenate([np.repeat(scores[:, :1] - np.float32(LOG_BYTES), BYTES, axis=1), scores[:, 1:]], axis=1)


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

    def groups(self) -> torch.Tensor:
        cluster = torch.bucketize(self.rank, self.starts, right=True)
        return torch.where(cluster == 0, self.rank, self.frequent + cluster - 1)

    def cluster_tokens(self) -> list[torch.Tensor]:
        return list(torch.split(torch.argsort(self.rank), self.sizes)[1:])

    def target_log_probs(
        self, hidden: torch.Tensor, targets: torch.Tensor, base: Prediction | None = None
    ) -> torch.Tensor:
        top, *tails = self.output_weights()
        weights = self.interpolation_weights(hidden, base)
        rank = self.rank[targets]
        cluster = torch.bucketize(rank, self.starts, right=True)  # (n,) 0: frequent

        # log-probability of a frequent token, or of the cluster of a rare token
        column = torch.where(cluster == 0, rank, self.frequent + cluster - 1)
        scores = interpolate(weights, functional.linear(hidden, top, self.bias), base and base.top)
        log_probs = -functional.cross_entropy(scores, column, reduction="none")
        of_chain = base and base.top.gather(1, column[:, None])[:, 0]

        # add the log-probability of a rare token inside its cluster
        for index, (down, weight, bias) in enumerate(zip(self.down, tails, self.cluster_biases, strict=True)):
            rows = (cluster == index + 1).nonzero()[:, 0]
            inside = rank[rows] - self.starts[index]
            scores = functional.linear(down(hidden[rows]), weight, bias)
            scores = interpolate(None if weights is None else weights[rows], scores, base and base.tails[index])
            log_probs = log_probs.index_add(0, rows, -functional.cross_entropy(scores, inside, reduction="none"))
            if base is not None and of_chain is not None:
                of_chain = of_chain.index_copy(0, rows, base.tails[index].gather(1, inside[:, None])[:, 0])
        return add_chain(log_probs, of_chain)

    def log_probs(self, hidden: torch.Tensor, base: Prediction | None = None) -> torch.Tensor:
        top, *tails = self.output_weights()
        weights = self.interpolation_weights(hidden, base)
        scores = interpolate(weights, functional.linear(hidden, top, self.bias), base and base.top)
        top_log_probs = functional.log_softmax(scores, dim=-1)  # (n, frequent + clusters)
        parts = [top_log_probs[:, : self.frequent]]

        # p(token) = p(cluster) p(token | cluster)
        for index, (down, weight, bias) in enumerate(zip(self.down, tails, self.cluster_biases, strict=True)):
            scores = interpolate(weights, functional.linear(down(hidden), weight, bias), base and base.tails[index])
            parts.append(top_log_probs[:, self.frequent + index, None] + functional.log_softmax(scores, dim=-1))

        # from frequency ranks back to token ids
        of_chain = base and torch.cat([base.top[:, : self.frequent], *base.tails], dim=1)
        return add_chain(torch.cat(parts, dim=1), of_chain)[:, self.rank]


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
        head.interpolation = self.interpolation
        for parameter, weight in zip(head.weights, self.output_weights(), strict=True):
            parameter.copy_(weight)
        return head
