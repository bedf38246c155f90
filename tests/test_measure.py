"""Intervals, floors, and what is copied."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from genbench.measure.floors import floors
from genbench.measure.intervals import interval
from genbench.measure.novelty import longest_copy


def test_nothing_is_said_of_fewer_than_ten_blocks() -> None:
    assert interval(np.ones(9_999)) is None
    assert interval(np.ones(10_000)) is not None


def test_where_all_characters_cost_alike_the_interval_is_a_point() -> None:
    assert interval(np.full(20_000, 1.5)) == (1.5, 1.5)


def test_the_interval_is_that_of_the_means_of_blocks() -> None:
    # 100 blocks, half of them 1 bit a character, half 3: standard error 1 / sqrt(100), so about 2 +- 0.196
    bits = np.repeat(np.tile([1.0, 3.0], 50), 1000)
    low, high = interval(bits) or (0, 0)
    assert (low, high) == pytest.approx((1.804, 2.196), abs=0.03)
    assert interval(bits) == (low, high)


def test_uniform_and_unigram_by_hand() -> None:
    # letters a, b and one share for all bytes: log2 3 each
    found = floors("aaab", "ab")
    assert found["uniform"] == pytest.approx(math.log2(3))
    # counts and a half: a 3.5, b 1.5, bytes 0.5, of 5.5
    assert found["unigram"] == pytest.approx((-math.log2(3.5 / 5.5) - math.log2(1.5 / 5.5)) / 2)


def test_a_copy_costs_the_compressor_less_than_news() -> None:
    rng = np.random.default_rng(0)
    train, news = ("".join(map(chr, rng.integers(97, 123, 4000))) for _ in range(2))
    assert 0 < floors(train, train[1000:3000])["xz"] < 0.5 < floors(train, news[:2000])["xz"]


@given(text=st.text("ab\u00e9 ", max_size=12), train=st.text("ab\u00e9 ", max_size=30))
@example(text="", train="ab")
@example(text="ab", train="")
@example(text="bab", train="ababab")
def test_the_longest_copy_is_the_longest_of_all_runs(text: str, train: str) -> None:
    runs = [text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    assert longest_copy(text, train) == max((len(run) for run in runs if run in train), default=0)


def test_a_copy_is_found_wherever_it_stands() -> None:
    rng = np.random.default_rng(1)
    train = "".join(map(chr, rng.integers(97, 123, 20_000)))
    for start in (0, 7_000, 19_900):
        assert longest_copy("?" + train[start : start + 100] + "!", train) == 100
