"""Scoring: bits by hand, the denominator of each measure, and refusals."""

import math

import numpy as np
import pytest
from doubles import Fixed
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.errors import ContractError
from genbench.scoring import NO_PERPLEXITY_NOTE, bits_by_character, score, split_words
from genbench.tokenization.tokenizer import Tokenizer


def test_bits_worked_by_hand() -> None:
    half = Fixed("ab", (0.5, 0.5))  # one bit a letter, but for the sliver that the bytes have
    result = score(half, "abba")
    assert result.bits == pytest.approx(4, abs=1e-5)
    assert (result.characters, result.bytes, result.words, result.tokens, result.spelled) == (4, 4, 1, 4, 0)
    assert result.bits_per_character == pytest.approx(1, abs=1e-5)
    assert result.word_perplexity == pytest.approx(16, rel=1e-4)
    assert result.token_perplexity == pytest.approx(2, rel=1e-4)


def test_each_figure_has_its_own_denominator() -> None:
    result = score(Fixed("a \u00e9b", (0.25,) * 4), "a \u00e9\u00e9 b")
    assert (result.characters, result.bytes, result.words) == (6, 8, 3)
    assert result.bits == pytest.approx(12, abs=1e-5)
    assert result.bits_per_byte == pytest.approx(12 / 8, abs=1e-5)


def test_word_perplexity_is_none_without_words_or_out_of_range() -> None:
    assert score(Fixed("a ", (0.5, 0.5)), "   ").word_perplexity is None  # no words
    assert score(Fixed("ab", (0.5, 0.5)), "ab" * 1000).word_perplexity is None  # 2 ** 2000
    for letters, notes in (("abab", 0), ("ab" * 19, 0), ("ab" * 21, 1)):
        result = score(Fixed("ab", (0.5, 0.5)), letters)  # one word, one bit a letter
        assert result.word_notes == [NO_PERPLEXITY_NOTE] * notes
        assert (result.word_perplexity is None) == bool(notes)


def test_a_text_without_spaces_has_no_word_figures() -> None:
    sentence = "老师在桥上修好了地图。"
    result = score(Fixed("老师在", (0.25, 0.25, 0.25)), sentence * 20 + "\n\n" + sentence * 20)
    assert result.words is None
    assert result.word_perplexity is None
    assert score(Fixed("ab", (0.5, 0.5)), "abba " * 40).words == 40


def test_words_of_a_text_without_spaces_are_characters_with_their_marks() -> None:
    assert split_words("ไม่มี" * 30 + "\n") == ["ไ", "ม่", "มี"] * 29 + ["ไ", "ม่", "มี\n"]
    assert split_words("  \n" + "ACGT" * 30)[:2] == ["  \nA", "C"]
    assert split_words("ACGT ไม่มี") == ["ACGT", " ไม่มี"]  # too short to tell
    assert "".join(split_words("AC\x1c\n GT" * 30)) == "AC\x1c\n GT" * 30


def test_the_empty_text_has_no_bits() -> None:
    result = score(Fixed(), "")
    assert (result.bits, result.characters, result.bits_per_character) == (0, 0, 0)


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 3)), min_size=1, max_size=30))
@settings(deadline=None, max_examples=100)
def test_spread_preserves_the_sum(tokens: list[tuple[float, int]]) -> None:
    bits = np.array([b for b, _ in tokens])
    ends = np.cumsum([width for _, width in tokens])
    if ends[-1]:
        assert bits_by_character(bits, ends, int(ends[-1])).sum() == pytest.approx(bits.sum())


class Lower(Tokenizer):
    """Tokenizer that loses capital letters."""

    def encode_with_ends(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        return super().encode_with_ends(text.lower())


def test_a_lossy_tokenizer_is_refused() -> None:
    lossy = Fixed()
    lossy.tokenizer = Lower("characters", "abcd")
    with pytest.raises(ContractError, match="loses text"):
        score(lossy, "aB")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda logs: logs + math.log(1.3), "sum to 1.3"),
        (lambda logs: np.where(np.arange(260) == 3, -np.inf, logs), "returns -inf nats for token 3"),
        (lambda logs: logs[:-1], "shape"),
    ],
)
def test_an_invalid_distribution_is_refused(change: object, reason: str) -> None:
    broken = Fixed()
    broken.table = change(broken.table)  # type: ignore[operator]
    broken.token_log_probs = lambda ids, progress: np.full(len(ids), -1.0)  # type: ignore[method-assign]
    with pytest.raises(ContractError, match=reason):
        score(broken, "abc")


def test_a_batch_that_disagrees_with_the_steps_is_refused() -> None:
    cheat = Fixed()
    cheat.token_log_probs = lambda ids, progress: cheat.table[ids] + 0.01  # type: ignore[method-assign]
    with pytest.raises(ContractError, match="disagrees with log_probs"):
        score(cheat, "abc")


def test_nan_from_the_batch_is_refused() -> None:
    cheat = Fixed()
    cheat.token_log_probs = lambda ids, progress: np.full(len(ids), np.nan)  # type: ignore[method-assign]
    with pytest.raises(ContractError, match="finite"):
        score(cheat, "abc")
