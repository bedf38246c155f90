"""Counting in parts gives the tree of counting at once, array by array, in memory for the distinct n-grams alone."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov import counting_by_parts
from genbench_plugins.markov.counting_by_parts import count_ngrams
from genbench_plugins.markov.ngram import MarkovChar, MarkovWord
from genbench_plugins.markov.suffix_tree import SuffixTree
from genbench_plugins.markov.tree_building import build_tree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genbench.errors import UserError
from genbench.generator import Text, TrainContext
from genbench.testing.counterexamples import require_same


def require_equal(tree: SuffixTree, other: SuffixTree) -> None:
    for name, array in vars(tree).items():
        if isinstance(array, np.ndarray):
            assert array.dtype == getattr(other, name).dtype, name
            assert np.array_equal(array, getattr(other, name)), name
        else:
            assert array == getattr(other, name), name


@given(
    stream=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    wide=st.sampled_from([1, 50]),
    longest=st.sampled_from([0, 1, 2, 5, 7]),
    part=st.integers(1, 70),
)
@example(stream=[0] * 40, wide=1, longest=7, part=3)
@example(stream=[0, 1] * 20, wide=50, longest=2, part=1)
@settings(deadline=None)
def test_the_tree_is_that_of_counting_at_once(stream: list[int], wide: int, longest: int, part: int) -> None:
    ids = np.array(stream, np.int64) * wide
    require_equal(build_tree(ids, longest, 200), count_ngrams(ids, longest, 200, part=part))


def test_ranges_of_ngrams_are_merged_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.frombuffer((PROSE * 3).encode(), np.uint8).astype(np.int32)
    expected = build_tree(ids, 7, 256)
    for size in (1, 10, 100, 10_000):
        monkeypatch.setattr(counting_by_parts, "RANGE", size)
        require_equal(expected, count_ngrams(ids, 7, 256, part=150))


@pytest.mark.parametrize(("longest", "vocabulary"), [(None, 4), (31, 4)])
def test_long_contexts_are_counted_at_once(longest: int | None, vocabulary: int) -> None:
    ids = np.arange(200) % vocabulary
    require_equal(build_tree(ids, longest, vocabulary), count_ngrams(ids, longest, vocabulary, part=20))


@pytest.mark.parametrize("kind", [MarkovChar, MarkovWord])
def test_a_chain_has_the_same_bits(
    kind: type[MarkovChar | MarkovWord], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fitted() -> MarkovChar | MarkovWord:
        chain = kind()
        chain.fit(Text(PROSE * 2), Text(PROSE), TrainContext())
        return chain

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    at_once = fitted()
    monkeypatch.setattr(count_ngrams, "__kwdefaults__", {"part": 50})
    shares: list[float] = []
    count_ngrams(np.arange(100), 3, 100, shares.append)
    require_same(at_once, fitted(), PROSE + "zebra", "counted at once and in parts")

    # its progress grows, and no run stays on disk
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert list(tmp_path.iterdir()) == []


def test_more_ngrams_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting_by_parts, "total_memory", lambda: 1000 * counting_by_parts.BYTES_PER_NGRAM)
    ids = np.random.default_rng(0).integers(0, 50, 5_000)
    with pytest.raises(UserError, match=r"different n-grams, and this machine's memory of .* is enough for 1,000"):
        count_ngrams(ids, 2, 50, part=1_000)
