"""Output heads: each is a distribution, and agrees with its folded form and with torch's head if there is one."""

import pytest
import torch
from torch import nn

from genbench.neural.embeddings import SubwordEmbedding, WordEmbedding
from genbench.neural.heads import AdaptiveSoftmaxHead, Head, SoftmaxHead, TiedHead, frequency_order

HIDDEN, SIZE = 16, 4200


def create_head(kind: str, size: int) -> Head:
    torch.manual_seed(0)
    order = frequency_order(torch.randint(0, 100, (size,)))
    if kind == "tied":
        words = ["", *(f"w{number}" for number in range(1, size))]
        return TiedHead(HIDDEN, order, WordEmbedding(size, 12, SubwordEmbedding(words, 12)))
    return AdaptiveSoftmaxHead(HIDDEN, order) if kind == "adaptive" else SoftmaxHead(HIDDEN, size)


@pytest.mark.parametrize("size", [3, 700, SIZE])  # none, one and two clusters of rarer tokens
@pytest.mark.parametrize("kind", ["softmax", "adaptive", "tied"])
def test_a_head_is_a_distribution_and_folding_keeps_it(kind: str, size: int) -> None:
    head = create_head(kind, size).eval()
    hidden, targets = torch.randn(50, HIDDEN), torch.randint(0, size, (50,))
    log_probs = head.log_probs(hidden)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(50))
    torch.testing.assert_close(head.target_log_probs(hidden, targets), log_probs[range(50), targets])
    torch.testing.assert_close(head.folded().log_probs(hidden), log_probs)
    assert not isinstance(head.folded(), TiedHead)


@pytest.mark.parametrize("size", [3, 700, SIZE])
@pytest.mark.parametrize("kind", ["softmax", "adaptive", "tied"])
def test_a_head_starts_at_the_unigram_distribution(kind: str, size: int) -> None:
    head = create_head(kind, size)
    counts = torch.randint(0, 50, (size,))
    head.start_at_unigram(counts)
    expected = (counts + 1) / (counts + 1).sum()
    for same in (head, head.folded()):
        torch.testing.assert_close(same.log_probs(torch.zeros(2, HIDDEN)).exp(), expected.expand(2, size))


def test_the_adaptive_head_agrees_with_torch() -> None:
    head = create_head("adaptive", SIZE)
    assert isinstance(head, AdaptiveSoftmaxHead)
    torch_head = nn.AdaptiveLogSoftmaxWithLoss(HIDDEN, SIZE, [500, 4000], div_value=4.0, head_bias=True)
    top, *tails = head.weights
    weights = {"head.weight": top, "head.bias": head.bias}
    for cluster, (down, weight) in enumerate(zip(head.down, tails, strict=True)):
        weights |= {f"tail.{cluster}.0.weight": down.weight, f"tail.{cluster}.1.weight": weight}
    torch_head.load_state_dict(weights)
    hidden, targets = torch.randn(40, HIDDEN), torch.randint(0, SIZE, (40,))
    torch.testing.assert_close(head.target_log_probs(hidden, targets), torch_head(hidden, head.rank[targets]).output)


def test_frequent_tokens_come_first() -> None:
    head = AdaptiveSoftmaxHead(HIDDEN, frequency_order(torch.arange(5000)))
    assert head.rank[[4999, 0]].tolist() == [0, 4999]


def test_a_tied_head_scores_by_the_input_vectors_and_trains_them() -> None:
    embedding = WordEmbedding(10, 4)
    head = TiedHead(6, torch.arange(10), embedding)
    hidden = torch.randn(3, 6)
    scores = head.project(hidden) @ embedding.vectors().T + head.bias
    torch.testing.assert_close(head.log_probs(hidden), torch.log_softmax(scores, 1))
    assert not any("table" in name for name, _ in head.named_parameters())
    head.target_log_probs(hidden, torch.tensor([1, 5, 9])).sum().backward()
    assert embedding.table.weight.grad is not None
