"""Tokenizers: nothing is lost, one encoding a text, and the encodings of short texts worked by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.tokenizer import BYTES, Decoder, Tokenizer

TRAIN = "The old sea, the old sea (the sea). 3d 3d\nThe sailor's sea, the sailor's sails--the old sails.\n"
TOKENIZERS = {"characters": Tokenizer.characters(TRAIN), "words": Tokenizer.words(TRAIN)}
TRAPS = "abtheT 13,.;([\n\t\u00a0\"'-_\u2014\u00e9\u00df\u00bd\u0301\u4e2d\U0001f600\x00\ufffd"
any_text = st.text(max_size=60) | st.text(TRAPS, max_size=60)
any_tokenizer = st.builds(
    lambda kind, train: getattr(Tokenizer, kind)(train), st.sampled_from(["characters", "words"]), any_text
)
kinds = pytest.mark.parametrize("kind", TOKENIZERS)


def names(tokenizer):
    """What each id is, from the scheme of ids alone: bytes, letters, END, NONE, pieces."""
    letters = [f"'{letter}" for letter in tokenizer.letters]
    return [f"0x{byte:02x}" for byte in range(256)] + letters + ["END", "NONE", *tokenizer.words_known]


def read(tokenizer, text):
    known = names(tokenizer)
    return [known[i] for i in tokenizer.encode(text)]


def by_hand(*words):
    """A word tokenizer with these pieces, whose letters are those of the pieces, space and newline."""
    return Tokenizer("words", "".join(sorted({*"".join(words), " ", "\n"})), words)


# lossless, canonical


@settings(deadline=None, max_examples=300)
@given(any_tokenizer, any_text)
def test_any_text_comes_back_whatever_the_tokenizer_was_trained_on(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@settings(deadline=None, max_examples=100)
@given(any_tokenizer, any_text)
def test_ids_are_in_the_vocabulary(tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int64
    assert ((ids >= 0) & (ids < tokenizer.size)).all()


@settings(deadline=None, max_examples=100)
@given(any_tokenizer, any_text)
def test_the_same_text_has_the_same_ids_and_its_ends_rise_to_its_length(tokenizer, text):
    ids, ends = tokenizer.spans(text)
    assert ids.tolist() == tokenizer.encode(text).tolist()
    assert len(ends) == len(ids)
    assert (np.diff(ends, prepend=0) >= 0).all()
    assert (ends[-1] if len(ends) else 0) == len(text)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(TOKENIZERS)), st.text("".join(sorted(set(TRAIN))), max_size=40))
def test_each_end_is_how_much_of_the_text_is_decoded_by_then(kind, text):
    tokenizer, told = TOKENIZERS[kind], ""
    decoder = Decoder(tokenizer)
    for token, end in zip(*tokenizer.spans(text), strict=True):
        told += decoder.feed(int(token))
        assert told == text[:end]


@settings(deadline=None, max_examples=50)
@given(any_tokenizer, any_text)
def test_a_dumped_tokenizer_goes_through_json_and_gives_the_same_ids(tokenizer, text):
    again = Tokenizer.restore(json.loads(json.dumps(tokenizer.dump())))
    assert again.encode(text).tolist() == tokenizer.encode(text).tolist()
    assert (again.size, again.dump()) == (tokenizer.size, tokenizer.dump())


# characters, by hand


def test_a_character_is_its_place_among_the_sorted_characters_of_the_training_text():
    assert Tokenizer.characters("cab").encode("abcc").tolist() == [256, 257, 258, 258]


def test_an_unknown_character_is_the_bytes_of_its_utf8():
    # U+00E9 is C3 A9, U+1F600 is F0 9F 98 80
    tokenizer = Tokenizer.characters("ab")
    ids, ends = tokenizer.spans("a\u00e9\U0001f600b")
    assert ids.tolist() == [256, 0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80, 257]
    assert ends.tolist() == [1, 1, 2, 2, 2, 2, 3, 4]


def test_a_tokenizer_of_no_text_knows_bytes_alone():
    tokenizer = Tokenizer.characters("")
    assert (tokenizer.size, tokenizer.encode("a").tolist()) == (256, [ord("a")])


# words, by hand


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("the sea", ["the", "sea"]),  # a space between words is implied
        ("the, sea", ["the", ",", "sea"]),  # none before a comma, one after it
        ("the. sea", ["the", ".", "sea"]),
        ("the (sea) the", ["the", "(", "sea", ")", "the"]),  # one before an opening bracket, none after it
        ("the\nsea", ["the", "\n", "sea"]),  # a newline is a token
        ("3d", ["3", "NONE", "d"]),  # a space would be implied, and is missing
        ("3 d", ["3", "d"]),
        ("the,sea", ["the", ",", "NONE", "sea"]),
        ("the  sea", ["the", "  ", "sea"]),  # two spaces are a token
        ("the , sea", ["the", " ", ",", "sea"]),  # one where none is implied, too
        (" the ", [" ", "the", " "]),  # nothing is implied at either end
        ('the "sea"', ["the", " ", '"', "sea", '"']),  # a quotation mark may open or close: nothing is implied
        ("the--sea", ["the", "--", "sea"]),  # a run of one mark is one piece
        ("the'd", ["the", "'", "d"]),
    ],
)
def test_the_separator_between_two_pieces_is_implied_and_any_other_is_a_token(text, tokens):
    tokenizer = by_hand("the", "sea", "3", "d", ",", ".", "(", ")", '"', "--", "'", " ", "  ", "\n")
    assert read(tokenizer, text) == tokens


def test_a_rare_piece_is_spelled_and_closed_by_end_wherever_it_stands():
    tokenizer = by_hand("the", "sea")
    spelled = ["'h", "'a", "'t", "END"]
    assert read(tokenizer, "the hat sea") == ["the", *spelled, "sea"]
    assert read(tokenizer, "hat") == spelled
    assert read(tokenizer, "the \n sea") == ["the", "' ", "'\n", "' ", "END", "sea"]


def test_an_unknown_character_in_a_word_is_spelled_in_bytes_within_the_word():
    assert read(by_hand("the"), "the h\u00e9t") == ["the", "'h", "0xc3", "0xa9", "'t", "END"]


def test_ends_by_hand():
    # the word's two characters more are the implied space and itself; END and NONE have none of their own
    tokenizer = by_hand("the", "3", "d")
    assert tokenizer.spans("the he 3d")[1].tolist() == [3, 5, 6, 6, 8, 8, 9]
    assert read(tokenizer, "the he 3d") == ["the", "'h", "'e", "END", "3", "NONE", "d"]


def test_a_letter_is_not_the_word_of_that_letter():
    tokenizer = by_hand("a", "the")
    word = tokenizer.encode("a").tolist()
    spelled = tokenizer.encode("ah").tolist()  # not known
    assert read(tokenizer, "a") == ["a"]
    assert read(tokenizer, "ah") == ["'a", "'h", "END"]
    assert not set(word) & set(spelled)


@pytest.mark.parametrize(("min_count", "kept"), [(1, ("b", "a", "c")), (2, ("b", "a")), (3, ("b",)), (4, ())])
def test_a_piece_is_kept_from_min_count_on_most_frequent_first(min_count, kept):
    assert Tokenizer.words("a b b a b c", min_count).words_known == kept


def test_pieces_of_equal_count_stand_in_the_order_of_the_alphabet():
    assert Tokenizer.words("d c d c").words_known == ("c", "d")


def test_neither_an_implied_space_nor_its_absence_is_counted_as_a_piece():
    assert Tokenizer.words("a1a1a 1 a 1", 1).words_known == ("1", "a")


def test_case_makes_another_word():
    assert len(set(by_hand("The", "the").encode("The the").tolist())) == 2


# bytes and the decoder


@settings(deadline=None, max_examples=100)
@given(any_tokenizer, any_text)
def test_a_decoder_fed_one_by_one_gives_the_text_and_tears_no_character(tokenizer, text):
    decoder, told = Decoder(tokenizer), ""
    for token in tokenizer.encode(text).tolist():
        told += decoder.feed(token)
        assert text.startswith(told)
    assert told + decoder.flush() == text


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(TOKENIZERS)), st.data())
def test_a_decoder_and_decode_agree_on_any_ids(kind, data):
    tokenizer = TOKENIZERS[kind]
    ids = data.draw(st.lists(st.integers(0, tokenizer.size - 1), max_size=30))
    decoder = Decoder(tokenizer)
    assert "".join([decoder.feed(i) for i in ids]) + decoder.flush() == tokenizer.decode(ids)


@kinds
@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=20))
def test_bytes_are_decoded_as_python_decodes_them_with_replacement(kind, data):
    assert TOKENIZERS[kind].decode(data) == data.decode("utf-8", "replace")


def test_bytes_that_are_no_utf8_become_the_replacement_character():
    tokenizer = Tokenizer.characters("ab")
    assert tokenizer.decode([256, 0xFF, 257]) == "a\ufffdb"
    assert tokenizer.decode([256, 0xC3, 257]) == "a\ufffdb"  # begun, and a letter comes
    assert tokenizer.decode([256, 0xF0, 0x9F]) == "a\ufffd"  # begun at the end


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(TOKENIZERS)), st.data())
def test_surfaces_are_what_feeding_each_id_would_add(kind, data):
    tokenizer = TOKENIZERS[kind]
    known = st.integers(BYTES, tokenizer.size - 1)
    before, token = data.draw(st.lists(known, max_size=5)), data.draw(known)
    decoder = Decoder(tokenizer)
    for each in before:
        decoder.feed(each)
    surface = decoder.surfaces()[token - BYTES]
    assert decoder.feed(token) == surface


# going on from a prompt


def resumed(tokenizer, prompt):
    ids, rest = tokenizer.resume(prompt)
    return [names(tokenizer)[i] for i in ids], rest


@pytest.mark.parametrize(
    ("prompt", "tokens", "rest"),
    [
        ("", [], ""),
        ("the sea the sea ", ["the", "sea", "the", "sea"], " "),  # the space may belong to any next word
        ("the sea\n", ["the", "sea"], "\n"),  # and the newline may be the first of two
        ("the sea th", ["the", "sea"], " th"),  # in the middle of a word
        ("the sea the", ["the", "sea"], " the"),  # which a whole word may be, too
        ("the sea,", ["the", "sea"], ","),
        ("sea", [], "sea"),
        (" \n", [], " \n"),
        ("the s\u00e9", ["the", "'s", "0xc3", "0xa9"], ""),  # an unknown character: spelled and left open
        ("the s\u00e9 the", ["the", "'s", "0xc3", "0xa9", "END"], " the"),  # closed, where it is not in the last piece
    ],
)
def test_a_word_tokenizer_resumes_after_the_last_whole_piece(prompt, tokens, rest):
    assert resumed(by_hand("the", "sea", ",", "\n"), prompt) == (tokens, rest)


def test_a_character_tokenizer_resumes_after_every_character():
    ids, rest = Tokenizer.characters("ab").resume("ab \u00e9")
    assert (ids.tolist(), rest) == ([256, 257, 0x20, 0xC3, 0xA9], "")


@settings(deadline=None, max_examples=200)
@given(any_tokenizer, any_text)
def test_what_is_resumed_and_the_rest_are_the_prompt(tokenizer, prompt):
    ids, rest = tokenizer.resume(prompt)
    assert tokenizer.decode(ids) + rest == prompt


# masks and the first guess


def test_all_but_the_bytes_may_be_drawn():
    assert TOKENIZERS["words"].drawable().tolist() == [False] * 256 + [True] * (TOKENIZERS["words"].size - 256)


def test_bytes_may_be_drawn_where_there_is_nothing_else():
    assert Tokenizer.characters("").drawable().all()


def test_the_base_gives_all_bytes_together_as_much_as_one_letter():
    # two letters and the bytes: a third each, and 1/768 for a byte
    base = Tokenizer.characters("ab").base()
    assert base[256:] == pytest.approx([1 / 3, 1 / 3])
    assert base[:256] == pytest.approx([1 / 768] * 256)


@settings(deadline=None, max_examples=50)
@given(any_tokenizer)
def test_the_base_is_a_distribution_without_zeros(tokenizer):
    base = tokenizer.base()
    assert base.shape == (tokenizer.size,)
    assert base.sum() == pytest.approx(1)
    assert (base > 0).all()


def test_spelled_tokens_are_bytes_and_for_words_letters_and_end():
    words, characters = by_hand("the"), Tokenizer.characters("the")
    # the, ' '?, no: an implied space; then t, bytes C3 A9, END
    assert words.spelled(words.encode("the t\u00e9")).tolist() == [False, True, True, True, True]
    assert characters.spelled(characters.encode("t\u00e9")).tolist() == [False, True, True]
