"""Confidence intervals and baselines."""

import math

import numpy as np
import pytest
from scipy import fft, stats

from genbench.analysis import baselines
from genbench.analysis.baselines import character_baselines, xz_baseline
from genbench.analysis.holm import adjust_p_values, adjust_tests
from genbench.analysis.intervals import (
    COSINES,
    INFLATION,
    MEMORY,
    Estimate,
    Floats,
    block_sizes,
    block_sums,
    estimate_mean,
    mean_interval,
)
from genbench.analysis.student_t import critical_value, tail_probability


def fractional_noise(blocks: int, memory: float) -> Floats:
    """Return the covariances of fractional Gaussian noise (Mandelbrot and Van Ness 1968), (blocks, blocks)."""
    lags = np.abs(np.subtract.outer(np.arange(blocks), np.arange(blocks))).astype(float)
    power = 2 * memory + 1
    covariances: Floats = (np.abs(lags + 1) ** power - 2 * lags**power + np.abs(lags - 1) ** power) / 2
    return covariances


def test_blocks_add_up_and_the_last_one_is_shorter() -> None:
    values = np.arange(2500.0)
    assert block_sums(values).tolist() == [sum(range(1000)), sum(range(1000, 2000)), sum(range(2000, 2500))]
    for characters in (0, 1, 999, 1000, 1001, 2500):
        assert len(block_sums(np.ones(characters))) == len(block_sizes(characters)) == -(-characters // 1000)
        assert block_sums(np.ones(characters)).tolist() == block_sizes(characters).tolist()


def test_fewer_than_ten_blocks_have_no_interval() -> None:
    assert mean_interval(np.ones(9), block_sizes(9_000)) is None
    assert mean_interval(np.ones(10), block_sizes(9_001)) is not None
    assert mean_interval(np.ones(30), np.array([1.0] * 9 + [0.0] * 21)) is None


def test_the_interval_of_constant_bits_is_a_point() -> None:
    bits = np.full(20_500, 1.5)
    assert mean_interval(block_sums(bits), block_sizes(20_500)) == pytest.approx((1.5, 1.5))


def test_the_variance_is_that_of_the_first_cosines() -> None:
    # scipy's DCT-II, whose first coefficient is that of the mean
    bits = np.random.default_rng(0).normal(2000, 300, 60)
    coefficients = fft.dct(bits, type=2, norm="ortho")[1 : COSINES + 1]
    estimate = estimate_mean(bits, block_sizes(60_000))
    assert estimate is not None
    assert estimate.value == pytest.approx(bits.mean() / 1000)
    assert estimate.variance == pytest.approx(INFLATION * np.mean(coefficients**2) / 60 / 1000**2)
    low, high = estimate.interval()
    assert (high - low) / 2 == pytest.approx(stats.t.isf(0.025, COSINES) * estimate.variance**0.5)


def test_the_inflation_is_that_of_fractional_noise() -> None:
    for blocks in (15, 100, 800):
        covariances = fractional_noise(blocks, MEMORY)
        cosines = fft.dct(np.eye(blocks), type=2, norm="ortho", axis=0)[1 : COSINES + 1]
        expected = np.mean(np.diag(cosines @ covariances @ cosines.T))
        assert covariances.sum() / blocks / expected == pytest.approx(INFLATION, rel=0.05)


@pytest.mark.parametrize("blocks", [15, 100])
def test_intervals_of_fractional_noise_are_right_19_times_of_20(blocks: int) -> None:
    root = np.linalg.cholesky(fractional_noise(blocks, MEMORY))
    noise = root @ np.random.default_rng(blocks).normal(0, 300, (blocks, 2000))
    intervals = [mean_interval(2000 + one, block_sizes(1000 * blocks)) or (0, 0) for one in noise.T]
    assert np.mean([low <= 2 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.02)


def test_blocks_are_weighted_by_their_characters() -> None:
    # a block of 900 characters at 1 bit for each of 100 at 11: 2 bits a character over all, not 6
    bits, sizes = np.tile([900.0, 1100.0], 50), np.tile([900.0, 100.0], 50)
    low, high = mean_interval(bits, sizes) or (0, 0)
    assert (low + high) / 2 == pytest.approx(2)

    # a block with few characters counts little
    bits[-1], sizes[-1] = 50.0, 1.0
    assert mean_interval(bits, sizes) == pytest.approx((bits.sum() / sizes.sum(),) * 2, abs=0.2)


def test_another_error_widens_an_estimate() -> None:
    # Welch (1947): unequal variances 4 of 8 and 1 of 2 degrees of freedom
    estimate = Estimate(2.0, 4.0, 8.0).widened(1.0, 2.0)
    assert (estimate.variance, estimate.degrees) == (5.0, 25 / (16 / 8 + 1 / 2))
    assert Estimate(2.0, 0.0, 8.0).widened(0.0, 2.0) == Estimate(2.0, 0.0, 8.0)


@pytest.mark.parametrize("degrees", [1.0, 1.3, 2.5, 8.0, 100.0, 1e5])
def test_students_t_agrees_with_scipy(degrees: float) -> None:
    for t in (0.0, 0.1, 1.0, -2.3, 20.0, 1e3):
        assert tail_probability(t, degrees) == pytest.approx(2 * stats.t.sf(abs(t), degrees), rel=1e-5, abs=1e-12)
    for probability in (1.0, 0.5, 0.05, 1e-4):
        assert critical_value(probability, degrees) == pytest.approx(stats.t.isf(probability / 2, degrees), rel=1e-5)


def test_holm_by_hand() -> None:
    # Holm 1979: 4 times the smallest, 3 times the next, never less than the one before, at most 1
    assert adjust_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_p_values([0.6, 0.5]) == [1.0, 1.0]
    assert adjust_p_values([]) == []


def test_an_adjusted_interval_excludes_zero_where_the_adjusted_p_value_is_below_5_percent() -> None:
    rng = np.random.default_rng(0)
    estimates = [*(Estimate(rng.normal(0, 0.2), 0.003, 8) for _ in range(20)), Estimate(0.1, 0, 8), Estimate(0, 0, 8)]
    tests = adjust_tests([*estimates, None])
    assert tests.pop() is None
    signs = set()
    for estimate, test in zip(estimates, tests, strict=True):
        assert test is not None
        low, high = test.interval
        assert (low > 0 or high < 0) == (test.p_value < 0.05)
        assert test.sign in (0, math.copysign(1, estimate.value))
        signs.add(test.sign)
    assert signs == {-1, 0, 1}


def test_uniform_and_unigram_by_hand() -> None:
    # letters a, b and one share for all bytes: log2 3 each
    bits = character_baselines("aaab", "ab")
    assert bits["uniform"] == pytest.approx(math.log2(3))
    # counts and a half: a 3.5, b 1.5, bytes 0.5, of 5.5
    assert bits["unigram"] == pytest.approx((-math.log2(3.5 / 5.5) - math.log2(1.5 / 5.5)) / 2)


def test_xz_compresses_a_chunk_at_a_time_and_reports_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    text, shares = "".join(map(chr, np.random.default_rng(1).integers(97, 105, 5000))), list[float]()
    whole = xz_baseline(text, text[:2000] + "new")
    monkeypatch.setattr(baselines, "CHUNK", 700)
    assert xz_baseline(text, text[:2000] + "new", shares.append) == whole
    assert shares == sorted(shares)
    assert (len(shares), shares[-1]) == (19, 1)


def test_xz_needs_fewer_bits_for_copied_text() -> None:
    rng = np.random.default_rng(0)
    train, new = ("".join(map(chr, rng.integers(97, 123, 4000))) for _ in range(2))
    assert 0 < xz_baseline(train, train[1000:3000])["xz"] < 0.5 < xz_baseline(train, new[:2000])["xz"]
