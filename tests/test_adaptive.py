"""adaptive=true: what was read counts, states stay values, and such rows are ranked apart."""

from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.cache_model import CELLS, Adaptive, Log, fitted, heard

import genbench
from genbench import Generator, Ids, LogProbs, TrainContext, make
from genbench.experiments.labels import labels
from genbench.report.terminal.columns import COLUMNS
from genbench.storage.files import load, save

SPECS = ["markov-char:adaptive=true,order=5", "markov-word:adaptive=true", "markov:adaptive=true"]
TEXT = PROSE * 3 + PROSE.upper()
VALID = PROSE.replace("eggs", "ducks").replace("six", "nine") * 2
NEW = "Grindelfax went over at dawn. Grindelfax went over at dusk. Grindelfax went home.\n"


def trained(spec: str) -> Generator:
    generator = make(spec)
    generator.fit(TEXT, VALID, TrainContext())
    return generator


NONE: frozenset[int] = frozenset()


def test_what_was_heard_by_hand() -> None:
    # a b a b c: after a (length 1) came nothing, then b; after b nothing, then a (the c: once, and a was the last)
    said, cells = heard(Log((1,), NONE), np.array([0, 1, 0, 1, 2]), np.zeros(5, int))
    assert said[0].tolist() == [0, 0, 0, 1, 0]
    assert (cells[0] >= 0).tolist() == [False, False, False, True, True]
    # a b a c a b: at the end a was followed by b once of two times, and by c the last time: .6 / 2 for b
    said, _ = heard(Log((1,), NONE), np.array([0, 1, 0, 2, 0, 1]), np.zeros(6, int))
    assert said[0, 5] == pytest.approx(0.3)


def test_a_share_by_hand() -> None:
    # the trained chain says a half each; a quarter goes to what followed the token before: after 0 came 1
    adaptive = Adaptive((1,), NONE, np.full((1, *CELLS), 0.25))
    text = adaptive.start()
    for token in (0, 1, 0):
        text = adaptive.advance(text, token)
    assert np.exp(adaptive.log_probs(text, np.log([0.5, 0.5]), 0)).tolist() == pytest.approx([0.375, 0.625])


def slow(adaptive: Adaptive, ids: list[int], trained: LogProbs, depths: list[int]) -> list[LogProbs]:
    """The distribution at each place by scanning all that was read for the latest 64 times."""
    found = []
    for place in range(len(ids)):
        probabilities = np.exp(trained)
        for row, length in enumerate(adaptive.lengths):
            ends = [e for e in range(1, place) if same(adaptive, ids, length, e, place)][-64:]
            if ends:
                followed = [ids[e] for e in ends]
                size = length or word(adaptive, ids, place)
                times, types, age, deeper = len(ends), len(set(followed)), place - ends[-1], depths[place] - size
                bins = (min(times - 1, times.bit_length(), 7), min(types, 4) - 1)
                share = adaptive.shares[row][bins][(age >= 300) + (age >= 3000)][min(max(deeper, -1), 2) + 1]
                heard = 0.6 * np.bincount(followed, minlength=len(trained)) / times
                heard[followed[-1]] += 0.4
                probabilities = (1 - share) * probabilities + share * heard
        found.append(probabilities)
    return found


def word(adaptive: Adaptive, ids: list[int], place: int) -> int:
    """How many letters stand before a place."""
    return next((n for n in range(place) if ids[place - n - 1] not in adaptive.letters), place)


def same(adaptive: Adaptive, ids: list[int], length: int, one: int, other: int) -> bool:
    """Whether two places have the same context of a length, or, where that is 0, the same word begun."""
    sizes = [length or word(adaptive, ids, place) for place in (one, other)]
    return sizes[0] == sizes[1] <= one and ids[one - sizes[0] : one] == ids[other - sizes[1] : other]


def test_it_equals_a_scan_of_what_was_read() -> None:
    rng = np.random.default_rng(0)
    once, uniform = rng.integers(0, 9, 100), np.full(9, np.log(1 / 9))
    ids = np.concatenate([once, rng.integers(0, 9, 250), once])  # some contexts come again after 300 tokens
    depths = rng.integers(0, 6, len(ids)).tolist()
    adaptive = Adaptive((0, 2, 4), frozenset({0, 1, 2, 3}), rng.uniform(0.1, 0.6, (3, *CELLS)))
    expected, text = slow(adaptive, ids.tolist(), uniform, depths), adaptive.start()
    for token, depth, right in zip(ids.tolist(), depths, expected, strict=True):
        assert np.exp(adaptive.log_probs(text, uniform, depth)) == pytest.approx(right)
        text = adaptive.advance(text, token)
    tokens = adaptive.token_log_probs(ids, uniform[ids], np.array(depths))
    assert np.exp(tokens) == pytest.approx([p[t] for p, t in zip(expected, ids, strict=True)])


def test_the_fit_makes_the_stream_likelier() -> None:
    ids = np.array([0, 1, 2, 3, 4, 4, 3] * 20)
    uniform, depths = np.full(len(ids), np.log(0.2)), np.zeros(len(ids), int)
    even = Adaptive((1, 2), NONE, np.full((2, *CELLS), 0.1))
    by_fit = fitted((1, 2), NONE, ids, uniform, depths).token_log_probs(ids, uniform, depths).sum()
    assert by_fit > even.token_log_probs(ids, uniform, depths).sum() > uniform.sum()


@pytest.mark.parametrize("spec", SPECS)
def test_a_new_name_is_learnt_while_reading(spec: str) -> None:
    adapting, still = trained(spec), trained(spec.replace("adaptive=true", "adaptive=false"))
    ids = still.tokenizer.encode(NEW * 3)
    assert adapting.token_log_probs(ids).sum() > still.token_log_probs(ids).sum() + 20


@pytest.mark.parametrize("spec", SPECS)
def test_batches_equal_steps_and_branches_do_not_disturb_each_other(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(NEW[:60])
    known, state = generator.token_log_probs(ids), generator.start()
    for token, right in zip(ids.tolist(), known, strict=True):
        predicted = generator.log_probs(state)
        assert np.exp(predicted).sum() == pytest.approx(1)
        assert predicted[token] == pytest.approx(right, rel=1e-6)
        aside(generator, state, ids)
        state = generator.advance(state, token)


def aside(generator: Generator, state: Any, ids: Ids) -> None:
    """Go on from a state by something else."""
    before = generator.log_probs(state)
    for token in ids[:5:-1][:8].tolist():
        state_aside = generator.advance(state, token)
        generator.log_probs(generator.advance(state_aside, token))
    assert np.array_equal(generator.log_probs(state), before)


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
