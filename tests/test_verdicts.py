"""The script that measures how often verdicts are wrong, on a short text."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SPEC, OTHER = "markov-char:order=2", "markov-char:order=3"
LENGTH, DIFFERENCE = 12_500, 0.5


@pytest.fixture(scope="module")
def script() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("verdicts")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.mark.slow
def test_equal_chains_are_hardly_told_apart_and_a_difference_is_seen(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SPECS", (SPEC, OTHER))
    monkeypatch.setattr(script, "LENGTHS", {LENGTH: DIFFERENCE})
    draws = [script.draw("marrow", chains, seed=0) for chains in (2, 8)]
    for draw in draws:
        # equally good over the whole text, and not everywhere
        assert np.ptp(draw.bits[SPEC].mean(axis=1)) < 1e-9
        assert np.ptp(draw.bits[SPEC].sum(axis=0)) > 1

    # every test text makes one pair of two chains, 28 pairs of eight, and a table of eight
    called = script.count(draws, LENGTH, windows=2)
    assert {name: len(calls) for name, calls in called["equal"].items()} == {
        SPEC: 2 * 29,
        OTHER: 2 * 29,
        f"{SPEC}, {OTHER}": 2 * 10,
    }
    assert {name: len(calls) for name, calls in called["table"].items()} == {SPEC: 2, OTHER: 2}
    assert np.mean(called["equal"][SPEC]) < 0.15
    assert np.mean(called["seen"][SPEC]) > 0.85
