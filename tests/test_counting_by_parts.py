"""Counting in parts gives the tree of counting at once, array by array, in memory for the distinct n-grams alone."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov import counting_by_parts, tree_from_ngrams
from genbench_plugins.markov.counting_by_parts import count_ngrams
from genbench_plugins.markov.ngram import MarkovChar, MarkovWord
from genbench_plugins.markov.suffix_tree import SuffixTree
from genbench_plugins.markov.tree_building import build_tree
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genbench.errors import UserError
from genbench.generator import PartFunction, Text, TrainContext
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


@pytest.mark.parametrize("longest", [1, 7])  # with one, some contexts have many followers
def test_ngrams_are_read_a_range_at_a_time(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.frombuffer((PROSE * 3).encode(), np.uint8).astype(np.int32)
    expected = build_tree(ids, longest, 256)
    for size in (1, 10, 100, 10_000):
        for module in (counting_by_parts, tree_from_ngrams):
            monkeypatch.setattr(module, "RANGE", size)
        require_equal(expected, count_ngrams(ids, longest, 256, part=150))


@pytest.mark.parametrize(("longest", "vocabulary"), [(None, 4), (31, 4)])
def test_long_contexts_are_counted_at_once(longest: int | None, vocabulary: int) -> None:
    ids = np.arange(200) % vocabulary
    require_equal(build_tree(ids, longest, vocabulary), count_ngrams(ids, longest, vocabulary, part=20))


def map_on_two_machines(function: PartFunction, parts: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Call a function as two machines in turn would: what is sent to them is pickled, and so is what they return."""
    for part, machine in zip(parts, cycle(["first", "second"]), strict=False):
        sent = pickle.loads(pickle.dumps((function, part)))
        yield pickle.loads(pickle.dumps(sent[0](sent[1]))), machine


@pytest.mark.parametrize("kind", [MarkovChar, MarkovWord])
def test_a_chain_has_the_same_bits(
    kind: type[MarkovChar | MarkovWord], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fitted(context: TrainContext) -> MarkovChar | MarkovWord:
        chain = kind()
        chain.fit(Text(PROSE * 2), Text(PROSE), context)
        return chain

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    at_once, in_parts, spread = fitted(TrainContext()), TrainContext(), TrainContext(on_map=map_on_two_machines)
    monkeypatch.setattr(count_ngrams, "__kwdefaults__", {"weights": None, "part": 50})
    shares: list[float] = []
    count_ngrams(np.arange(100), 3, 100, shares.append)
    require_same(at_once, fitted(in_parts), PROSE + "zebra", "counted at once and in parts")
    require_same(at_once, fitted(spread), PROSE + "zebra", "counted on one machine and on two")
    assert in_parts.stats.notes == []
    assert spread.stats.notes == ["parts of its training ran on 2 machines"]

    # its progress grows, and no run stays on disk
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FILE_BYTES", r"GB that are free in .* \(TMPDIR sets another folder\)"),
        ("CHAIN_BYTES", r"this machine's memory of .* GB"),
    ],
)
def test_more_ngrams_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
    monkeypatch.setattr(tree_from_ngrams, name, 10**12)
    ids = np.random.default_rng(0).integers(0, 50, 5_000)
    with pytest.raises(UserError, match=rf"[\d,]+ different n-grams, and .*{reason} has room for \d+; choose a lower"):
        count_ngrams(ids, 2, 50, part=1_000)
