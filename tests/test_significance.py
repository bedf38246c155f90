"""Verdicts on pairs of rows."""

from typing import Any

import numpy as np
import pytest
from rows import scored_row

from genbench.experiments.compare import compare
from genbench.experiments.row import Row
from genbench.experiments.significance import compare_rows, verdict_notes

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

BLOCKS = 1000 * np.random.default_rng(0).uniform(1, 5, 50)  # bits of each block: some are much harder than others


def row(generator: str, blocks: Any, **fields: Any) -> Row:
    return scored_row(generator, blocks=list(blocks), **fields)


def test_a_constant_difference_is_clear_though_both_intervals_overlap() -> None:
    # 0.05 bits per character everywhere: unpaired intervals of these rows are 0.6 bits wide
    (verdict,) = compare_rows([row("second", BLOCKS + 50), row("first", BLOCKS)])
    assert (verdict.better, verdict.worse, verdict.clear) == ("first", "second", True)
    assert verdict.interval
    assert [verdict.difference, *verdict.interval] == pytest.approx([0.05, 0.05, 0.05])
    assert verdict.sentence() == "first ahead of second by 0.050 bits per character [0.050, 0.050]"


def test_a_difference_shown_as_zero_is_not_clear() -> None:
    for bits in (1e-9, 0.4):  # of 1,000 characters, in each block
        (verdict,) = compare_rows([row("a", BLOCKS), row("b", BLOCKS + bits)])
        assert verdict.interval is not None
        assert verdict.interval[0] > 0
        assert verdict.sentence(unit="") == "no clear difference between a and b: 0.000 [0.000, 0.000]"


def test_a_difference_within_its_noise_is_not_clear() -> None:
    # standard deviation 0.5 over 50 blocks: standard error 0.07 even without dependence, and the difference is 0.01
    noise = np.random.default_rng(1).normal(0, 500, 50)
    (verdict,) = compare_rows([row("a", BLOCKS), row("b", BLOCKS + noise - noise.mean() + 10)])
    assert not verdict.clear
    assert verdict.interval is not None
    assert verdict.interval[0] < 0.01 - 0.139
    assert verdict.interval[1] > 0.01 + 0.139
    assert verdict.sentence().startswith("no clear difference between a and b: 0.010 bits per character [-0.")


def test_equal_rows_differ_by_zero() -> None:
    (verdict,) = compare_rows([row("a", BLOCKS), row("b", BLOCKS)])
    assert (verdict.difference, verdict.interval, verdict.clear) == (0, (0, 0), False)
    assert verdict.adjusted_p == 1


def test_a_short_text_has_no_interval_and_the_verdict_says_so() -> None:
    (verdict,) = compare_rows([row("a", BLOCKS[:9]), row("b", BLOCKS[:9] + 1)])
    assert (verdict.interval, verdict.clear) == (None, False)
    assert "without an interval" in verdict.sentence()


def test_every_pair_has_a_verdict() -> None:
    verdicts = compare_rows([row(name, BLOCKS + index) for index, name in enumerate("abcd")])
    pairs = [(verdict.better, verdict.worse) for verdict in verdicts]
    assert pairs == [tuple(pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")]


def test_more_pairs_need_a_larger_difference() -> None:
    noise = np.random.default_rng(4).normal(0, 40, 50)
    pair = [row("a", BLOCKS), row("b", BLOCKS + 50 + noise)]
    (alone,) = compare_rows(pair)
    assert alone.clear
    assert alone.interval == alone.adjusted_interval

    # the same pair among 28: the interval of the pair alone stays, the adjusted one includes zero
    others = [row(name, BLOCKS + 2000 + 3000 * np.random.default_rng(ord(name)).normal(size=50)) for name in "cdefgh"]
    verdicts = compare_rows([*pair, *others])
    among = next(verdict for verdict in verdicts if (verdict.better, verdict.worse) == ("a", "b"))
    assert not among.clear
    assert among.interval == alone.interval
    assert among.sentence().startswith("no clear difference between a and b: 0.0")
    assert "adjusted for the 28 pairs" in verdict_notes(verdicts)[0]


@pytest.mark.slow
def test_a_comparison_has_a_verdict_for_every_pair_of_generators() -> None:
    comparison = compare("thorne", ["markov-char", "markov-char:order=2", "markov-word"], seeds=2, length=0)
    verdicts = comparison.verdicts("thorne")
    assert len(comparison.results) == 6
    assert [line.seeds for line in comparison.lines("thorne")] == [2, 2, 2]
    assert len(verdicts) == len(comparison.to_dict()["verdicts"]["thorne"]) == 3
    for verdict in verdicts:
        assert verdict.difference >= 0
        assert "without an interval" in verdict.sentence()  # a short test text
