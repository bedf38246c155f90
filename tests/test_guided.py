"""Texts guided by a chain: estimates equal enumeration of the network's own distribution, no constraint is broken."""

from __future__ import annotations

import gc
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from test_conditioning import LETTERS, enumerate_texts, has_word, train

import genbench
from genbench import registry
from genbench.generator import Generator, Text, TrainContext
from genbench.sampling import Sampling
from genbench.sampling.constraints import guided
from genbench.sampling.constraints.automaton import build_table
from genbench.sampling.constraints.guided import look_ahead_chain, sample_guided
from genbench.sampling.constraints.lengths import Characters
from genbench.sampling.constraints.options import Constraints
from genbench.sampling.constraints.phrases import Contains
from genbench.sampling.constraints.tokens import lift
from genbench.sampling.step import DecodingState

RUNS = 400


@pytest.fixture(autouse=True)
def few_samples_for_look_ahead_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.sampling.constraints.guided.SAMPLED_TEXTS", 24)
    monkeypatch.setattr("genbench.sampling.constraints.guided.SAMPLED_CHARACTERS", 100)


def train_network(spec: str) -> Generator:
    generator = registry.create(spec)
    generator.fit(Text(LETTERS), Text(LETTERS[:200]), TrainContext(steps=15))
    return generator


@pytest.mark.parametrize(
    "spec",
    [
        "markov-char:order=4,smoothing=witten-bell",
        "markov-char:order=3,adaptive=true",
        pytest.param("lstm-char:hidden=16,embedding=16,batch=4", marks=pytest.mark.slow),
        pytest.param("rnn-char:hidden=16,embedding=16,batch=4", marks=pytest.mark.slow),
        pytest.param("lstm-subword:hidden=16,embedding=16,batch=4,vocabulary=12", marks=pytest.mark.slow),
    ],
)
def test_weighted_texts_are_distributed_as_enumeration_says(spec: str) -> None:
    """The estimated probability, where a run's text is x, is an unbiased estimate of the probability of x.

    So the mean over independent runs differs from the probability by a few standard errors, which the runs show
    themselves. Texts are many, and 5 standard errors are exceeded by one in two million; texts that few runs have are
    compared together, because a mean of few is not normal.
    """
    generator = train(spec) if spec.startswith("markov") else train_network(spec)
    state = DecodingState.after_prompt(generator, "b", Sampling(), np.random.default_rng(0))
    for token in generator.tokenizer.encode(state.prompt_rest).tolist():
        state.accept(token, [generator.advance(state.state, token)], 0)
    table = build_table([Contains("ab"), Characters(3)], generator.tokenizer.letters)
    assert table is not None
    automaton = lift(table, generator.tokenizer, state.decoder)
    rngs = [np.random.default_rng(seed) for seed in range(RUNS)]
    texts = sample_guided(generator, generator.tokenizer.encode("b"), state, automaton, rngs, particles=4)

    every = enumerate_texts(generator, state, 3, state.temperature)
    wanted = {text: p for text, p in every.items() if has_word("ab", text)}
    assert len(wanted) > 3
    assert all(text.text in wanted and 1 <= text.effective_samples <= 4 for text in texts)

    estimates: dict[str, list[float]] = defaultdict(list)
    counts = {text: sum(each.text == text for each in texts) for text in wanted}
    for text in wanted:
        name = text if counts[text] >= 20 else "rare"
        estimates[name].append(wanted[text])
    for name, probabilities in estimates.items():
        of_name = {text for text in wanted if (counts[text] < 20 if name == "rare" else text == name)}
        values = np.array([each.probability * (each.text in of_name) for each in texts])
        error = values.std() / math.sqrt(RUNS)
        assert abs(values.mean() - sum(probabilities)) < 5 * error + 1e-4 * sum(wanted.values()), name
    total = np.array([each.probability for each in texts])
    assert abs(total.mean() - sum(wanted.values())) < 5 * total.std() / math.sqrt(RUNS) + 1e-9


def test_each_generator_has_its_own_look_ahead_chain() -> None:
    """Also where one has the id of another that is gone, and after a second training."""
    generator = train("markov-char:order=2,adaptive=true")
    chain = look_ahead_chain(generator)
    assert look_ahead_chain(generator) is chain

    other = train("markov-char:order=2,adaptive=true", "xyz. zyx.\n\n" * 20)
    guided._chains[id(other)] = guided._chains[id(generator)]
    assert set(look_ahead_chain(other).tokenizer.letters) == set("xyz. \n")

    generator.fit(Text("cd dc.\n\n" * 20), Text("cd dc.\n"), TrainContext())
    assert set(look_ahead_chain(generator).tokenizer.letters) == set("cd. \n")
    key = id(other)
    del other
    gc.collect()
    assert key not in guided._chains


def test_a_guided_text_depends_on_its_seed_alone() -> None:
    """Particles of many texts are advanced together; a chain's probabilities do not depend on the batch."""
    generator = train("markov-char:order=3,smoothing=witten-bell")
    state = DecodingState.after_prompt(generator, "\n\n", Sampling(), np.random.default_rng(0))
    table = build_table([Contains("ab"), Characters(12)], generator.tokenizer.letters)
    assert table is not None
    automaton, ids = lift(table, generator.tokenizer, state.decoder), generator.tokenizer.encode("\n\n")
    together = sample_guided(generator, ids, state, automaton, [np.random.default_rng(seed) for seed in range(20)])
    alone = sample_guided(generator, ids, state, automaton, [np.random.default_rng(17)])
    assert together[17] == alone[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "steps"),
    [
        ("lstm-word:hidden=16", 20),
        ("lstm-char:hidden=16", 40),
        ("markov", None),
        ("rnn-word", 5),
        ("lstm-subword:hidden=16", 20),
    ],
)
def test_networks_and_mixtures_never_break_a_constraint(spec: str, steps: int | None) -> None:
    model = genbench.train("pell", spec, steps=steps, keep=False)
    reports: list[str] = []
    constraints: Any = Constraints(contains=("the",), words=(4, 7))
    for text in model.generate("", Sampling(constraints=constraints), count=3, report=reports.append):
        assert has_word("the", text)
        assert 4 <= len(text.split()) <= 7
        assert text.rstrip("\"'”’)_*»")[-1] in ".!?…"
    assert len(reports) == 1
    assert reports[0].startswith("guided by a chain that looks ahead: of 16 particles")
