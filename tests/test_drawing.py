"""Many texts side by side: each is the one that is drawn alone."""

import numpy as np
import pytest
from conftest import PROSE
from doubles import Fixed

import genbench
from genbench import Generator, Sampling, TrainContext, UserError, make, registry
from genbench.neural import RecurrentGenerator
from genbench.sampling.loop import generate, generate_many
from genbench.sampling.overlap import TrainingWords

SPECS = sorted(registry.found())
CHAINS = (
    "markov-char",
    "markov-char:order=unbounded",
    "markov-char:smoothing=fitted",
    "markov-char:adaptive=true",
    "markov-word",
    "markov-word:order=5,smoothing=fitted",
    "markov-word:smoothing=absolute",
    "markov-word:smoothing=add-k",
    "markov-word:smoothing=witten-bell",
    "markov-word:order=unbounded",
    "markov-word:adaptive=true",
)
CONTROLS = (
    Sampling(length=40),
    Sampling(length=25, temperature=0),
    Sampling(length=40, top_k=5, temperature=1.3),
    Sampling(length=30, top_p=0.8),
    Sampling(length=30, min_p=0.1, repetition_penalty=1.3),
    Sampling(length=60, stop="e"),
    Sampling(length=60, temperature=1.5, max_overlap=3),
    Sampling(length=0),
)
PROMPTS = ("", "The sea", "I was a lit", "\u00e9 ", "")


@pytest.fixture(scope="module")
def trained() -> dict[str, Generator]:
    return {}


def ready(trained: dict[str, Generator], spec: str) -> Generator:
    if spec not in trained:
        trained[spec] = make(spec)
        trained[spec].fit(PROSE * 3, PROSE, TrainContext(steps=5))
        trained[spec].training_words = TrainingWords.of(PROSE * 3)
    return trained[spec]


def asked(count: int) -> tuple[list[str], list[Sampling], list[np.random.Generator]]:
    prompts = [PROMPTS[place % len(PROMPTS)] for place in range(count)]
    controls = [CONTROLS[place % len(CONTROLS)] for place in range(count)]
    return prompts, controls, [np.random.default_rng(place) for place in range(count)]


@pytest.mark.parametrize("spec", CHAINS)
def test_a_chains_texts_are_those_that_are_drawn_alone(spec: str, trained: dict[str, Generator]) -> None:
    generator, (prompts, controls, rngs) = ready(trained, spec), asked(24)
    together = generate_many(generator, prompts, controls, rngs)
    alone = [generate(generator, *each) for each in zip(*asked(24), strict=True)]
    assert together == alone


@pytest.mark.parametrize("spec", SPECS)
def test_any_generators_texts_are_those_that_are_drawn_alone(spec: str, trained: dict[str, Generator]) -> None:
    # a network's probabilities differ by 1e-6 with how many are read at once: no random number here falls in between
    generator, how = ready(trained, spec), Sampling(length=12)
    together = genbench.generate(generator, ["", "The ferry w", ""], how, count=3)
    assert together == ["".join(genbench.stream(generator, p, how, i)) for i, p in enumerate(["", "The ferry w", ""])]


@pytest.mark.parametrize("spec", SPECS)
def test_many_states_at_once_predict_as_one_by_one(spec: str, trained: dict[str, Generator]) -> None:
    generator = ready(trained, spec)
    tokens = generator.tokenizer.encode("The sea was calm, so I went on.").tolist()
    states = [generator.start()]
    for token in tokens:
        states.append(generator.advance(states[-1], token))
    after = generator.advance_batch(states[:-1], tokens)
    assert len(after) == len(tokens)
    for again in (after, list(after)):
        found = np.asarray(generator.log_probs_batch(again))
        alone = np.stack([generator.log_probs(state) for state in states[1:]])
        assert np.allclose(found, alone, rtol=0, atol=1e-5 if isinstance(generator, RecurrentGenerator) else 1e-9)
    assert len(generator.advance_batch([], [])) == len(generator.log_probs_batch([])) == 0


@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
@pytest.mark.parametrize("spec", [spec for spec in CHAINS if "word" in spec])
def test_quantiles_are_as_wide_as_the_distribution_says(
    spec: str, temperature: float, trained: dict[str, Generator]
) -> None:
    # of 2,000 numbers spread evenly, a token gets its share of them, give or take one for each stretch that it has
    generator, state, said = ready(trained, spec), ready(trained, spec).start(), 0
    uniforms = (np.arange(2_000) + 0.5) / 2_000
    for token in generator.tokenizer.encode("I went to the sea, and then").tolist():
        state = generator.advance(state, token)
        found = generator.quantile_tokens([state] * 2_000, uniforms, temperature)
        if (found >= 0).all():
            expected = np.exp(generator.log_probs(state) / temperature)
            shares = np.bincount(found, minlength=len(expected)) / 2_000
            assert np.abs(shares - expected / expected.sum()).max() < 3 / 2_000
            said += 1
    assert said > 0 or "adaptive" in spec


def test_a_generator_without_quantiles_says_so_for_each_state() -> None:
    assert Fixed().quantile_tokens([None, None], np.array([0.1, 0.9]), 1.0).tolist() == [-1, -1]


def test_text_i_of_a_seed_is_that_of_the_seed_plus_i() -> None:
    texts = genbench.generate(Fixed(), "", Sampling(length=30), count=3, seed=7)
    assert texts[2] == "".join(genbench.stream(Fixed(), "", Sampling(length=30), seed=9))
    assert len(set(texts)) == 3


def test_each_text_may_go_on_from_its_own_prompt() -> None:
    word = Fixed("one two three four", (0.25,) * 4, words=True)
    found = genbench.generate(word, ["thre", "fou"], Sampling(length=1), count=2)
    assert found == ["e", "r"]


def test_more_texts_than_are_drawn_side_by_side_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    all_at_once = genbench.generate(Fixed(), "", Sampling(length=9), count=7)
    monkeypatch.setattr("genbench.sampling.CELLS", 1)
    monkeypatch.setattr("genbench.sampling.FEWEST", 3)
    assert genbench.generate(Fixed(), "", Sampling(length=9), count=7) == all_at_once


def test_a_count_or_prompts_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="count is 0"):
        genbench.generate(Fixed(), count=0)
    with pytest.raises(UserError, match="2 prompts are given for 3 texts"):
        genbench.generate(Fixed(), ["a", "b"], count=3)
