"""Tokenizers: lossless, canonical, separators implied, rare pieces spelled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.tokenization import segmentation as cutting
from genbench.tokenization.segmentation import gap, pieces, separated
from genbench.tokenization.tokenizer import BYTES, Decoder, Tokenizer

TRAIN = "the cat sat on the mat, the cat sat. (the mat) the\n\ncat's 'mat' 12 12 a b c a b c\n"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("the cat,.'(\n 3d\u00e9", max_size=60)
KINDS = [Tokenizer.characters(TRAIN), Tokenizer.words(TRAIN), Tokenizer.words("", 1), Tokenizer.characters("")]


@pytest.mark.parametrize("tokenizer", KINDS)
@given(text=TEXTS)
@settings(deadline=None, max_examples=150)
def test_every_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    ids, ends = tokenizer.spans(text)
    assert tokenizer.decode(ids) == text
    assert (np.diff(ends, prepend=0) >= 0).all()
    assert (ends[-1] if len(ends) else 0) == len(text)
    assert ((ids >= 0) & (ids < tokenizer.size)).all()


@given(text=TEXTS)
@settings(deadline=None, max_examples=100)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@pytest.mark.parametrize("repeated", [1, 999])
@given(text=TEXTS)
@settings(deadline=None, max_examples=100)
def test_a_text_cut_in_parts_has_the_same_pieces(text: str, repeated: int) -> None:
    text *= repeated  # above and below the length from which on each part is cut once
    cut = cutting.cut(text)
    parts = [slice(cut.first[row], cut.first[row + 1]) for row in cut.rows]
    assert [piece for part in parts for piece in cut.pieces[part]] == [piece for piece, _ in separated(text)]
    ends = [start + end for start, part in zip(cut.starts, parts, strict=True) for end in cut.ends[part]]
    assert ends == [end for _, end in separated(text)]


def names(tokenizer: Tokenizer, text: str) -> list[str]:
    """The tokens of a text in words: pieces as they are, letters as <x>, END as |."""
    found = []
    for token in tokenizer.encode(text).tolist():
        if token < tokenizer.end:
            found.append(f"<{bytes([token]).hex() if token < BYTES else tokenizer.letters[token - BYTES]}>")
        else:
            found.append("|" if token == tokenizer.end else tokenizer.piece(token) or "NONE")
    return found


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("the cat, the mat", ["the", "cat", ",", "the", "mat"]),  # spaces between words and after a comma implied
        ("the  cat", ["the", "<space>", "cat"]),  # two spaces are no implied separator, and rare: spelled
        ("the\n\ncat", ["the", "\n\n", "cat"]),
        ("12cat", ["12", "NONE", "cat"]),  # a space would be implied between a number and a word
        ("cat's", ["cat", "'", "s'"]),  # nothing is implied after an apostrophe
        ("(the", ["(", "the"]),
    ],
)
def test_separators_are_implied_or_said(text: str, tokens: list[str]) -> None:
    tokenizer = Tokenizer.words(TRAIN, min_count=1)
    expected = {"<space>": ["< >", "< >", "|"], "s'": ["s"]}
    assert names(tokenizer, text) == [part for token in tokens for part in expected.get(token, [token])]


def test_a_rare_piece_is_spelled_and_closed_in_training_too() -> None:
    tokenizer = Tokenizer.words("so so rare", min_count=2)
    assert names(tokenizer, "so so rare") == ["so", "so", "<r>", "<a>", "<r>", "<e>", "|"]


def test_a_word_and_a_letter_differ() -> None:
    tokenizer = Tokenizer.words("a a ab", min_count=2)
    assert names(tokenizer, "a") == ["a"]
    assert names(tokenizer, "ab") == ["<a>", "<b>", "|"]
    assert tokenizer.encode("a")[0] != tokenizer.encode("ab")[0]


def test_an_unknown_character_is_its_utf8_bytes() -> None:
    assert Tokenizer.characters("ab").encode("a\u00e9").tolist() == [256, 0xC3, 0xA9]
    assert names(Tokenizer.words("ab ab"), "\u00e9") == ["<c3>", "<a9>", "|"]


def test_spans_of_bytes_end_where_their_character_does() -> None:
    ids, ends = Tokenizer.characters("ab").spans("a\u00e9b")
    assert len(ids) == 4
    assert ends.tolist() == [1, 1, 2, 3]


def test_bytes_that_are_no_utf8_become_the_replacement_character() -> None:
    assert Tokenizer.characters("ab").decode([256, 0xC3, 257, 0xA9]) == "a\ufffdb\ufffd"


@given(text=TEXTS)
@settings(deadline=None, max_examples=60)
def test_the_decoder_streams_what_decode_gives(text: str) -> None:
    tokenizer = KINDS[1]
    decoder = Decoder(tokenizer)
    parts = [decoder.feed(token) for token in tokenizer.encode(text).tolist()]
    assert "".join(parts) + decoder.flush() == text
    assert all("\ufffd" not in part for part in parts) or "\ufffd" in text


@pytest.mark.parametrize("text", ["", "the cat", "the ca\u00e9", "(", "the\n", "12"])
def test_surfaces_say_what_feed_does(text: str) -> None:
    tokenizer = KINDS[1]

    def after() -> Decoder:
        decoder = Decoder(tokenizer)
        for token in tokenizer.encode(text).tolist():
            decoder.feed(token)
        return decoder

    fed = [after().feed(token) for token in range(BYTES, tokenizer.size)]
    assert after().surfaces() == fed


@given(prompt=st.text("the cat sat,.'\n 12", max_size=20))
@settings(deadline=None, max_examples=200)
def test_resume_leaves_a_rest_that_completes_the_prompt(prompt: str) -> None:
    ids, rest = KINDS[1].resume(prompt)
    assert KINDS[1].decode(ids) + rest == prompt


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [("the ca", " ca"), ("the ", " "), ("the,", ","), ("", ""), ("ca", "ca"), ("the cat 'm", "m"), ("the \u00e9", "")],
)
def test_resume_holds_back_the_last_piece(prompt: str, rest: str) -> None:
    assert KINDS[1].resume(prompt)[1] == rest


def test_a_last_piece_with_an_unknown_character_is_left_open() -> None:
    ids, _ = KINDS[1].resume("the \u00e9t")
    assert KINDS[1].end not in ids.tolist()
    assert KINDS[1].decode(ids) == "the \u00e9t"


@pytest.mark.parametrize("tokenizer", KINDS)
def test_dump_and_restore_give_the_same_ids(tokenizer: Tokenizer) -> None:
    again = Tokenizer.restore(tokenizer.dump())
    text = TRAIN + "unknown \u00e9 words"
    assert np.array_equal(again.encode(text), tokenizer.encode(text))
    assert again.size == tokenizer.size


def test_bytes_are_never_drawn_unless_there_is_nothing_else() -> None:
    assert Tokenizer.characters("ab").drawable().tolist() == [False] * 256 + [True] * 2
    assert Tokenizer.characters("").drawable().all()


def test_the_base_gives_all_bytes_together_one_share() -> None:
    base = Tokenizer.characters("abc").base()
    assert base[:256].sum() == pytest.approx(1 / 4)
    assert base[256] == pytest.approx(1 / 4)


def test_spelled_counts_what_is_not_in_the_vocabulary() -> None:
    words = Tokenizer.words("so so rare")
    assert words.spelled(words.encode("so rare")).tolist() == [False] + [True] * 5
    letters = Tokenizer.characters("ab")
    assert letters.spelled(letters.encode("a\u00e9")).tolist() == [False, True, True]


@given(left=st.text(max_size=1), right=st.text(min_size=1, max_size=1))
@settings(deadline=None, max_examples=200)
def test_a_gap_is_a_space_or_nothing(left: str, right: str) -> None:
    assert gap(left, right) in ("", " ")


@given(st.text(alphabet="ab \n\t.,'(\u00e9\u2003", max_size=60), st.integers(1, 20))
def test_a_text_read_in_parts_has_the_ids_of_the_whole(text: str, size: int) -> None:
    read = list(cutting.parts(text, size))
    assert "".join(read) == text
    for tokenizer in (Tokenizer.words(text, 1), Tokenizer.words(text, 2), Tokenizer.characters(text)):
        found = [token for part in read for token in tokenizer.encode(part).tolist()]
        assert found == tokenizer.encode(text).tolist()


def test_a_long_text_is_streamed_from_a_file_with_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The cat sat, and the cat ate.\nIt rained. \n\nThe end came\tlate.\n" * 5
    expected = {kind: getattr(Tokenizer, kind)(text) for kind in ("words", "characters")}
    streams = {kind: made.stream(text) for kind, made in expected.items()}
    monkeypatch.setattr("genbench.tokenization.tokenizer.PART", 40)
    monkeypatch.setattr(cutting.parts, "__defaults__", (40,))
    for kind, made in expected.items():
        again = getattr(Tokenizer, kind)(text)
        assert again.dump() == made.dump()
        found = again.stream(text)
        assert isinstance(found, np.memmap)
        assert found.tolist() == streams[kind].tolist()
