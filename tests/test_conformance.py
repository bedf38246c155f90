"""Every registered generator against every check of the conformance kit; those with the option `adaptive` both ways."""

from contextlib import nullcontext
from dataclasses import fields
from functools import cache, partial
from pathlib import Path

import pytest

from genbench import registry
from genbench.generator import TrainContext
from genbench.storage import models
from genbench.storage.files import load_generator, save_generator
from genbench.testing import CHECKS, Subject
from genbench.testing.subject import STEPS

CHARACTERS = 5_000  # of training text: markov takes seconds for each of its six fits to the usual 12,000
TOKENS = 500  # that are read step by step; `generators check` reads 10,000, as its time limit allows
READ_CHARACTERS = 300  # of validation and test text for adaptive generators, which learn from each character
NAMES = [*registry.registered()]
OPTIONS = {name: {option.name for option in fields(registry.load_registered(name))} for name in NAMES}
LEARNING_NETWORKS = {"lstm-char", "lstm-word"}  # dynamic evaluation is the same code for all networks
NETWORKS = {name for name in NAMES if "adapt_rate" in OPTIONS[name]}
REPEATED = {*(NETWORKS - LEARNING_NETWORKS), "markov-subword"}  # their adaptation is the same code as that of others
ADAPTIVE = [f"{name}:adaptive=true" for name in NAMES if "adaptive" in OPTIONS[name] and name not in REPEATED]
SPECS = [*NAMES, *ADAPTIVE, "lstm-word:base=markov-word"]
SMALL = {spec for spec in SPECS if "hidden" in OPTIONS[spec.partition(":")[0]]} - LEARNING_NETWORKS  # for ten steps
REFITTING = {"refit_forgets", "fit_is_reproducible", "counts_ignore_valid"}  # train again: the same code for all cores
SMALL_OPTIONS = "hidden=16,embedding=16,batch=4"
SMALL_PARTS = f"parts=(markov-word:order=2)+(lstm-char:{SMALL_OPTIONS})"  # the default parts are checked one by one
TRAINED_ONCE = {name for name in SMALL if name.endswith(("-char", "-word"))} - {"gru-char"}
TRAINED_ONCE |= {"lstm-word:adaptive=true", "lstm-word:base=markov-word"}  # as lstm-char:adaptive=true, and lstm
CASES = [(spec, check) for spec in SPECS for check in CHECKS if spec not in TRAINED_ONCE or check not in REFITTING]
STORED = ["markov-char", "markov-class", "markovify", "nltk-lm", "lstm-char", "lstm-subword", "mixture"]  # all kinds


@cache
def subject(spec: str) -> Subject:
    smaller, context = spec, TrainContext(seed=1, steps=STEPS)
    is_mixture = spec.startswith("mixture")
    if spec in SMALL or is_mixture:
        smaller = f"{spec}{',' if ':' in spec else ':'}{SMALL_PARTS if is_mixture else SMALL_OPTIONS}"
        context = TrainContext(seed=1, steps=10)
    result = Subject(partial(registry.create, smaller), characters=CHARACTERS, tokens=TOKENS, context=context)
    if spec in ADAPTIVE:
        train, valid, test = result.texts
        result.texts = train, valid[:READ_CHARACTERS], test[:READ_CHARACTERS]
    return result


@pytest.mark.slow
@pytest.mark.parametrize(("spec", "check"), CASES)
def test_conformance(spec: str, check: str) -> None:
    declared = check in subject(spec).expected_failures
    with pytest.raises(AssertionError) if declared else nullcontext():
        CHECKS[check](subject(spec))


@pytest.mark.slow
@pytest.mark.parametrize("spec", STORED)
def test_a_stored_generator_has_the_same_fingerprint(spec: str, tmp_path: Path) -> None:
    generator = subject(spec).fitted
    save_generator(generator, tmp_path)
    loaded = subject(spec).make()
    load_generator(loaded, tmp_path)
    assert models.fingerprint(loaded, None) == models.fingerprint(generator, None)
    other = subject(spec).fit(*(["other words. " * 200] * 2))
    assert models.fingerprint(generator, None) != models.fingerprint(other, None)
