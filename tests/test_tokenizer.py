"""Tokenizers: lossless, canonical, separators implied, rare pieces spelled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.tokenization import segmentation
from genbench.tokenization.segmentation import explicit_pieces, implied_separator, split_pieces
from genbench.tokenization.tokenizer import BYTES, Decoder, Tokenizer

TRAIN = "the cat sat on the mat, the cat sat. (the mat) the\n\ncat's 'mat' 12 12 a b c a b c\n"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text("the cat,.'(\n 3d\u00e9", max_size=60)
KINDS = [Tokenizer.characters(TRAIN), Tokenizer.words(TRAIN), Tokenizer.words("", 1), Tokenizer.characters("")]


@pytest.mark.parametrize("tokenizer", KINDS)
@given(text=TEXTS)
@settings(deadline=None, max_examples=150)
def test_decode_inverts_encode(tokenizer: Tokenizer, text: str) -> None:
    ids, ends = tokenizer.encode_with_ends(text)
    assert tokenizer.decode(ids) == text
    assert (np.diff(ends, prepend=0) >= 0).all()
    assert (ends[-1] if len(ends) else 0) == len(text)
    assert ((ids >= 0) & (ids < tokenizer.size)).all()


@given(text=TEXTS)
@settings(deadline=None, max_examples=100)
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(split_pieces(text)) == text


@pytest.mark.slow
@pytest.mark.parametrize("repeated", [1, 999])
@given(text=TEXTS)
@settings(deadline=None, max_examples=100)
def test_segment_gives_the_explicit_pieces(text: str, repeated: int) -> None:
    text *= repeated  # above and below the length from which each distinct chunk is split once
    whole = segmentation.segment(text)
    chunks = [slice(whole.offsets[chunk], whole.offsets[chunk + 1]) for chunk in whole.chunks]
    assert [piece for chunk in chunks for piece in whole.pieces[chunk]] == [piece for piece, _ in explicit_pieces(text)]
    ends = [start + end for start, chunk in zip(whole.starts, chunks, strict=True) for end in whole.ends[chunk]]
    assert ends == [end for _, end in explicit_pieces(text)]


def token_names(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the tokens of a text as strings: pieces as they are, letters as <x>, END as |."""
    shown = []
    for token in tokenizer.encode(text).tolist():
        if token < tokenizer.end_id:
            shown.append(f"<{bytes([token]).hex() if token < BYTES else tokenizer.letters[token - BYTES]}>")
        else:
            shown.append("|" if token == tokenizer.end_id else tokenizer.piece(token) or "NONE")
    return shown


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
def test_separators_are_implied_or_explicit(text: str, tokens: list[str]) -> None:
    tokenizer = Tokenizer.words(TRAIN, min_count=1)
    expected = {"<space>": ["< >", "< >", "|"], "s'": ["s"]}
    assert token_names(tokenizer, text) == [part for token in tokens for part in expected.get(token, [token])]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("हिन्दी की किताब", ["हिन्दी", " ", "की", " ", "किताब"]),  # vowel signs and viramas
        ("le cafe\u0301, l'e\u0301te\u0301", ["le", " ", "cafe\u0301", ",", " ", "l", "'", "e\u0301te\u0301"]),
        ("می\u200cروم آن\u200cها", ["می\u200cروم", " ", "آن\u200cها"]),  # zero-width non-joiner
        ("שָׁלוֹם לָכֶם", ["שָׁלוֹם", " ", "לָכֶם"]),
        ("ไม่มี 12 \u2764\ufe0f!", ["ไม่มี", " ", "12", " ", "\u2764", "\ufe0f", "!"]),
    ],
)
def test_marks_and_joiners_belong_to_the_letter_before_them(text: str, pieces: list[str]) -> None:
    assert list(split_pieces(text)) == pieces
    tokenizer = Tokenizer.words(text, min_count=1)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    if not text.endswith("!"):
        assert tokenizer.encode(text).tolist() == tokenizer.encode(" ".join(text.split())).tolist()
        assert len(tokenizer.encode(text)) == len([piece for piece in pieces if piece != " "])  # all spaces are implied


def test_a_prompt_may_end_between_a_letter_and_its_mark() -> None:
    tokenizer = Tokenizer.words("की की का", min_count=1)
    ids, rest = tokenizer.split_prompt("का क")
    assert (tokenizer.decode(ids), rest) == ("का", " क")
    surface = Decoder(tokenizer)
    for token in ids.tolist():
        surface.feed(token)
    assert " की" in surface.surfaces()


def test_a_prompt_that_ends_in_a_very_long_word_is_left_open() -> None:
    tokenizer = Tokenizer.words("a cat", min_count=1)
    assert tokenizer.split_prompt("a " + "cat" * 20)[1] == " " + "cat" * 20
    ids, rest = tokenizer.split_prompt("a " + "cat" * 2000)
    assert (tokenizer.decode(ids), rest) == ("a " + "cat" * 2000, "")
    assert ids[-1] != tokenizer.end_id


def test_a_rare_piece_is_spelled_and_closed_in_training_too() -> None:
    tokenizer = Tokenizer.words("so so rare", min_count=2)
    assert token_names(tokenizer, "so so rare") == ["so", "so", "<r>", "<a>", "<r>", "<e>", "|"]


def test_a_word_and_a_letter_differ() -> None:
    tokenizer = Tokenizer.words("a a ab", min_count=2)
    assert token_names(tokenizer, "a") == ["a"]
    assert token_names(tokenizer, "ab") == ["<a>", "<b>", "|"]
    assert tokenizer.encode("a")[0] != tokenizer.encode("ab")[0]


def test_an_unknown_character_is_its_utf8_bytes() -> None:
    assert Tokenizer.characters("ab").encode("a\u00e9").tolist() == [256, 0xC3, 0xA9]
    assert token_names(Tokenizer.words("ab ab"), "\u00e9") == ["<c3>", "<a9>", "|"]


def test_spans_of_bytes_end_where_their_character_does() -> None:
    ids, ends = Tokenizer.characters("ab").encode_with_ends("a\u00e9b")
    assert len(ids) == 4
    assert ends.tolist() == [1, 1, 2, 3]


def test_bytes_that_are_not_utf8_become_the_replacement_character() -> None:
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
def test_surfaces_are_what_feed_adds(text: str) -> None:
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
def test_split_prompt_leaves_a_rest_that_completes_the_prompt(prompt: str) -> None:
    ids, rest = KINDS[1].split_prompt(prompt)
    assert KINDS[1].decode(ids) + rest == prompt


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [("the ca", " ca"), ("the ", " "), ("the,", ","), ("", ""), ("ca", "ca"), ("the cat 'm", "m"), ("the \u00e9", "")],
)
def test_split_prompt_holds_back_the_last_piece(prompt: str, rest: str) -> None:
    assert KINDS[1].split_prompt(prompt)[1] == rest


def test_a_last_piece_with_an_unknown_character_is_left_open() -> None:
    ids, _ = KINDS[1].split_prompt("the \u00e9t")
    assert KINDS[1].end_id not in ids.tolist()
    assert KINDS[1].decode(ids) == "the \u00e9t"


@pytest.mark.parametrize("tokenizer", KINDS)
def test_dump_and_restore_give_the_same_ids(tokenizer: Tokenizer) -> None:
    again = Tokenizer.restore(tokenizer.dump())
    text = TRAIN + "unknown \u00e9 words"
    assert np.array_equal(again.encode(text), tokenizer.encode(text))
    assert again.size == tokenizer.size


def test_bytes_are_sampled_only_where_nothing_else_is_known() -> None:
    assert Tokenizer.characters("ab").sampling_mask().tolist() == [False] * 256 + [True] * 2
    assert Tokenizer.characters("").sampling_mask().all()


def test_the_base_distribution_counts_all_bytes_as_one_token() -> None:
    base = Tokenizer.characters("abc").base_distribution()
    assert base[:256].sum() == pytest.approx(1 / 4)
    assert base[256] == pytest.approx(1 / 4)


def test_spelling_mask_marks_what_is_not_in_the_vocabulary() -> None:
    words = Tokenizer.words("so so rare")
    assert words.spelling_mask(words.encode("so rare")).tolist() == [False] + [True] * 5
    letters = Tokenizer.characters("ab")
    assert letters.spelling_mask(letters.encode("a\u00e9")).tolist() == [False, True, True]


@given(left=st.text(max_size=1), right=st.text(min_size=1, max_size=1))
@settings(deadline=None, max_examples=200)
def test_an_implied_separator_is_a_space_or_nothing(left: str, right: str) -> None:
    assert implied_separator(left, right) in ("", " ")


@given(st.text(alphabet="ab \n\t.,'(\u00e9\u2003", max_size=60), st.integers(1, 20))
def test_a_text_read_in_parts_has_the_ids_of_the_whole(text: str, size: int) -> None:
    parts = list(segmentation.split_parts(text, size))
    assert "".join(parts) == text
    for tokenizer in (Tokenizer.words(text, 1), Tokenizer.words(text, 2), Tokenizer.characters(text)):
        ids = [token for part in parts for token in tokenizer.encode(part).tolist()]
        assert ids == tokenizer.encode(text).tolist()


def test_a_long_text_is_streamed_from_a_file_with_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The cat sat, and the cat ate.\nIt rained. \n\nThe end came\tlate.\n" * 5
    tokenizers = {kind: getattr(Tokenizer, kind)(text) for kind in ("words", "characters")}
    streams = {kind: tokenizer.encode_stream(text) for kind, tokenizer in tokenizers.items()}
    monkeypatch.setattr("genbench.tokenization.tokenizer.PART_CHARACTERS", 40)
    monkeypatch.setattr(segmentation.split_parts, "__defaults__", (40,))
    for kind, tokenizer in tokenizers.items():
        in_parts = getattr(Tokenizer, kind)(text)
        assert in_parts.dump() == tokenizer.dump()
        stream = in_parts.encode_stream(text)
        assert isinstance(stream, np.memmap)
        assert stream.tolist() == streams[kind].tolist()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "bytes"}, "kind"),
        ({"letters": "aa"}, "distinct characters"),
        ({"letters": None}, "distinct characters"),
        ({"words": ["a", 1]}, "list of strings"),
        ({"words": ["ab", "ab"]}, "not distinct"),
        ({"kind": "characters"}, "kind is 'characters'"),
        ({"letters": "\ud800"}, "surrogates"),
    ],
)
def test_restore_refuses_invalid_dumps(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Tokenizer.restore({"kind": "words", "letters": "ab", "words": ["ab", "a"]} | change)
    with pytest.raises(ValueError, match="not list"):
        Tokenizer.restore([])  # type: ignore[arg-type]


@given(st.characters(exclude_categories=["Cs"]), st.characters(exclude_categories=["Cs"]))
def test_two_characters_are_one_piece_where_the_pattern_says_so(left: str, right: str) -> None:
    for pair in (left + right, left + left):
        assert segmentation.is_one_piece(*pair) == (segmentation.PIECE.fullmatch(pair) is not None)
