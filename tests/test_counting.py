"""Counting in compiled loops: sorted contexts against Python's own sort, and progress reports."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.context_sorting import sort_contexts
from genbench_plugins.markov.counting_kernels import number_leaves
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markov.packed_tree import PackedTree, pack_tree, restore_tree
from genbench_plugins.markov.tree_building import build_tree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genbench.generator import Progress, Text, TrainContext

streams = st.lists(st.integers(1, 4), min_size=1, max_size=60)


@given(stream=streams, wide=st.sampled_from([1, 1000, 2**28]), depth=st.sampled_from([0, 1, 2, 5, 9, 31, None]))
@example(stream=[1] * 60, wide=1, depth=None)
@example(stream=[1, 2] * 30, wide=2**28, depth=None)
@settings(deadline=None)
def test_contexts_are_sorted_and_compared(stream: list[int], wide: int, depth: int | None) -> None:
    order, shared = sort_contexts(np.array(stream, np.int32) * wide, depth)

    # the context of each position read backwards, and in case of equal ones the token that follows
    longest = len(stream) if depth is None else depth
    contexts = [stream[max(position - longest, 0) : position][::-1] for position in range(len(stream))]
    assert order.tolist() == sorted(range(len(stream)), key=lambda p: (contexts[p], stream[p], p))
    for place in range(1, len(stream)):
        one, other = contexts[order[place - 1]], contexts[order[place]]
        assert shared[place] == next(
            (length for length, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]),
            min(len(one), len(other)),
        )


@pytest.mark.parametrize("longest", [7, 31, None])
def test_counting_reports_its_progress(longest: int | None) -> None:
    shares: list[float] = []
    build_tree(np.frombuffer(PROSE.encode(), np.uint8).astype(np.int64), longest, 256, shares.append)
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


def test_training_says_how_far_counting_is() -> None:
    reports: list[Progress] = []
    MarkovChar(3).fit(Text(PROSE), Text(""), TrainContext(on_progress=reports.append))
    fractions = [report.fraction for report in reports if report.note.startswith("counting")]
    assert len(fractions) > 4
    assert fractions == sorted(fractions)


@pytest.mark.parametrize("longest", [0, 2, 6, None])
@pytest.mark.parametrize("text", [PROSE, "a", "ab" * 300, "aaab" * 400])
def test_a_packed_tree_has_the_counts_of_the_tree(text: str, longest: int | None) -> None:
    tree = build_tree(np.frombuffer(text.encode(), np.uint8).astype(np.int64), longest, 256)
    packed = pack_tree(tree)
    assert packed.root == len(tree.parent) - 1
    assert (max(tree.counts) < 255) == (len(packed.large_counts) == 0)
    for node in range(len(tree.parent)):
        pairs = slice(tree.starts[node], tree.starts[node + 1])
        assert packed.counts_of(node).tolist() == tree.counts[pairs].tolist()
        assert packed.continuations_of(node).tolist() == tree.continuations[pairs].tolist()
        assert packed.tokens[packed.pairs_of(node)].tolist() == tree.tokens[pairs].tolist()
        if node >= packed.leaves:
            assert packed.depth_of(node) == tree.depth[node]
    assert vars(restore_tree(vars(packed), 256, longest)).keys() == vars(packed).keys()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("parent", lambda tree: np.roll(tree.parent, 1)),
        ("starts", lambda tree: tree.starts[::-1].copy()),
        ("tokens", lambda tree: tree.tokens[::-1].copy()),
        ("links", lambda tree: tree.links + 10_000),
        ("leaves", lambda tree: len(tree.parent)),
        ("leaves", lambda tree: tree.leaves + 1),
        ("depth", lambda tree: tree.depth + np.uint16(100)),
        ("counts", lambda tree: np.full_like(tree.counts, 255)),
        ("large_counts", lambda tree: tree.large_counts[1:]),
        ("continuations", lambda tree: tree.continuations[1:]),
        ("large_continuations", lambda tree: np.ones((1, 2), np.int32)),
    ],
)
def test_arrays_that_are_no_packed_tree_are_refused(name: str, change: Callable[[PackedTree], Any]) -> None:
    # the kernels do not check indices
    tree = pack_tree(build_tree(np.frombuffer((PROSE * 8).encode(), np.uint8).astype(np.int64), 4, 256))
    with pytest.raises(ValueError, match="suffix tree"):
        restore_tree(vars(tree) | {name: change(tree)}, 256, 4)


def test_leaves_with_few_followers_come_first() -> None:
    numbers, starts = np.empty(4, np.int32), np.zeros(5, np.int64)
    number_leaves(np.array([20, 1, 12, 13], np.int32), numbers, starts)
    assert numbers.tolist() == [2, 0, 1, 3]
    assert starts.tolist() == [0, 1, 13, 33, 46]
