"""Chains given constraints: probabilities equal full enumeration, and rates those of rejection sampling."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from genbench_plugins.markov import conditioning

import genbench
from genbench import registry
from genbench.errors import UserError
from genbench.generator import Generator, Text, TrainContext
from genbench.sampling import Sampling, generate_many
from genbench.sampling.canonical import canonical_rules
from genbench.sampling.constraints.automaton import Automaton, build_table
from genbench.sampling.constraints.conditioned import prepare, sample_conditioned
from genbench.sampling.constraints.lengths import Characters
from genbench.sampling.constraints.options import Constraints
from genbench.sampling.constraints.phrases import Contains
from genbench.sampling.constraints.sentences import Sentences
from genbench.sampling.constraints.tokens import lift
from genbench.sampling.step import DecodingState
from genbench.tokenization.tokenizer import BYTES

LETTERS = "ab ba. a b. bb a, b a. aab. " * 6 + "\n\nb a. ab b.\n\na bb. b, ab. ba a b.\n\n" * 4
SPECS = ["markov-char:order=3", "markov-char:order=4,smoothing=witten-bell", "markov-char:order=2,smoothing=fitted"]


def train(spec: str, text: str = LETTERS) -> Generator:
    generator = registry.create(spec)
    generator.fit(Text(text), Text(text[: len(text) // 2]), TrainContext())
    return generator


def condition(
    generator: Generator, automata: list[Automaton], temperature: float = 1.0, read: str = "\n\n"
) -> tuple[Any, DecodingState]:
    """Return a chain given automata, after a text such as a paragraph break, and the decoding state there."""
    state = DecodingState.after_prompt(generator, read, Sampling(), np.random.default_rng(0))
    while state.prompt_rest:  # a prompt of words is read as far as it is certain
        tokens = generator.tokenizer.encode(state.prompt_rest).tolist()
        for token in tokens:
            state.accept(token, [generator.advance(state.state, token)], 0)
    table = build_table(automata, generator.tokenizer.letters)
    assert table is not None
    automaton = lift(table, generator.tokenizer, state.decoder)
    return generator.condition(state.state, automaton, temperature), state  # type: ignore[attr-defined]


def step(generator: Generator, state: DecodingState, temperature: float) -> np.ndarray:
    """Return the probability of each token in a sample, (vocabulary,)."""
    log_probs = generator.log_probs(state.state)
    rules = canonical_rules(generator.tokenizer)
    if rules is not None:
        log_probs = np.where(rules.allowed(state.decoder), log_probs, -np.inf)
    weights = np.exp(log_probs / temperature)
    weights[:BYTES] = 0
    return np.asarray(weights / weights.sum())


def enumerate_texts(generator: Generator, state: DecodingState, length: int, temperature: float) -> dict[str, float]:
    """Return the probability of every text of a length, by the six methods of the contract."""
    found: dict[str, float] = defaultdict(float)
    first = generator.tokenizer.none_id if generator.tokenizer.kind == "words" else 0
    queue = [(state, "", 1.0)]
    while queue:
        before, text, probability = queue.pop()
        for token, share in enumerate(step(generator, before, temperature).tolist()):
            if share == 0 or token < first:
                continue
            after = before.copy()
            added = text + after.accept(token, [generator.advance(before.state, token)], 0)
            if len(added) == length:
                found[added] += probability * share
            elif len(added) < length:
                queue.append((after, added, probability * share))
    return found


def conditioned_texts(chain: Any, state: DecodingState) -> dict[str, float]:
    """Return the probability of every text of a conditioned chain whose texts have a length in characters."""
    found: dict[str, float] = defaultdict(float)
    queue = [(0, state, "", 1.0)]
    while queue:
        node, before, text, probability = queue.pop()
        weights, targets = chain.choices(node)
        for token in np.flatnonzero(weights).tolist():
            after = before.copy()
            added = text + after.accept(token, [None], 0)
            share = probability * weights[token] / weights.sum()
            if targets[token] < 0:
                found[added] += share
            else:
                queue.append((int(targets[token]), after, added, share))
    return found


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_probabilities_of_letters_equal_enumeration(spec: str, temperature: float) -> None:
    generator = train(spec)
    chain, state = condition(generator, [Contains("ab"), Characters(5)], temperature)

    every = enumerate_texts(generator, state, 5, temperature)
    wanted = {text: p for text, p in every.items() if has_word("ab", text)}
    assert math.isclose(sum(every.values()), 1, rel_tol=1e-9)
    assert math.isclose(chain.probability, sum(wanted.values()), rel_tol=1e-8)

    conditioned = conditioned_texts(chain, state)
    assert conditioned.keys() == wanted.keys()
    for text, probability in conditioned.items():
        assert math.isclose(probability, wanted[text] / sum(wanted.values()), rel_tol=1e-8), text


def test_probabilities_of_words_equal_enumeration() -> None:
    generator = train(
        "markov-word:order=3", "so it is. is it so, it is so. so so. it, is so.\n\n" * 5 + "so is it.\n\n"
    )
    chain, state = condition(generator, [Contains("it"), Characters(6)], 0.8)

    every = enumerate_texts(generator, state, 6, 0.8)
    wanted = {text: p for text, p in every.items() if has_word("it", text)}
    assert len(wanted) > 10
    assert math.isclose(chain.probability, sum(wanted.values()), rel_tol=1e-8)
    for text, probability in conditioned_texts(chain, state).items():
        assert math.isclose(probability, wanted[text] / sum(wanted.values()), rel_tol=1e-8), text


@pytest.mark.parametrize("spec", SPECS)
def test_probability_of_a_sentence_equals_the_sum_over_all_lengths(spec: str) -> None:
    """States of the chain and of the automaton are advanced together until hardly any text is left."""
    generator = train(spec)
    automata: list[Automaton] = [Contains("bb"), Sentences(1)]
    chain, state = condition(generator, automata)
    table = build_table(automata, generator.tokenizer.letters)
    assert table is not None

    # all tokens are letters, so a state of the generator and one of the automaton are all that matters
    masses = {(state.state, 0): 1.0}
    accepted = 0.0
    for _ in range(400):
        following: dict[tuple[Any, int], float] = defaultdict(float)
        for (before, at), mass in masses.items():
            probabilities = step(generator, state_at(state, before), 1.0)
            for token in np.flatnonzero(probabilities).tolist():
                after = table.run(at, generator.tokenizer.letters[token - BYTES])
                if after == -2:
                    accepted += mass * probabilities[token]
                elif after >= 0:
                    following[generator.advance(before, token), after] += mass * probabilities[token]
        masses = following
    assert sum(masses.values()) < 1e-9
    assert math.isclose(chain.probability, accepted, rel_tol=1e-7)


def state_at(state: DecodingState, before: Any) -> DecodingState:
    other = state.copy()
    other.states, other.row = [before], 0
    return other


@pytest.mark.parametrize("spec", ["markov-char:order=4", "markov-word:order=2"])
def test_rates_equal_those_of_rejection(spec: str) -> None:
    generator = train(spec)
    count, contains = 3000, Constraints(contains=("ab",))
    chain, _ = condition(generator, [Contains("ab"), Characters(12)], 0.8)

    # sample without constraints, and keep what meets them
    rngs = [np.random.default_rng(seed) for seed in range(count)]
    plain = generate_many(generator, ["\n\n"] * count, [Sampling(12, 0.8)] * count, rngs)
    kept = [text for text in plain if has_word("ab", text) and is_known(generator, text)]
    assert abs(len(kept) / count - chain.probability) < 4 * math.sqrt(0.25 / count) + 0.02

    rngs = [np.random.default_rng(seed) for seed in range(count)]
    sampled = sample_conditioned(generator, "\n\n", Sampling(12, 0.8, constraints=contains), rngs)
    assert all(has_word("ab", text) for text in sampled)
    starts, expected = Counter(text[0] for text in sampled), Counter(text[0] for text in kept)
    for letter in "ab":
        share = expected[letter] / len(kept)
        assert abs(starts[letter] / count - share) < 5 * math.sqrt(share * (1 - share) / len(kept)) + 0.01


def is_known(generator: Generator, text: str) -> bool:
    return not generator.tokenizer.spelling_mask(generator.tokenizer.encode(text)).any() or (
        generator.tokenizer.kind == "characters"
    )


@pytest.mark.parametrize("spec", ["markov-char:order=5", "markov-word"])
@pytest.mark.parametrize("prompt", ["", "It was", "It was a pl"])
def test_texts_meet_all_constraints(spec: str, prompt: str) -> None:
    model = genbench.train("pell", spec, keep=False)
    constraints = Constraints(contains=("the",), words=(6, 9))
    for text in model.generate(prompt, Sampling(constraints=constraints), count=20):
        whole = prompt + text
        assert 6 <= len(whole.split()) <= 9
        assert has_word("the", whole), whole
        assert whole.rstrip("\"'”’)_*»")[-1] in ".!?…"


def split_marks(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text).split()


def has_word(word: str, text: str) -> bool:
    """Return whether a text has a word, which may begin with a capital letter."""
    return word in split_marks(text) or word.capitalize() in split_marks(text)


def test_a_text_depends_on_its_seed_alone() -> None:
    model = genbench.train("pell", "markov-word", keep=False)
    sampling = Sampling(constraints=Constraints(contains=("the",)))
    texts = model.generate("", sampling, count=4, seed=5)
    assert texts[2] == model.generate("", sampling, seed=7)[0] == "".join(model.stream("", sampling, seed=7))


@pytest.mark.parametrize(
    ("constraints", "reason"),
    [
        ({"contains": ("qqq",)}, "contains 'qqq' and ends as asked: 'qqq' is not in its vocabulary; -g markov-char"),
        ({"contains": ("a 🍎",)}, "the character '🍎' does not occur in its training text"),
        ({"infill": "ends 🍎🍐."}, "the characters '🍎' '🍐' do not occur in its training text"),
        (
            {"starts_with": "He", "ends_with": "the", "match": "She.*"},
            "no text of this model starts with 'He' and matches 'She.*': each alone is possible",
        ),
        ({"starts_with": "He", "match": "She.*"}, "each alone is possible, but not together"),
        ({"words": (2, 2), "sentences": 5}, "has 2 words and ends as asked; ask for more words, or fewer sentences"),
        ({"starts_with": "She"}, "begins with the prompt 'It' starts with 'She'"),
        ({"words": (1, 1)}, "begins with the prompt 'It is' has 1 words"),
    ],
)
def test_what_is_impossible_is_said(constraints: dict[str, Any], reason: str) -> None:
    model = genbench.train("pell", "markov-word", keep=False)
    prompt = {"begins with the prompt 'It' starts with 'She'": "It"}.get(reason, "It is" if "'It is'" in reason else "")
    with pytest.raises(UserError, match=reason):
        model.generate(prompt, Sampling(constraints=Constraints(**constraints)))


@pytest.mark.parametrize(
    "changed", [{"top_k": 3}, {"stop": "."}, {"max_overlap": 3}, {"temperature": 0}, {"repetition_penalty": 2.0}]
)
def test_parameters_that_change_the_distribution_are_refused(changed: dict[str, Any]) -> None:
    model = genbench.train("pell", "markov-char:order=3", keep=False)
    with pytest.raises(UserError, match="constraints"):
        model.generate("", Sampling(constraints=Constraints(contains=("the",)), **changed))


def test_a_length_that_a_model_of_words_cannot_have_is_named() -> None:
    generator, sampling = train("markov-word", "ACGT" * 200), Sampling(20, constraints=Constraints(match="[ACGT]*"))
    with pytest.raises(UserError, match=r"has 20 characters: .* markov-char"):
        sample_conditioned(generator, "", sampling, [np.random.default_rng(0)])


def test_a_low_temperature_is_named_where_probabilities_are_too_small() -> None:
    model = genbench.train("pell", "markov-char:order=3", keep=False)
    sampling = Sampling(temperature=0.001, constraints=Constraints(contains=("night",)))
    with pytest.raises(UserError, match=r"at temperature 0.001 .* give a higher temperature"):
        model.generate("", sampling)


def test_the_number_of_nodes_is_estimated_before_they_are_counted() -> None:
    """Within a fifth, here where a product has more pairs than the limit under which the bound itself is enough."""
    generator: Any = genbench.train("pell", "markov-char:order=5", keep=False).generator
    for constraints in (Constraints(contains=("night",)), Constraints(words=(8, 12))):
        request = prepare(generator, "", Sampling(temperature=1.0, constraints=constraints), np.random.default_rng(0))
        table = conditioning.context_table(generator._model, 1.0)
        nodes = len(conditioning._build_product(table, table.by_length[0], request.automaton).contexts)
        assert conditioning.estimate_nodes(table, request.automaton) == len(table.parent) * len(request.automaton.steps)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(conditioning, "MAX_NODES", 1)
            assert abs(conditioning.estimate_nodes(table, request.automaton, 2_000) / nodes - 1) < 0.2
            chain = generator.condition(request.state.state, request.automaton, 1.0)
            assert chain is None


def test_all_texts_of_a_length_are_possible() -> None:
    generator = train("markov-char:order=3", "abab ba ab\n\n" * 8)
    chain, state = condition(generator, [Characters(3)])
    letters = generator.tokenizer.letters
    assert conditioned_texts(chain, state).keys() == {"".join(t) for t in itertools.product(letters, repeat=3)}
    assert math.isclose(chain.probability, 1, rel_tol=1e-9)


SUBWORDS = ["markov-subword:order=3,vocabulary=16", "markov-subword:order=1,vocabulary=12"]


@pytest.mark.parametrize("spec", SUBWORDS)
@pytest.mark.parametrize("read", ["\n\n", ""])
def test_probabilities_of_subwords_equal_enumeration(spec: str, read: str) -> None:
    """A sample has no token that a canonical encoding does not have after the one before."""
    generator = train(spec)
    chain, state = condition(generator, [Contains("ab"), Characters(5)], 0.7, read)

    every = enumerate_texts(generator, state, 5, 0.7)
    wanted = {text: p for text, p in every.items() if has_word("ab", text)}
    assert len(wanted) > 10
    assert math.isclose(chain.probability, sum(wanted.values()), rel_tol=1e-8)

    conditioned = conditioned_texts(chain, state)
    assert conditioned.keys() == wanted.keys()
    for text, probability in conditioned.items():
        assert math.isclose(probability, wanted[text] / sum(wanted.values()), rel_tol=1e-8), text


def test_subwords_that_no_training_text_has_alone_are_followed_as_their_encoding_allows() -> None:
    """Of "abc" alone, "ab" is a merge that is always merged further, so the chain has no context of it."""
    generator = train("markov-subword:order=3,vocabulary=8", "abc abc. cab cab.\n\n" * 6)
    chain, state = condition(generator, [Characters(4)])
    every = enumerate_texts(generator, state, 4, 1.0)
    assert math.isclose(chain.probability, sum(every.values()), rel_tol=1e-8)
    for text, probability in conditioned_texts(chain, state).items():
        assert math.isclose(probability, every[text] / sum(every.values()), rel_tol=1e-8), text


@pytest.mark.parametrize("prompt", ["", "It wa", "It was a"])
def test_subwords_meet_constraints(prompt: str) -> None:
    model = genbench.train("pell", "markov-subword:vocabulary=300", keep=False)
    for text in model.generate(prompt, Sampling(constraints=Constraints(contains=("the",), words=(6, 9))), count=5):
        whole = prompt + text
        assert 6 <= len(whole.split()) <= 9
        assert has_word("the", whole), whole


def test_conditions_of_the_last_call_are_kept() -> None:
    generator: Any = train("markov-char:order=3")
    first, state = condition(generator, [Contains("ab"), Characters(5)])
    again, _ = condition(generator, [Contains("ab"), Characters(5)])
    other, _ = condition(generator, [Contains("ab"), Characters(6)])
    assert first is again
    assert other is not again
    assert other.probability > first.probability  # a word has one more place
    assert len(state.decoder.last) == 1


@pytest.mark.parametrize(("prompt", "pattern"), [("", "(?:)"), ("It was.", r"It was\.")])
def test_a_text_that_is_complete_at_once_is_empty(prompt: str, pattern: str) -> None:
    model = genbench.train("pell", "markov-char:order=3", keep=False)
    assert model.generate(prompt, Sampling(constraints=Constraints(match=pattern)), count=2) == ["", ""]
