"""Character view of a word-level generator: against a sum over all tokenizations, and steps against whole texts."""

import sys
from collections.abc import Iterator
from itertools import takewhile
from types import FrameType
from typing import Any

import numpy as np
import pytest
from alternating import Alternating
from genbench_plugins.markov.word_view import WordView

import genbench
from genbench import Tokenizer
from genbench.charlevel import adapter, block, paths
from genbench.charlevel.adapter import CharacterView
from genbench.charlevel.views import CharacterReader, character_view
from genbench.generator import Generator, Text, TrainContext
from genbench.registry import create
from genbench.tokenization.segmentation import PIECE
from genbench.tokenization.tokenizer import BYTES, Ids

TEXT = "ab ab, abc abc  b b a-b a-b -- -- 3 3ab 3ab"
WORDS = Tokenizer.words(TEXT, 2)


def canonical(tokenizer: Tokenizer, ids: list[int]) -> bool:
    """Return whether a canonical encoding can begin with these ids; its last piece may be incomplete."""
    letters = list(takewhile(lambda token: BYTES <= token < tokenizer.end_id, reversed(ids)))[::-1]
    before = ids[: len(ids) - len(letters)]
    if ids[-1] == tokenizer.none_id:
        return len(ids) > 1 and before[:-1][-1:] != [tokenizer.none_id]
    if letters and not PIECE.fullmatch("".join(tokenizer.letters[token - BYTES] for token in letters)):
        return False
    return tokenizer.encode(tokenizer.decode(ids)).tolist()[: len(before)] == before


def covers(words: Alternating, text: str, ids: list[int], state: Any, probability: float) -> Iterator[float]:
    """Yield the probability of each shortest beginning of a canonical encoding that covers the text."""
    tokenizer = words.tokenizer
    for token in range(BYTES, tokenizer.size):
        if not canonical(tokenizer, [*ids, token]):
            continue
        decoded = tokenizer.decode([*ids, token])
        share = probability * float(np.exp(words.log_probs(state)[token]))
        if decoded.startswith(text) and token not in (tokenizer.end_id, tokenizer.none_id):
            yield share
        elif text.startswith(decoded):
            yield from covers(words, text, [*ids, token], words.advance(state, token), share)


@pytest.mark.parametrize("text", ["ab", "abc a", "ab,", "a-b", "ac b", "b  a", "3ab", "3 ab", "--a", "ab  -"])
def test_the_next_character_has_the_sum_over_all_tokenizations(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MIN_EXPANDED_SHARE", 0.0)
    monkeypatch.setattr(paths, "MIN_PROBABILITY", 0.0)
    words = Alternating(choice=WORDS)
    view = CharacterView(words)
    state = view.start()
    for position, letter in enumerate(text):
        continuations = [text[:position] + other for other in words.tokenizer.letters]
        expected = np.array([sum(covers(words, longer, [], words.start(), 1.0)) for longer in continuations])
        probabilities = np.exp(view.log_probs(state)[BYTES:])
        assert probabilities == pytest.approx(expected / expected.sum(), abs=1e-7), text[:position]
        state = view.advance(state, int(view.tokenizer.encode(letter)[0]))


STRANGE = "caf\u00e9 \u00e9t\u00e9  the\u00e9 \u4e2d\u6587, \U0001f600a \U0001f600\U0001f600 \x00- 3\u00e9"


@pytest.mark.slow
@pytest.mark.parametrize("tiny", [0.0, 1e-3, 0.1])
def test_scoring_a_text_at_once_equals_steps(tiny: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "MIN_EXPANDED_SHARE", tiny)
    monkeypatch.setattr(block, "MIN_EXPANDED_SHARE", tiny)
    rng = np.random.default_rng(1)
    view = CharacterView(Alternating(choice=WORDS))
    for text in (
        TEXT,
        "",
        " ",
        "  ab",
        "c1\n",
        *("".join(rng.choice(list("abc,- 3  \n\u00e9"), 200)) for _ in range(8)),
    ):
        ids = view.tokenizer.encode(text)
        log_probs, depths, _ = view.score_stream(ids)
        one_by_one, deep = _steps(view, ids)
        assert log_probs == pytest.approx(one_by_one, abs=1e-9)
        assert depths.tolist() == deep


def test_the_end_of_a_long_word_stands_for_all_of_it() -> None:
    view, whole = (
        CharacterView(Alternating(choice=WORDS)),
        CharacterView(Alternating(choice=WORDS)),
    )
    whole.rules.max_open = 10**6
    ids = view.tokenizer.encode("ab " + "abc" * 30 + "--" + "-" * 40 + "\n" + "c" * 50)
    assert view.score_stream(ids).log_probs.tolist() == whole.score_stream(ids).log_probs.tolist()
    assert _steps(view, ids) == _steps(whole, ids)


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "off"), [("markov-word", 1e-9), ("lstm-word:hidden=12,embedding=8", 1e-4)])
def test_reading_pieces_together_equals_steps(spec: str, off: float) -> None:
    corpus = genbench.corpus("pell")
    words = create(spec)
    words.fit(corpus.train, corpus.valid, TrainContext(steps=20))
    view = CharacterView(words)
    for text in (corpus.test[:1500], STRANGE, "", "a", STRANGE * 30):
        ids = view.tokenizer.encode(text)
        log_probs, depths, _ = view.score_stream(ids)
        one_by_one, deep = _steps(view, ids)
        assert log_probs == pytest.approx(one_by_one, abs=off)
        assert depths.tolist() == deep


def _steps(view: CharacterReader, ids: Ids) -> tuple[list[float], list[int]]:
    log_probs, depths, state = [], [], view.start()
    for token in ids.tolist():
        log_probs.append(view.log_probs(state)[token])
        depths.append(view.context_length(state))
        state = view.advance(state, token)
    return log_probs, depths


SLOW_CHAINS = (
    "markov-word:smoothing=witten-bell,order=2",
    "markov-class:classes=20",
    "mixture:parts=(markov-word:smoothing=fitted,order=4)+(markov-class:classes=30)+(markov-class:classes=10)",
)


@pytest.mark.parametrize("spec", ["markov-word", *(pytest.param(spec, marks=pytest.mark.slow) for spec in SLOW_CHAINS)])
def test_compiled_loops_give_the_numbers_of_the_general_view(spec: str) -> None:
    words, corpus = trained(spec), genbench.corpus("pell")
    general, view = CharacterView(words), character_view(words)
    assert isinstance(view, WordView)
    for text in (corpus.test[:800], STRANGE, "", "a", STRANGE * 10, "-" * 40 + "\n" + "x" * 60):
        ids = general.tokenizer.encode(text)
        expected, actual = general.score_stream(ids), view.score_stream(ids)
        assert actual.log_probs == pytest.approx(expected.log_probs, abs=1e-8)
        assert actual.peaks == pytest.approx(expected.peaks, abs=1e-9)
        assert actual.context_lengths.tolist() == expected.context_lengths.tolist()
        assert _steps(view, ids) == (actual.log_probs.tolist(), actual.context_lengths.tolist())


def test_whole_distributions_are_those_of_the_general_view() -> None:
    words = trained("markov-word")
    general, view = CharacterView(words), character_view(words)
    states = general.start(), view.start()
    for token in [*general.tokenizer.encode("the caf\u00e9, 3\u00e9 a").tolist(), 200, 201, 300]:
        expected, actual = general.log_probs(states[0]), view.log_probs(states[1])
        assert actual == pytest.approx(expected, abs=1e-7)
        assert np.exp(actual).sum() == pytest.approx(1)
        states = general.advance(states[0], token), view.advance(states[1], token)


@pytest.mark.parametrize("spec", ["markov-word:order=unbounded", "markov-word:adaptive=true"])
def test_chains_that_the_loops_cannot_read_have_the_general_view(spec: str) -> None:
    assert isinstance(character_view(trained(spec)), CharacterView)


def test_a_vocabulary_without_a_space_has_the_general_view() -> None:
    words = create("markov-word")
    words.fit(Text("one\ntwo\none\ntwo\n"), Text("one\n"), TrainContext())
    assert isinstance(character_view(words), CharacterView)


def trained(spec: str) -> Generator:
    corpus = genbench.corpus("pell")
    words = create(spec)
    words.fit(corpus.train, corpus.valid, TrainContext())
    return words


@pytest.mark.slow
def test_bits_by_characters_are_at_most_those_by_words() -> None:
    corpus = genbench.corpus("thorne")
    words = create("markov-word")
    words.fit(corpus.train, corpus.valid, TrainContext())
    view = CharacterView(words)
    log_probs, _, _ = view.score_stream(view.tokenizer.encode(corpus.test))
    in_words = words.token_log_probs(words.tokenizer.encode(corpus.test)).sum()
    assert log_probs.sum() > 1.005 * in_words  # both below zero: what no canonical text needs is given to the others


def test_the_number_of_paths_is_limited() -> None:
    corpus = genbench.corpus("thorne")
    words = create("markov-word")
    words.fit(corpus.train, corpus.valid, TrainContext())
    view = CharacterView(words)
    state = view.start()
    for token in view.tokenizer.encode(corpus.test[:800] + STRANGE).tolist():
        state = view.advance(state, token)
        assert len(state.paths) <= 8


def test_compiled_loops_have_few_paths_too() -> None:
    view = character_view(trained("markov-word"))
    state = view.start()
    for token in view.tokenizer.encode(genbench.corpus("thorne").test[:800] + STRANGE).tolist():
        state = view.advance(state, token)
        assert state.count <= 8


def test_a_step_takes_few_calls() -> None:
    """Steps in compiled loops are fast because Python does little: one object per path would be many calls."""
    generator = trained("markov:order=4,classes=10")
    state = generator.start()
    generator.log_probs(generator.advance(state, BYTES))  # loads the loops
    ids = generator.tokenizer.encode(genbench.corpus("pell").test[:200]).tolist()
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        for token in ids:
            generator.log_probs(state)
            state = generator.advance(state, token)
    finally:
        sys.setprofile(None)
    assert calls / len(ids) < 150


@pytest.mark.parametrize("name", ["general", "compiled"])
def test_bytes_that_are_not_text_can_be_read(name: str) -> None:
    view = CharacterView(Alternating(choice=WORDS)) if name == "general" else character_view(trained("markov-word"))
    ids = np.array([200, 201, BYTES, 255, 128], dtype=np.int64)
    log_probs, _, _ = view.score_stream(ids)
    assert np.isfinite(log_probs).all()
