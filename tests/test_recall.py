"""Recall by distance: the synthetic text, a chain of a known order, and cases by hand."""

import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from test_cli import run

import genbench
from genbench import UserError, scoring
from genbench.analysis.recall import find_recall_places, recall_rows
from genbench.generator import TrainContext
from genbench.registry import create

ROOT = Path(__file__).parent.parent


def test_the_synthetic_text_is_the_output_of_its_script() -> None:
    script = runpy.run_path(str(ROOT / "examples" / "recall.py"))
    text = (ROOT / "examples" / "recall.txt").read_text(encoding="utf-8")
    assert script["text"](200_000) == text

    # every line has one place to recall, and all choices are about as frequent
    places = find_recall_places(text)
    assert len(places) == text.count("\n")
    counts = Counter(text[slice(*place.span)] for place in places)
    assert len(counts) == 4 + 8
    for kind, choices in (("bracket", 4), ("name", 8)):
        of_kind = [counts[choice] for choice in {text[slice(*place.span)] for place in places if place.kind == kind}]
        assert len(of_kind) == choices
        assert max(of_kind) < 1.3 * min(of_kind)


def test_a_chain_masters_distances_within_its_order_only() -> None:
    corpus = genbench.corpus(str(ROOT / "examples" / "recall.txt"))
    chain = create("markov-char:order=8")
    chain.fit(corpus.train, corpus.valid, TrainContext())
    test = str(corpus.test)
    for row in recall_rows(scoring.score(chain, test).character_bits, test, find_recall_places(test)):
        assert row.chance == (2 if row.kind == "bracket" else 3)
        if row.max_distance <= 4:
            assert row.mastered
        if row.min_distance > 8:
            assert not row.mastered
            assert row.bits == pytest.approx(row.chance, abs=0.5)


def test_distances_by_hand() -> None:
    text = "(ab)\n[ab]"  # two different brackets, so chance is one bit; they cost 0.1 and 0.3
    bits = np.array([9.0, 9, 9, 0.1, 9, 9, 9, 9, 0.3])
    (row,) = recall_rows(bits, text, find_recall_places(text))
    assert (row.kind, row.min_distance, row.max_distance, row.places) == ("bracket", 1, 4, 2)
    assert (row.bits, row.chance, row.recalled) == pytest.approx((0.2, 1, 0.8))
    assert row.mastered
    with pytest.raises(UserError, match=r"example:recall\.txt"):
        find_recall_places("no brackets here, (\nand none) closes")


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["memory", str(ROOT / "examples" / "recall.txt"), "-g", "markov-char:order=4", "--distances"]
    assert run(monkeypatch, *command) == 0
    assert "bracket 65-128" in capsys.readouterr().out
