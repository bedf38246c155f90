"""Batch sampling: each text equals the text that is sampled alone."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import PROSE
from cores import one_per_core
from doubles import Fixed

import genbench
from genbench import Generator, Model, Sampling, UserError, capabilities, registry
from genbench.generator import TrainContext
from genbench.neural import RecurrentGenerator
from genbench.registry import create
from genbench.sampling import generate, generate_many
from genbench.sampling.overlap import TrainingWords
from genbench.tokenization import Text

SPECS = sorted(one_per_core(registry.registered()))
CHAINS = (
    "markov-char",
    "markov-char:order=unbounded",
    "markov-char:smoothing=fitted",
    "markov-char:adaptive=true",
    "markov-word",
    "markov-subword:vocabulary=200",
    "markov-word:order=5,smoothing=fitted",
    "markov-word:smoothing=absolute",
    "markov-word:smoothing=add-k",
    "markov-word:smoothing=witten-bell",
    "markov-word:order=unbounded",
    "markov-word:adaptive=true",
)
PARAMETERS = (
    Sampling(length=40),
    Sampling(length=25, temperature=0),
    Sampling(length=40, top_k=5, temperature=1.3),
    Sampling(length=30, top_p=0.8),
    Sampling(length=30, min_p=0.1, repetition_penalty=1.3),
    Sampling(length=60, stop="e"),
    Sampling(length=60, temperature=1.5, max_overlap=3),
    Sampling(length=0),
)
TRAIN = PROSE * 3
WORDS = TrainingWords.from_text(TRAIN)
PROMPTS = ("", "The sea", "I was a lit", "\u00e9 ", "")


@pytest.fixture(scope="module")
def trained() -> dict[str, Generator]:
    return {}


def fitted(trained: dict[str, Generator], spec: str) -> Generator:
    if spec not in trained:
        trained[spec] = create(spec)
        trained[spec].fit(Text(TRAIN), Text(PROSE), TrainContext(steps=5))
    return trained[spec]


def requests(count: int) -> tuple[list[str], list[Sampling], list[np.random.Generator]]:
    prompts = [PROMPTS[place % len(PROMPTS)] for place in range(count)]
    parameters = [PARAMETERS[place % len(PARAMETERS)] for place in range(count)]
    return prompts, parameters, [np.random.default_rng(place) for place in range(count)]


@pytest.mark.parametrize("spec", CHAINS)
def test_texts_of_a_chain_equal_those_sampled_alone(spec: str, trained: dict[str, Generator]) -> None:
    generator, (prompts, parameters, rngs) = fitted(trained, spec), requests(24)
    together = generate_many(generator, prompts, parameters, rngs, training_words=WORDS)
    alone = [generate(generator, *request, WORDS) for request in zip(*requests(24), strict=True)]
    assert together == alone


@pytest.mark.parametrize("spec", SPECS)
def test_texts_of_any_generator_equal_those_sampled_alone(spec: str, trained: dict[str, Generator]) -> None:
    # a network's probabilities differ by 1e-6 with how many are read at once: no random number here falls in between
    model, sampling = Model(fitted(trained, spec)), Sampling(length=12)
    together = genbench.generate(model, ["", "The ferry w", ""], sampling, count=3)
    assert together == [
        "".join(genbench.stream(model, p, sampling, seed=i)) for i, p in enumerate(["", "The ferry w", ""])
    ]


@pytest.mark.parametrize("spec", SPECS)
def test_batch_predictions_equal_single_predictions(spec: str, trained: dict[str, Generator]) -> None:
    generator = fitted(trained, spec)
    tokens = generator.tokenizer.encode("The sea was calm, so I went on.").tolist()
    states = [generator.start()]
    for token in tokens:
        states.append(generator.advance(states[-1], token))
    after = capabilities.advance_batch(generator, states[:-1], tokens)
    assert len(after) == len(tokens)
    for again in (after, list(after)):
        together = np.asarray(capabilities.log_probs_batch(generator, again))
        alone = np.stack([generator.log_probs(state) for state in states[1:]])
        assert np.allclose(together, alone, rtol=0, atol=1e-5 if isinstance(generator, RecurrentGenerator) else 1e-9)
    none = capabilities.advance_batch(generator, [], [])
    assert len(none) == len(capabilities.log_probs_batch(generator, none)) == 0


@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
@pytest.mark.parametrize("spec", [spec for spec in CHAINS if "word" in spec])
def test_quantile_widths_equal_the_probabilities(spec: str, temperature: float, trained: dict[str, Generator]) -> None:
    # of 2,000 numbers spread evenly, a token gets its share of them, give or take one for each stretch that it has
    generator, state, answers = fitted(trained, spec), fitted(trained, spec).start(), 0
    uniforms = (np.arange(2_000) + 0.5) / 2_000
    for token in generator.tokenizer.encode("I went to the sea, and then").tolist():
        state = generator.advance(state, token)
        sampled = generator.quantile_tokens([state] * 2_000, uniforms, temperature)
        if (sampled >= 0).all():
            expected = np.exp(generator.log_probs(state) / temperature)
            shares = np.bincount(sampled, minlength=len(expected)) / 2_000
            assert np.abs(shares - expected / expected.sum()).max() < 3 / 2_000
            answers += 1
    assert answers > 0 or "adaptive" in spec


@pytest.mark.slow
@pytest.mark.parametrize("spec", CHAINS)
@pytest.mark.parametrize("temperature", [1e-9, 0.02, 0.1])
def test_a_low_temperature_loses_no_small_probability(
    spec: str, temperature: float, trained: dict[str, Generator]
) -> None:
    """A min-p that leaves out nothing of any weight has the whole distribution computed."""
    model, sampling = Model(fitted(trained, spec)), Sampling(length=80, temperature=temperature)
    whole = replace(sampling, min_p=1e-9)
    for prompt in ("It was ", "The s"):
        assert genbench.generate(model, prompt, sampling, seed=3) == genbench.generate(model, prompt, whole, seed=3)


def test_text_i_of_a_seed_is_that_of_the_seed_plus_i() -> None:
    texts = genbench.generate(Model(Fixed()), "", Sampling(length=30), count=3, seed=7)
    assert texts[2] == "".join(genbench.stream(Model(Fixed()), "", Sampling(length=30), seed=9))
    assert len(set(texts)) == 3


def test_each_text_can_have_its_own_prompt() -> None:
    word = Fixed("one two three four", (0.25,) * 4, words=True)
    texts = genbench.generate(Model(word), ["thre", "fou"], Sampling(length=1), count=2)
    assert texts == ["e", "r"]


def test_batches_do_not_change_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    all_at_once = genbench.generate(Model(Fixed()), "", Sampling(length=9), count=7)
    monkeypatch.setattr("genbench.sampling.loop.MAX_BATCH_CELLS", 1)
    monkeypatch.setattr("genbench.sampling.loop.MIN_BATCH", 3)
    assert genbench.generate(Model(Fixed()), "", Sampling(length=9), count=7) == all_at_once


def test_an_invalid_count_or_number_of_prompts_is_refused() -> None:
    with pytest.raises(UserError, match="count is 0"):
        genbench.generate(Model(Fixed()), count=0)
    with pytest.raises(UserError, match="2 prompts are given for 3 texts"):
        genbench.generate(Model(Fixed()), ["a", "b"], count=3)
