"""Text behaves like the string that it contains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench import Tokenizer
from genbench.tokenization import Text


def test_a_text_has_the_length_slices_and_parts_of_its_string() -> None:
    text = Text("one two\nthree")
    assert (str(text), len(text), text[:3], text[-1], text[::2]) == ("one two\nthree", 13, "one", "e", "oetotre")
    assert "two" in text
    assert "four" not in text
    with pytest.raises(IndexError):
        text[13]


def test_a_text_equals_its_string_and_has_its_hash() -> None:
    text = Text("one")
    assert text == "one"
    assert text == Text(text)
    assert text != "two"
    assert text != 1
    assert hash(text) == hash("one")


def test_repr_is_short() -> None:
    assert repr(Text("one")) == "<Text: 3 characters, 'one'>"
    assert len(repr(Text("x" * 10_000))) < 80
    assert "10,000 characters" in repr(Text("x" * 10_000))


@given(text=st.text(st.sampled_from("ab \n"), max_size=200), size=st.integers(1, 50))
def test_parts_are_whole_lines_that_make_up_the_text(text: str, size: int) -> None:
    parts = list(Text(text).parts(size))
    assert "".join(parts) == text
    assert all(part.endswith("\n") for part in parts[:-1])
    assert all(len(part) >= size for part in parts[:-1])


def test_tokenizers_take_a_text_or_a_string() -> None:
    string = "the cat sat on the mat\n" * 3
    for build in (Tokenizer.characters, Tokenizer.words):
        assert build(Text(string)).dump() == build(string).dump()
        assert (build(string).encode(Text(string)) == build(string).encode(string)).all()
