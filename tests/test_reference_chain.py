"""The reference chain: figures that no model of the training text alone can have are noted, and in no verdict."""

from dataclasses import replace

import numpy as np
import pytest
from pages import comparison, row

from genbench.experiments.comparison import Comparison
from genbench.experiments.reference_chain import Reference, measure_reference, with_doubts
from genbench.experiments.row import Row
from genbench.training import TrainingText

CHAIN = Reference(test=2.0, validation=1.9, lowest=1.4)  # test minus validation is +0.1


def judged(bits: float, validation: float | None, **fields: bool) -> Row:
    return with_doubts(row("austen", "x", bits, validation_bits_per_character=validation, **fields), {"austen": CHAIN})


@pytest.mark.parametrize(
    ("bits", "validation", "reason"),
    [
        (1.8, 1.7, ""),
        (2.5, 2.3, ""),
        (1.8, None, ""),
        (1.6, 1.7, "trained on the test text"),
        (1.8, 1.5, "trained on the validation text"),
        (1.3, 1.2, "below 1.400, 70 % of those of markov-char:order=5 or xz"),
    ],
)
def test_figures_that_stand_out_are_noted(bits: float, validation: float | None, reason: str) -> None:
    result = judged(bits, validation)
    assert result.doubtful is bool(result.notes)
    assert result.comparable is not result.doubtful
    assert reason in "".join(result.notes)


def test_the_difference_of_an_adaptive_row_says_nothing() -> None:
    assert not judged(1.6, 1.8, adaptive=True).doubtful
    assert judged(1.3, 1.8, adaptive=True).doubtful


def test_no_verdict_includes_a_doubtful_row() -> None:
    rows = [row("austen", name, bits) for name, bits in (("a", 1.5), ("b", 1.8), ("c", 2.1))]
    rows[0] = replace(rows[0], doubtful=True)
    both: Comparison = comparison(*rows)
    assert [(verdict.better, verdict.worse) for verdict in both.verdicts("austen")] == [("b", "c")]


def test_the_chain_is_measured_on_the_texts_that_rows_are_measured_on() -> None:
    words = ["the", "cat", "sat", "on", "a", "mat", "saw", "her", "dog"]
    prose = " ".join(np.random.default_rng(0).choice(words, 14_000).tolist())
    train, valid, test = prose[:20_000], prose[20_000:35_000], prose[35_000:45_000]
    reference = measure_reference(TrainingText("cats", train, valid), test, xz=1.0)
    assert reference.validation == pytest.approx(reference.test, rel=0.05)  # all parts are equally difficult
    assert 0.7 < reference.test < 1.2  # log2(9) bits for 4.2 characters and the space are the entropy
    assert reference.lowest == pytest.approx(0.7 * min(reference.test, 1.0))

    # short texts have no difference
    assert measure_reference(TrainingText("cats", train, valid[:3000]), test).validation is None
