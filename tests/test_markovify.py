"""The completed markovify chain: against markovify's own numbers, and a sum over all that could have happened."""

import math
import random
import re

import markovify
import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markovify_chain import Markovify
from genbench_plugins.markovify_links import Links, learn
from markovify.chain import BEGIN, END

from genbench import SpecError, Tokenizer, TrainContext, score
from genbench import spec as options

CATS = "The cat sat. The cat ran off. The dog sat down. A cat ran. The dog ran off. Off sat the dog.\n\n"


def fitted(text: str, valid: str = "", **values: int | bool) -> Markovify:
    generator = Markovify(**values)  # type: ignore[arg-type]
    generator.fit(text, valid, TrainContext())
    return generator


def weighed(generator: Markovify, weights: list[float]) -> Markovify:
    """The same generator with other weights of the chain."""
    learned = generator.dump() | {"weights": weights}
    generator.restore(learned)
    return generator


class Paths:
    """The probability of a text as a sum over every path: where sentences end, and whose each word is."""

    def __init__(self, train: str, weights: list[float], state_size: int) -> None:
        self.size, self.weights = state_size, weights
        self.model = markovify.Text(train, state_size=state_size).chain.model
        self.characters = MarkovChar(order=5)
        self.characters.fit(train, "", TrainContext())
        self.tokenizer = self.characters.tokenizer

    def level(self, read: str) -> tuple[dict[str, float], float]:
        state = self.characters.start()
        for token in self.tokenizer.encode(read).tolist():
            state = self.characters.advance(state, token)
        found = np.exp(self.characters.log_probs(state))
        space = sum(found[n] for n in range(128) if chr(n).isspace())
        known = dict(zip(self.tokenizer.letters, found[256:].tolist(), strict=True))
        return known, space + sum(p for letter, p in known.items() if letter.isspace())

    def probability(self, text: str) -> float:
        return self.sum(text, 0, [BEGIN] * self.size, ending=False)

    def sum(self, text: str, at: int, sentence: list[str], ending: bool) -> float:
        """Of text[at:], where a word of this sentence (after its BEGINs) may follow, or one of a new sentence."""
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
def test_it_is_the_sum_over_all_paths(text: str, state_size: int) -> None:
    weights = [0.3, 0.5, 0.6, 0.8]
    generator = weighed(fitted(CATS, state_size=state_size), weights)
    found = generator.token_log_probs(generator.tokenizer.encode(text)).sum()
    assert math.exp(found) == pytest.approx(Paths(CATS, weights, state_size).probability(text), rel=1e-9)


def test_the_links_are_markovifys_own() -> None:
    model = markovify.Text(PROSE * 2 + CATS, state_size=2).chain.model
    links = Links.of(learn(PROSE * 2 + CATS, 2, True), 2, Tokenizer.characters(PROSE + CATS))
    word = [*links.words, BEGIN]
    found = {}
    for row, state in enumerate(links.states.tolist()):
        place = slice(links.starts[row], links.starts[row + 1])
        after = zip(links.followers[place].tolist(), links.counts[place].tolist(), strict=True)
        found[tuple(word[w] for w in state)] = {word[w]: n for w, n in after}
        if links.ends[row]:
            found[tuple(word[w] for w in state)][END] = int(links.ends[row])
    assert found == model


def test_with_all_weight_on_it_the_chain_is_heard_alone() -> None:
    # after "The": cat twice, dog twice (The cat sat, The cat ran off, The dog sat down, The dog ran off)
    # after "The cat": sat. once, ran once
    generator = weighed(fitted(CATS), [1 - 1e-9] * 4)
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
    found = np.exp(generator.log_probs(state))
    assert found[letter["s"]] == pytest.approx(found[letter["r"]])


def test_sentences_with_quotes_are_dropped_unless_wanted() -> None:
    text = CATS + '"The fish sat," he said.\n\n'
    assert "fish" not in fitted(text).dump()["links"]["words"]
    assert "fish" in fitted(text, well_formed=False).dump()["links"]["words"]


@pytest.mark.parametrize("text", ['"Oh," he said. "No!"\n' * 5, "\n \n", '"'])
def test_without_a_sentence_it_is_the_character_chain(text: str) -> None:
    generator, alone = fitted(text), MarkovChar(order=5)
    alone.fit(text, "", TrainContext())
    ids = alone.tokenizer.encode('"Oh," she said.\n "Yes')
    assert generator.token_log_probs(ids) == pytest.approx(alone.token_log_probs(ids), rel=1e-9)
    assert generator.facts["notes"][0] == "markovify took no sentence"


def test_it_says_how_often_the_bare_chain_had_an_answer() -> None:
    # The, dog, sat and down. follow each other in training; a bird does not; after it only "The" begins a sentence;
    # the last word is not closed: it could go on
    generator = fitted(CATS, "The dog sat down. The bird sang. The dog")
    assert generator.facts["answered"] == pytest.approx(6 / 8, abs=1e-4)
    assert "could have written 75% of the valid text's words" in generator.facts["notes"][1]


def test_weights_follow_the_valid_text() -> None:
    trusted, doubted = fitted(CATS * 20, CATS * 3), fitted(CATS * 20, "odd cats nod sad. Mad nods add. " * 9)
    assert min(trusted.facts["weights"]) >= 0.5
    assert trusted.facts["weights"][-1] > 0.7
    assert doubted.facts["weights"][-1] < 0.3


@pytest.mark.parametrize("read", ["The\x00cat", "The\x00", "The \x00", "The cat\u00a0sat", "The\tcat", "The \u3000cat"])
def test_odd_characters_are_predicted_as_they_are_scored(read: str) -> None:
    generator = fitted(CATS)
    state, ids = generator.start(), generator.tokenizer.encode(read + " sat")
    for token, scored in zip(ids.tolist(), generator.token_log_probs(ids), strict=True):
        found = generator.log_probs(state)
        assert found[token] == pytest.approx(scored, abs=1e-9)
        assert np.exp(found).sum() == pytest.approx(1)
        state = generator.advance(state, token)


def test_a_word_without_end_keeps_a_way_out() -> None:
    word = "".join(random.Random(1).choices("abc", k=2000))
    generator = fitted(f"{word}. ")
    assert math.isfinite(score(generator, f"{word[:1500]}\U0001f600{word}").bits)


@pytest.mark.parametrize("option", [{"state_size": "0"}, {"escape_order": "0"}])
def test_options_out_of_range_are_refused(option: dict[str, str]) -> None:
    with pytest.raises(SpecError, match="is 0, and must be"):
        options.make(Markovify, "markovify", option)
