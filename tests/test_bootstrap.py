"""Confidence intervals and baselines."""

import math

import numpy as np
import pytest

from genbench.analysis.baselines import character_baselines, xz_baseline
from genbench.analysis.bootstrap import block_sums, bootstrap_interval


def test_fewer_than_ten_blocks_have_no_interval() -> None:
    assert bootstrap_interval(block_sums(np.ones(9_999))) is None
    assert bootstrap_interval(block_sums(np.ones(10_999))) is not None
    assert bootstrap_interval(np.ones(30), np.array([1.0] * 9 + [0.0] * 21)) is None


def test_the_interval_of_constant_bits_is_a_point() -> None:
    assert bootstrap_interval(block_sums(np.full(20_000, 1.5))) == (1.5, 1.5)


def test_the_interval_is_that_of_block_means() -> None:
    # 100 blocks, half of them 1 bit a character, half 3: standard error 1 / sqrt(100), so about 2 +- 0.196
    bits = block_sums(np.repeat(np.tile([1.0, 3.0], 50), 1000))
    low, high = bootstrap_interval(bits) or (0, 0)
    assert (low, high) == pytest.approx((1.804, 2.196), abs=0.03)
    assert bootstrap_interval(bits) == (low, high)


def test_blocks_are_weighted_by_their_characters() -> None:
    # a block of 900 characters at 1 bit for each of 100 at 11: 2 bits a character over all, not 6
    bits, sizes = np.tile([900.0, 1100.0], 50), np.tile([900.0, 100.0], 50)
    low, high = bootstrap_interval(bits, sizes) or (0, 0)
    assert low < 2 < high < 3


def test_the_interval_covers_the_true_mean_about_95_percent_of_the_time() -> None:
    rng = np.random.default_rng(3)
    intervals = [bootstrap_interval(rng.normal(2000, 300, 60)) or (0, 0) for _ in range(300)]
    assert 0.90 < np.mean([low <= 2 <= high for low, high in intervals]) < 0.98


def test_uniform_and_unigram_by_hand() -> None:
    # letters a, b and one share for all bytes: log2 3 each
    bits = character_baselines("aaab", "ab")
    assert bits["uniform"] == pytest.approx(math.log2(3))
    # counts and a half: a 3.5, b 1.5, bytes 0.5, of 5.5
    assert bits["unigram"] == pytest.approx((-math.log2(3.5 / 5.5) - math.log2(1.5 / 5.5)) / 2)


def test_xz_needs_fewer_bits_for_copied_text() -> None:
    rng = np.random.default_rng(0)
    train, new = ("".join(map(chr, rng.integers(97, 123, 4000))) for _ in range(2))
    assert 0 < xz_baseline(train, train[1000:3000])["xz"] < 0.5 < xz_baseline(train, new[:2000])["xz"]
