"""A text cut into words with their bits: nothing is lost, nothing is counted twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.analysis.surprisal import by_word, pieces


@given(st.text())
def test_the_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text(alphabet=" \nab.\u2003\x1c", min_size=1))
def test_each_piece_is_one_word_with_the_white_space_around_it(text: str) -> None:
    assert [each.split() for each in pieces(text)] == ([[word] for word in text.split()] or [[]])


@given(st.text(alphabet=" \nab", min_size=1), st.integers(0, 2**32 - 1))
def test_the_bits_of_the_words_are_those_of_the_characters(text: str, seed: int) -> None:
    bits = np.random.default_rng(seed).uniform(0, 9, len(text))
    found = by_word(bits, text)
    assert [word for word, _ in found] == pieces(text)
    assert sum(each for _, each in found) == pytest.approx(bits.sum(), abs=0.005 * len(found) + 1e-9)


def test_no_text_has_no_words() -> None:
    assert by_word(np.zeros(0), "") == []
