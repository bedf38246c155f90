"""Verdicts on pairs of rows, and several seeds as one row."""

from typing import Any

import numpy as np
import pytest

import genbench
from genbench.experiments.job import Job, blank
from genbench.experiments.significance import folded, sentence, verdicts

HARD = 1000 * np.random.default_rng(0).uniform(1, 5, 50)  # bits of each block: some are much harder than others


def row(generator: str, blocks: Any, **more: Any) -> dict[str, Any]:
    bits = float(np.mean(blocks)) / 1000
    return (
        blank(Job("a", "", "", "", generator))
        | {"block_bits": [float(bits) for bits in blocks], "bits_per_character": bits}
        | more
    )


def test_a_constant_difference_is_sure_though_both_intervals_overlap() -> None:
    # 0.05 bits a character everywhere: unpaired intervals of these rows are 0.6 bits wide
    (found,) = verdicts([row("worse", HARD + 50), row("better", HARD)])
    assert (found["better"], found["than"], found["sure"]) == ("better", "worse", True)
    assert [found["by"], *found["interval"]] == pytest.approx([0.05, 0.05, 0.05])
    assert sentence(found) == "better better than worse by 0.050 bits per character [0.050, 0.050]"


def test_a_difference_within_its_noise_is_not_told_apart() -> None:
    # standard deviation 0.5 over 50 blocks: standard error 0.07, and the difference is 0.01
    noise = np.random.default_rng(1).normal(0, 500, 50)
    (found,) = verdicts([row("a", HARD), row("b", HARD + noise - noise.mean() + 10)])
    assert not found["sure"]
    assert found["interval"] == pytest.approx([0.01 - 0.139, 0.01 + 0.139], abs=0.03)
    assert sentence(found).startswith("a not told apart from b: 0.010 bits per character [-0.1")


def test_a_row_beside_itself_differs_by_nothing() -> None:
    (found,) = verdicts([row("a", HARD), row("b", HARD)])
    assert (found["by"], found["interval"], found["sure"]) == (0, [0, 0], False)


def test_a_short_text_has_no_interval_and_the_verdict_says_so() -> None:
    (found,) = verdicts([row("a", HARD[:9]), row("b", HARD[:9] + 1)])
    assert (found["interval"], found["sure"]) == (None, False)
    assert "fewer than 10 blocks of 1,000 characters" in sentence(found)


def test_every_pair_has_one() -> None:
    found = verdicts([row(name, HARD + place) for place, name in enumerate("abcd")])
    assert [(v["better"], v["than"]) for v in found] == [tuple(pair) for pair in ("ab", "ac", "ad", "bc", "bd", "cd")]


def test_seeds_are_folded_into_their_mean() -> None:
    rows = [row("net", HARD, seed=0), row("net", HARD + 200, seed=1), row("chain", HARD)]
    net, chain = folded(rows)
    assert net["bits_per_character"] == pytest.approx(rows[0]["bits_per_character"] + 0.1)
    assert net["block_bits"] == pytest.approx(HARD + 100)
    assert net["spread"] == [rows[0]["bits_per_character"], rows[1]["bits_per_character"]]
    assert net["seeds"] == 2
    assert chain is rows[2]
    assert len(folded([row("net", HARD, options={"n": n}) for n in (1, 2)])) == 2


@pytest.mark.slow
def test_a_comparison_has_a_verdict_for_every_pair_of_generators() -> None:
    found = genbench.compare(["thorne"], ["markov-char", "markov-char:order=2", "markov-word"], seeds=2, samplings=[])
    said = found.to_dict()["verdicts"]["thorne"]
    assert len(found.results) == 6
    assert [line["seeds"] for line in found.lines("thorne")] == [2, 2, 2]
    assert len(said) == 3
    for verdict in said:
        assert verdict["by"] >= 0
        assert "no interval" in sentence(verdict)  # a short test text
