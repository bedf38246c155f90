"""Drawing: every control on doubles whose distributions are known by hand."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench import ContractError, Generator, Tokenizer, UserError
from genbench.sampling import Sampling, generate, stream, until

LETTERS = {"a": 0.4, "b": 0.3, "c": 0.15, "d": 0.1, "e": 0.05}
SEA = "the sail the sails the sailor the sea the s the s sail sails sailor sea \n\n\n x q\n"


class Double(Generator):
    """The same distribution at every step; a state is all tokens read, and the longest is kept in `read`."""

    def __init__(self, tokenizer, weights, others=1e-9):
        self.tokenizer = tokenizer
        shares = np.full(tokenizer.size, others)
        for text, weight in weights.items():
            shares[tokenizer.encode(text)] = weight
        self.log_probs = np.log(shares / shares.sum())
        self.read = ()

    def begin(self):
        return ()

    def advance(self, state, token):
        self.read = (*state, token)
        return self.read

    def predict(self, state):
        return self.log_probs

    def fit(self, train, valid, run):
        raise NotImplementedError

    def dump(self):
        raise NotImplementedError

    def restore(self, learned):
        raise NotImplementedError


class Parrot(Double):
    """Says one text over and over, whatever is drawn."""

    def __init__(self, tokenizer, text):
        super().__init__(tokenizer, {})
        self.script = tokenizer.encode(text)

    def predict(self, state):
        found = np.full(self.tokenizer.size, -50.0)
        found[self.script[len(state) % len(self.script)]] = 0.0
        return found


def letters(**weights):
    return Double(Tokenizer.characters("abcde"), weights or LETTERS)


def words(**weights):
    tokenizer = Tokenizer.words(SEA)
    return Double(tokenizer, weights or dict.fromkeys(["the", "sail", "sails", "sailor", "sea"], 1.0))


def drawn(generator, length, prompt="", seed=0, **controls):
    return generate(generator, prompt, Sampling(length=length, **controls), np.random.default_rng(seed))


# temperature, top-k, top-p, min-p


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"temperature": 1}, LETTERS),
        ({"temperature": 0.5}, {"a": 0.16, "b": 0.09, "c": 0.0225, "d": 0.01, "e": 0.0025}),  # the squares
        ({"temperature": 1, "top_k": 1}, {"a": 1}),
        ({"temperature": 1, "top_k": 2}, {"a": 4, "b": 3}),
        ({"temperature": 1, "top_k": 999}, LETTERS),
        ({"temperature": 1, "top_p": 0.3}, {"a": 1}),  # never fewer than one
        ({"temperature": 1, "top_p": 0.6}, {"a": 4, "b": 3}),  # a alone is .4: too few; with b .7
        ({"temperature": 1, "top_p": 0.75}, {"a": 40, "b": 30, "c": 15}),
        ({"temperature": 1, "top_p": 1}, LETTERS),
        ({"temperature": 1, "min_p": 0.3}, {"a": 40, "b": 30, "c": 15}),  # from .3 x .4 = .12 on
        ({"temperature": 1, "min_p": 0}, LETTERS),
        ({"temperature": 1, "min_p": 1}, {"a": 1}),
        # after top-k, top-p counts shares of what is left: .4 / .85 = .47 is below .6, with b .82 is above
        ({"temperature": 1, "top_k": 3, "top_p": 0.6}, {"a": 4, "b": 3}),
        # temperature acts first: squared, a has .16 / .285 = .56, above .5; unsquared it would take b too
        ({"temperature": 0.5, "top_p": 0.5}, {"a": 1}),
    ],
)
def test_exactly_the_right_letters_are_drawn_as_often_as_they_should(controls, expected):
    length = 3000
    found = Counter(drawn(letters(), length, **controls))
    assert set(found) == set(expected)
    total = sum(expected.values())
    wanted = {letter: length * share / total for letter, share in expected.items()}
    chi_square = sum((found[letter] - n) ** 2 / n for letter, n in wanted.items())
    assert chi_square < 20  # four degrees of freedom at most: once in 2,000 seeds, and the seed is fixed


def test_temperature_0_takes_the_likeliest():
    assert drawn(letters(), 20, temperature=0) == "a" * 20


def test_temperature_0_follows_the_likeliest_of_each_step():
    assert drawn(Parrot(Tokenizer.characters("abc"), "abc"), 7, temperature=0) == "abcabca"


def test_a_high_temperature_levels_the_letters():
    found = Counter(drawn(letters(), 3000, temperature=1e6))
    assert min(found.values()) > 500  # 600 each, with a deviation of 22


def test_a_very_low_temperature_is_greedy():
    assert drawn(letters(), 20, temperature=1e-300) == "a" * 20


# repetition


@pytest.mark.parametrize(
    ("penalty", "text"),
    [
        (1.0, "aaaaaaaa"),
        # a letter that was drawn has its log-probability doubled, its share squared: a .16, b .09; c has .15
        (2.0, "abaaaaaa"),
        # cubed: a .064, b .027, c .003, d .001; e has .05
        (3.0, "abcdaaaa"),
        (0.5, "aaaaaaaa"),
    ],
)
def test_the_repetition_penalty_lowers_what_was_drawn(penalty, text):
    assert drawn(letters(), 8, temperature=0, repetition_penalty=penalty) == text


def test_the_repetition_penalty_counts_the_prompt():
    assert drawn(letters(), 3, prompt="ab", temperature=0, repetition_penalty=3) == "cda"


# length and stop


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.sampled_from(["", "the ", "the sai", "\U0001f600"]), st.integers(0, 99))
def test_a_text_has_exactly_its_length_in_characters(length, prompt, seed):
    assert len(drawn(words(), length, prompt, seed)) == length
    assert len(drawn(letters(), length, prompt, seed)) == length


@pytest.mark.parametrize(
    ("said", "stop", "text"),
    [
        ("abcSTOPd", "STOP", "abc"),
        ("aSSTOPd", "STOP", "aS"),  # what looked like a beginning is given out
        ("aSTaSTO.STOPb", "STOP", "aSTaSTO."),
        ("STOPa", "STOP", ""),
        ("aab", "ab", "a"),
    ],
)
def test_a_text_ends_before_a_stop_string_that_lies_across_tokens(said, stop, text):
    parrot = Parrot(Tokenizer.characters(said), said)
    assert drawn(parrot, 50, temperature=0, stop=stop) == text


@pytest.mark.parametrize(("stop", "text"), [("sailor", "the "), ("ilo", "the sa"), ("r the", "the sailo")])
def test_a_stop_string_may_lie_within_a_token_or_across_words(stop, text):
    parrot = Parrot(Tokenizer.words(SEA), "the sailor the sailor")
    assert drawn(parrot, 50, temperature=0, stop=stop) == text


def test_length_is_kept_where_the_stop_string_does_not_come():
    assert drawn(letters(), 30, stop="z") == drawn(letters(), 30)


def test_a_stop_string_in_the_prompt_stops_nothing():
    assert len(drawn(letters(a=1.0), 5, prompt="bb", stop="b")) == 5


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("ab", max_size=4), max_size=8), st.text("ab", min_size=1, max_size=4))
def test_until_gives_what_stands_before_the_stop_string_however_the_text_is_cut(texts, stop):
    assert "".join(until(iter(texts), stop)) == "".join(texts).split(stop)[0]


def test_a_stream_is_the_text_in_parts():
    wanted = Sampling(length=40)
    parts = list(stream(words(), "the ", wanted, np.random.default_rng(3)))
    assert len(parts) > 1
    assert "".join(parts) == generate(words(), "the ", wanted, np.random.default_rng(3))


# prompts


def test_a_prompt_that_ends_inside_a_word_is_completed_by_each_word_that_begins_so():
    completed = {("the sail" + drawn(words(), 12, "the sail", seed)).split()[1] for seed in range(40)}
    assert completed == {"sail", "sails", "sailor"}


def test_a_completion_is_drawn_as_often_as_the_words_that_agree_say():
    model = words(sail=1.0, sails=1.0, sailor=2.0, sea=50.0)
    found = Counter(("the sail" + drawn(model, 3, "the sail", seed, temperature=1)).split()[1] for seed in range(400))
    assert abs(found["sailor"] - 200) < 40  # half of 400, with a deviation of 10


def test_after_white_space_a_whole_word_comes_and_no_other_space():
    for seed in range(40):
        assert drawn(words(), 10, "the sea ", seed).split()[0] in {"the", "sail", "sails", "sailor", "sea"}
        assert not drawn(words(), 10, "the sea ", seed)[0].isspace()


def test_after_a_newline_a_word_or_another_newline_comes():
    model = words(**{"the": 1.0, "\n\n\n": 1.0, "sea": 1.0})
    starts = {drawn(model, 3, "the sea\n", seed)[:2] for seed in range(60)}
    assert starts <= {"\n\n", "th", "se", "sa"}
    assert "\n\n" in starts


def test_a_word_that_no_known_word_begins_with_is_spelled():
    model = words()
    text = drawn(model, 20, "the lax", seed=1)
    assert model.tokenizer.decode(model.read).startswith("the lax" + text)


prompts = st.lists(st.sampled_from(["the", "sea", "sai", "s", "lax", " ", "\n", "  ", "q"]), max_size=5).map("".join)


@settings(deadline=None, max_examples=200)
@given(prompts | st.text("sailore \n\u00e9", max_size=10), st.integers(0, 999))
def test_what_the_generator_has_read_is_the_prompt_and_the_text(prompt, seed):
    tokenizer = Tokenizer.words(SEA)
    model = Double(tokenizer, {}, others=1.0)  # any token at any step
    text = drawn(model, 10, prompt, seed)
    assert tokenizer.decode(model.read).startswith(prompt + text)


def test_a_prompt_of_unknown_characters_is_gone_on_from():
    assert len(drawn(words(), 10, "the \U0001f600")) == 10
    assert len(drawn(letters(), 10, "\U0001f600")) == 10


# what is never drawn, and randomness


def test_fallback_bytes_are_never_drawn():
    model = letters()
    model.log_probs[:256] = np.log(0.9 / 256)
    model.log_probs[256:] = np.log(0.1 / 5)
    assert set(drawn(model, 1000, temperature=1)) == set("abcde")


def test_the_same_random_generator_draws_the_same_text_and_another_another():
    assert drawn(letters(), 50, seed=4) == drawn(letters(), 50, seed=4)
    assert drawn(letters(), 50, seed=4) != drawn(letters(), 50, seed=5)


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].tolist()
    drawn(words(), 100, "the sai")
    assert np.random.get_state()[1].tolist() == before


def test_predictions_are_left_as_they_were():
    model = letters()
    before = model.log_probs.copy()
    drawn(model, 20, repetition_penalty=2, top_k=2, top_p=0.9, min_p=0.1)
    assert np.array_equal(model.log_probs, before)


# errors


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("length", -1),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("top_k", 0),
        ("top_k", -3),
        ("top_p", 0.0),
        ("top_p", 1.1),
        ("top_p", float("nan")),
        ("min_p", -0.1),
        ("min_p", 1.1),
        ("min_p", float("nan")),
        ("repetition_penalty", 0.0),
        ("repetition_penalty", -1.0),
        ("repetition_penalty", float("nan")),
        ("repetition_penalty", float("inf")),
        ("stop", ""),
    ],
)
def test_a_control_out_of_range_is_refused_by_name(control, value):
    with pytest.raises(UserError, match=control.replace("_", "-")):
        Sampling(**{control: value})


def test_predictions_that_are_no_number_break_the_contract():
    model = letters()
    model.log_probs[256:] = np.nan
    with pytest.raises(ContractError, match="no probability"):
        drawn(model, 5)


def test_predictions_that_allow_no_letter_break_the_contract():
    model = letters()
    model.log_probs[256:] = -np.inf
    with pytest.raises(ContractError, match="no probability"):
        drawn(model, 5)


def test_a_generator_that_never_says_a_character_breaks_the_contract():
    with pytest.raises(ContractError):  # it knows END and NONE alone
        drawn(Double(Tokenizer.words(""), {}, others=1.0), 5)
