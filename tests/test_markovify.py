"""markovify: against the package's own counts, and against a sum over all paths."""

import math
import random
import re

import markovify
import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markovify_chain import Markovify
from genbench_plugins.markovify_links import LinearText, Links, train_markovify
from hypothesis import given
from hypothesis import strategies as st
from markovify.chain import BEGIN, END
from markovify.splitters import split_into_sentences

from genbench import Tokenizer
from genbench.errors import SpecError
from genbench.generator import Text, TrainContext
from genbench.sampling import Sampling, TrainingWords, generate
from genbench.sampling.overlap import OverlapDetector
from genbench.sampling.step import DecodingState
from genbench.scoring import score
from genbench.spec import create_generator

CATS = "The cat sat. The cat ran off. The dog sat down. A cat ran. The dog ran off. Off sat the dog.\n\n"


def fitted(text: str, valid: str = "", context: TrainContext | None = None, **values: int | bool) -> Markovify:
    generator = Markovify(**values)  # type: ignore[arg-type]
    generator.fit(Text(text), Text(valid), context or TrainContext())
    return generator


def with_weights(generator: Markovify, weights: list[float]) -> Markovify:
    """Return the generator with other weights of the chain."""
    learned = generator.dump() | {"weights": weights}
    generator.restore(learned)
    return generator


class Paths:
    """The probability of a text as a sum over every path: where sentences end, and which side gives each word."""

    def __init__(self, train: str, weights: list[float], state_size: int) -> None:
        self.size, self.weights = state_size, weights
        self.model = markovify.Text(train, state_size=state_size).chain.model
        self.characters = MarkovChar(order=5)
        self.characters.fit(Text(train), Text(""), TrainContext())
        self.tokenizer = self.characters.tokenizer

    def level(self, read: str) -> tuple[dict[str, float], float]:
        """Return the probability of each next letter by the characters, and of white space."""
        state = self.characters.start()
        for token in self.tokenizer.encode(read).tolist():
            state = self.characters.advance(state, token)
        probabilities = np.exp(self.characters.log_probs(state))
        space = sum(probabilities[n] for n in range(128) if chr(n).isspace())
        by_letter = dict(zip(self.tokenizer.letters, probabilities[256:].tolist(), strict=True))
        return by_letter, space + sum(p for letter, p in by_letter.items() if letter.isspace())

    def probability(self, text: str) -> float:
        return self.sum(text, 0, [BEGIN] * self.size, ending=False)

    def sum(self, text: str, at: int, sentence: list[str], ending: bool) -> float:
        """Return the probability of text[at:]: a word of this sentence (after its BEGINs) or of a new one follows."""
        if at == len(text):
            return 1.0
        after = self.model.get(tuple(sentence[-self.size :]))
        ended = after.get(END, 0) / sum(after.values()) if after else float(ending)
        new = ended and ended * self.word(text, at, [BEGIN] * self.size)
        return new + (ended < 1 and (1 - ended) * self.word(text, at, sentence))

    def word(self, text: str, at: int, sentence: list[str]) -> float:
        word, white = re.match(r"(\S+)(\s+)", text[at:]).groups()  # type: ignore[union-attr]
        spelled = 1.0
        for place, letter in enumerate(word, start=at):
            spelled *= self.level(text[:place])[0][letter]
        close, space = self.level(text[: at + len(word)])
        after = dict(self.model.get(tuple(sentence[-self.size :]), {}))
        seen = sum(after.values())
        after.pop(END, None)
        weight = self.weights[(seen > 1) + (seen > 3) + (seen > 15)] if after else 0.0
        chain = (1 - self.level(text[:at])[1]) * after.get(word, 0) / max(sum(after.values()), 1) / space
        more = math.prod(self.level(text[: at + len(word) + i])[0][white[i]] for i in range(1, len(white)))
        goes_on = self.sum(text, at + len(word + white), [*sentence, word], word[-1] in ".!?")
        return (weight * chain + (1 - weight) * spelled) * close[white[0]] * more * goes_on


@pytest.mark.parametrize("state_size", [1, 2, 3])
@pytest.mark.parametrize("text", ["The cat ran. A dog ", "Off the dog.  The cat sat\n", "tac The. Then A cat sat. "])
def test_probability_equals_the_sum_over_all_paths(text: str, state_size: int) -> None:
    weights = [0.3, 0.5, 0.6, 0.8]
    generator = with_weights(fitted(CATS, state_size=state_size), weights)
    score = generator.token_log_probs(generator.tokenizer.encode(text)).sum()
    assert math.exp(score) == pytest.approx(Paths(CATS, weights, state_size).probability(text), rel=1e-9)


def test_links_equal_the_counts_of_markovify() -> None:
    model = markovify.Text(PROSE * 2 + CATS, state_size=2).chain.model
    links = Links.from_model(train_markovify(PROSE * 2 + CATS, 2, True), 2, Tokenizer.characters(PROSE + CATS))
    word = [*links.words, BEGIN]
    restored = {}
    for row, state in enumerate(links.states.tolist()):
        span = slice(links.starts[row], links.starts[row + 1])
        followers = zip(links.followers[span].tolist(), links.counts[span].tolist(), strict=True)
        restored[tuple(word[w] for w in state)] = {word[w]: n for w, n in followers}
        if links.ends[row]:
            restored[tuple(word[w] for w in state)][END] = int(links.ends[row])
    assert restored == model


def test_with_all_weight_the_chain_alone_predicts() -> None:
    # after "The": cat twice, dog twice (The cat sat, The cat ran off, The dog sat down, The dog ran off)
    # after "The cat": sat. once, ran once
    generator = with_weights(fitted(CATS), [1 - 1e-9] * 4)
    state = generator.start()
    for token in generator.tokenizer.encode("The ").tolist():
        state = generator.advance(state, token)
    letter = {c: 256 + i for i, c in enumerate(generator.tokenizer.letters)}
    level = np.exp(generator.log_probs(state))
    inside = 1 - level[[letter[" "], letter["\n"], *range(9, 14), *range(28, 33)]].sum()
    assert level[[letter["c"], letter["d"]]] / inside == pytest.approx([0.5, 0.5], abs=1e-6)
    for token in generator.tokenizer.encode("cat ").tolist():
        assert np.exp(generator.log_probs(state))[token] > 0.4
        state = generator.advance(state, token)
    probabilities = np.exp(generator.log_probs(state))
    assert probabilities[letter["s"]] == pytest.approx(probabilities[letter["r"]])


def test_sentences_with_quotes_are_dropped_only_if_well_formed() -> None:
    text = CATS + '"The fish sat," he said.\n\n'
    assert "fish" not in fitted(text).dump()["links"]["words"]
    assert "fish" in fitted(text, well_formed=False).dump()["links"]["words"]


@pytest.mark.parametrize("text", ['"Oh," he said. "No!"\n' * 5, "\n \n", '"'])
def test_without_a_sentence_it_equals_the_character_chain(text: str) -> None:
    context = TrainContext()
    generator, characters = fitted(text, context=context), MarkovChar(order=5)
    characters.fit(Text(text), Text(""), TrainContext())
    ids = characters.tokenizer.encode('"Oh," she said.\n "Yes')
    assert generator.token_log_probs(ids) == pytest.approx(characters.token_log_probs(ids), rel=1e-9)
    assert context.stats.notes[0] == "markovify used no sentence"


def test_share_of_words_that_the_bare_chain_could_write_is_reported() -> None:
    # The, dog, sat and down. follow each other in training; a bird does not; after it only "The" begins a sentence;
    # the last word is not closed: it could go on
    context = TrainContext()
    fitted(CATS, "The dog sat down. The bird sang. The dog", context)
    assert context.stats.details["answered"] == pytest.approx(6 / 8, abs=1e-4)
    assert context.stats.notes[1] == (
        "the bare chain could have written 75% of the words of the validation text; its escape to characters answers "
        "for 25%"
    )


def test_weights_depend_on_the_validation_text() -> None:
    likely, unlikely = TrainContext(), TrainContext()
    fitted(CATS * 20, CATS * 3, likely)
    fitted(CATS * 20, "odd cats nod sad. Mad nods add. " * 9, unlikely)
    assert min(likely.stats.details["weights"]) >= 0.5
    assert likely.stats.details["weights"][-1] > 0.7
    assert unlikely.stats.details["weights"][-1] < 0.3


@pytest.mark.parametrize("text", ["The\x00cat", "The\x00", "The \x00", "The cat\u00a0sat", "The\tcat", "The \u3000cat"])
def test_scores_of_unusual_characters_equal_predictions(text: str) -> None:
    generator = fitted(CATS)
    state, ids = generator.start(), generator.tokenizer.encode(text + " sat")
    for token, scored in zip(ids.tolist(), generator.token_log_probs(ids), strict=True):
        log_probs = generator.log_probs(state)
        assert log_probs[token] == pytest.approx(scored, abs=1e-9)
        assert np.exp(log_probs).sum() == pytest.approx(1)
        state = generator.advance(state, token)


def test_very_long_words_keep_finite_bits() -> None:
    word = "".join(random.Random(1).choices("abc", k=2000))
    generator = fitted(f"{word}. ")
    assert math.isfinite(score(generator, f"{word[:1500]}\U0001f600{word}").bits)


@pytest.mark.parametrize("option", [{"state_size": "0"}, {"escape_order": "0"}])
def test_options_out_of_range_are_refused(option: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="is 0, but must be"):
        create_generator(Markovify, "markovify", option)


FRAGMENTS = ["Mr. ", "ran", ". ", ".", "! ", '?" ', "'", ") A", "\n", " - ", "U.S. ", "é.", "’ ", "a", "B", "-"]


@given(text=st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_sentences_are_split_as_by_markovify(text: str) -> None:
    assert LinearText.sentence_split(None, text) == split_into_sentences(text)  # type: ignore[arg-type]


def test_a_state_does_not_grow_with_the_word() -> None:
    generator = fitted(CATS + "w" + "o" * 3000 + ".\n\n")
    sizes = []
    for letters in (10, 2500):
        state = generator.start()
        for token in generator.tokenizer.encode("The w" + "o" * letters).tolist():
            state = generator.advance(state, token)
        sizes.append(len(repr(state)))
    assert sizes[1] < sizes[0] + 50


def can_write(model: dict[tuple[str, ...], dict[str, int]], size: int, text: str) -> bool:
    """Return whether a text, without its last word, is a row of walks of a chain, by trying all ends of sentences."""
    begin, states = (BEGIN,) * size, {(BEGIN,) * size}
    for word in text.split(" ")[:-1]:
        *inside, first = word.split("\n")
        for end in inside:  # words at the end of a line
            states = {(*state[1:], end) for state in states if end in model.get(state, {})}
            states = {begin} if any(END in model[state] for state in states) else set()
        states = {(*state[1:], first) for state in states if first in model.get(state, {})}
        states |= {begin} if any(END in model[state] for state in states) else set()
    return bool(states)


@pytest.mark.parametrize("state_size", [1, 2, 3])
def test_samples_are_walks_of_the_chain_of_markovify(state_size: int) -> None:
    text = PROSE + CATS + "The cat sat and the dog ran off. Down the cat ran.\n\n"
    generator = with_weights(fitted(text, state_size=state_size), [0.5] * 4)  # half of the words would be spelled
    model = markovify.Text(text, state_size=state_size).chain.model
    hot = Sampling(length=600, temperature=2)
    for seed in range(3):
        assert can_write(model, state_size, generate(generator, "", hot, np.random.default_rng(seed)))
    spelled = generate(generator, "", Sampling(length=600, temperature=1, spelling=True), np.random.default_rng(0))
    assert not can_write(model, state_size, spelled)


LINES = "red fish\nblue fish swim\nred sky at night\na red fish\nsky at sea\n" * 3


@pytest.mark.parametrize("state_size", [1, 2])
def test_with_newline_every_line_is_a_walk_of_newline_text(state_size: int) -> None:
    generator = with_weights(fitted(LINES, state_size=state_size, newline=True), [0.5] * 4)
    model = markovify.NewlineText(LINES.strip(), state_size=state_size).chain.model
    text = generate(generator, "", Sampling(length=800, temperature=1.5), np.random.default_rng(0))
    lines = text.split("\n")[:-1]
    assert len(lines) > 20
    for line in lines:
        words = [BEGIN] * state_size + line.split(" ") + [END]
        for at in range(state_size, len(words)):
            assert words[at] in model[tuple(words[at - state_size : at])], line


def test_with_newline_a_line_break_begins_a_sentence_and_a_full_stop_does_not() -> None:
    # lines begin with red (2 of 5), blue, a and sky (1 of 5 each); after "fish" a line ends, or "swim" follows
    generator = with_weights(fitted(LINES, state_size=1, newline=True), [1 - 1e-9] * 4)
    letter = {c: 256 + i for i, c in enumerate(generator.tokenizer.letters)}

    def after(text: str) -> np.ndarray:
        state = generator.start()
        for token in generator.tokenizer.encode(text).tolist():
            state = generator.advance(state, token)
        probabilities = np.exp(generator.log_probs(state))[[letter[c] for c in "rbas"]]
        return np.asarray(probabilities / probabilities.sum())

    assert after("blue fish\n") == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=1e-6)
    assert after("blue fish \n") == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=1e-6)
    assert after("blue fish ") == pytest.approx([0, 0, 0, 1], abs=1e-6)


@pytest.mark.parametrize("text", [LINES, "a b\n  c d \n\n\te\n", "\n\nA (b)\nC\n"])
def test_lines_are_those_of_markovify(text: str) -> None:
    model = markovify.NewlineText(text.strip(), state_size=2).chain.model
    assert train_markovify(text, 2, well_formed=True, newline=True) == model


@pytest.mark.parametrize("prompt", ["The xyz", "Zzz zzz ", "The cat", "?"])
def test_after_any_prompt_known_words_follow(prompt: str) -> None:
    generator = fitted(CATS)
    known = set(CATS.split())
    for seed in range(5):
        text = generate(generator, prompt, Sampling(length=80), np.random.default_rng(seed))
        words = (prompt + text).removeprefix("Zzz zzz ").split()[1:-1]
        assert {*words} - {"xyz"} <= known


@pytest.mark.slow
def test_samples_follow_the_distribution_restricted_to_known_words() -> None:
    generator = with_weights(fitted(CATS), [0.5] * 4)
    state = generator.start()
    for token in generator.tokenizer.encode("The ").tolist():
        state = generator.advance(state, token)
    probabilities = np.exp(generator.log_probs(state)) * generator.known_tokens(state)
    rngs = [np.random.default_rng(seed) for seed in range(2000)]
    letters = [generate(generator, "The ", Sampling(length=1, temperature=1), rng) for rng in rngs]
    c, d = (256 + generator.tokenizer.letters.index(letter) for letter in "cd")
    assert np.flatnonzero(probabilities).tolist() == [c, d]
    assert letters.count("c") / 2000 == pytest.approx(probabilities[c] / probabilities.sum(), abs=0.05)  # 4 errors


def test_with_a_limit_on_copied_words_it_spells() -> None:
    generator, words = fitted(CATS * 3), TrainingWords.from_text(CATS * 3)
    assert not DecodingState.after_prompt(generator, "", Sampling(), np.random.default_rng(0)).spells
    text = generate(generator, "", Sampling(length=60, max_overlap=2, temperature=1), np.random.default_rng(0), words)
    assert OverlapDetector(words, 2).read(text) is None
