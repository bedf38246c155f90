"""Words that are spelled by a character chain: steps against whole texts, probabilities, what the words are."""

from functools import cache

import numpy as np
import pytest
from genbench_plugins.markov import spelled_chain, spelling
from genbench_plugins.markov.ngram import MarkovWord
from genbench_plugins.markov.spelling import SpellingModel, spelled_words

from genbench.capabilities import step_through
from genbench.corpus.loading import load_corpus
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.testing import CHECKS, Subject
from genbench.tokenization import Text
from genbench.tokenization.segmentation import piece_kind
from genbench.tokenization.tokenizer import BYTES, Tokenizer

SPEC = "markov-word:spelling=characters"
TEXT = "the cat sat, the cat lily\n\nthe lilies sat\n"


@cache
def trained(spec: str) -> MarkovWord:
    corpus, chain = load_corpus("thorne"), create(spec)
    chain.fit(Text(corpus.train[:40_000]), Text(corpus.valid[:4000]), TrainContext())
    assert isinstance(chain, MarkovWord)
    return chain


def model() -> SpellingModel:
    tokenizer = Tokenizer.words(TEXT, 2)
    return SpellingModel.train(tokenizer, tokenizer.encode(TEXT))


def test_spelled_words_follow_the_end_of_the_token_before() -> None:
    tokenizer = Tokenizer.words(TEXT + "a b", 2)
    words = spelled_words(tokenizer, tokenizer.encode(TEXT + "a b"))
    assert [(before, tokenizer.decode(ids)) for before, ids in words] == [
        ("sat", ","),
        ("cat", "lily"),
        ("ly", "\n\n"),
        ("the", "lilies"),
        ("sat", "\n"),
        ("\n", "a"),
        ("a", "b"),
    ]


def test_letters_and_end_share_the_whole_probability() -> None:
    speller = model()
    letters = {letter: BYTES + place for place, letter in enumerate(speller.tokenizer.letters)}
    state = speller.start("cat")
    assert speller.probabilities(state)[-1] < 1e-6  # a word has a letter
    for letter in "the":
        state = speller.advance(state, letters[letter])
        assert speller.probabilities(state).sum() == pytest.approx(1, abs=1e-12)
        assert speller.probabilities(state).min() > 0
        assert speller.probabilities(state)[letters[","]] < 1e-6  # no word has a mark in it
    assert speller.probabilities(state)[-1] < 1e-6  # a known word is not spelled
    assert speller.probabilities(speller.advance(state, letters["s"]))[-1] > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("spec", [SPEC, f"{SPEC},smoothing=fitted,order=4"])
def test_whole_texts_equal_steps_for_any_tokens(spec: str) -> None:
    chain, rng = trained(spec), np.random.default_rng(0)
    text = chain.tokenizer.encode("Zzyx zq, the light; \u4e2d-light zz")

    # letters without END before a word, END without letters, a word that the stream does not end
    end = chain.tokenizer.end_id
    odd = [BYTES + 3, end + 5, end, end, 7, BYTES + 4, end + 1, BYTES + 2, end, BYTES + 9, BYTES + 8]
    anything = rng.integers(0, chain.tokenizer.size, 60)
    for ids in (text, np.array(odd), anything, np.empty(0, np.int64)):
        assert chain.token_log_probs(ids) == pytest.approx(step_through(chain, ids), abs=1e-9)


def test_whole_texts_equal_steps_where_no_word_is_known() -> None:
    # one word that occurs once: all words are spelled, and each depends on the last two letters of the one before
    chain = create(SPEC)
    chain.fit(Text("lilies\n"), Text(""), TrainContext())
    ids = chain.tokenizer.encode("lilies, silly lilies")
    assert not chain.tokenizer.known_words
    assert step_through(chain, ids) == pytest.approx(chain.token_log_probs(ids), abs=1e-9)


def test_rows_are_read_on_from_any_row() -> None:
    chain, rng = trained(SPEC), np.random.default_rng(1)
    end = chain.tokenizer.end_id
    ids = np.concatenate([chain.tokenizer.encode("the Zzyx lily; zq"), rng.integers(0, end, 3), [end + 4, end, end]])
    rows = chain.read_rows(ids)
    for place in range(len(ids) + 1):
        assert chain.read_rows(ids[place:], rows[place]).tolist() == rows[place:].tolist()


@pytest.mark.slow
def test_it_takes_fewer_bits_than_spelling_by_the_word_chain() -> None:
    test = load_corpus("thorne").test[:4000]
    ids = trained(SPEC).tokenizer.encode(test)
    by_characters, by_words = (trained(spec).token_log_probs(ids).sum() for spec in (SPEC, "markov-word"))
    assert -by_characters < -0.98 * by_words


@pytest.mark.slow
def test_it_passes_the_conformance_kit() -> None:
    subject = Subject(lambda: create(SPEC), characters=5_000, tokens=300)
    for check in CHECKS.values():
        check(subject)


def test_many_letters_are_classified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pair was looked at: with the 4,000 letters of a Chinese novel, a minute and a half."""
    asked: list[str] = []
    monkeypatch.setattr(spelling, "piece_kind", lambda letter: asked.append(letter) or piece_kind(letter))
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    chain = create("markov-word:spelling=characters")
    chain.fit(Text(f"{letters}, {letters[::-1]}!\n12 - ab\n"), Text(letters[:40]), TrainContext())
    chain.token_log_probs(chain.tokenizer.encode(letters[5:60] + "ab1-"))
    assert sorted(asked) == sorted(chain.tokenizer.letters)


def test_few_rows_at_once_are_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = trained(SPEC)
    ids = chain.tokenizer.encode("Zebras, quaggas and 12 okapis: unknown words.")
    rows, groups = chain.read_rows(ids), np.arange(chain.tokenizer.size) % 7
    whole, by_group = chain.token_log_probs(ids), chain.group_log_probs(rows, groups)
    monkeypatch.setattr(spelled_chain, "CELLS_AT_ONCE", 5 * (chain.tokenizer.end_id + 1))
    assert np.array_equal(chain.token_log_probs(ids), whole)
    assert np.array_equal(chain.group_log_probs(rows, groups), by_group)
