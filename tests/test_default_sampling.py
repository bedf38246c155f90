"""Default sampling: each generator has its own, parameters of the user replace single ones, and records name them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from doubles import Fixed
from test_cli import run

import genbench
from genbench.errors import ContractError
from genbench.model import Model
from genbench.sampling import Constraints, Sampling, generate, generate_many


class Greedy(Fixed):
    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.0}


class Narrow(Fixed):
    default_sampling: ClassVar[Mapping[str, float]] = {"top_k": 1}


class Wrong(Fixed):
    default_sampling: ClassVar[Mapping[str, float]] = {"length": 3}


def text(generator: Fixed, sampling: Sampling, seed: int = 0) -> str:
    return generate(generator, "", sampling, np.random.default_rng(seed))


def test_texts_are_sampled_with_the_defaults_of_their_generator() -> None:
    assert text(Greedy(), Sampling(30)) == text(Narrow(), Sampling(30)) == "a" * 30
    assert text(Fixed(), Sampling(30)) == text(Fixed(), Sampling(30, 0.8))
    assert Model(Greedy()).generate(length=8, count=3) == ["a" * 8] * 3
    assert "".join(Model(Greedy()).stream(length=8)) == "a" * 8


def test_a_parameter_that_is_given_replaces_that_one_alone() -> None:
    assert text(Greedy(), Sampling(30, 0.8)) == text(Fixed(), Sampling(30, 0.8))
    assert set(text(Narrow(), Sampling(30, 5.0))) == {"a"}  # top-k stays
    assert text(Narrow(), Sampling(30, top_k=4)) == text(Fixed(), Sampling(30, 1.0, top_k=4))

    # each text of a batch has its own
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    texts = generate_many(Greedy(), ["", ""], [Sampling(9), Sampling(9, 0.8)], rngs)
    assert texts == ["a" * 9, text(Fixed(), Sampling(9, 0.8), seed=2)]


def test_constraints_are_on_the_distribution_at_the_temperature_of_the_generator() -> None:
    constrained = Sampling(constraints=Constraints(contains=("a",)))
    assert constrained.with_defaults({"temperature": 0.7, "min_p": 0.1}) == Sampling(
        temperature=0.7, constraints=Constraints(contains=("a",))
    )


def test_a_default_that_is_no_parameter_of_tokens_is_refused() -> None:
    with pytest.raises(ContractError, match="default_sampling has length, but may have temperature, top_k"):
        text(Wrong(), Sampling(5))


def test_commands_say_how_they_sample(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    chains = ["-g", "markov-char:order=3", "-g", "markov-word:order=2"]
    assert run(monkeypatch, "generate", str(prose_file), *chains, "--length", "9") == 0
    said = "sampling with temperature 0.8 (markov-char:order=3); temperature 0.9 (markov-word:order=2)"
    assert said in " ".join(capsys.readouterr().err.split())
    words = ["--length", "9", "--top-p", "0.9", "--json"]
    assert run(monkeypatch, "generate", str(prose_file), *chains[:2], *words) == 0
    output = capsys.readouterr()
    assert "sampling with temperature 0.8, top-p 0.9" in " ".join(output.err.split())
    assert json.loads(output.out)["sampling"] == {"temperature": 0.8, "top_p": 0.9}
    assert run(monkeypatch, "novelty", str(prose_file), *chains[2:], "--length", "200") == 0
    assert "sampling with temperature 0.9" in " ".join(capsys.readouterr().err.split())


def test_a_comparison_names_the_sampling_of_each_row(in_process: None, prose_file: Path) -> None:
    specs = ["markov-char:order=3", "markov-word:order=2"]
    comparison = genbench.compare([str(prose_file)], specs, length=60, keep=False)
    samples = [row.samples[0] for row in comparison.results]
    assert [sample.temperature for sample in samples] == [None, None]
    assert [sample.sampling for sample in samples] == [{"temperature": 0.8}, {"temperature": 0.9}]
    assert all(list(row.further_samples) == ["default"] for row in comparison.results)
    assert [len(row.novelty) for row in comparison.results] == [1, 1]

    # a temperature that is given is that of all
    comparison = genbench.compare([str(prose_file)], specs, length=60, temperatures=0.5, min_p=0.1, keep=False)
    samples = [row.samples[0] for row in comparison.results]
    assert [(sample.temperature, sample.sampling) for sample in samples] == [
        (0.5, {"temperature": 0.5, "min_p": 0.1})
    ] * 2
