"""Fine-tuning: a network whose training continues that of another one, on other text.

The weights begin at those of the parent, whose tokenizer is kept, so that a word or a letter which the parent does not
know is spelled. A stored network has plain weights (`Network.fold_weights`); `load_parent` writes them back into the
shared ones from which training computes them: with tied weights, the projection is the solution of a linear system.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from genbench.neural.embeddings import WordEmbedding
from genbench.neural.heads import AdaptiveSoftmaxHead, Head, TiedHead
from genbench.neural.network import Network
from genbench.neural.parallel_scoring import stream_log_probs
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

RATE_SHARE = 0.3  # of the learning rates of a training that begins at random weights (docs/log/networks.md)
WARM_UP = 0.01  # of the run
PARENT_IS_BETTER = "the parent, with the base of its own text, predicts the validation text better: it is kept"
TRAINING_OPTIONS = frozenset(
    {
        *("dropout", "layer_dropout", "learning_rate", "muon_lr", "weight_decay", "batch", "bptt", "keep", "schedule"),
        *("adaptive", "adapt_rate", "adapt_decay", "cache", "cache_share", "cache_scale"),
    }
)  # which do not decide the form of the weights, or how text is tokenized


def order_counts(head: Head, vocabulary: int) -> torch.Tensor:
    """Return counts of tokens, (vocabulary,), for which a new head has the order of tokens of this one."""
    if isinstance(head, AdaptiveSoftmaxHead):
        return vocabulary - head.rank.cpu()
    return torch.zeros(vocabulary, dtype=torch.int64)


@torch.no_grad()
def load_parent(network: Network, parent: Network) -> None:
    """Set the weights of a new network to those of a trained one, whose weights are folded; shapes must agree.

    The predictions are those of the parent, up to rounding. Vectors of character n-grams begin at zero: the vectors of
    the parent's words contain theirs.
    """
    network.core.load_state_dict(parent.core.state_dict())

    # vectors of tokens
    if isinstance(network.embedding, WordEmbedding):
        assert isinstance(parent.embedding, nn.Embedding)
        network.embedding.table.weight.copy_(parent.embedding.weight)
        if network.embedding.subwords is not None:
            network.embedding.subwords.vectors.zero_()
    else:
        network.embedding.load_state_dict(parent.embedding.state_dict())

    # output weights
    if isinstance(network.head, TiedHead):
        assert isinstance(parent.head, AdaptiveSoftmaxHead)
        assert isinstance(network.embedding, WordEmbedding)
        _tie(network.head, network.embedding, parent.head)
    else:
        network.head.load_state_dict(parent.head.state_dict())


def _tie(head: TiedHead, embedding: WordEmbedding, folded: AdaptiveSoftmaxHead) -> None:
    """Set the projections of a tied head so that it has the output weights of a folded one with the same vectors."""
    # what is stored as it is
    head.bias.copy_(folded.bias)
    head.down.load_state_dict(folded.down.state_dict())
    head.cluster_biases.load_state_dict(folded.cluster_biases.state_dict())
    if head.interpolation is not None and folded.interpolation is not None:
        head.interpolation.load_state_dict(folded.interpolation.state_dict())

    # frequent tokens: vectors @ project = weights, and the weights of the clusters below them
    top, *tails = folded.weights
    vectors, *rare = torch.split(functional.embedding(head.order, embedding.vectors()), head.sizes)
    head.project.weight.copy_(_solve(vectors, top[: head.frequent]))
    if head.cluster is not None:
        head.cluster.weight.copy_(top[head.frequent :])

    # rare tokens: vectors @ narrow.T = weights
    for narrow, part, weights in zip(head.narrow, rare, tails, strict=True):
        assert isinstance(narrow, nn.Linear)
        narrow.weight.copy_(_solve(part, weights).T)


def _solve(vectors: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the smallest matrix, (embedding, width), with `vectors` @ matrix = `weights`, (tokens, width)."""
    solution = np.linalg.lstsq(vectors.double().numpy(), weights.double().numpy(), rcond=None)[0]
    return torch.from_numpy(solution).float()


def bits_per_token(network: Network, ids: torch.Tensor) -> float:
    """Return the bits per token of a stream, (tokens,), from its second token on; infinite where there is none."""
    if len(ids) < 2:
        return math.inf
    return float(-stream_log_probs(network, ids).mean() / math.log(2))


def describe_start(tokenizer: Tokenizer, ids: Ids, base: str | None) -> list[str]:
    """Return notes on a training text with these ids, (tokens,), that a network reads with its parent's tokenizer."""
    counted = f"base={base} counts the new text alone, with the vocabulary of the parent"
    return [describe_unknown(tokenizer, ids), *([] if base is None else [counted])]


def describe_unknown(tokenizer: Tokenizer, ids: Ids) -> str:
    """Return a note on what a tokenizer does not know of the text with these ids, (tokens,)."""
    # bytes spell characters; the first of each has other bits than those that follow it
    starts = int(np.count_nonzero((ids < BYTES) & (ids & 0xC0 != 0x80)))
    characters = f"{starts:,} unknown characters are spelled in bytes"
    if tokenizer.kind != "words":
        return f"the vocabulary is that of the parent: {characters}"

    # a spelled word is closed by END; a known one has letters or digits
    spelled = int(np.count_nonzero(ids == tokenizer.end_id))
    is_word = np.array([any(map(str.isalnum, word)) for word in tokenizer.known_words], bool)
    known = int(np.count_nonzero(is_word[ids[ids > tokenizer.none_id] - tokenizer.none_id - 1]))
    words = f"{100 * spelled / max(spelled + known, 1):.1f} % of the words are spelled"
    return f"the vocabulary is that of the parent: {words}; {characters}"
