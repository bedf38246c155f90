"""adaptive=true: predictions use the text read so far, states stay values, and such rows are ranked apart."""

from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.cache_model import CELLS, CacheModel, History, fit_cache, read_history
from rows import scored_row

from genbench import Comparison, Generator
from genbench.capabilities import token_log_probs
from genbench.experiments.row import Row
from genbench.experiments.significance import ADAPTIVE_OPTIONS, labels
from genbench.generator import LogProbs, Text, TrainContext
from genbench.registry import create
from genbench.report.columns import COLUMNS
from genbench.storage.files import load_generator, save_generator
from genbench.tokenization.tokenizer import Ids

SPECS = ["markov-char:adaptive=true,order=5", "markov-word:adaptive=true", "markov:adaptive=true"]
TEXT = PROSE * 3 + PROSE.upper()
VALID = PROSE.replace("eggs", "ducks").replace("six", "nine") * 2
NEW = "Grindelfax went over at dawn. Grindelfax went over at dusk. Grindelfax went home.\n"


def trained(spec: str) -> Generator:
    generator = create(spec)
    generator.fit(Text(TEXT), Text(VALID), TrainContext())
    return generator


NO_LETTERS: frozenset[int] = frozenset()


def test_predictions_of_the_history_worked_by_hand() -> None:
    # a b a b c: after a (length 1) came nothing, then b; after b nothing, then a (the c: once, and a was the last)
    by_history, cells = read_history(History((1,), NO_LETTERS), np.array([0, 1, 0, 1, 2]), np.zeros(5, int))
    assert by_history[0].tolist() == [0, 0, 0, 1, 0]
    assert (cells[0] >= 0).tolist() == [False, False, False, True, True]
    # a b a c a b: at the end a was followed by b once of two times, and by c the last time: .6 / 2 for b
    by_history, _ = read_history(History((1,), NO_LETTERS), np.array([0, 1, 0, 2, 0, 1]), np.zeros(6, int))
    assert by_history[0, 5] == pytest.approx(0.3)


def test_interpolation_worked_by_hand() -> None:
    # the trained chain gives a half each; a quarter goes to what followed the token before: after 0 came 1
    cache = CacheModel((1,), NO_LETTERS, np.full((1, *CELLS), 0.25))
    state = cache.start()
    for token in (0, 1, 0):
        state = cache.advance(state, token)
    assert np.exp(cache.log_probs(state, np.log([0.5, 0.5]), 0)).tolist() == pytest.approx([0.375, 0.625])


def slow(cache: CacheModel, ids: list[int], static: LogProbs, known_lengths: list[int]) -> list[LogProbs]:
    """Return the distribution at each position by scanning the text read so far for the latest 64 occurrences."""
    distributions = []
    for read in range(len(ids)):
        probabilities = np.exp(static)
        for row, length in enumerate(cache.lengths):
            ends = [end for end in range(1, read) if same_context(cache, ids, length, end, read)][-64:]

            # the share of the history depends on counts, age and length
            if ends:
                followers = [ids[end] for end in ends]
                size = length or word_length(cache, ids, read)
                age, excess = read - ends[-1], known_lengths[read] - size
                times, types = len(ends), len(set(followers))
                bins = (min(times - 1, times.bit_length(), 7), min(types, 4) - 1)
                share = cache.shares[row][bins][(age >= 300) + (age >= 3000)][min(max(excess, -1), 2) + 1]

                # 0.6 is divided among all followers, 0.4 goes to the latest
                by_history = 0.6 * np.bincount(followers, minlength=len(static)) / times
                by_history[followers[-1]] += 0.4
                probabilities = (1 - share) * probabilities + share * by_history
        distributions.append(probabilities)
    return distributions


def word_length(cache: CacheModel, ids: list[int], position: int) -> int:
    """Return the number of letters of the current word after this many tokens."""
    return next((n for n in range(position) if ids[position - n - 1] not in cache.letters), position)


def same_context(cache: CacheModel, ids: list[int], length: int, earlier: int, read: int) -> bool:
    """Return whether two positions have the same context of a length, or, for length 0, the same current word."""
    sizes = [length or word_length(cache, ids, position) for position in (earlier, read)]
    equal = ids[earlier - sizes[0] : earlier] == ids[read - sizes[1] : read]
    return sizes[0] == sizes[1] <= earlier and equal


@pytest.mark.slow
def test_cache_model_equals_a_scan_of_what_was_read() -> None:
    rng = np.random.default_rng(0)
    once, uniform = rng.integers(0, 9, 100), np.full(9, np.log(1 / 9))
    ids = np.concatenate([once, rng.integers(0, 9, 250), once])  # some contexts recur after 300 tokens
    known_lengths = rng.integers(0, 6, len(ids)).tolist()
    cache = CacheModel((0, 2, 4), frozenset({0, 1, 2, 3}), rng.uniform(0.1, 0.6, (3, *CELLS)))
    expected, state = slow(cache, ids.tolist(), uniform, known_lengths), cache.start()
    for token, known_length, distribution in zip(ids.tolist(), known_lengths, expected, strict=True):
        assert np.exp(cache.log_probs(state, uniform, known_length)) == pytest.approx(distribution)
        state = cache.advance(state, token)
    scores = cache.token_log_probs(ids, uniform[ids], np.array(known_lengths))
    assert np.exp(scores) == pytest.approx([p[t] for p, t in zip(expected, ids, strict=True)])


def test_fitting_increases_the_probability_of_the_stream() -> None:
    ids = np.array([0, 1, 2, 3, 4, 4, 3] * 20)
    uniform, lengths = np.full(len(ids), np.log(0.2)), np.zeros(len(ids), int)
    initial = CacheModel((1, 2), NO_LETTERS, np.full((2, *CELLS), 0.1))
    fitted = fit_cache((1, 2), NO_LETTERS, ids, uniform, lengths).token_log_probs(ids, uniform, lengths).sum()
    assert fitted > initial.token_log_probs(ids, uniform, lengths).sum() > uniform.sum()


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_new_name_is_learned_while_reading(spec: str) -> None:
    adaptive, static = trained(spec), trained(spec.replace("adaptive=true", "adaptive=false"))
    ids = static.tokenizer.encode(NEW * 3)
    assert token_log_probs(adaptive, ids).sum() > token_log_probs(static, ids).sum() + 20


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_scores_equal_steps_and_branches_do_not_disturb_each_other(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(NEW[:60])
    scores, state = token_log_probs(generator, ids), generator.start()
    for token, score in zip(ids.tolist(), scores, strict=True):
        log_probs = generator.log_probs(state)
        assert np.exp(log_probs).sum() == pytest.approx(1)
        assert log_probs[token] == pytest.approx(score, rel=1e-6)
        branch_off(generator, state, ids)
        state = generator.advance(state, token)


def branch_off(generator: Generator, state: Any, ids: Ids) -> None:
    """Advance a state by other tokens, and check that its predictions stay the same."""
    before = generator.log_probs(state)
    for token in ids[:5:-1][:8].tolist():
        branch = generator.advance(state, token)
        generator.log_probs(generator.advance(branch, token))
    assert np.array_equal(generator.log_probs(state), before)


def test_loaded_chain_is_still_adaptive(tmp_path: Any) -> None:
    generator, loaded = trained(SPECS[0]), create(SPECS[0])
    save_generator(generator, tmp_path)
    load_generator(loaded, tmp_path)
    ids = generator.tokenizer.encode(NEW)
    assert np.array_equal(token_log_probs(generator, ids), token_log_probs(loaded, ids))


def test_adaptive_rows_are_marked_and_ranked_apart() -> None:
    def row(bits: float, adaptive: bool) -> Row:
        return scored_row("g", bits, options={"adaptive": adaptive}, adaptive=adaptive)

    rows = [row(1.0, True), row(2.0, False), row(1.9, False)]
    comparison = Comparison("", {}, rows)
    ranked = comparison.ranked("a")
    assert [row.bits_per_character for row in ranked] == [1.9, 2.0, 1.0]
    assert labels(ranked)[2].endswith("(adaptive)")
    assert COLUMNS[0].winner(ranked) == 1.9


def test_an_option_that_only_adaptive_rows_use_names_no_static_row() -> None:
    def row(adaptive: bool, cache: int) -> Row:
        return scored_row("g", 2.0, options={"adaptive": adaptive, "cache": cache}, adaptive=adaptive)

    assert labels([row(False, 2000), row(True, 500)]) == ["g", "g (adaptive)"]
    assert labels([row(False, 2000), row(True, 500), row(True, 0)]) == [
        "g",
        "g cache=500 (adaptive)",
        "g cache=0 (adaptive)",
    ]
    options = create("lstm-char")
    assert all(hasattr(options, name) for name in ADAPTIVE_OPTIONS)
