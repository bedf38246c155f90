"""Intervals and floors."""

import math

import numpy as np
import pytest

from genbench.analysis.baselines import floors
from genbench.analysis.bootstrap import in_blocks, interval


def test_nothing_is_said_of_fewer_than_ten_blocks() -> None:
    assert interval(in_blocks(np.ones(9_999))) is None
    assert interval(in_blocks(np.ones(10_999))) is not None
    assert interval(np.ones(30), np.array([1.0] * 9 + [0.0] * 21)) is None


def test_where_all_characters_cost_alike_the_interval_is_a_point() -> None:
    assert interval(in_blocks(np.full(20_000, 1.5))) == (1.5, 1.5)


def test_the_interval_is_that_of_the_means_of_blocks() -> None:
    # 100 blocks, half of them 1 bit a character, half 3: standard error 1 / sqrt(100), so about 2 +- 0.196
    bits = in_blocks(np.repeat(np.tile([1.0, 3.0], 50), 1000))
    low, high = interval(bits) or (0, 0)
    assert (low, high) == pytest.approx((1.804, 2.196), abs=0.03)
    assert interval(bits) == (low, high)


def test_blocks_of_unlike_size_weigh_by_their_characters() -> None:
    # a block of 900 characters at 1 bit for each of 100 at 11: 2 bits a character over all, not 6
    bits, sizes = np.tile([900.0, 1100.0], 50), np.tile([900.0, 100.0], 50)
    low, high = interval(bits, sizes) or (0, 0)
    assert low < 2 < high < 3


def test_the_interval_holds_the_truth_about_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(3)
    found = [interval(rng.normal(2000, 300, 60)) or (0, 0) for _ in range(300)]
    assert 0.90 < np.mean([low <= 2 <= high for low, high in found]) < 0.98


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
