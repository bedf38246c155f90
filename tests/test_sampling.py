"""Sampling: parameters change the distribution as defined, lengths are exact, prompts are completed."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from doubles import Fixed

from genbench.errors import ContractError, UserError
from genbench.sampling import Sampling, generate, resolve_prompt
from genbench.sampling.canonical import canonical_rules
from genbench.sampling.completion import completion_log_probs
from genbench.sampling.loop import TextLimit
from genbench.sampling.step import DecodingState, decode_step, sample_tokens
from genbench.tokenization.segmentation import split_pieces
from genbench.tokenization.tokenizer import Decoder

LOGS = np.log([0.4, 0.3, 0.2, 0.1])


def shares(sampling: Sampling, rng: np.random.Generator, draws: int = 4000) -> list[float]:
    counts = Counter(sample_tokens(np.tile(LOGS, (draws, 1)), [sampling] * draws, [rng] * draws))
    return [counts[token] / draws for token in range(4)]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(temperature=1), [0.4, 0.3, 0.2, 0.1]),
        (Sampling(temperature=0), [1, 0, 0, 0]),
        (Sampling(temperature=5e-324), [1, 0, 0, 0]),  # the smallest number above 0
        (Sampling(temperature=1, top_k=2), [4 / 7, 3 / 7, 0, 0]),
        (Sampling(temperature=1, top_p=0.6), [4 / 7, 3 / 7, 0, 0]),  # 0.4 is not enough, 0.7 is
        (Sampling(temperature=1, top_p=0.4), [1, 0, 0, 0]),
        (Sampling(temperature=1, min_p=0.5), [4 / 9, 3 / 9, 2 / 9, 0]),  # at least half of 0.4
        (Sampling(temperature=0.5), [16 / 30, 9 / 30, 4 / 30, 1 / 30]),  # squared and normalized
    ],
)
def test_parameters_give_the_distribution_worked_by_hand(
    sampling: Sampling, expected: list[float], rng: np.random.Generator
) -> None:
    # 4 standard errors of a share of one half in 4000 draws are 0.032
    assert shares(sampling, rng) == pytest.approx(expected, abs=0.032)


def test_a_token_without_probability_is_never_sampled(rng: np.random.Generator) -> None:
    scores = np.where([False, True, False, True], LOGS, -np.inf)
    assert set(sample_tokens(np.tile(scores, (200, 1)), [Sampling(temperature=5)] * 200, [rng] * 200)) == {1, 3}


@pytest.mark.parametrize("length", [0, 1, 17, 300])
def test_the_length_is_exact(length: int, rng: np.random.Generator) -> None:
    assert len(generate(Fixed(), "", Sampling(length=length), rng)) == length
    word = Fixed("one two three four", (0.25,) * 4, words=True)
    assert len(generate(word, "", Sampling(length=length), rng)) == length


def test_a_stop_string_may_span_tokens(rng: np.random.Generator) -> None:
    text = generate(Fixed(), "", Sampling(length=5000, stop="ab"), rng)
    assert "ab" not in text
    assert len(text) < 5000


@pytest.mark.parametrize(
    ("stops", "before", "after"),
    [
        ([".", "?"], "Is it", "Is it?"),
        (["it? N", "?"], "Is it", "Is it?"),  # the question mark is complete first
        (["?", "it?"], "Is ", "Is it?"),  # of those that end together, the longest
        (["No.", "!"], "Is it? ", "Is it? No."),
        (["!"], "Is it? No. ", "Is it? No. "),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_text_ends_at_the_stop_string_that_is_complete_first(
    stops: list[str], before: str, after: str, size: int
) -> None:
    text = "Is it? No. "
    for keep_stop, expected in ((False, before), (True, after)):
        limit = TextLimit(len(text), stops, keep_stop)
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert "".join(map(limit.read, pieces)) == expected


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize(
    ("text", "stop", "alone", "after_prompt"),
    [(". It is. No.", ".", ". It is", ""), ("\n\nIt is\n", "\n", "\n\nIt is", ""), ("..a..b", "..", "..a", "")],
)
def test_a_text_does_not_end_before_it_begins(text: str, stop: str, alone: str, after_prompt: str, size: int) -> None:
    for continues, expected in ((False, alone), (True, after_prompt)):
        limit = TextLimit(len(text), [stop], continues=continues)
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert "".join(map(limit.read, pieces)) == expected


def test_without_a_prompt_texts_of_a_stop_string_are_not_empty(rng: np.random.Generator) -> None:
    texts = [generate(Fixed(), "", Sampling(length=50, stop="a"), rng) for _ in range(20)]
    assert all(texts)
    assert "" in [generate(Fixed(), "b", Sampling(length=50, stop="a"), rng) for _ in range(40)]


def test_a_stop_string_is_kept_within_the_length(rng: np.random.Generator) -> None:
    text = generate(Fixed(), "", Sampling(length=5000, stop=("ab", "cd"), keep_stop=True), rng)
    assert text.endswith(("ab", "cd"))
    assert "ab" not in text[:-1]
    assert "cd" not in text[:-1]
    assert Sampling(stop="ab").stop_strings == ("ab",)


def test_a_random_prompt_begins_with_a_sentence() -> None:
    prose = 'It was late. Mr. Dee came in! "Who?" said he.\n\n'
    verse = "rain on the\n  roof all day\nand night\n" * 4
    starts = {resolve_prompt("random", 9 * prose, seed).split()[0] for seed in range(60)}
    assert starts == {"It", "Mr."}  # not Dee, not said
    assert {resolve_prompt("random", verse, seed)[:4] for seed in range(40)} == {"rain", "roof", "and "}
    assert {resolve_prompt("random", 9 * "雨下了。山高。", seed)[0] for seed in range(40)} == {"雨", "山"}
    assert len(resolve_prompt("random", 30 * "ACGT")) == 40


def test_text_that_only_starts_like_the_stop_string_is_kept() -> None:
    limit = TextLimit(100, ["STOP"])
    assert "".join(map(limit.read, ["x", "S", "T", "y", "STO", "P", "z"])) == "xSTy"
    assert limit.done


@pytest.mark.parametrize(
    ("prompt", "starts"),
    [("one th", ("ree",)), ("one t", ("wo", "hree")), ("one ", ("one", "two", "three", "four")), ("thre", ("e",))],
)
def test_a_prompt_that_ends_inside_a_word_is_completed(prompt: str, starts: tuple[str, ...]) -> None:
    word = Fixed("one two three four", (0.25,) * 4, words=True)
    for seed in range(20):
        text = generate(word, prompt, Sampling(length=12), np.random.default_rng(seed))
        assert text.startswith(starts), text


class Recording(Fixed):
    """Generator whose state is the tokens so far."""

    def start(self) -> tuple[int, ...]:
        return ()

    def advance(self, state: tuple[int, ...], token: int) -> tuple[int, ...]:
        return (*state, token)


def test_a_rest_longer_than_one_token_is_completed() -> None:
    word = Recording("one two three four", (0.25,) * 4, words=True)  # "owt" is not a known word: it has to be spelled
    for seed in range(10):
        text = DecodingState.after_prompt(word, "one owt", Sampling(length=5), np.random.default_rng(seed))
        added = "".join(decode_step([text])[0] for _ in range(6))
        assert len(text.state) > 4
        assert word.tokenizer.decode(text.state) == "one owt" + added


def test_fallback_bytes_are_never_sampled() -> None:
    likely_bytes = Fixed()
    likely_bytes.table = np.log(np.where(np.arange(260) < 256, 0.999 / 256, 0.001 / 4))
    text = generate(likely_bytes, "\u00e9", Sampling(length=200, temperature=1), np.random.default_rng(0))
    assert set(text) <= set("abcd")


def test_global_random_state_is_left_alone(rng: np.random.Generator) -> None:
    before = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
    generate(Fixed(), "a", Sampling(), rng)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index, union-attr]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": -1},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": float("inf")},
        {"stop": ""},
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong)).replace("_", "-")):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_nan_log_probs_are_refused(rng: np.random.Generator) -> None:
    broken = Fixed()
    broken.table = np.full(260, np.nan)
    with pytest.raises(ContractError, match="no probability"):
        generate(broken, "", Sampling(), rng)


def test_a_generator_that_prefers_empty_tokens_still_writes_text(rng: np.random.Generator) -> None:
    # words: only END and NONE are likely; never two silent tokens in a row, so letters come, and the text ends
    silent = Fixed("one two", (1.0, 1e-300, 1e-300), words=True)
    assert len(generate(silent, "", Sampling(length=20), rng)) == 20


def completion(generator: Fixed, rest: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the probability of each first token and that the text begins with `rest`, (vocabulary,)."""
    rules = canonical_rules(generator.tokenizer)
    assert rules is not None
    return np.exp(completion_log_probs(generator, None, Decoder(generator.tokenizer), rest, rules))


def test_a_known_word_is_rarely_taken_for_the_beginning_of_an_unknown_one() -> None:
    # letters g, o, a, t at .2 each, END and NONE at .05, the word "goat" at .1: spelling it has about .2 ** 4, not .2
    goat = Fixed("goat goat", (0.2, 0.2, 0.2, 0.2, 0.05, 0.05, 0.1), words=True)
    tokenizer, text = goat.tokenizer, completion(goat, "goat")
    letter = {c: 256 + tokenizer.letters.index(c) for c in "goat"}

    # .9 of the probability is on tokens that may come first, .85 on those that may follow a letter
    assert text[tokenizer.size - 1] == pytest.approx(0.1 / 0.9, rel=1e-4)
    assert text[letter["g"]] == pytest.approx(0.2 / 0.9 * (0.2 / 0.85) ** 3, rel=1e-4)
    assert np.flatnonzero(text).tolist() == [letter["g"], tokenizer.size - 1]


def test_a_rest_beyond_a_word_needs_the_no_separator_token() -> None:
    # "3d" is the word "3", then NONE, "no separator here", then "d", a word or the beginning of one
    mixed = Fixed("3 3 d d", (0.1, 0.1, 0.1, 0.3, 0.3), words=True)  # the letters 3 and d, END, NONE, the words
    mixed.table = np.log(np.full(mixed.tokenizer.size, 1e-9))
    words = {text: mixed.tokenizer.encode(text)[0] for text in "3d"}
    letters = {letter: 256 + mixed.tokenizer.letters.index(letter) for letter in "3d"}
    shares = {words["3"]: 0.3, words["d"]: 0.2, letters["3"]: 0.1, letters["d"]: 0.1, mixed.tokenizer.none_id: 0.2}
    for token, share in (shares | {mixed.tokenizer.end_id: 0.1}).items():
        mixed.table[token] = np.log(share)

    # NONE among all but END; then only "d", which has no other digit or space before it. "3" is known: END is barred
    scores = completion(mixed, "3d")
    assert np.flatnonzero(scores > 1e-6).tolist() == [words["3"]]
    assert scores[words["3"]] == pytest.approx(0.3 / 0.7 * 0.2 / 0.9, rel=1e-4)


def test_without_spelling_only_known_words_follow() -> None:
    spelling = Fixed("one two three", (0.1,) * 3, words=True)
    spelling.table = np.where(np.arange(spelling.tokenizer.size) <= spelling.tokenizer.end_id, -3.0, -5.0)
    spelling.table[spelling.tokenizer.none_id] = -50.0
    text = generate(spelling, "", Sampling(length=60, spelling=False), np.random.default_rng(0))
    assert {piece for piece in list(split_pieces(text))[:-1] if piece.isalpha()} == {"one", "two", "three"}

    # a word that the prompt began is completed, or closed where no known word begins so
    assert generate(spelling, "one tw", Sampling(length=9, spelling=False), np.random.default_rng(0)).startswith("o")
    assert not generate(spelling, "one zz", Sampling(length=9, spelling=False), np.random.default_rng(0))[0].isalpha()
    assert {*generate(spelling, "", Sampling(length=60), np.random.default_rng(0)).split()} - {"one", "two", "three"}
    with pytest.raises(UserError, match="knows no words"):
        generate(Fixed(), "", Sampling(spelling=False), np.random.default_rng(0))
