"""adaptive=true: what was read counts, states stay values, and such rows are ranked apart."""

from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.adaptive import Adaptive, fitted, heard

import genbench
from genbench import Generator, Ids, LogProbs, Run, make
from genbench.bench.labels import labels
from genbench.report.columns import COLUMNS
from genbench.store import load, save

SPECS = ["markov-char:adaptive=true,order=5", "markov-word:adaptive=true", "markov:adaptive=true"]
TEXT = PROSE * 3 + PROSE.upper()
VALID = PROSE.replace("eggs", "ducks").replace("six", "nine") * 2
NEW = "Grindelfax went over at dawn. Grindelfax went over at dusk. Grindelfax went home.\n"


def trained(spec: str) -> Generator:
    generator = make(spec)
    generator.fit(TEXT, VALID, Run())
    return generator


def test_what_was_heard_by_hand() -> None:
    # a b a b a: after a (length 1) came nothing, then b, then b twice
    said, cells = heard((1,), np.array([0, 1, 0, 1, 0]))
    assert said[0].tolist() == [0, 0, 0, 1, 1]  # place 3: a was followed by b once; place 4: b by a once
    assert (cells[0] >= 0).tolist() == [False, False, False, True, True]


def test_a_share_by_hand() -> None:
    # the trained chain says a half each; a quarter goes to what followed the token before: after 0 came 1
    adaptive = Adaptive((1,), np.full((1, 8, 4), 0.25))
    text = adaptive.begin()
    for token in (0, 1, 0):
        text = adaptive.advance(text, token)
    assert np.exp(adaptive.predict(text, np.log([0.5, 0.5]))).tolist() == pytest.approx([0.375, 0.625])


def slow(adaptive: Adaptive, ids: list[int], trained: LogProbs, vocabulary: int) -> list[LogProbs]:
    """The distribution at each place by scanning all that was read; contexts here come up fewer than 64 times."""
    found = []
    for place in range(len(ids)):
        probabilities = np.exp(trained)
        for row, length in enumerate(adaptive.lengths):
            ends = [e for e in range(length, place) if ids[e - length : e] == ids[place - length : place]]
            followed = [ids[e] for e in ends] if place >= length else []
            if followed:
                times, types = len(followed), len(set(followed))
                share = adaptive.shares[row, min(times - 1, times.bit_length(), 7), min(types, 4) - 1]
                heard = np.bincount(followed, minlength=vocabulary) / times
                probabilities = (1 - share) * probabilities + share * heard
        found.append(probabilities)
    return found


def test_it_equals_a_scan_of_what_was_read() -> None:
    rng = np.random.default_rng(0)
    ids, uniform = rng.integers(0, 5, 120), np.full(5, np.log(0.2))
    adaptive = Adaptive((1, 2, 4), rng.uniform(0.1, 0.6, (3, 8, 4)))
    expected, text = slow(adaptive, ids.tolist(), uniform, 5), adaptive.begin()
    for token, right in zip(ids.tolist(), expected, strict=True):
        assert np.exp(adaptive.predict(text, uniform)) == pytest.approx(right)
        text = adaptive.advance(text, token)
    tokens = adaptive.token_log_probs(ids, uniform[ids])
    assert np.exp(tokens) == pytest.approx([p[t] for p, t in zip(expected, ids, strict=True)])


def test_the_fit_makes_the_stream_likelier() -> None:
    ids = np.array([0, 1, 2, 3, 4, 4, 3] * 20)
    uniform = np.full(len(ids), np.log(0.2))
    even = Adaptive((1, 2), np.full((2, 8, 4), 0.1))
    by_fit = fitted((1, 2), ids, uniform).token_log_probs(ids, uniform).sum()
    assert by_fit > even.token_log_probs(ids, uniform).sum() > uniform.sum()


@pytest.mark.parametrize("spec", SPECS)
def test_a_new_name_is_learnt_while_reading(spec: str) -> None:
    adapting, still = trained(spec), trained(spec.replace("adaptive=true", "adaptive=false"))
    ids = still.tokenizer.encode(NEW * 3)
    assert adapting.token_log_probs(ids).sum() > still.token_log_probs(ids).sum() + 20


@pytest.mark.parametrize("spec", SPECS)
def test_batches_equal_steps_and_branches_do_not_disturb_each_other(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(NEW[:60])
    known, state = generator.token_log_probs(ids), generator.begin()
    for token, right in zip(ids.tolist(), known, strict=True):
        predicted = generator.predict(state)
        assert np.exp(predicted).sum() == pytest.approx(1)
        assert predicted[token] == pytest.approx(right, rel=1e-6)
        aside(generator, state, ids)
        state = generator.advance(state, token)


def aside(generator: Generator, state: Any, ids: Ids) -> None:
    """Go on from a state by something else."""
    before = generator.predict(state)
    for token in ids[:5:-1][:8].tolist():
        state_aside = generator.advance(state, token)
        generator.predict(generator.advance(state_aside, token))
    assert np.array_equal(generator.predict(state), before)


def test_a_kept_one_adapts_still(tmp_path: Any) -> None:
    generator, loaded = trained(SPECS[0]), make(SPECS[0])
    save(generator, tmp_path)
    load(loaded, tmp_path)
    ids = generator.tokenizer.encode(NEW)
    assert np.array_equal(generator.token_log_probs(ids), loaded.token_log_probs(ids))


def test_adaptive_rows_are_marked_and_stand_apart() -> None:
    def row(bits: float, adaptive: bool) -> dict[str, Any]:
        facts = {"adaptive": True} if adaptive else {}
        shared = {"author": "a", "generator": "g", "seed": 0, "status": "ok", "options": {"adaptive": adaptive}}
        return shared | {"bits_per_character": bits, "facts": facts}

    rows = [row(1.0, True), row(2.0, False), row(1.9, False)]
    comparison = genbench.Comparison("", [], {}, {}, rows)
    ranked = comparison.ranked("a")
    assert [each["bits_per_character"] for each in ranked] == [1.9, 2.0, 1.0]
    assert labels(ranked)[2].endswith("(adaptive)")
    assert COLUMNS[0].winner(ranked) == 1.9
