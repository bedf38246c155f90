"""Heads: each is a distribution, agrees with itself, and with torch's own where there is one."""

import pytest
import torch
from torch import nn

from genbench.neural.embeddings import Vectors
from genbench.neural.heads import Adaptive, Head, Softmax, Tied, by_frequency
from genbench.neural.subwords import Subwords

HIDDEN, SIZE = 16, 4200


def head(kind: str, size: int) -> Head:
    torch.manual_seed(0)
    order = by_frequency(torch.randint(0, 100, (size,)))
    if kind == "tied":
        words = ["", *(f"w{number}" for number in range(1, size))]
        return Tied(HIDDEN, order, Vectors(size, 12, Subwords(words, 12)))
    return Adaptive(HIDDEN, order) if kind == "adaptive" else Softmax(HIDDEN, size)


@pytest.mark.parametrize("size", [3, 700, SIZE])  # none, one and two clusters of rarer tokens
@pytest.mark.parametrize("kind", ["softmax", "adaptive", "tied"])
def test_it_is_a_distribution_agrees_with_itself_and_settles_to_the_same(kind: str, size: int) -> None:
    made = head(kind, size).eval()
    values, targets = torch.randn(50, HIDDEN), torch.randint(0, size, (50,))
    every = made.every(values)
    torch.testing.assert_close(every.exp().sum(1), torch.ones(50))
    torch.testing.assert_close(made.picked(values, targets), every[range(50), targets])
    torch.testing.assert_close(made.settled().every(values), every)
    assert not isinstance(made.settled(), Tied)


def test_an_adaptive_head_is_torch_s() -> None:
    made = head("adaptive", SIZE)
    assert isinstance(made, Adaptive)
    peer = nn.AdaptiveLogSoftmaxWithLoss(HIDDEN, SIZE, [500, 4000], div_value=4.0, head_bias=True)
    top, *tails = made.own
    weights = {"head.weight": top, "head.bias": made.bias}
    for place, (down, table) in enumerate(zip(made.down, tails, strict=True)):
        weights |= {f"tail.{place}.0.weight": down.weight, f"tail.{place}.1.weight": table}
    peer.load_state_dict(weights)
    values, targets = torch.randn(40, HIDDEN), torch.randint(0, SIZE, (40,))
    torch.testing.assert_close(made.picked(values, targets), peer(values, made.rank[targets]).output)


def test_frequent_tokens_come_first() -> None:
    assert Adaptive(HIDDEN, by_frequency(torch.arange(5000))).rank[[4999, 0]].tolist() == [0, 4999]


def test_a_tied_head_scores_by_the_input_vectors_and_moves_them() -> None:
    vectors = Vectors(10, 4)
    made = Tied(6, torch.arange(10), vectors)
    values = torch.randn(3, 6)
    scores = made.project(values) @ vectors.weights().T + made.bias
    torch.testing.assert_close(made.every(values), torch.log_softmax(scores, 1))
    assert not any("table" in name for name, _ in made.named_parameters())
    made.picked(values, torch.tensor([1, 5, 9])).sum().backward()
    assert vectors.table.weight.grad is not None
