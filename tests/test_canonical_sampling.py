"""Canonical sampling: samples of word tokens follow the distribution of docs/measures.md, also after any prompt."""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from alternating import Alternating
from conftest import PROSE
from doubles import Fixed

from genbench import Tokenizer, scoring
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.sampling import Sampling
from genbench.sampling.canonical import CanonicalRules, canonical_rules
from genbench.sampling.completion import completion_log_probs
from genbench.sampling.step import DecodingState, decode_step
from genbench.tokenization import SubwordTokenizer, Text
from genbench.tokenization.tokenizer import BYTES, Decoder

TEXT = "ab ab, abc abc  b b a-b a-b -- -- 3 3ab 3ab"
TOKENIZER = Tokenizer.words(TEXT, 2)
Texts = dict[str, float]  # the probability of each


@cache
def is_canonical_start(ids: tuple[int, ...]) -> bool:
    """Return whether the encoding of some text begins with these ids: what up to two more letters can show."""
    text = TOKENIZER.decode(ids)
    endings = ("".join(letters) for size in range(3) for letters in product(TOKENIZER.letters, repeat=size))
    return any(tuple(TOKENIZER.encode(text + ending)[: len(ids)].tolist()) == ids for ending in endings)


def every_token() -> range:
    return range(BYTES, TOKENIZER.size)


@pytest.mark.slow
def test_the_allowed_tokens_are_those_with_which_the_encoding_of_a_text_goes_on() -> None:
    rules, rng = CanonicalRules(TOKENIZER), np.random.default_rng(0)
    for _ in range(8):
        ids: tuple[int, ...] = ()
        decoder = Decoder(TOKENIZER)
        for _ in range(5):
            allowed = rules.allowed(decoder)
            assert np.flatnonzero(allowed).tolist() == [t for t in every_token() if is_canonical_start((*ids, t))], ids
            assert [rules.allows(decoder, token) for token in every_token()] == allowed[BYTES:].tolist()
            token = int(rng.choice(np.flatnonzero(allowed)))
            ids = (*ids, token)
            decoder.feed(token)


def by_enumeration(words: Alternating, prompt: str, more: int) -> Texts:
    """Return the distribution of the text after a prompt, from every canonical sequence of tokens from the start on."""
    found: Texts = {}

    def extend(ids: tuple[int, ...], state: Any, probability: float) -> None:
        text = TOKENIZER.decode(ids)
        if not text.startswith(prompt[: len(text)]):
            return
        if len(text) >= len(prompt) + more:
            ending = text[len(prompt) : len(prompt) + more]
            found[ending] = found.get(ending, 0.0) + probability
            return
        tokens = [token for token in every_token() if is_canonical_start((*ids, token))]
        shares = np.exp(words.log_probs(state)[tokens])
        for token, share in zip(tokens, (shares / shares.sum()).tolist(), strict=True):
            extend((*ids, token), words.advance(state, token), probability * share)

    extend((), words.start(), 1.0)
    total = sum(found.values())
    return {ending: probability / total for ending, probability in found.items()}


def by_steps(words: Alternating, prompt: str, more: int) -> Texts:
    """Return the distribution of the text after a prompt that `decode_step` samples from."""
    found: Texts = {}

    def extend(text: DecodingState, added: str, probability: float) -> None:
        if len(added) >= more:
            found[added[:more]] = found.get(added[:more], 0.0) + probability
            return
        log_probs = np.array(words.log_probs(text.state))
        text.adjust(log_probs)
        shares = np.exp(log_probs[BYTES:])
        for token, share in enumerate((shares / shares.sum()).tolist(), start=BYTES):
            if share:
                after = text.copy()
                piece = after.accept(token, [words.advance(text.state, token)], 0)
                extend(after, added + piece, probability * share)

    extend(DecodingState.after_prompt(words, prompt, Sampling(), np.random.default_rng(0)), "", 1.0)
    return found


@pytest.mark.parametrize(
    ("prompt", "more"), [("", 1), ("a", 1), ("ab ", 2), ("ac", 1), ("b  ", 1), ("3a", 1), ("--a", 1), ("abc a", 1)]
)
def test_a_prompt_is_continued_from_the_exact_posterior(prompt: str, more: int) -> None:
    words = Alternating(choice=TOKENIZER)
    expected, found = by_enumeration(words, prompt, more), by_steps(words, prompt, more)
    assert found.keys() == expected.keys()
    assert [found[ending] for ending in expected] == pytest.approx(list(expected.values()), abs=1e-9)


def test_an_unknown_letter_of_a_prompt_leaves_its_word_open() -> None:
    text = DecodingState.after_prompt(Alternating(choice=TOKENIZER), "ab \u00e9", Sampling(), np.random.default_rng(0))
    assert text.decoder.spelling
    letters = TOKENIZER.letters
    assert [letter for place, letter in enumerate(letters, BYTES) if text.allows(place)] == ["a", "b", "c"]
    assert text.allows(TOKENIZER.end_id)


def recording(decoder: Decoder, ids: list[int]) -> Callable[[int], str]:
    """Return the method `feed` of a decoder that also appends each token to a list."""
    feed = decoder.feed

    def record(token: int) -> str:
        ids.append(token)
        return feed(token)

    return record


@pytest.mark.parametrize("sampling", [Sampling(temperature=1), Sampling(temperature=1.3, top_k=200)])
@pytest.mark.parametrize("spec", ["markov-word", "markov-word:adaptive=true", "markov-subword:vocabulary=200"])
def test_a_sample_has_the_encoding_that_its_score_is_about(
    spec: str, sampling: Sampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = create(spec)
    words.fit(Text(PROSE * 3), Text(PROSE), TrainContext())
    for seed in range(8):
        text, ids = DecodingState.after_prompt(words, "", sampling, np.random.default_rng(seed)), list[int]()
        monkeypatch.setattr(text.decoder, "feed", recording(text.decoder, ids))
        for _ in range(60):
            decode_step([text])

        # up to the last token that is a whole piece
        while words.tokenizer.kind == "words" and ids and ids[-1] <= words.tokenizer.end_id:
            ids.pop()
        assert words.tokenizer.encode(words.tokenizer.decode(ids)).tolist() == ids


class Quantiles(Fixed):
    """Samples by quantile, without its whole distribution."""

    def quantile_tokens(self, states: Any, uniforms: Any, temperature: float) -> Any:
        return np.searchsorted(np.cumsum(np.exp(self.table)), uniforms, side="right")


def test_rejected_quantiles_give_the_restricted_distribution() -> None:
    # the letter "a" at .2, END at .4, which cannot come first, NONE, the word "a" at .4: the letter in 1 of 3
    words = Quantiles("a a", (0.2, 0.4, 1e-9, 0.4), words=True)
    generators = map(np.random.default_rng, range(1500))
    texts = [DecodingState.after_prompt(words, "", Sampling(temperature=1), rng) for rng in generators]
    decode_step(texts)
    assert sum(text.decoder.spelling for text in texts) / 1500 == pytest.approx(1 / 3, abs=0.05)


def test_a_score_is_an_upper_bound_of_the_bits_of_what_is_sampled() -> None:
    words, rules = Alternating(choice=TOKENIZER), CanonicalRules(TOKENIZER)
    text = "ab, abc  b a-b ac 3ab"
    state, decoder, bits = words.start(), Decoder(TOKENIZER), 0.0
    for token in TOKENIZER.encode(text).tolist():
        bits -= rules.restrict(words.log_probs(state), decoder)[token] / np.log(2)
        state = words.advance(state, token)
        decoder.feed(token)
    assert 0 < bits < scoring.score(words, text).bits


def test_tokens_that_are_characters_have_no_rules() -> None:
    assert canonical_rules(Tokenizer.characters("ab")) is None
    assert canonical_rules(TOKENIZER) is canonical_rules(TOKENIZER)


def test_subwords_can_be_sampled_from_a_text_of_one_letter() -> None:
    # after "a" no other piece of "aaaa" can stand, so it is not sampled unless there is nothing else
    tokenizer = SubwordTokenizer.train("aaaaaaaa " * 9, 4)
    rules, decoder = canonical_rules(tokenizer), Decoder(tokenizer)
    assert rules is not None
    letters = {piece: tokenizer.encode(piece).tolist()[0] for piece in (" ", "a", "aa", "aaaa")}
    assert [piece for piece, token in letters.items() if rules.allows(decoder, token)] == [" ", "a", "aa", "aaaa"]
    decoder.feed(letters["a"])
    assert [piece for piece, token in letters.items() if rules.allows(decoder, token)] == [" "]

    tokenizer = SubwordTokenizer.train("a" * 99, 3)
    assert tokenizer.pieces == ("aa", "aaaa")
    rules, decoder = canonical_rules(tokenizer), Decoder(tokenizer)
    assert rules is not None
    assert np.flatnonzero(rules.allowed(decoder)[BYTES:]).tolist() == [2]


def test_a_prompt_inside_a_subword_is_continued_from_the_exact_posterior() -> None:
    tokenizer = SubwordTokenizer.train("abab abc " * 9, 9)
    chain = Fixed()
    chain.tokenizer = tokenizer
    weights = np.random.default_rng(1).random(tokenizer.size)
    weights[:BYTES] = 1e-12
    chain.table = np.log(weights / weights.sum())
    rules = canonical_rules(tokenizer)
    assert rules is not None

    # all encodings that begin with the rest, each token in proportion to those that an encoding can have there
    def total(ids: list[int], rest: str) -> float:
        allowed = [*range(BYTES), *(token for token in range(BYTES, tokenizer.size) if is_encoding([*ids, token]))]
        probabilities, found = np.exp(chain.table) / np.exp(chain.table[allowed]).sum(), 0.0
        for token in allowed[BYTES:]:
            piece = tokenizer.piece(token)
            if piece.startswith(rest):
                found += probabilities[token]
            elif rest.startswith(piece):
                found += probabilities[token] * total([*ids, token], rest[len(piece) :])
        return found

    def is_encoding(ids: list[int]) -> bool:
        return tokenizer.encode(tokenizer.decode(ids)).tolist() == ids

    for rest in ("a", "ab", "aba", "abab", "abac"):
        scores = np.exp(completion_log_probs(chain, None, Decoder(tokenizer), rest, rules))
        assert scores.sum() == pytest.approx(total([], rest), rel=1e-9)
