"""Words and their surprisal: no text is lost, and no bits are counted twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.scoring import split_words, surprisal_by_word


@pytest.mark.slow
@given(st.text())
def test_the_words_joined_are_the_text(text: str) -> None:
    assert "".join(split_words(text)) == text


@given(st.text(alphabet=" \nab.\u2003\x1c", min_size=1))
def test_each_word_has_the_white_space_around_it(text: str) -> None:
    assert [word.split() for word in split_words(text)] == ([[word] for word in text.split()] or [[]])


@given(st.text(alphabet=" \nab", min_size=1), st.integers(0, 2**32 - 1))
def test_the_bits_of_the_words_are_those_of_the_characters(text: str, seed: int) -> None:
    bits = np.random.default_rng(seed).uniform(0, 9, len(text))
    words = surprisal_by_word(bits, text)
    assert [word.text for word in words] == split_words(text)
    assert sum(word.bits for word in words) == pytest.approx(bits.sum(), abs=0.005 * len(words) + 1e-9)


def test_an_empty_text_has_no_words() -> None:
    assert surprisal_by_word(np.zeros(0), "") == []
