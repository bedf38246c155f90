"""Subwords: byte-pair encoding is lossless, equals Hugging Face's, and its canonical sequences are told from others."""

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import tokenizers
from hostile import TEXTS, MakeText
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench.corpus.loading import load_corpus
from genbench.tokenization.byte_pairs import MAX_PIECE, BytePairs
from genbench.tokenization.subwords import SubwordTokenizer, is_one_chunk, split_chunks
from genbench.tokenization.tokenizer import BYTES, Decoder, Tokenizer

TRAIN = (
    "low low lower lowest, newer  newest -- wide wider widest?\n\nThe low, the new; the wide!\n 12 123 12 aaaa aaaaa\n"
    * 2
)
TOKENIZER = SubwordTokenizer.train(TRAIN, 70)
TINY = SubwordTokenizer.train("abab baba aaaa bbbb abba " * 3, 30)
EMPTY = SubwordTokenizer.train("", 10)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    "lower aw. 12-\n\u00e9", max_size=60
)


@pytest.mark.parametrize("tokenizer", [TOKENIZER, TINY, EMPTY])
@given(text=ANY_TEXT)
@settings(deadline=None, max_examples=100)
def test_decode_inverts_encode(tokenizer: SubwordTokenizer, text: str) -> None:
    ids, ends = tokenizer.encode_with_ends(text)
    assert tokenizer.decode(ids) == text
    assert (np.diff(ends, prepend=0) >= 0).all()
    assert (ends[-1] if len(ends) else 0) == len(text)
    assert ((ids >= 0) & (ids < tokenizer.size)).all()


@pytest.mark.parametrize("make", TEXTS.values(), ids=list(TEXTS))
def test_hostile_texts_are_learned_and_encoded_without_loss(make: MakeText) -> None:
    text = make(random.Random(0), 20_000)
    for tokenizer in (SubwordTokenizer.train(text, 300), TOKENIZER):
        ids, ends = tokenizer.encode_with_ends(text)
        assert tokenizer.decode(ids) == text
        assert ends[-1] == len(text)
        assert max(map(len, tokenizer.pieces), default=0) <= MAX_PIECE


@given(text=ANY_TEXT)
@settings(deadline=None, max_examples=100)
def test_chunks_are_the_longest_runs_without_a_border(text: str) -> None:
    chunks = list(split_chunks(text))
    assert "".join(chunks) == text
    assert all(is_one_chunk(*pair) for chunk in chunks for pair in pairwise(chunk))
    assert not any(is_one_chunk(left[-1], right[0]) for left, right in pairwise(chunks))


def slow_merges(text: str, count: int) -> list[tuple[str, str]]:
    """Return merges learned in the obvious way: count all pairs anew before each merge."""
    words = [list(chunk) for chunk in split_chunks(text)]
    order = {letter: number for number, letter in enumerate(sorted(set(text)))}
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        counts = Counter(pair for word in words for pair in pairwise(word))
        pairs = [pair for pair, number in counts.items() if number > 1 and "".join(pair) not in order]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-counts[pair], order[pair[0]], order[pair[1]]))
        merges.append(best)
        order["".join(best)] = len(order)
        words = [slow_apply(word, best) for word in words]
    return merges


def slow_apply(word: list[str], pair: tuple[str, str]) -> list[str]:
    result: list[str] = []
    while word:
        size = 2 if tuple(word[:2]) == pair else 1
        result, word = [*result, "".join(word[:size])], word[size:]
    return result


@given(text=st.text("abc .", max_size=80))
@settings(deadline=None, max_examples=100)
def test_merges_equal_those_learned_in_the_obvious_way(text: str) -> None:
    tokenizer = SubwordTokenizer.train(text, 25)
    merges = slow_merges(text, 25 - len(set(text)))
    assert [(tokenizer.piece(left), tokenizer.piece(right)) for left, right in tokenizer.merges] == merges
    pieces: list[str] = []
    for word in map(list, split_chunks(text)):
        for pair in merges:
            word = slow_apply(word, pair)
        pieces += word
    assert [tokenizer.piece(token) for token in tokenizer.encode(text).tolist()] == pieces


def test_merges_and_encodings_equal_those_of_hugging_face() -> None:
    corpus = load_corpus("thorne")
    tokenizer = SubwordTokenizer.train(str(corpus.train), 1000)

    # the same chunks, separated by a character that the text does not contain
    border = "\ue000"
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.Split(border, "removed")
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=1000, min_frequency=2, max_token_length=MAX_PIECE, show_progress=False
    )
    model.train_from_iterator([border.join(split_chunks(str(corpus.train)))], trainer)
    assert list(tokenizer.letters) + list(tokenizer.pieces) == sorted(model.get_vocab(), key=model.get_vocab().get)

    # validation text has words that training has not
    text = "".join(letter for letter in str(corpus.valid) if letter in tokenizer.letters)
    expected = model.encode(border.join(split_chunks(text))).tokens
    assert [tokenizer.piece(token) for token in tokenizer.encode(text).tolist()] == expected


@pytest.mark.parametrize("tokenizer", [TOKENIZER, TINY])
def test_followers_are_the_tokens_with_which_a_pair_is_its_own_encoding(tokenizer: SubwordTokenizer) -> None:
    tokens = range(BYTES, tokenizer.size)
    for left in tokens:
        expected = [tokenizer.encode(tokenizer.decode([left, right])).tolist() == [left, right] for right in tokens]
        assert tokenizer.followers(left)[BYTES:].tolist() == expected
        assert tokenizer.followers(left)[:BYTES].all()


@given(ids=st.lists(st.integers(BYTES, TINY.size - 1), max_size=9))
@settings(deadline=None, max_examples=300)
def test_a_sequence_of_followers_is_an_encoding(ids: list[int]) -> None:
    follows = all(TINY.followers(left)[right] for left, right in pairwise(ids))
    assert follows == (TINY.encode(TINY.decode(ids)).tolist() == ids)


def test_merges_apply_in_their_order_and_from_left_to_right() -> None:
    pairs = BytePairs([(0, 0), (0, 1), (2, 3)], 2)  # aa, ab, aaab
    assert pairs.apply([0, 0, 0, 1]) == [4]
    assert pairs.apply([0, 0, 0]) == [2, 0]
    assert pairs.apply([1, 0, 1]) == [1, 3]
    assert pairs.apply([]) == []


def test_a_shorter_vocabulary_is_the_beginning_of_a_longer_one() -> None:
    assert TOKENIZER.shortened(50).merges == SubwordTokenizer.train(TRAIN, 50).merges


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("the low", " low"),  # more letters may follow
        ("the low ", " "),
        ("the low\n", "\n"),
        ("", ""),
        ("the w\u00e9", ""),  # an unknown character cannot be compared with tokens
    ],
)
def test_the_last_chunk_of_a_prompt_is_left_open(prompt: str, rest: str) -> None:
    ids, left = TOKENIZER.split_prompt(prompt)
    assert left == rest
    assert TOKENIZER.decode(ids) + rest == prompt


def test_a_decoder_knows_what_each_token_adds() -> None:
    decoder = Decoder(TOKENIZER)
    for token in TOKENIZER.encode("the lowest newt").tolist():
        text = decoder.surfaces()[token - BYTES]
        assert decoder.feed(token) == text
        assert decoder.copy().token == token


def test_a_dumped_tokenizer_is_restored() -> None:
    restored = Tokenizer.restore(TOKENIZER.dump())
    assert restored.dump() == TOKENIZER.dump()
    assert restored.encode(TRAIN).tolist() == TOKENIZER.encode(TRAIN).tolist()


@pytest.mark.parametrize(
    ("merges", "reason"),
    [
        (None, "not a list"),
        ([[BYTES, BYTES + 2]], "not pairs"),
        ([[BYTES, 7]], "not pairs"),
        ([[BYTES, True]], "not pairs"),
        ([[BYTES, BYTES + 1]] * 2, "not distinct"),
        ([[BYTES + 1, BYTES]], "no parts of words"),  # a word and the space after it
        ([[BYTES + 1, BYTES + 1], *([BYTES + n, BYTES + n] for n in range(2, 7))], "too long"),
    ],
)
def test_other_values_are_refused(merges: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Tokenizer.restore({"kind": "subwords", "letters": " a", "merges": merges})
