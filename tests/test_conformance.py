"""Every registered generator against every check of the conformance kit; those with the option `adaptive` both ways."""

from contextlib import nullcontext
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from genbench import registry
from genbench.storage import models
from genbench.storage.files import load_generator, save_generator
from genbench.testing import CHECKS, Subject

CHARACTERS = 5_000  # of training text: markov takes seconds for each of its six fits to the usual 12,000
TOKENS = 500  # that are read step by step; `generators check` reads 10,000, as its time limit allows
NAMES = [*registry.registered()]
OPTIONS = {name: {option.name for option in fields(registry.load_registered(name))} for name in NAMES}
LEARNING_NETWORKS = {"lstm-char", "lstm-word"}  # dynamic evaluation is the same code for all networks
NETWORKS = {name for name in NAMES if "adapt_rate" in OPTIONS[name]}
ADAPTIVE = [name for name in NAMES if "adaptive" in OPTIONS[name] and name not in NETWORKS - LEARNING_NETWORKS]
SPECS = [*NAMES, *(f"{name}:adaptive=true" for name in ADAPTIVE), "lstm-word:base=markov-word"]


@cache
def subject(spec: str) -> Subject:
    return Subject(lambda: registry.create(spec), characters=CHARACTERS, tokens=TOKENS)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("spec", SPECS)
def test_conformance(spec: str, check: str) -> None:
    declared = check in subject(spec).expected_failures
    with pytest.raises(AssertionError) if declared else nullcontext():
        CHECKS[check](subject(spec))


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_a_stored_generator_has_the_same_fingerprint(spec: str, tmp_path: Path) -> None:
    generator = subject(spec).fitted
    save_generator(generator, tmp_path)
    loaded = subject(spec).make()
    load_generator(loaded, tmp_path)
    assert models.fingerprint(loaded, None) == models.fingerprint(generator, None)
    other = subject(spec).fit(*(["other words. " * 200] * 2))
    assert models.fingerprint(generator, None) != models.fingerprint(other, None)
