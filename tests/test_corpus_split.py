"""Splitting a book into three contiguous parts at paragraph breaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.corpus.split import split_text
from genbench.errors import CorpusError


@pytest.mark.slow
@given(st.one_of(st.text(min_size=3), st.text(alphabet="ab\n", min_size=3, max_size=800)))
def test_parts_concatenate_to_the_text_and_none_is_empty(text):
    parts = split_text(text)
    assert "".join(parts) == text
    assert all(parts)


def test_parts_end_at_the_paragraph_breaks_nearest_to_80_and_90_percent():
    paragraph = "x" * 18 + "\n\n"  # 20 characters: breaks at every multiple of 20
    train, valid, test = split_text(paragraph * 53)  # 1,060 characters: targets 848 and 954
    assert [len(train), len(valid), len(test)] == [840, 120, 100]


def test_blank_lines_belong_to_the_part_before():
    text = "x" * 796 + "\n\n\n\n" + "y" * 98 + "\n\n" + "z" * 100
    assert [len(part) for part in split_text(text)] == [800, 100, 100]


def test_a_paragraph_break_is_preferred_to_a_nearer_line_break():
    text = "x" * 788 + "\n\n" + "x" * 9 + "\n" + "y" * 300  # 1,100 characters: target 880, reach 27
    assert len(split_text(text)[0]) == 880
    text = "x" * 860 + "\n\n" + "x" * 17 + "\n" + "y" * 220
    assert len(split_text(text)[0]) == 862


def test_without_paragraphs_parts_end_at_line_breaks():
    train, valid, test = split_text("0123456\n" * 100)
    assert [len(train), len(valid), len(test)] == [640, 80, 80]
    assert train.endswith("\n")


def test_without_line_breaks_the_split_is_exact():
    assert [len(part) for part in split_text("x" * 1000)] == [800, 100, 100]


def test_boundaries_move_at_most_the_maximum_shift():
    text = "x" * 770 + "\n\n" + "x" * 228  # the only break is 28 characters from 800: reach is 25
    assert len(split_text(text)[0]) == 800


def test_a_text_of_two_characters_is_refused():
    with pytest.raises(CorpusError, match="2 characters"):
        split_text("ab")
